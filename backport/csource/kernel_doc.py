"""What kernel-doc comments say of parameters: ` * @name: text`, and `of @name` in the text."""

from __future__ import annotations

import re


def describes(line: bytes, name: bytes) -> bool:
    """True for the line of a comment that begins the description of parameter `name`."""
    return re.match(rb"\s*\*\s*@%s\b:" % re.escape(name), line) is not None


def without_mention(line: bytes, name: bytes) -> bytes:
    """The line of a comment without ` in @name`, ` of @name` and ` from @name`."""
    return re.sub(rb"[ ](?:in|of|from) @%s\b" % re.escape(name), b"", line)
