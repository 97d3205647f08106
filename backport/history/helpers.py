"""Names that the added lines of a patch use and the tree lacks, and the commit that introduced each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backport.git import Git
from backport.history.branch import release_of
from backport.history.log import Commit, Log
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


def in_tree(git: Git, commit: str, name: str) -> bool:
    """Whether the tree of `commit` has that word anywhere in its sources."""
    result = git.run("grep", "-q", "-w", "-F", "-e", name, commit, "--", *_SOURCES, ok=(0, 1))
    return result.code == 0


def missing_names(git: Git, commit: str, parent: str, files: Sequence[FileDiff]) -> tuple[str, ...]:
    """Names that the patch uses, that its parent (upstream just before it) has, and that the tree lacks."""
    return tuple(name for name in names_used(files)
                 if not in_tree(git, commit, name) and in_tree(git, parent, name))


def introduced(log: Log, parent: str, name: str, *, call: bool = True, base: str = "") -> Missing:
    """The first commit after `base` (up to `parent`) that brought the word `name` into the files that have it now."""
    git = log.git
    listing = git.run("grep", "-l", "-w", "-F", "-e", name, parent, "--", *_SOURCES, ok=(0, 1)).text
    paths = [line.split(":", 1)[1] for line in listing.splitlines() if ":" in line]
    if not paths:
        return Missing(name, call, reason=f"{name} is not in {parent[:12]} either")
    span = f"{base}..{parent}" if base else parent
    # -S counts occurrences: the oldest commit in which the count changed is where the word came in
    out = git.run("log", "--reverse", "--topo-order", "--format=%H", "-S", name, span, "--", *paths, ok=()).text.split()
    source = f"git log --reverse -S {name} {span if not base else base[:12] + '..' + parent[:12]}"
    for sha in out:
        commit = log.one(sha)
        if commit is not None and in_tree(git, sha, name):
            return Missing(name, call, commit, release_of(git, sha)[0], source=source)
    return Missing(name, call, reason=f"no commit in {span[:27]} brought it", source=source)
