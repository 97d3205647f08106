"""One mail to a Patch, or to the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from backport.errors import BackportError, InvalidPatch
from backport.patch.headers import is_mail, read_headers
from backport.patch.intake import archive, encoded, failed, gitlog
from backport.patch.intake import head as heads
from backport.patch.intake.raw import Raw
from backport.patch.mail import mail_of, read_mail
from backport.patch.model import Patch, Refused
from backport.patch.parse import parse
from backport.patch.prefix import with_prefixes
from backport.treeview import TreeView

RESTORED = "x-backport-restored"     # header of a mail that `backport import` wrote: what it had inferred
_ADDED = re.compile(r'^Patch ".*" has been added to the \S+-stable tree', re.S)
_ADDED_BODY = b"This is a note to let you know that I've just added the patch titled"
_REPLY = re.compile(r"^\s*(?:re|aw|sv)\s*:", re.I)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a lossy form may be restored from: trees, newest first, and blobs by abbreviated name."""

    views: tuple[TreeView, ...] = ()
    blobs: Callable[[str], bytes | None] | None = None


def read(raw: Raw, around: Surroundings) -> Patch | Refused:
    """The patch in one mail, or Refused for whatever is wrong with that mail.

    Raises only what says nothing about the mail: a store that cannot be read, no memory.
    """
    try:
        return _answer(raw, around)
    except (BackportError, OSError, MemoryError):
        raise
    except Exception as error:
        # the standard library's readers of mail raise what they like (UnicodeError, ValueError, IndexError) for a
        # charset or a boundary that somebody made up: that is one bad mail, not the end of the run
        return Refused(raw.source, f"this mail cannot be read: {type(error).__name__}: {error}",
                       hint="look at its headers and encoded words; ask for it as git send-email sends it")


def _answer(raw: Raw, around: Surroundings) -> Patch | Refused:
    try:
        patch = _read(raw, around)
    except InvalidPatch as error:
        return _sorted_out(raw, error)
    read_mail(patch)                 # everything after this reads the mail as well, where nothing catches it
    return patch


def _read(raw: Raw, around: Surroundings) -> Patch:
    undone = encoded.plain(raw.data, raw.source)
    data, envelope = undone.data, b""
    notice = failed.split(data)
    if notice is not None:
        envelope, data = notice
    flat = archive.is_flat(data)
    if flat and archive.is_page(heads.proper(data).data):
        return archive.restored(data, raw.source, around.views, around.blobs)
    try:
        patch = parse(data, source=raw.source, strip=raw.strip)
    except InvalidPatch as error:
        # a page with the headers of a mail; where it cannot be restored either, it was a damaged mail
        if not flat or "damaged hunk" not in error.reason or not around.views:
            raise
        try:
            return archive.restored(data, raw.source, around.views, around.blobs)
        except InvalidPatch:
            raise error from None
    head = heads.proper(patch.head)
    patch = replace(patch, head=head.data, said=(*head.said, *patch.said), doubts=(*head.doubts, *patch.doubts))
    headers, _body = read_headers(patch.head)
    kept = tuple(h.value for h in headers if h.name.lower() == RESTORED) if is_mail(headers) else ()
    if raw.strip is not None and (raw.strip != 1 or not _reads_alone(patch, raw)):
        patch = _with_git_paths(patch, raw)
    return replace(patch, said=(*undone.said, *patch.said), envelope=envelope, restored=kept)


def _reads_alone(patch: Patch, raw: Raw) -> bool:
    """Are its paths understood without what `series` says? Whatever reads the patch later does not know it."""
    try:
        return parse(patch.render(), source=raw.source).paths == patch.paths
    except InvalidPatch:
        return False


def _with_git_paths(patch: Patch, raw: Raw) -> Patch:
    """`patch` with a/ and b/ before its paths, from which `series` has -pN stripped; raises InvalidPatch."""
    made = parse(patch.with_files(tuple(with_prefixes(file) for file in patch.files)).render(), source=raw.source)
    if made.paths != patch.paths:
        raise InvalidPatch("its paths cannot be written with a/ and b/", source=raw.source)
    return replace(made, doubts=patch.doubts, said=(
        *patch.said, f"its paths were stripped as `series` says (-p{raw.strip})"))


def _sorted_out(raw: Raw, error: InvalidPatch) -> Refused:
    """A cover letter, and a reply among patches, are passed over; anything else is invalid."""
    mail = mail_of(heads.proper(raw.data).data)
    refused = Refused(raw.source, error.reason, error.line, error.hint, mail.title)
    if not error.reason.startswith("no diff"):
        return refused
    if gitlog.is_entry(raw.data):
        return replace(refused, reason="a merge or an empty commit: git printed no diff of it", skipped=bool(raw.box))
    if mail.number == 0 and mail.total > 0:
        return replace(refused, reason=f"cover letter of a series of {mail.total}", line=0, hint="", skipped=True)
    if _ADDED.match(mail.subject) and _ADDED_BODY in raw.data:
        return replace(refused, reason="the notice that the patch below it was added to a stable tree", line=0, hint="",
                       skipped=True)
    if raw.group and (_REPLY.match(mail.subject) or (mail.in_reply_to and not mail.prefix)):
        return replace(refused, reason="a reply, which holds no patch", line=0, hint="", skipped=True)
    return refused
