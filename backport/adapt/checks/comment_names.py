"""Do added comments speak of names that this tree has?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backport.adapt.checks.base import Doubt, Names, Result
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal

# what is an identifier for sure: a call, or a word with an underscore inside
_NAME = re.compile(rb"(?<![\w/.-])([A-Za-z]\w*_\w+|[A-Za-z_]\w+(?=\(\)))(?![\w/.-])")


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """COMMENT: such a name in an added comment that upstream's tree has and this one has not."""
    if names.index is None:
        return []
    found = []
    target = result.problem.target_words
    for edit in edits:
        text, bare = b"".join(edit.new), result.code(edit)
        for word in sorted({m[1] for m in _NAME.finditer(text)} - set(re.findall(rb"\w+", bare)) - target):
            name = word.decode("ascii", "replace")
            if name not in names.own and not names.index.contains(name) \
                    and (names.upstream is None or names.upstream.contains(name)):
                found.append(Doubt(Signal.COMMENT, f"a comment speaks of `{name}`, which is nowhere in this tree"))
    return found
