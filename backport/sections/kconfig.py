"""Kconfig: `config X`, `menuconfig X`, a `choice`, a `menu`, a `comment`, each with its properties and its help."""

from __future__ import annotations

import re

from backport.sections.base import Section, SectionKind, last_text, text

_WORD = re.compile(rb"[ \t]*(config|menuconfig|choice|menu|comment|mainmenu|endmenu|endchoice|if|endif|source)\b[ \t]*"
                   rb"(.*)")
_HELP = re.compile(rb"[ \t]*(?:---)?help(?:---)?[ \t]*$")
_PROMPT = re.compile(rb"[ \t]*(?:prompt|bool|tristate)[ \t]+(\".*\")")
_ENTRIES = (b"config", b"menuconfig", b"choice", b"menu", b"comment")


def _owns(path: str) -> bool:
    return path.rsplit("/", 1)[-1].startswith("Kconfig")


def _read(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    found: list[Section] = []
    conditions: list[str] = []
    start, name = -1, ""

    def close(at: int) -> None:
        if start >= 0:
            found.append(Section(name, start + 1, last_text(lines, start, at), " and ".join(conditions)))

    helped = -1                      # the column that the text of a help has, 0 before its first line, -1 outside
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        column = len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
        if helped == 0:
            helped = column if column else -1
        if 0 < helped <= column:
            continue                 # `if` and `source` are words of a help text as well
        helped = 0 if _HELP.match(line) else -1
        word = _WORD.match(line)
        if word is None:
            prompt = _PROMPT.match(line)
            if prompt and name == "choice":
                name = f"choice {text(prompt[1])}"
            continue
        if word[1] == b"if" and column and start >= 0:
            continue                 # a condition that goes on from the line above
        close(i)
        start = -1
        rest = word[2].split(b"#")[0] if word[1] != b"comment" else word[2]
        if word[1] == b"if":
            conditions.append(text(b"if " + rest))
        elif word[1] == b"endif":
            conditions = conditions[:-1]
        elif word[1] in _ENTRIES:
            # a tree may have made a config of a menuconfig, or the other way round
            kind = b"config" if word[1] == b"menuconfig" else word[1]
            start, name = i, text(kind + b" " + rest)
    close(len(lines))
    return found


KIND = SectionKind("Kconfig", _owns, _read)
