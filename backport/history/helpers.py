"""Names that the added lines of a patch use and the tree lacks, and the commit that introduced each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backport.git import GLOBS, Git, limited
from backport.history.log import Log
from backport.history.message import Commit
from backport.patch.model import FileDiff

_STRING = re.compile(rb'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.S)
_NAME = re.compile(rb"(?<![\w.>])([A-Za-z_]\w{2,})\s*(\()?")
_KEYWORDS = frozenset(b"""auto break case char const continue default do double else enum extern float for goto if
inline int long register return short signed sizeof static struct switch typedef union unsigned void volatile while
bool true false NULL typeof __typeof__ asm""".split())
_SOURCES = ("*.c", "*.h", "*.S")


@dataclass(frozen=True, slots=True)
class Missing:
    """`name` is nowhere in the tree; `commit` introduced it upstream, None with the reason where it cannot be told."""

    name: str
    call: bool
    commit: Commit | None = None
    release: str = ""
    reason: str = ""
    source: str = ""


def names_used(files: Sequence[FileDiff]) -> dict[str, bool]:
    """Identifiers of the added lines (name -> is called) that the removed and context lines do not have.

    Members (`->x`, `.x`), strings and comments are left out: a member's name proves nothing about the tree.
    """
    used: dict[str, bool] = {}
    for file in files:
        if not file.path.endswith((".c", ".h", ".S")):
            continue
        for hunk in file.hunks:
            for match in _NAME.finditer(_STRING.sub(b" ", b"".join(hunk.added))):
                if match[1] not in _KEYWORDS:
                    name = match[1].decode("ascii")
                    used[name] = used.get(name, False) or match[2] is not None
    return used


def words_in_tree(git: Git, commit: str, names: Iterable[str], near: Sequence[str] = ()) -> frozenset[str]:
    """Those of `names` that the sources of `commit` have anywhere, as words.

    The directories `near` and include/ are read first: a whole kernel takes seconds, and most names are close by.
    """
    left = list(dict.fromkeys(names))
    found: set[str] = set()
    close = [f":(glob){place.rstrip('/')}/**" for place in dict.fromkeys([*near, "include"]) if place]
    for where in ([close] if near else []) + [list(_SOURCES)]:
        if not left:
            break
        patterns = [part for name in left for part in ("-e", name)]
        # -h -o: only the words themselves; a name that is there a thousand times must not fill the memory
        out = git.run(GLOBS, "grep", "-h", "-o", "-w", "-F", "--max-count=20" if len(left) == 1 else "-I", *patterns,
                      commit, "--", *where, ok=(0, 1)).out
        found |= {word.decode("utf-8", "replace") for word in set(out.split())} & set(left)
        left = [name for name in left if name not in found]
    return frozenset(found)


def directories(files: Sequence[FileDiff]) -> tuple[str, ...]:
    """The directories that a diff touches, each once."""
    return tuple(dict.fromkeys(file.path.rpartition("/")[0] for file in files if "/" in file.path))


def in_tree(git: Git, commit: str, name: str, near: Sequence[str] = ()) -> bool:
    """Whether the tree of `commit` has that word anywhere in its sources."""
    return name in words_in_tree(git, commit, [name], near)


def missing_names(git: Git, commit: str, parent: str, files: Sequence[FileDiff]) -> tuple[str, ...]:
    """Names that the patch uses, that its parent (upstream just before it) has, and that the tree lacks."""
    used, near = names_used(files), directories(files)
    there = words_in_tree(git, commit, used, near)
    known = words_in_tree(git, parent, [name for name in used if name not in there], near)
    return tuple(name for name in used if name not in there and name in known)


def introduced(log: Log, parent: str, name: str, *, call: bool = True, base: str = "") -> Missing:
    """The first commit after `base` (up to `parent`) that brought the word `name` into the files that have it now."""
    git = log.git
    listing = git.run(GLOBS, "grep", "-l", "-w", "-F", "-e", name, parent, "--", *_SOURCES, ok=(0, 1)).text
    paths = [line.split(":", 1)[1] for line in listing.splitlines() if ":" in line]
    if not paths:
        return Missing(name, call, reason=f"{name} is not in {parent[:12]} either")
    span = f"{base}..{parent}" if base else parent
    # -S counts occurrences: the oldest commit in which the count changed is where the word came in
    out = git.run("log", "--reverse", "--topo-order", "--format=%H", "-S", name, "--stdin",
                  stdin=limited([span], paths), ok=()).text.split()
    source = f"git log --reverse -S {name} {span if not base else base[:12] + '..' + parent[:12]}"
    for sha in out:
        commit = log.one(sha)
        if commit is not None and in_tree(git, sha, name):
            return Missing(name, call, commit, log.release_of(sha)[0], source=source)
    return Missing(name, call, reason=f"no commit in {span[:27]} added it", source=source)
