"""Does `git am` take this mail? Asked of everything that leaves, because a text on stdout with exit 0 looks ready.

git itself is asked: mailsplit and mailinfo read the mail as git am does, and `git var` says whether the author is one
that a commit can have. Only how git am tells a mail from other texts is written again here, for nothing prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backport.bounded import Bounded
from backport.errors import GitError, InvalidPatch
from backport.git import Git
from backport.patch.headers import is_field, text_of
from backport.patch.mail import mail_of
from backport.patch.parse import parse, split_lines
from backport.temporary import temporary_directory
from backport.wholefile import disk

BARE = "the result is a bare diff, not a mail: `git am` rejects it, `git apply` takes it"

KEEP_CR = "lines of the diff end in CR: `git am` takes the mail only with --keep-cr"


@dataclass(frozen=True, slots=True)
class _Read:
    """What mailinfo found: the author, the title, the text that goes to git apply, and its complaint."""

    author: str = ""
    address: str = ""
    title: str = ""
    date: str = ""
    patch: bytes = b""
    complaint: str = ""


def objections(git: Git, mail: bytes) -> tuple[str, ...]:
    """Why `git am` would refuse `mail`, or make another commit of it; one sentence each, none where it takes it.

    `git` may be any repository; nothing is written to it.
    """
    if not _looks_like_mail(mail):
        return (_no_mail(mail),)
    count, read = _read(git, mail)
    if count != 1:
        return (f"`git am` takes the mail for {count}: a line in it looks like the first line of another mail",)
    if read.complaint:
        return (f"`git am` cannot read the mail: {read.complaint}",)
    found = [*_author(git, mail, read), *_diff(git, mail, read)]
    if not read.title:
        found.append("the mail has no title: `git am` takes the first line of the message for it")
    return tuple(found)


def _head(mail: bytes) -> bytes:
    try:
        return parse(mail).head
    except InvalidPatch:
        return mail


def _no_mail(mail: bytes) -> str:
    first = next((line for line in split_lines(_head(mail)) if line.strip()), b"")
    if not first or first.startswith((b"[ ", b"  ")):           # our own note above a bare diff
        return BARE
    return (f"the first line, `{text_of(first.strip())[:60]}`, is not part of a mail: `git am` rejects the "
            "result, `git apply` takes it")


def _looks_like_mail(data: bytes) -> bool:
    """As git am tells a mail: a From line, or nothing but headers up to the first empty line."""
    lines = split_lines(data)
    while lines and not lines[0].rstrip(b"\r\n"):
        lines.pop(0)
    if lines and lines[0].startswith((b"From ", b"From: ")):
        return True
    for n, line in enumerate(lines):
        if not line.rstrip(b"\r\n"):
            return n > 0
        if not is_field(line) and line[:1] not in (b" ", b"\t"):
            return False
    return False


def _read(git: Git, mail: bytes, *options: str) -> tuple[int, _Read]:
    """(number of mails that git makes of it, what it reads in the first)."""
    with temporary_directory("am") as name:
        place = Path(name)
        first = mail
        if b"\r" in mail or not mail.endswith(b"\n") or b"\nFrom " in mail or mail[:1].isspace():
            (place / "mail").write_bytes(mail)
            split = git.run("mailsplit", "-d4", *options, f"-o{place}", "-b", "--", str(place / "mail"), ok=())
            count = int(split.text) if split.code == 0 and split.text.isdigit() else 0
            if count != 1:
                return count, _Read()
            first = (place / "0001").read_bytes()
        else:                        # nothing to split at and nothing to take off: mailsplit would copy it
            count = 1
        done = git.run("mailinfo", str(place / "message"), str(place / "patch"), ok=(), stdin=first)
        if done.code and name in done.err:       # of a file of ours: the mail does not know how that is called
            raise GitError(["git", "mailinfo"], done.code, done.err, hint=disk(place))
        if done.code:
            return count, _Read(complaint="; ".join(done.err.split("\n")).strip("; ").removeprefix("error: "))
        message = (place / "message").read_bytes()
        rows = dict(line.split(": ", 1) for line in done.text.split("\n") if ": " in line)
        patch = (place / "patch").read_bytes()
    complaint = "a NUL byte in the message" if b"\0" in message else ""
    return count, _Read(rows.get("Author", ""), rows.get("Email", ""), rows.get("Subject", "").strip(),
                        rows.get("Date", ""), patch, complaint)


def _author(git: Git, mail: bytes, read: _Read) -> list[str]:
    if not read.author:
        return ["the mail names no author, and `git am` refuses it (empty ident name): add a "
                "`From: Name <address>` line"]
    refused = _no_ident(git, read.author, read.address, read.date)
    if refused:
        return [f"`git am` refuses the mail's author or date: {refused}"]
    ours = mail_of(_head(mail)).author.address
    if read.address != ours and ours:
        return [f"`git am` reads `{read.address}` as the author's address, not `{ours}`: fix the mail's From: line"]
    if "@" not in read.address or read.address.split() != [read.address]:
        return [f"the mail gives no address for its author, {read.author}" if not read.address
                else f"`{read.address}`, the address of the mail's author, is not a mail address"]
    return []


_IDENTS: Bounded[tuple[str, str, str], str] = Bounded(1024)        # the same for every tree that a patch meets


def _no_ident(git: Git, author: str, address: str, date: str) -> str:
    """What git has against such an author, "" where it takes it."""
    known = _IDENTS.get((author, address, date))
    if known is not None:
        return known
    asked = git.run("var", "GIT_AUTHOR_IDENT", ok=(), env={
        "GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": address, "GIT_AUTHOR_DATE": date or "@0 +0000"})
    words = asked.err.strip().split("\n")[-1].removeprefix("fatal: ") or "no reason given"
    return _IDENTS.put((author, address, date), words if asked.code else "", 1)


def _diff(git: Git, mail: bytes, read: _Read) -> list[str]:
    """git am reads another diff than the mail has: it takes the CR off every line, and begins at the first `diff -`."""
    try:
        written = parse(mail).diff
    except InvalidPatch:
        written = b""
    if written and _only(read.patch, written):
        return []
    if written and _only(_read(git, mail, "--keep-cr")[1].patch, written):
        return [KEEP_CR]
    return ["`git am` reads another diff in the mail than the one that was checked"]


def _only(text: bytes, diff: bytes) -> bool:
    """True where git apply finds `diff` in `text`, and no other."""
    before, found, behind = text.partition(diff)
    return bool(found) and not any(line.startswith((b"diff -", b"--- ", b"@@ "))
                                   for part in (before, behind) for line in split_lines(part))
