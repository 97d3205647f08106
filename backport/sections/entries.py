"""Lists of entries with a title: MAINTAINERS, Documentation/ABI, the kernel's parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from backport.sections.base import Section, SectionKind, last_text, text

_FIELD = re.compile(rb"[A-Z]:[ \t]")
_WHAT = re.compile(rb"What:[ \t]*(\S.*)")
_PARAMETER = re.compile(rb"\t([A-Za-z_][\w.,+-]*)(=|[ \t]|$)")


def _maintainers(source: bytes) -> list[Section]:
    """A title is the line above the first field; a blank line ends the entry."""
    lines = source.split(b"\n")
    starts = [i for i, line in enumerate(lines[:-1])
              if line[:1].strip() and not _FIELD.match(line) and _FIELD.match(lines[i + 1])]
    return _from(lines, starts, lambda i: text(lines[i]), _to_blank)


def _abi(source: bytes) -> list[Section]:
    """The file of one interface or of many; several What: lines in a row are one entry."""
    lines = source.split(b"\n")
    whats = [i for i, line in enumerate(lines) if _WHAT.match(line)]
    starts = [i for i in whats if i - 1 not in whats]
    return _from(lines, starts, lambda i: text(lines[i]), lambda lines, i, stop: last_text(lines, i, stop))


def _parameters(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    starts = [i for i, line in enumerate(lines) if _PARAMETER.match(line)]
    return _from(lines, starts, lambda i: text(lines[i].split(b"[")[0].split(b"=")[0]),
                 lambda lines, i, stop: last_text(lines, i, stop))


def _to_blank(lines: Sequence[bytes], start: int, stop: int) -> int:
    end = start + 1
    while end < stop and lines[end].strip():
        end += 1
    return end


def _from(lines: Sequence[bytes], starts: Sequence[int], name: Callable[[int], str],
          end: Callable[[Sequence[bytes], int, int], int]) -> list[Section]:
    return [Section(name(i), i + 1, end(lines, i, stop)) for i, stop in pairwise([*starts, len(lines)])]


MAINTAINERS = SectionKind("MAINTAINERS", lambda path: path == "MAINTAINERS", _maintainers)
ABI = SectionKind("ABI", lambda path: path.startswith("Documentation/ABI/"), _abi)
PARAMETERS = SectionKind("parameters", lambda path: path.rsplit("/", 1)[-1] == "kernel-parameters.txt", _parameters)
