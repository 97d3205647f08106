"""Headers that a patch includes and a tree does not have. git apply does not look, and a run without a build would call
such a patch certain."""

from __future__ import annotations

import posixpath
import re

from backport.architecture import DEFAULT
from backport.csource.includes import included
from backport.patch.model import Patch
from backport.treeview import TreeView

# what the build makes: not in the sources, and not missing
_MADE = re.compile(r"(?:generated|config)/|linux/(?:version|compile)\.h\Z|.*\.lex\.h\Z|.*\.tab\.h\Z|.*\bcapflags")


def missing_headers(patch: Patch, view: TreeView) -> tuple[str, ...]:
    """Headers named by added lines that are neither in the tree nor made by the patch, as they are written there.

    A name counts as found where any path of the tree ends with it: an include path is the Makefile's to say, and a
    false alarm here would cost more than a miss. `asm/x.h` is also found as `asm-generic/x.h`, which
    an architecture takes by a line of its Kbuild.
    """
    own = {file.path for file in patch.files}
    found: dict[str, None] = {}
    for file in patch.files:
        for hunk in file.hunks:
            for line in hunk.added:
                for name in included(line):
                    if not _MADE.match(name) and not _there(name, file.path, own, view):
                        found[name] = None
    return tuple(found)


def is_missing(name: str, includer: str, view: TreeView) -> bool:
    """Whether header `name`, as `includer` writes it, is neither in the tree nor made by its build."""
    return not _MADE.match(name) and not _there(name, includer, set(), view)


def _there(name: str, includer: str, own: set[str], view: TreeView) -> bool:
    plain = posixpath.normpath(posixpath.join(posixpath.dirname(includer), name))
    likely = [plain, f"include/{name}", f"{DEFAULT.directory}/include/{name}", f"include/uapi/{name}"]
    if name.startswith("asm/"):
        likely.append(f"include/asm-generic/{name.removeprefix('asm/')}")
    if any(path in own or view.read(path) is not None for path in likely):
        return True
    tail = "/" + name.lstrip("./")
    return any(path.endswith(tail) for path in (*own, *view.paths()))
