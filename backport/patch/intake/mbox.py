"""An mbox into its mails; joined, they are the input again.

A line "From " inside a message is no separator: a separator has a date, stands behind an empty line, and mail
headers follow it. The one true format-patch mail that stands inside another is the original commit below a
FAILED notice. `>From` stays as it is: which writers quoted it cannot be told afterwards.
"""

from __future__ import annotations

import re

from backport.patch.headers import is_field, is_from_line

_ORIGINAL = re.compile(rb"^-+ original commit in Linus's tree -+\s*$")
_FORMAT_PATCH = re.compile(rb"^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\s*$")
_MAIL_FIELD = re.compile(rb"^(?:from|subject|date|message-id|return-path|received|delivered-to|to|mime-version|"
                         rb"x-[a-z-]+|content-[a-z-]+|status|list-id|sender|references|in-reply-to):", re.I)


def split_mbox(data: bytes) -> list[bytes]:
    """The mails of `data`, each with its From line; [data] where it is not an mbox of several."""
    starts = [0]
    previous = previous_text = b""
    position = data.find(b"\n") + 1
    if position:
        previous = data[:position]
        previous_text = previous
    while 0 < position < len(data):
        end = data.find(b"\n", position) + 1 or len(data)
        if data.startswith(b"From ", position):
            line = data[position:end]
            if _separates(line, data[end:data.find(b"\n", end) + 1 or len(data)], previous, previous_text):
                starts.append(position)
        previous = data[position:end]
        if previous.strip():
            previous_text = previous
        position = end
    if len(starts) > 1 and not data[:starts[1]].removeprefix(b"\xef\xbb\xbf").strip():
        starts.pop(1)                      # blank lines before the first mail
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def _separates(line: bytes, following: bytes, previous: bytes, previous_text: bytes) -> bool:
    if not is_from_line(line) or not is_field(following) or _ORIGINAL.match(previous_text):
        return False
    if _FORMAT_PATCH.match(line):
        return following.startswith(b"From: ") or not previous.strip()
    return not previous.strip() and _MAIL_FIELD.match(following) is not None
