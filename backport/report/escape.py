"""Making foreign text harmless: a patch subject or a compiler message is written by strangers.

Shown instead of executed: terminal escapes, text-direction overrides, Markdown and HTML mark-up, and characters
that XML does not allow at all (a JUnit file with one of them cannot be opened).
"""

from __future__ import annotations

import html
import re

# C0 and C1 controls, direction overrides and isolates, zero-width characters, line separators, lone surrogates
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]")
_XML_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!@$])")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp|www)(:|\.)")


def visible(text: str) -> str:
    """Every character that does something instead of showing something, as an escape; newline and tab stay.

    A byte that could not be decoded (surrogateescape) shows as `\\xNN`.
    """
    return _UNSAFE.sub(lambda match: _escape(match.group()), text)


def line(text: str) -> str:
    """`visible`, on one line: newlines and tabs become single spaces."""
    return " ".join(visible(text.replace("\r\n", "\n")).split())


def markdown(text: str) -> str:
    """One line of text that Markdown (with tables, HTML, mentions and bare links) shows as it is."""
    escaped = _MARKDOWN.sub(r"\\\1", line(text))
    escaped = re.sub(r"^(\s*)([-+]|\d+[.)])(\s)", r"\1\\\2\3", escaped)
    # a backslash does not stop a bare address from becoming a link; a zero-width entity does
    return _AUTOLINK.sub(r"\1&#8203;\2", escaped)


def markdown_html(text: str) -> str:
    """One line of text inside an HTML element in Markdown, where backslashes mean nothing (<summary>)."""
    escaped = html.escape(line(text)).replace("@", "&#64;").replace("`", "&#96;")
    return _AUTOLINK.sub(r"\1&#8203;\2", escaped)


def markdown_code(text: str) -> str:
    """One line of text as inline code; inside a table a pipe still needs its backslash."""
    content = line(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", content)), default=0) + 1)
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{fence}{pad}{content}{pad}{fence}" if content else ""


def markdown_block(text: str, language: str = "") -> str:
    """Lines of text as a fenced block that the text cannot close."""
    content = visible(text).rstrip("\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", content)), default=0) + 1)
    return f"{fence}{language}\n{content}\n{fence}\n"


def xml(text: str) -> str:
    """Text without the characters that XML 1.0 forbids, each as an escape (`<` and `&` are the writer's job)."""
    return _XML_INVALID.sub(lambda match: _escape(match.group()), visible(text))


def cut(text: str, width: int) -> str:
    """`text` in at most `width` terminal columns, with an ellipsis where something is missing."""
    if columns(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += columns(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def columns(text: str) -> int:
    """Terminal columns that one line takes (after `line` or `visible`, so that each character has a width)."""
    if text.isascii() and text.isprintable():
        return len(text)
    from wcwidth import wcwidth  # most text needs none of its tables
    return sum(max(wcwidth(character), 0) for character in text)


def wrap(text: str, width: int, *, first: str = "", rest: str = "") -> str:
    """Words of `text` in lines of at most `width` columns, each with its newline; 0 means one line.

    A word is never broken: a path or a command has to survive copying.
    """
    made, now = [], first
    empty = True
    for word in text.split(" ") if width else [text]:
        if not empty and columns(now) + 1 + columns(word) > width:
            made.append(now)
            now, empty = rest, True
        now += word if empty else f" {word}"
        empty = False
    return "".join(f"{row.rstrip()}\n" for row in [*made, now])


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
