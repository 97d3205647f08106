"""Scripts and Rust: functions by indentation, or by a brace that closes where the line that opens it begins."""

from __future__ import annotations

import re

from backport.sections.base import Section, SectionKind, last_text, text

_PYTHON = re.compile(rb"([ \t]*)(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_SHELL = re.compile(rb"([ \t]*)(?:function[ \t]+)?([\w:.-]+)[ \t]*\([ \t]*\)[ \t]*(?:\{|$)"
                    rb"|([ \t]*)function[ \t]+([\w:.-]+)")
_PERL = re.compile(rb"([ \t]*)sub[ \t]+(\w+)")
_RUST = re.compile(rb"([ \t]*)(?:pub(?:\([\w:]+\))?[ \t]+)?(?:default[ \t]+|const[ \t]+|async[ \t]+|unsafe[ \t]+|"
                   rb"extern[ \t]+\"\w+\"[ \t]+)*"
                   rb"((?:fn|struct|enum|union|trait|mod|macro_rules!)[ \t]+\w+|impl\b[^{;]*)")


def _python(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    found: list[Section] = []
    open_ones: list[tuple[int, str, int]] = []       # indentation, name, first line

    def close(indent: int, at: int) -> None:
        while open_ones and open_ones[-1][0] >= indent:
            _, _, start = open_ones[-1]
            found.append(Section("/".join(name for _, name, _ in open_ones), start + 1, last_text(lines, start, at)))
            open_ones.pop()

    for i, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        indent = _column(line)
        match = _PYTHON.match(line)
        if match is None and line.lstrip()[:1] in b")]}":
            continue                 # the end of a signature over several lines
        close(indent, i)
        if match is not None:
            open_ones.append((indent, text(match[3]) + ("()" if match[2] == b"def" else ""), i))
    close(0, len(lines))
    return sorted(found, key=lambda one: (one.start, -one.end))


def _braced(source: bytes, pattern: re.Pattern[bytes]) -> list[Section]:
    lines = source.split(b"\n")
    found: list[Section] = []
    around: list[tuple[int, str]] = []               # last line, name
    for i, line in enumerate(lines):
        around = [one for one in around if one[0] > i]
        match = pattern.match(line)
        if match is None:
            continue
        indent = _column(line)
        end = next((j for j in range(i + 1, len(lines)) if lines[j].strip() and _column(lines[j]) <= indent
                    and lines[j].lstrip()[:1] not in b"{)w"), None)    # `) {`, and Rust's `where`
        if end is None:
            end = len(lines) - 1
        elif lines[end].lstrip()[:1] != b"}":
            continue                 # one line, or a declaration
        name = text(next(group for group in match.groups()[::-1] if group and group.strip()))
        around.append((end, name))
        found.append(Section("/".join(name for _, name in around), i + 1, end + 1))
    return found


def _column(line: bytes) -> int:
    flat = line.expandtabs(8)
    return len(flat) - len(flat.lstrip())


PYTHON = SectionKind("Python", lambda path: path.endswith(".py"), _python)
SHELL = SectionKind("shell", lambda path: path.endswith((".sh", ".bash")), lambda source: _braced(source, _SHELL))
PERL = SectionKind("Perl", lambda path: path.endswith((".pl", ".pm")), lambda source: _braced(source, _PERL))
RUST = SectionKind("Rust", lambda path: path.endswith(".rs"), lambda source: _braced(source, _RUST))
