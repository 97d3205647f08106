"""From good cells to a quilt queue: each patch refreshed on the tree with everything before it applied.

`quilt push -a --fuzz=0` and `git quiltimport` take the result; what they would not take is not written. A patch
that only fits above an earlier entry by landing in another function is refused here, as it is in a cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backport.errors import InvalidPatch, UserError
from backport.git import Git
from backport.patch.am import objections
from backport.patch.mail import mail_of, read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.patch.slug import slug
from backport.queue.seriesfile import SeriesEntry, append_series, read_series, replace_file
from backport.stable.nomination import Asked, Nomination
from backport.trees.stack import Stack

_VERSION = re.compile(r"^\d+\.\d+$")


@dataclass(frozen=True, slots=True)
class ReadyPatch:
    """A patch that is good on a tree, as a mail; `signed` says that the submitter signed it off."""

    patch: Patch
    nomination: Nomination
    asked: Asked
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one patch: "added", "in the queue", "not asked for" or "refused"; `remarks` are for people."""

    title: str
    outcome: str
    file: str = ""
    reason: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueResult:
    """One queue: its directory, how many entries it had, and a row for each patch offered."""

    series: str
    directory: Path
    existing: int
    rows: tuple[Exported, ...]

    @property
    def added(self) -> tuple[Exported, ...]:
        return tuple(row for row in self.rows if row.outcome == "added")


def export(git: Git, base: str, series: str, ready: Sequence[ReadyPatch], to: Path, *,
           force: bool = False) -> QueueResult:
    """Append `ready` to `to`/queue-`series`, whose tree is the commit `base`.

    Raises UserError where an entry that is in the queue already does not apply: nothing is written then, because
    a patch refreshed on top of a broken queue is refreshed against nothing.
    """
    if not _VERSION.match(series):
        raise UserError(f"{series!r} is not a series such as 6.1")
    directory = to / f"queue-{series}"
    entries = read_series(directory)
    known = _Known()
    with Stack(git, base) as stack:
        for entry in entries:
            _push_existing(stack, directory, entry, known)
        rows: list[Exported] = []
        files: list[tuple[str, bytes]] = []
        taken = {entry.name for entry in entries}
        if directory.is_dir():
            taken |= {path.name for path in directory.iterdir()}
        for item in ready:
            row, data = _offer(git, stack, item, known, taken, directory, force=force)
            rows.append(row)
            if data:
                files.append((row.file, data))
    if files:
        directory.mkdir(parents=True, exist_ok=True)
        made: list[Path] = []
        try:
            for name, data in files:
                made += [path for path in (directory / name,) if not path.exists()]
                replace_file(directory / name, data)
            append_series(directory, [name for name, _data in files])    # last: a kill before leaves the old series
        except BaseException:
            for path in made:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            raise
    return QueueResult(series, directory, len(entries), tuple(rows))


class _Known:
    """What the queue holds: by upstream commit and by content."""

    def __init__(self) -> None:
        self.upstream: dict[str, str] = {}
        self.content: dict[bytes, str] = {}

    def add(self, name: str, patch: Patch) -> None:
        upstream = read_mail(patch).upstream
        if upstream:
            self.upstream[upstream] = name
        self.content[_content(patch)] = name

    def find(self, patch: Patch) -> str:
        upstream = read_mail(patch).upstream
        for sha, name in self.upstream.items():
            if upstream and (sha.startswith(upstream) or upstream.startswith(sha)):
                return name
        return self.content.get(_content(patch), "")


def _content(patch: Patch) -> bytes:
    """A patch without line numbers and blobs: equal for a patch and its refreshed form."""
    return b"\0".join(
        (file.path.encode("utf-8", "surrogateescape") + b"\n"
         + b"".join(line.kind + line.text for hunk in file.hunks for line in hunk.lines if line.kind != b" "))
        for file in patch.files)


def read_entry(directory: Path, entry: SeriesEntry) -> Patch:
    """The patch of one series entry; raises UserError with the place where it is missing or no patch."""
    path = directory / entry.name
    where = f"{directory / 'series'}:{entry.line}"
    if not path.is_file():
        raise UserError(f"{where}: {entry.name} does not exist")
    if entry.strip != 1:
        raise UserError(f"{where}: {entry.name} is to be applied with -p{entry.strip}",
                        hint="refresh it with -p1, as the stable queues have them")
    try:
        return parse(path.read_bytes(), source=str(path), slug=entry.name.removesuffix(".patch"))
    except InvalidPatch as error:
        raise UserError(f"{where}: {error}") from error


def _push_existing(stack: Stack, directory: Path, entry: SeriesEntry, known: _Known) -> None:
    patch = read_entry(directory, entry)
    step = stack.push(patch.diff, entry.name)
    if not step.ok:
        there = "the tree has it already" if stack.fits_reversed(patch.diff) else step.reason
        raise UserError(f"{directory / 'series'}:{entry.line}: {entry.name} does not apply: {there}",
                        hint=f"fix the queue first; `backport queue test {directory}` shows every entry")
    known.add(entry.name, patch)


def _offer(git: Git, stack: Stack, item: ReadyPatch, known: _Known, taken: set[str], directory: Path, *,
           force: bool) -> tuple[Exported, bytes]:
    patch = item.patch
    title = read_mail(patch).title or patch.slug
    remarks = _remarks(item)
    if item.asked.answer is False and not force:
        return Exported(title, "not asked for", reason=item.asked.why, remarks=remarks), b""
    name = known.find(patch)
    if name:
        return Exported(title, "in the queue", name, remarks=remarks), b""
    trouble = _quilt_cannot(patch)
    if trouble:
        return Exported(title, "refused", reason=trouble, remarks=remarks), b""
    before = stack.top
    step = stack.push(patch.diff, title)
    if not step.ok:
        there = "an earlier entry has this change already" if stack.fits_reversed(patch.diff) else step.reason
        return Exported(title, "refused", reason=f"on top of the queue: {there}", remarks=remarks), b""
    moved = _other_functions(git, stack, before, step.commit, patch)
    if moved:
        stack.pop_to(before)
        return Exported(title, "refused", reason=moved, remarks=remarks), b""
    data = queue_file(patch, stack.diff(before, step.commit), signed=item.signed)
    name = _file_name(title, taken, lambda name: _holds(directory / name, data))
    known.add(name, parse(data, source=name))
    return Exported(title, "added", name, remarks=(*remarks, *objections(git, data))), data


def _remarks(item: ReadyPatch) -> tuple[str, ...]:
    remarks = []
    if not item.nomination.acked:
        remarks.append(f"not acked: {item.nomination.standing} ({item.nomination.why})")
    if item.nomination.note:
        remarks.append(item.nomination.note)
    if item.asked.answer is not True:
        remarks.append(f"{item.asked.words}: {item.asked.why}")
    if not item.signed:
        remarks.append("DRAFT: no Signed-off-by of the submitter")
    return tuple(remarks)


def _quilt_cannot(patch: Patch) -> str:
    if any(file.binary for file in patch.files):
        return "it holds a binary hunk, which quilt cannot apply"
    modes = [file.path for file in patch.files if file.old_mode and file.new_mode and file.old_mode != file.new_mode]
    return f"it changes the mode of {', '.join(modes)}, which quilt cannot do" if modes else ""


def _holds(path: Path, data: bytes) -> bool:
    """Does an export that was killed before it wrote the series have left this very patch?"""
    return path.is_file() and not path.is_symlink() and path.stat().st_size == len(data) and path.read_bytes() == data


def _file_name(title: str, taken: set[str], ours: Callable[[str], bool]) -> str:
    stem, number = slug(title), 1
    name = f"{stem}.patch"
    while name in taken and not ours(name):
        number += 1
        name = f"{stem}-{number}.patch"
    taken.add(name)
    return name


def queue_file(patch: Patch, diff: bytes, *, signed: bool) -> bytes:
    """The mail of `patch` around another diff, marked DRAFT in its subject where nobody signed it.

    git mailinfo drops the bracketed prefix, so the mark never reaches a changelog.
    """
    data = patch.head + diff + patch.tail
    return data if signed else mark_draft(data)


def mark_draft(data: bytes) -> bytes:
    """`Subject: [PATCH 6.1.y] x` -> `Subject: [DRAFT PATCH 6.1.y] x`; once, and only in the headers."""
    mail = mail_of(parse(data).head)
    subject = mail.header("Subject")
    if subject is None or b"DRAFT" in subject.raw.split(b"]", 1)[0]:
        return data
    raw = subject.raw.split(b":", 1)[1]
    new = b"Subject: [DRAFT PATCH] " + raw.lstrip() if b"[" not in raw.lstrip()[:1] \
        else b"Subject: [DRAFT " + raw.lstrip()[1:]
    return data[:subject.start] + new + data[subject.end:]


def _other_functions(git: Git, stack: Stack, before: str, after: str, patch: Patch) -> str:
    """Why the place above the queue is not the place on the bare tree; "" where it is the same function."""
    base = stack.base
    with Stack(git, base) as alone:
        step = alone.push(patch.diff)
        if not step.ok:
            return ""                 # it needs the patches before it; there is no other place to compare with
        here = alone.functions(base, step.commit)
    above = stack.functions(before, after)
    if here == above:
        return ""
    wrong = ", ".join(f"{p}: {f or 'file level'}" for p, f in above if (p, f) not in here)
    return f"above the queue it would land in another function ({wrong}) than on the tree alone"
