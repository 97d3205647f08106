"""A submission for stable@: the mail as a file, and the exact `git send-email` line. Nothing is sent."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backport.patch.am import KEEP_CR
from backport.patch.mail import Mail, read_mail
from backport.patch.model import Patch
from backport.patch.slug import slug
from backport.queue.addresses import STABLE, message_id, recipients
from backport.queue.export import mark_draft
from backport.queue.seriesfile import replace_file


@dataclass(frozen=True, slots=True)
class Submission:
    """One mail written to `file`; `command` sends it (to be typed by a person); `remarks` say what to look at first."""

    file: Path
    command: str
    cc: tuple[str, ...]
    draft: bool
    remarks: tuple[str, ...] = ()


def signed_by_submitter(mail: Mail, identity: str = "") -> bool:
    """Whether the submitter's own Signed-off-by is there.

    With `identity` ("Name <address>"): that very address has signed. Without: a Signed-off-by stands below the last
    bracketed note, which is where the person who wrote the note signs. The upstream author's does not count.
    """
    signed = mail.tagged("Signed-off-by")
    if identity:
        address = identity.rpartition("<")[2].rstrip("> ").lower()
        return bool(address) and any(f"<{address}>" in tag.value.lower() for tag in signed)
    text = mail.message
    notes = [i for i, line in enumerate(text.split(b"\n"))
             if line.lstrip().startswith(b"[ ") and b"pstream commit" not in line]
    if not notes or not signed:
        return False
    last = text.rfind(b"\nSigned-off-by:")
    return text[:last].count(b"\n") + 1 > notes[-1] if last >= 0 else False


def submission(patch: Patch, series: str, directory: Path, *, original: Mail | None = None, in_reply_to: str = "",
               identity: str = "", number: int = 0, trouble: Sequence[str] = ()) -> Submission:
    """Write the adapted mail `patch` for the `series` tree into `directory` and say how to send it.

    `trouble` is why `git am` would not take it as it is (backport.patch.am): but for CRs, it makes the mail a draft.

    In-Reply-To, in this order: what the caller gives, the FAILED notice that `original` came in, the AUTOSEL mail.
    """
    mail = read_mail(patch)
    signed = signed_by_submitter(mail, identity)
    draft = not signed or not mail.upstream_sha or any(text != KEEP_CR for text in trouble)
    data = mark_draft(patch.render()) if draft else patch.render()
    prefix = f"{number:04d}-" if number else ""
    path = directory / f"{prefix}{series}-{slug(mail.title)}.mbox"
    directory.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
    origin = original or mail
    who = recipients(origin)
    reply = message_id(in_reply_to) or _reply_to(origin)
    remarks = [f"not in Cc: {person} ({why})" for person, why in who.left_out]
    if not signed:
        remarks.insert(0, "DRAFT: no Signed-off-by of the submitter; sign it off before you send it")
    if not mail.upstream_sha:
        remarks.append("DRAFT: no `[ Upstream commit <40 hex> ]`: the commit in mainline is not known, and stable "
                       "takes nothing that is not there")
    elif origin.upstream_from in ("From line", "cherry-pick line"):
        remarks.append(f"the upstream commit {mail.upstream[:12]} was read from the mail's {origin.upstream_from}: "
                       "make sure that it is in mainline")
    if origin.upstream_doubt:
        remarks.append(origin.upstream_doubt)
    remarks += [text if text == KEEP_CR else f"DRAFT: {text}" for text in trouble]
    if mail.author.masked:
        remarks.append("the author's address is masked in the input; put the real one into From: before you send it")
    return Submission(path, send_line([path], who.cc, reply), who.cc, draft, tuple(remarks))


def send_line(files: Sequence[Path], cc: Sequence[str], in_reply_to: str = "") -> str:
    """The command, quoted for a shell. git asks before it sends, and takes no address from the mails by itself."""
    words = ["git", "send-email", f"--to={STABLE}", *(f"--cc={address}" for address in cc)]
    if in_reply_to:
        words.append(f"--in-reply-to=<{in_reply_to}>")
    words += ["--suppress-cc=all", "--confirm=always", *(str(path) for path in files)]
    return shlex.join(words)


def _reply_to(mail: Mail) -> str:
    if mail.failed is not None:
        return message_id(mail.failed.message_id)
    if mail.autosel is not None:
        return message_id(mail.message_id)
    return ""
