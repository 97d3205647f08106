"""What a person who resolves a conflict wants to know: upstream's hunk, what the tree has there, who made it differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from backport.carry import Carried
from backport.errors import GitError
from backport.git import Git, limited
from backport.history.branch import merge_base
from backport.history.message import any_same, read_message
from backport.patch.mail import read_mail
from backport.patch.model import Hunk, Patch
from backport.resolve.messages import block, wrapped
from backport.resolve.sides import Open, Parted

_SECONDS = 8.0           # for one question to the history
_SHOWN = 8               # commits a file
_LONGEST = 60            # lines of one hunk and of what the tree has


def about(git: Git, tip: str, upstream: str, patch: Patch, carried: Carried, parted: Parted) -> Iterator[str]:
    """A few blocks of text, one for each file that is open."""
    if parted.fits:
        yield wrapped("fits, and is staged: " + ", ".join(parted.fits))
    shown = {path: [item for item in carried.evidence if item.startswith(f"{path}: hunk ")]
             for path in {one.path for one in parted.open}}
    for one in parted.open:
        numbers = ", ".join(str(k + 1) for k in one.hunks)
        yield wrapped(f"{one.path}" + (f", hunk {numbers}" if numbers else "") + f": {_why(one)}")
        for text in shown[one.path]:
            yield block("\n".join(text.split("\n", 1)[-1].split("\n")[:_LONGEST]))
        yield from _names(carried, one)
        yield from _commits(git, tip, upstream, patch, one)
    for number, _diff in enumerate(carried.alternatives, 1):
        yield wrapped(f"answer {number}, found and not trusted: `backport pick --take {number}` stages it")
        yield block("\n".join(_diff.decode("utf-8", "replace").split("\n")[:_LONGEST]))


def _why(one: Open) -> str:
    if one.ours is None:
        return "this tree has no such file; upstream's stands in the work tree"
    if one.theirs is None and one.base is None:
        return "binary, or only its mode changes: it is left as this tree has it"
    if one.theirs is None:
        return "upstream deletes it, and this tree's differs"
    if one.proposed is not None and one.proposed == one.ours:
        return "a plain merge finds nothing left to change; look whether the change is there already"
    if one.proposed is not None:
        return "no certain place; the markers show a plain merge, which may be wrong"
    return "no sure place"


def _names(carried: Carried, one: Open) -> Iterator[str]:
    names = dict.fromkeys(name for hunk in carried.hunks if hunk.path == one.path for name in hunk.missing)
    for name in names:
        yield wrapped(f"- this tree has no {name}, which upstream's lines use")


def _commits(git: Git, tip: str, upstream: str, patch: Patch, one: Open) -> Iterator[str]:
    """Upstream's commits between here and the patch that touched the lines in question."""
    sha = read_mail(patch).upstream
    parent = git.rev(f"{sha}^{{commit}}^") if sha else None
    base = merge_base(git, parent, tip) if parent else ""
    if not parent or not base:
        return
    file = next((file for file in patch.files if file.old_path == one.path), None)
    hunks = sorted(file.hunks, key=lambda hunk: hunk.old_start) if file is not None else []
    asked = [hunks[k] for k in one.hunks if k < len(hunks)]
    known = _backported(git, tip, upstream, one.path)
    rows = [(sha, title) for sha, title in _touched(git, base, parent, one.path, asked) if not any_same([sha], known)]
    if rows:
        yield wrapped(f"- upstream changed these lines between {base[:12]} and the patch, and this branch did not "
                      "take it:")
        yield block("\n".join(f"{sha[:12]} {title}" for sha, title in rows[:_SHOWN])
                    + (f"\nand {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""))


def _touched(git: Git, base: str, parent: str, path: str, hunks: Sequence[Hunk]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for hunk in hunks:
        span = f"-L{max(1, hunk.old_start)},{max(1, hunk.old_start + len(hunk.old) - 1)}:{path}"
        try:
            out = git.run("log", "--no-patch", "--format=%H %s", span, f"{base}..{parent}", ok=(),
                          timeout=_SECONDS).text
        except GitError:
            continue                             # it takes too long, and this is only advice
        found |= {row[:40]: row[41:] for row in out.split("\n") if re.match(r"[0-9a-f]{40} ", row)}
    return list(found.items())


def _backported(git: Git, tip: str, upstream: str, path: str) -> list[str]:
    """Upstream commits that the branch's own commits to `path` name."""
    try:
        out = git.run("log", "-z", "--format=%B", "--stdin", timeout=_SECONDS,
                      stdin=limited([tip, f"^{upstream}"] if upstream else [tip], [path])).out
    except GitError:
        return []
    return [name for text in out.split(b"\0")
            for name in read_message("", "", "", "", text.decode("utf-8", "replace")).upstream]
