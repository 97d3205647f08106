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
from backport.adapt.proposers.git_apply import apply_as_is
from backport.audit.evidence import places_of, shown
from backport.audit.kinds.base import around, as_written, part
from backport.audit.kinds.missing_name import QUESTION as undeclared
from backport.audit.model import Backported, FileSide, Suspect
from backport.patch import clean
from backport.patch.compose import branch
from backport.patch.diffstat import diffstat
from backport.patch.edits import file_edits, render_hunks
from backport.patch.model import FileDiff, Hunk, Patch
from backport.patch.parse import split_lines
from backport.replay.cases import CaseEdit
from backport.treeview import MemoryView
from backport.verdict import Sure

_COLUMNS = 72


@dataclass(frozen=True, slots=True)
class PutRight:
    """`hunks` turn the tree's file as it is today into one with upstream's change where upstream has it, or without
    the change where this tree does not have that place."""

    hunks: tuple[Hunk, ...]
    where: str                       # the function or entry in which the tool puts the change, or takes it out of
    sure: Sure
    lacks: str = ""                  # upstream's line before the change that is not here: why it is taken out

    @property
    def place(self) -> str:
        """`where` as a subject names it."""
        return f"{self.where}()" if self.where.isidentifier() else self.where or "the file"

    def file(self, path: str) -> FileDiff:
        """The diff of the one file."""
        return FileDiff.modified(path, self.hunks)


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
        return PutRight(render_hunks(split_lines(today), file_edits(split_lines(today), split_lines(bare))),
                        change.tree.place, Sure.REVIEW, lacks)
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
    before = split_lines(today)
    where = answer.hunks[0].function or upstream.place
    return PutRight(render_hunks(before, file_edits(before, split_lines(made))), where, answer.agreed)


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
    lines = split_lines(bare)
    edits = tuple(CaseEdit(e.lo, e.hi, e.new, tuple(lines[e.lo:e.hi])) for e in file_edits(lines, split_lines(made)))
    side = FileSide(change.path, bare, made, edits, edits)
    alone = replace(change, tree=side, spread=None, in_headers=None, forms=None)
    return next((one.text for one in undeclared.ask(alone)), "")


def _lacking(change: Backported, bare: bytes) -> str:
    """The line that says something right above upstream's change, where upstream's function or entry does not have it
    here; else ""."""
    place = change.upstream.place
    above, _ = around(change.upstream, place)
    here = part(bare, place, change.path)
    return as_written(above[0], change.upstream.after) if place and above and above[0] not in here else ""


def mail(finding: Suspect, repair: PutRight, *, author: str, upstream: str = "", subject: str = "",
         signoff: bool = False) -> bytes:
    """A mail for review. `upstream` is the upstream commit and `subject` its subject, where they were read; what is not
    known is said to be unknown."""
    change = finding.change
    origin = change.origin
    file = repair.file(change.path)
    area = subject.rpartition(": ")[0] or change.path.rpartition("/")[2]
    if repair.lacks:
        what = f"misplaced hunk of {upstream[:12]}" if upstream else "misplaced lines"
        title = f"{area}: take {what} out of {repair.place}"
    elif upstream:
        title = f"{area}: {'fix misplaced hunk' if change.tree.made else 'add the left out part'} of {upstream[:12]}"
    else:
        what = "move misplaced lines to" if change.tree.made else "make the left out change in"
        title = f"{area}: {what} {repair.place}"
    lines = [f"From: {author}", f"Subject: [PATCH {branch(origin.tree)}] {title}", "",
             *_story(finding, repair, upstream, subject), ""]
    if origin.commit:
        lines.append(f"Fixes: {origin.commit[:12]} (\"{origin.subject}\")")
    else:
        lines.append(f"[ Fixes: not known: {origin.name} was read from releases, which have no history ]")
    if signoff:
        lines.append(f"Signed-off-by: {author}")
    head = "".join(f"{clean.one_line(line)}\n" for line in lines)
    return head.encode("utf-8", "surrogateescape") + b"---\n" + diffstat((file,)) + b"\n" + file.render()


def _story(finding: Suspect, repair: PutRight, upstream: str, subject: str) -> list[str]:
    """The changelog: what upstream did, and what happened to it here."""
    origin = finding.change.origin
    where = f"Upstream commit {upstream[:12]}" + (f" (\"{subject}\")" if subject else "") if upstream else \
        f"A change that came between {origin.upstream.replace('..', ' and ')}"
    old, _, new = origin.name.partition("..")
    came = f"between {old} and {new}" if new else f"with {old}"
    text = f"{where} came into {branch(origin.tree)} {came}: {finding.text}."
    if repair.lacks:
        text += (f" The place that upstream changes is not in this tree: there is no `{repair.lacks}` in "
                 f"{finding.change.upstream.place}. Take the lines out.")
    return textwrap.wrap(clean.one_line(text), _COLUMNS, break_long_words=False, break_on_hyphens=False)
