"""The head of a mail whose first line is damaged, or that git show wrote: what it says is there all the same.

One letter typed before `From <commit>` in an editor makes the whole block text: the author, the title and the commit
would be lost without a word, and git am refuses the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backport.patch.headers import is_mail, read_headers
from backport.patch.intake import gitlog

_COMMIT = re.compile(rb"(?:^|[^0-9A-Fa-f])([0-9a-f]{40}) Mon Sep 17 00:00:00 2001[ \t\r]*$")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class MailHead:
    """`data` begins as a mail does; `said` is what was changed for that, `doubts` what a person has to look at."""

    data: bytes
    said: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def proper(head: bytes) -> MailHead:
    """What stands above a diff as the head of a mail; as it came where it is one, or where nothing in it is one."""
    if is_mail(read_headers(head)[0]):
        return MailHead(head)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if gitlog.is_entry(text):
        return MailHead(*gitlog.as_mail(text))
    if text != head and is_mail(read_headers(text)[0]):
        return MailHead(text, ("the text above the mail (empty lines, a byte order mark) was left out",))
    line, _, rest = text.partition(b"\n")
    shown = line[:_SHOWN].decode("utf-8", "backslashreplace")
    left_out = f"the first line is damaged, or is no part of the mail, and was left out: {shown!r}"
    if gitlog.is_entry(rest):
        data, said = gitlog.as_mail(rest)
        return MailHead(data, said, (left_out,))
    if not {header.name.lower() for header in read_headers(rest)[0]} >= {"from", "subject"}:
        return MailHead(head)
    put_right = ("the first line of the mail was corrected",)
    commit = _COMMIT.search(line)
    if commit is None:
        return MailHead(rest, put_right, (left_out,))
    return MailHead(b"From %s Mon Sep 17 00:00:00 2001\n" % commit[1] + rest, put_right, (
        f"the first line of the mail is damaged: {shown!r}; read as `From {commit[1].decode()}`",))
