"""Names that the added lines of a patch use and the tree lacks, and the commit that introduced each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backport.csource.pieces import KEYWORDS, code
from backport.csource.tokens import identifiers
from backport.csource.uses import has
from backport.git import GLOBS, Git, limited
from backport.history.log import Log
from backport.history.message import Commit
from backport.patch.model import FileDiff

_SHORT = 3               # bytes of a name that is looked for
_SOURCES = ("*.c", "*.h", "*.S")


@dataclass(frozen=True, slots=True)
class Missing:
    """`name` is nowhere in the tree; `commit` introduced it upstream, None with the reason where it cannot be told."""

    name: str
    commit: Commit | None = None
    release: str = ""
    reason: str = ""
    source: str = ""


def names_used(files: Sequence[FileDiff]) -> tuple[str, ...]:
    """The names that the added lines of a patch use, in order, keywords and what is shorter than three bytes left out.

    Members (`->x`, `.x`), strings and comments are left out: a member's name proves nothing about the tree.
    """
    used: dict[bytes, None] = {}
    for file in files:
        for hunk in file.hunks if file.path.endswith((".c", ".h", ".S")) else ():
            text = code(b"".join(hunk.added))
            used |= {name: None for name in identifiers(text)
                     if len(name) >= _SHORT and name not in KEYWORDS and has(text, name)}
    return tuple(name.decode("ascii") for name in used)


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


def introduced(log: Log, parent: str, name: str, *, base: str = "") -> Missing:
    """The first commit after `base` (up to `parent`) that brought the word `name` into the files that have it now."""
    git = log.git
    listing = git.run(GLOBS, "grep", "-l", "-w", "-F", "-e", name, parent, "--", *_SOURCES, ok=(0, 1)).text
    paths = [line.split(":", 1)[1] for line in listing.splitlines() if ":" in line]
    if not paths:
        return Missing(name, reason=f"{name} is not in {parent[:12]} either")
    span = f"{base}..{parent}" if base else parent
    # -S counts occurrences: the oldest commit in which the count changed is where the word came in
    out = git.run("log", "--reverse", "--topo-order", "--format=%H", "-S", name, "--stdin",
                  stdin=limited([span], paths), ok=()).text.split()
    source = f"git log --reverse -S {name} {span if not base else base[:12] + '..' + parent[:12]}"
    for sha in out:
        commit = log.one(sha)
        if commit is not None and in_tree(git, sha, name):
            return Missing(name, commit, log.release_of(sha)[0], source=source)
    return Missing(name, reason=f"no commit in {span[:27]} added it", source=source)
