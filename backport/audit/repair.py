"""What the tool would have done, and the mail that puts a tree right.

The misplaced lines are taken out of the tree's file as it is today, and upstream's change is put in by the engine that
carries every other patch. Where it declines, there is no repair.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backport.adapt.align import line_key
from backport.adapt.engine import adapt
from backport.adapt.simulated_apply import apply_as_is
from backport.audit.evidence import places_of, shown
from backport.audit.kinds.base import around, as_written, part
from backport.audit.kinds.missing_name import QUESTION as undeclared
from backport.audit.kinds.registry import QUESTIONS
from backport.audit.model import Backported, Fault, FileSide, Suspect
from backport.patch import clean
from backport.patch.compose import branch
from backport.patch.diffstat import diffstat
from backport.patch.edits import file_edits, render_hunks
from backport.patch.model import FileDiff, Hunk, Patch
from backport.patch.parse import split_lines
from backport.replay.cases import CaseEdit, Delta
from backport.treeview import MemoryView
from backport.verdict import Sure

_COLUMNS = 72
_MOVED = (Fault.FUNCTION, Fault.HALF, Fault.INSIDE, Fault.FILE, Fault.PLACE)       # what is wrong is the place


@dataclass(frozen=True, slots=True)
class PutRight:
    """The tree's file with upstream's change where upstream has it, or without the change where this tree does not
    have that place."""

    where: str                       # the function or entry in which the tool puts the change, or takes it out of
    sure: Sure
    bare: bytes                      # the file without the misplaced lines
    made: bytes                      # the file put right
    moved: Delta                     # what was taken out of the wrong place
    lacks: str = ""                  # upstream's line before the change that is not here: why it is taken out

    @property
    def place(self) -> str:
        """`where` as a subject names it."""
        return f"{self.where}()" if self.where.isidentifier() else self.where or "the file"


@dataclass(frozen=True, slots=True)
class WholeRepair:
    """Everything that one cause made, put right: `first` is of the most certain finding."""

    first: PutRight
    files: tuple[FileDiff, ...]
    sure: Sure


def repaired_all(findings: Sequence[Suspect]) -> WholeRepair | str:
    """The repair of all findings of one cause, or why there is none: one that puts half of a mistake right is none."""
    today: dict[str, bytes] = {}
    now: dict[str, bytes] = {}
    moved: dict[str, set[CaseEdit]] = {}
    done: list[PutRight] = []
    for one in findings:
        change = one.change
        path = change.path
        today.setdefault(path, change.today)
        gone = moved.setdefault(path, set())
        if change.tree.made and gone.issuperset(change.tree.made):
            continue                 # it went along
        repair = repaired(replace(change, now=now.get(path, today[path])))
        if not isinstance(repair, str) and (again := _again(one, repair)):
            repair = f"what the tool makes of it has the same mistake: {again}"
        if isinstance(repair, str):
            return f"{path}, of the same cause: {repair}" if done else repair
        done.append(repair)
        now[path] = repair.made
        gone.update(repair.moved)
    files = tuple(FileDiff.modified(path, _hunks(today[path], made)) for path, made in now.items())
    return WholeRepair(done[0], files, Sure.REVIEW if any(one.sure is Sure.REVIEW for one in done) else done[0].sure)


def _hunks(before: bytes, after: bytes) -> tuple[Hunk, ...]:
    lines = split_lines(before)
    return render_hunks(lines, file_edits(lines, split_lines(after)))


def repaired(change: Backported) -> PutRight | str:
    """The repair, or why there is none. What went along into the wrong part is moved with it."""
    change = _together(change)
    today = change.today
    bare = today
    if change.tree.made:
        back = apply_as_is([hunk.reversed() for hunk in change.tree.patch], today)
        if back is None:
            return "the lines have changed since"
        bare = back.made(today)
    upstream = change.upstream
    path = change.path
    places = [] if change.one_commit or not change.tree.made else places_of(change)
    if len(places) > 1:
        return f"{shown(places)} have the lines upstream and lack them here: which one is meant cannot be told"
    patch = Patch(b"", (FileDiff.modified(path, upstream.patch),), source=change.origin.upstream)
    answer = adapt(patch, MemoryView(change.origin.tree, {path: bare}), preimages={path: upstream.before})
    if bare != today and answer.agreed is not Sure.CERTAIN and (lacks := _lacking(change, bare)):
        return PutRight(change.tree.place, Sure.REVIEW, bare, bare, change.tree.made, lacks)
    if not answer.outcome.good or not answer.hunks:
        return f"the tool declines: {answer.reason or answer.outcome}"
    made = bare
    for file in answer.patch.files if answer.patch is not None else patch.files:
        there = apply_as_is(file.hunks, made)
        if there is None or file.path != path:
            return "the tool's answer is for another file"
        made = there.made(made)
    if made == today:
        return "the tool would have made the same of it"
    if lacking := _undeclared(change, bare, made):
        return f"{lacking}: its declaration is another part of the change"
    where = answer.hunks[0].function or upstream.place
    return PutRight(where, answer.agreed, bare, made, change.tree.made)


def _together(change: Backported) -> Backported:
    """The change with the further groups that went from upstream's part into the same wrong one: in xusb-tegra186.c of
    6.1 the block and, further up, the `u32 reg;` that it needs."""
    here, there = change.tree, change.upstream
    landed, wanted = here.place, there.place
    if not here.made or not landed or not wanted or landed == wanted:
        return change
    had = part(change.today, wanted, change.path)
    mine, theirs = ([(_keys(edit), edit) for edit in side.edits if edit not in side.made and not edit.old
                     and _keys(edit) and side.scope(side.line_after(edit.lo)) == name]
                    for side, name in ((here, landed), (there, wanted)))
    more = [(a, b) for key, a in mine for other, b in theirs if key == other and not set(key) & set(had)
            and [k for k, _ in mine].count(key) == [k for k, _ in theirs].count(key) == 1]
    if not more:
        return change
    return replace(change, tree=_with(here, [a for a, _ in more]), upstream=_with(there, [b for _, b in more]))


def _with(side: FileSide, more: Sequence[CaseEdit]) -> FileSide:
    return replace(side, made=tuple(sorted((*side.made, *more), key=lambda edit: edit.lo)))


def _keys(edit: CaseEdit) -> tuple[bytes, ...]:
    return tuple(key for line in edit.new if (key := line_key(line)))


def _undeclared(change: Backported, bare: bytes, made: bytes) -> str:
    """What the repaired function would use and not declare, "" for nothing: the declaration is a group of its own,
    and did not go along."""
    return next((one.text for one in undeclared.ask(_remade(change, bare, made))), "")


def _again(finding: Suspect, repair: PutRight) -> str:
    """What is wrong with the repair in the way of the finding, "" for nothing: upstream's change can hold the mistake,
    as in spi-ppc4xx.c of 6.1, where it jumps to a label that another commit of mainline renamed."""
    if repair.lacks:
        return ""
    remade = replace(_remade(finding.change, repair.bare, repair.made), now=repair.made)
    return next((one.text for question in QUESTIONS for one in question.ask(remade) if one.kind is finding.kind), "")


def _remade(change: Backported, bare: bytes, made: bytes) -> Backported:
    """The change as the repair makes it."""
    lines = split_lines(bare)
    edits = tuple(CaseEdit(e.lo, e.hi, e.new, tuple(lines[e.lo:e.hi])) for e in file_edits(lines, split_lines(made)))
    side = FileSide(change.path, bare, made, edits, edits)
    return replace(change, tree=side, spread=None, in_headers=None, forms=None, past=None)


def _lacking(change: Backported, bare: bytes) -> str:
    """The line that says something right above upstream's change, where upstream's function or entry does not have it
    here; else ""."""
    place = change.upstream.place
    above, _ = around(change.upstream, place)
    here = part(bare, place, change.path)
    return as_written(above[0], change.upstream.after) if place and above and above[0] not in here else ""


def mail(findings: Sequence[Suspect], repair: WholeRepair, *, author: str, upstream: str = "", subject: str = "",
         signoff: bool = False) -> bytes:
    """A mail for review that puts all findings of one cause right. `upstream` is the upstream commit and `subject` its
    subject, where they were read; what is not known is said to be unknown."""
    change = findings[0].change
    origin = change.origin
    first = repair.first
    area = subject.rpartition(": ")[0] or change.path.rpartition("/")[2]
    moved = findings[0].kind in _MOVED
    if first.lacks:
        what = f"misplaced hunk of {upstream[:12]}" if upstream else "misplaced lines"
        title = f"{area}: take {what} out of {first.place}"
    elif upstream:
        what = "fix misplaced hunk" if moved else "fix backport" if change.tree.made else "add the left out part"
        title = f"{area}: {what} of {upstream[:12]}"
    else:
        what = "move misplaced lines to" if moved else "fix a backport in" if change.tree.made else \
            "make the left out change in"
        title = f"{area}: {what} {first.place}"
    lines = [f"From: {author}", f"Subject: [PATCH {branch(origin.tree)}] {title}", "",
             *_story(findings, first, upstream, subject), ""]
    if origin.commit:
        lines.append(f"Fixes: {origin.commit[:12]} (\"{origin.subject}\")")
    else:
        lines.append(f"[ Fixes: not known: {origin.name} was read from releases, which have no history ]")
    if signoff:
        lines.append(f"Signed-off-by: {author}")
    head = "".join(f"{clean.one_line(line)}\n" for line in lines)
    files = b"".join(file.render() for file in repair.files)
    return head.encode("utf-8", "surrogateescape") + b"---\n" + diffstat(repair.files) + b"\n" + files


def _story(findings: Sequence[Suspect], repair: PutRight, upstream: str, subject: str) -> list[str]:
    """The changelog: what upstream did, and what happened to it here."""
    one = findings[0]
    origin = one.change.origin
    stable = branch(origin.tree)
    _, _, new = origin.name.partition("..")
    came = f"between {origin.name.replace('..', ' and ')}" if new else f"with {origin.name}"
    if upstream:
        where = f"Upstream commit {upstream[:12]}" + (f" (\"{subject}\")" if subject else "")
        text = f"{where} came into {stable} {came}: {one.text}."
    else:
        old, _, new = origin.upstream.partition("..")
        newer = branch(new.rpartition(".")[0])
        text = f"This change came into {stable} {came}, and into {newer} between {old} and {new}: {one.text}."
    others = [f"{other.change.path}: {other.text}" for other in findings[1:] if other.text != one.text
              or other.change.path != one.change.path]
    if others:
        text += f" So it is in {'; '.join(others)}."
    if last := one.change.still_in:
        text += f" {last} is still so."
    if repair.lacks:
        text += (f" The place that upstream changes is not in this tree: there is no `{repair.lacks}` in "
                 f"{one.change.upstream.place}. Take the lines out.")
    return textwrap.wrap(clean.one_line(text), _COLUMNS, break_long_words=False, break_on_hyphens=False)
