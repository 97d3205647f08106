"""Line ends: added lines end as the lines of the file that they go into, and no line is glued to the next one."""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.revisions import Problem
from backport.patch.edits import Edit, trim


def kinds(lines: Sequence[bytes]) -> frozenset[bytes]:
    """The line ends that stand in `lines`, b"\\r\\n" and b"\\n"; a last line without one has none."""
    return frozenset(b"\r\n" if line.endswith(b"\r\n") else b"\n" for line in lines if line.endswith(b"\n"))


def changes_ends(problem: Problem) -> bool:
    """True where upstream's patch itself is about line ends: it adds a kind that its old lines do not have."""
    old = kinds([line for hunk in problem.hunks for line in hunk.old])
    return bool(old) and not kinds([line for hunk in problem.hunks for line in hunk.added]) <= old


def fitted(problem: Problem, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """`edits` with the target's line ends.

    A file of one kind gives its kind to every added line; in a mixed one an added line ends as the line that it
    replaces, or else as the line above. A line that comes to stand amid the file gets an end if it had none, and so
    does the target's last line if something is put behind it.
    """
    lines = problem.target_lines
    out = []
    for edit in edits:
        one = _one(problem, lines, edit)
        kept = trim(lines, one) if one.new != edit.new or one.lo != edit.lo else one
        if kept is not None:
            out.append(kept)
    return tuple(out)


def _one(problem: Problem, lines: Sequence[bytes], edit: Edit) -> Edit:
    if not edit.new:
        return edit
    own = problem.eols
    if len(own) == 1:
        end = next(iter(own))
    else:
        near = lines[edit.lo:edit.hi] or lines[max(0, edit.lo - 1):edit.lo] or lines[edit.hi:edit.hi + 1]
        end = next(iter(kinds(near[:1])), b"\n")
    convert = bool(own) and not changes_ends(problem)
    new = [_ended(line, end) if convert and line.endswith(b"\n") else line for line in edit.new]
    last = len(lines)
    bare = bool(lines) and not lines[-1].endswith(b"\n")
    if not new[-1].endswith(b"\n") and (edit.hi < last or not (bare or _drops_end(problem))):
        new[-1] += end
    new = [line if line.endswith(b"\n") or n == len(new) - 1 else line + end for n, line in enumerate(new)]
    if bare and edit.lo == edit.hi == last:
        return Edit(last - 1, last, (lines[-1] + end, *new))
    return Edit(edit.lo, edit.hi, tuple(new))


def _drops_end(problem: Problem) -> bool:
    """True where it is upstream's change that the file ends without a line end."""
    last = problem.hunks[-1]
    return bool(last.old) and last.old[-1].endswith(b"\n")


def _ended(line: bytes, end: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r") + end
