"""Parts of a patch that are no code of the kernel."""

from __future__ import annotations

import re

_TEST = re.compile(r"^tools/testing/|(?:^|/)(?:tests?|kunit)/|(?:_kunit|[_-]test)\.[ch]\Z|^lib/test_")


def is_side(path: str) -> bool:
    """Whether the file is a test (selftest, kunit) or a document: a fix that consists of these alone is none."""
    return path.startswith("Documentation/") or _TEST.search(path) is not None
