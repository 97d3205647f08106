"""What a hunk changes: the section of its first change, in a file, or as far as the hunk itself and its header say.

Without upstream's file there are three witnesses in files that are no C: a title or opening line in the hunk's own
context, the line that git wrote into the header, and where these lines stand in the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from backport import sections
from backport.csource.declarations import headed
from backport.csource.functions import enclosing
from backport.patch.model import Hunk

_CUT = 78                            # git cuts the header's line at 80 bytes, and a tool may count the white space

_SHORT = 38                          # diff -p at 40


@dataclass(frozen=True, slots=True)
class NamedSection:
    """What a hunk alone says of its place: the name of the section, and the line that opens it."""

    name: str
    opening: bytes
    header: bool                     # it is the header's line, which git cuts at 80 bytes


def change_scope(source: bytes, line: int, hunk: Hunk, path: str) -> str:
    """What the hunk's first change touches when its pre-image starts at 1-based `line` of `source`.

    The first change, not the first context line: a hunk at the top of a function starts in the one before.
    """
    for kind, at in changes(hunk, line):
        if kind == b"-":
            return sections.scope(source, at, path)
        return sections.insertion_scope(source, at, _first_added(hunk), path)
    return ""


def changes(hunk: Hunk, line: int) -> Iterator[tuple[bytes, int]]:
    """(b"-", line) of removed lines and (b"+", line before) of added ones, in the old file's numbers."""
    at = line
    for part in hunk.lines:
        if part.kind == b"+":
            yield b"+", at - 1
        else:
            if part.kind == b"-":
                yield b"-", at
            at += 1


def named_section(hunk: Hunk, path: str) -> NamedSection | None:
    """The section that the hunk names: in its context, or else in its header; None where neither does."""
    for header in (False, True):
        above = hunk.section + b"\n" if header else b""
        if header and not above.strip():
            break
        # the header's line and the hunk are a piece of the file with a gap in it, read as one
        text = above + b"".join(part.text for part in hunk.lines if part.kind != b"+")
        name = change_scope(text, 2 if header else 1, hunk, path)
        whole = above + b"".join(part.text for part in hunk.lines)
        opening = next((one for one in sections.every(whole, path) if one.name == name), None)
        if name and opening is not None:
            line = whole.split(b"\n")[opening.start - 1]
            return NamedSection(name, line, header and opening.start == 1)
    return None


def lands_there(hunk: Hunk, here: str, target: bytes, path: str) -> bool | None:
    """Is `here`, a scope of `target`, what the hunk alone says that it changes? None where it says nothing.

    What its opening line, or the header's, is in the tree counts first: a label may stand inside a routine there.
    """
    said = named_section(hunk, path)
    opening = said.opening if said is not None else hunk.section if sections.headed(path) else b""
    if opening.strip():
        places = _places(opening, target, path, opens=said is not None, cut=said is None or said.header)
        if places:
            return any(one == here or (bool(one) and sections.same_end(here, one)) for one in places)
    return None if said is None else sections.same_end(here, said.name)


def _places(opening: bytes, target: bytes, path: str, *, opens: bool, cut: bool) -> set[str]:
    """The sections of `target` that hold a line which reads `opening`; behind the last line of a section, which is what
    a header may show (`endif`), one is out of it."""
    found = set()
    for i, line in enumerate(target.split(b"\n")):
        if line.rstrip() == opening.rstrip() or (cut and len(opening) >= _CUT and line.startswith(opening)):
            one = sections.around(target, i + 1, path)
            if opens or (one is not None and one.end > i + 1):
                found.add(one.name if one is not None else "")
    return found


def header_scope(hunk: Hunk, path: str) -> str | None:
    """The scope that the hunk alone tells: its own context, then the header; None where neither does.

    git writes the nearest function line above the first context line into the header, which is the function
    before when the hunk begins at the top of one; so a boundary inside the context overrules it.
    """
    if not sections.is_c(path):
        said = named_section(hunk, path)
        return said.name if said is not None else None
    named, decided = _context_scope(hunk)
    if decided:
        return named
    if not hunk.section or b"=" in hunk.section.split(b"(", 1)[0]:
        return None
    name = headed(hunk.section)
    return f"{name.decode('utf-8', 'replace')}()" if name else None


def _context_scope(hunk: Hunk) -> tuple[str | None, bool]:
    """(the function that begins in the leading context, None where none does; is there a boundary at all)."""
    context = [part.text for part in takewhile(lambda part: part.kind == b" ", hunk.lines)]
    for i in range(len(context) - 1, -1, -1):
        if context[i][:1] == b"{":
            inner = enclosing(b"".join(context) + b"}\n", i + 1)
            return (f"{inner.name}()" if inner is not None else None), True
        if context[i][:1] == b"}" or (context[i][:1].isalpha() and not context[i].rstrip().endswith(b":")):
            return None, True        # a boundary, but not one that names what follows
    return None, False


def header_fits(hunk: Hunk, source: bytes, line: int) -> bool:
    """Would git write this hunk's header where its pre-image starts at 1-based `line` of `source`, a C file?

    The header names the nearest line above the hunk that begins in the first column, which may be the function that
    ended before it: `MODULE_FIRMWARE(...)` at the end of a file is in no function, whatever its header says. Labels are
    left out by git's own rule for C and taken by `diff -p`.
    """
    wanted = hunk.section.rstrip()
    if not wanted or _context_scope(hunk)[1]:
        return False
    above = source.split(b"\n")[:max(line - 1, 0)]
    for text in reversed(above):
        if text[:1].isalpha() or text[:1] in (b"_", b"$"):
            if text.rstrip() == wanted or (len(wanted) >= _SHORT and text.startswith(wanted)):
                return True
            if not text.rstrip().endswith(b":"):
                return False
    return False


def _first_added(hunk: Hunk) -> list[bytes]:
    """The lines of the hunk's first block of added ones."""
    first = next((i for i, line in enumerate(hunk.lines) if line.kind == b"+"), len(hunk.lines))
    return [line.text for line in takewhile(lambda line: line.kind == b"+", hunk.lines[first:])]
