"""The commit that a mail makes: author, date and message as git mailinfo reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backport.errors import UserError
from backport.git import Git
from backport.temporary import temporary_directory


@dataclass(frozen=True, slots=True)
class Wording:
    """What a commit says: `message` is the whole text, title first, ending in one newline."""

    author: str
    address: str
    date: str
    message: bytes

    @property
    def title(self) -> str:
        return self.message.split(b"\n", 1)[0].decode("utf-8", "replace")

    @property
    def env(self) -> dict[str, str]:
        """The author as git commit-tree takes it."""
        return {"GIT_AUTHOR_NAME": self.author, "GIT_AUTHOR_EMAIL": self.address} | (
            {"GIT_AUTHOR_DATE": self.date} if self.date else {})


def wording(git: Git, mail: bytes) -> Wording:
    """What `mail` says, as git am would have it. Raises UserError for a mail without an author or a title."""
    with temporary_directory("mail") as name:
        message = Path(name, "message")
        # -b: `[media]` in a subject is part of it
        told = git.run("mailinfo", "-b", "--encoding=UTF-8", str(message), str(Path(name, "patch")), stdin=mail).text
        body = message.read_bytes().strip(b"\n")
    rows = dict(row.split(": ", 1) for row in told.split("\n") if ": " in row)
    title = rows.get("Subject", "").strip()
    if not title or not rows.get("Author"):
        raise UserError(f"the mail has no {'author' if title else 'subject'}: a commit needs one",
                        hint="give it as git format-patch writes it, with From: and Subject:")
    text = title.encode("utf-8", "surrogateescape") + b"\n" + (b"\n" + body + b"\n" if body else b"")
    return Wording(rows["Author"], rows.get("Email", ""), rows.get("Date", ""), text)
