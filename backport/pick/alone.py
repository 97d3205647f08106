"""One pick at a time in a work tree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backport.errors import InfraError, UserError
from backport.locks import FileLock, Timeout
from backport.pick.clone import Clone


@contextmanager
def alone(clone: Clone, cache: Path) -> Iterator[None]:
    """Raises UserError where another pick works here; the lock lies in the cache, and dies with its process."""
    name = hashlib.sha256(str(clone.git_dir).encode()).hexdigest()[:16]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"pick-{name}.lock", timeout=0):
            yield
    except Timeout as error:
        raise UserError(f"another `backport pick` works in {clone.top or clone.git_dir}",
                        hint="wait until it is done") from error
    except OSError as error:
        raise InfraError(f"{cache}: {error.strerror or error}",
                         hint="choose another place with --cache DIR or BACKPORT_CACHE") from error
