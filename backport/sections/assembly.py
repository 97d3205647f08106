"""Assembly: what stands between SYM_FUNC_START(x) and SYM_FUNC_END(x), or the macros that a tree has for that; a label
that no such macro holds; a `.macro`."""

from __future__ import annotations

import re

from backport.sections.base import Section, SectionKind, last_text

_START = re.compile(rb"[ \t]*[A-Z_0-9]*(?:_START|ENTRY|_BEGIN|GLOBAL|LEAF|NESTED|START_)[A-Z_0-9]*\(\s*([\w.$\\]+)")
_END = re.compile(rb"[ \t]*(?:[A-Z_0-9]*(?:_END|ENDPROC)(?:_[A-Z_0-9]+)?|END)\(\s*([\w.$\\]+)")
_LABEL = re.compile(rb"([A-Za-z_][\w.$]*):(?!:)")
_MACRO = re.compile(rb"[ \t]*\.macro[ \t]+([\w.$]+)")
_ENDM = re.compile(rb"[ \t]*\.endm\b")
_CONDITIONAL = re.compile(rb"^\s*\.(macro|endm|if\w*|else\w*|endif)\b")


def _owns(path: str) -> bool:
    return path.endswith((".S", ".s")) and not path.endswith(".lds.S")


def _read(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    found: list[Section] = []
    start, name, held, macro = -1, b"", False, False
    continued = False                # a #define of several lines is nobody's routine

    def close(stop: int) -> None:
        if start >= 0:
            what = f"macro {name.decode('utf-8', 'replace')}" if macro else f"{name.decode('utf-8', 'replace')}()"
            found.append(Section(what, start + 1, last_text(lines, start, stop)))

    for i, line in enumerate(lines):
        define = continued or line.lstrip().startswith(b"#")
        continued = define and line.rstrip().endswith(b"\\")
        if define:
            continue
        if macro:
            if _ENDM.match(line):
                close(i + 1)
                start, macro = -1, False
            continue
        opened = _MACRO.match(line) or _START.match(line)
        label = _LABEL.match(line)
        if opened is not None or (label is not None and not held):
            close(i)
            begun = opened or label
            assert begun is not None
            start, name, macro = i, begun[1], _MACRO.match(line) is not None
            held = opened is not None and not macro
        elif (ended := _END.match(line)) is not None and start >= 0 and (not held or ended[1] == name):
            close(i + 1)
            start, held = -1, False
    close(len(lines))
    return found


def assembled_if(source: bytes) -> dict[int, str]:
    """1-based line -> the innermost .macro or .if that it stands in, of a file of assembly: what the assembler itself
    leaves out is not the preprocessor's to say."""
    found: dict[int, str] = {}
    stack: list[str] = []
    for number, line in enumerate(source.split(b"\n"), 1):
        word = _CONDITIONAL.match(line)
        if word is not None and word[1].startswith(b"end"):
            del stack[-1:]
        if stack:
            found[number] = stack[-1]
        if word is not None and not word[1].startswith((b"end", b"else")):
            stack.append(b" ".join(line.split()).decode("utf-8", "replace")[:60])
    return found


KIND = SectionKind("assembly", _owns, _read)
