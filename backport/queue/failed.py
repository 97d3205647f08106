"""The notice that a patch does not apply, in the stable trees' own words and form; written, never sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from backport.errors import UserError
from backport.history.between import Between
from backport.patch import clean
from backport.patch.mail import Mail, read_mail
from backport.patch.model import Patch
from backport.queue.addresses import STABLE, recipients

STABLE_REPO = "https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/"
_SEPARATOR = "------------------ original commit in Linus's tree ------------------"


def failed_mail(patch: Patch, series: str, *, upstream: str = "", dependencies: Sequence[tuple[str, str]] = (),
                unknown: str = "", now: datetime | None = None) -> bytes:
    """The FAILED mail for one tree ("6.6").

    `dependencies` are (sha, subject); `unknown` is why they cannot be known, "" where they can. Without an upstream
    sha the commands name it as unknown instead of making one up. From: is left to whoever sends it.
    """
    if not re.fullmatch(r"\d+\.\d+", series):
        raise UserError(f"{series!r} is not a series such as 6.1")
    mail = read_mail(patch)
    sha = upstream or (mail.upstream_sha or "")
    when = (now or datetime.now(UTC)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    ident = hashlib.sha256(patch.render() + series.encode()).hexdigest()[:16]
    message_id = f"{(now or datetime.now(UTC)).strftime('%Y%m%d')}-{ident}@backport.invalid"
    who = recipients(mail)
    to = ", ".join(who.cc) or f"<{STABLE}>"
    nothing = [f"(unknown: {clean.one_line(unknown)})"] if unknown else []
    listed = [f'{_hex(name)[:12]} ("{clean.one_line(subject)}")' for name, subject in dependencies]
    lines = [
        f'Subject: FAILED: patch "[PATCH] {clean.one_line(mail.title)}" failed to apply to {series}-stable tree',
        f"To: {to}", *([f"Cc: <{STABLE}>"] if who.cc else []), f"Date: {when}", f"Message-ID: <{message_id}>",
        "MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit", "", "",
        f"The patch below does not apply to the {series}-stable tree.",
        "If someone wants it applied there, or to any other stable or longterm",
        "tree, then please email the backport, including the original git commit",
        f"id to <{STABLE}>.", "",
        "To reproduce the conflict and resubmit, you may use the following commands:", "",
        f"git fetch {STABLE_REPO} linux-{series}.y", "git checkout FETCH_HEAD",
        f"git cherry-pick -x {sha}" if sha else "# the upstream commit is not known here; apply the patch below",
        "# <resolve conflicts, build, test, etc.>", "git commit -s",
        f"git send-email --to '<{STABLE}>' --in-reply-to '{message_id}' --subject-prefix 'PATCH {series}.y' HEAD^..",
        "", "Possible dependencies:", "", *(listed or nothing),
        "", "thanks,", "", _SEPARATOR, "", "",
    ]
    return "\n".join(lines).encode("utf-8", "surrogateescape") + _original(patch, mail, sha)


def dependencies_of(answer: Between) -> tuple[tuple[str, str], ...]:
    """What goes below "Possible dependencies": the smallest set first, then other prerequisites."""
    rows = [c for c in answer.candidates if c.needed or c.kind == "prerequisite"]
    return tuple((c.commit.sha, c.commit.subject) for c in rows)


def _original(patch: Patch, mail: Mail, sha: str) -> bytes:
    """The patch as git format-patch writes it: author, date, subject, message, diff; no list headers."""
    head = f"From {sha or '0' * 40} Mon Sep 17 00:00:00 2001\n"
    if str(mail.author):
        head += f"From: {clean.one_line(str(mail.author))}\n"
    if mail.date:
        head += f"Date: {clean.one_line(mail.date)}\n"
    head += f"Subject: [PATCH] {clean.one_line(mail.title)}\n\n"
    message = mail.message
    if mail.upstream_line is not None:           # Linus's tree has no line that names the commit in Linus's tree
        begin, end = mail.upstream_line
        message = (patch.head[mail.message_start:begin] + patch.head[end:mail.message_end]).lstrip(b"\r\n")
    return (head.encode("utf-8", "surrogateescape") + clean.message(message).rstrip(b"\n") + b"\n\n\n"
            + patch.diff + (patch.tail if patch.tail.startswith(b"-- ") else b""))


def _hex(name: str) -> str:
    return name if re.fullmatch(r"[0-9a-f]{7,40}", name) else "unknown"
