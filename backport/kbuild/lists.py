"""What the text of a Makefile says about its lists: who names an object, and under which options. Whether a list is on
is make's to say (membership.py); this finds the option that stands in the way, and the lines that a patch touches."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from backport.kbuild.delta import FileDelta

ENDINGS = (".o", ".dtb", ".dtbo")
_SET = re.compile(r"^\s*([^\s:+?=#]+)\s*[:+?]?=(.*)$")
_LISTS = re.compile(r"^(?:(?:obj|lib|extra|always|dtb|subdir)-|[\w.+-]+-(?:objs|dtbs|y|m|\$\(.*\))$)")
_NO_LIST = re.compile(r"^(?:cc|as|ld|cpp|subdir-cc|subdir-as)flags-|^(?:clean|hostprogs|userprogs|cflags|aflags)\b")
# CFLAGS_core.o, CFLAGS_REMOVE_core.o, KASAN_SANITIZE_core.o
_OF_ONE = re.compile(r"^[A-Z][A-Z0-9_]*_([a-z0-9][\w+-]*\.o)$")
_WORD = re.compile(r"[\w.+-]+\.(?:o|dtbo?)\b")
_PREFIX = re.compile(r"^[A-Z][A-Z0-9_]*_(?=[a-z0-9])")
_OPTION = re.compile(r"\$[({](CONFIG_\w+)[)}]")
_IFDEF = re.compile(r"^(ifdef|ifndef)\s+(CONFIG_\w+)\s*$")
_IFEQ = re.compile(r"""^(ifeq|ifneq)\s*\(?\s*["']?\$[({](CONFIG_\w+)[)}]["']?\s*[, ]\s*["']?([ym]?)["']?\s*\)?\s*$""")


@dataclass(frozen=True, slots=True)
class Listing:
    """One assignment of a Makefile: 1-based lines first..last, the variable, the words on its right, and the options
    that it hangs on with whether they must be on."""

    first: int
    last: int
    variable: str
    words: tuple[tuple[int, str], ...]           # (line, word)
    options: tuple[tuple[str, bool], ...]

    def names(self) -> tuple[tuple[int, str], ...]:
        """(line, object or directory) of what it lists, or of the one object whose flags it sets; the rest is none."""
        if one := _OF_ONE.match(self.variable):
            return ((self.first, one[1]),)
        if not _LISTS.match(self.variable) or _NO_LIST.match(self.variable):
            return ()
        slash = "/" if self.variable.startswith("subdir-") else ""
        return tuple((line, name if name.endswith("/") else name + slash) for line, word in self.words
                     if "$" not in (name := word.removeprefix("$(obj)/"))
                     and (slash or name.endswith((*ENDINGS, "/"))))


def listings(text: bytes) -> Iterator[Listing]:
    """Every assignment, in order. A condition that is no plain test of one option is taken for true."""
    around: list[list[tuple[str, bool]]] = []
    for first, rows in _logical(text):
        row = rows[0].strip()
        if row.startswith("if") and (test := _test(row)) is not None:
            around.append(test)
        elif row.startswith("else"):
            if around:
                around[-1] = [*((name, not on) for name, on in around[-1]), *(_test(row[4:].strip()) or ())]
        elif row.startswith("endif"):
            del around[-1:]
        elif match := _SET.match(rows[0]):
            parts = [match[2], *rows[1:]]
            words = tuple((first + i, word) for i, part in enumerate(parts)
                          for word in part.split("#")[0].rstrip("\\").split())
            own = [(name, True) for name in _OPTION.findall(match[1])]
            yield Listing(first, first + len(rows) - 1, match[1], words, tuple(sum(around, own)))


def _test(row: str) -> list[tuple[str, bool]] | None:
    """The options of one conditional line, None where it is none."""
    if match := _IFDEF.match(row):
        return [(match[2], match[1] == "ifdef")]
    if match := _IFEQ.match(row):
        return [(match[2], (match[1] == "ifeq") == bool(match[3]))]
    return [] if re.match(r"^if(?:n?def|n?eq)\b", row) else None


def _logical(text: bytes) -> Iterator[tuple[int, list[str]]]:
    """(1-based first line, physical lines) of each logical line."""
    rows: list[str] = []
    for number, row in enumerate(text.decode("utf-8", "replace").split("\n"), 1):
        rows.append(row)
        if not row.endswith("\\"):
            yield number - len(rows) + 1, rows
            rows = []
    if rows:
        yield text.count(b"\n") + 2 - len(rows), rows


def standing(text: bytes, name: str, on: Collection[str]) -> tuple[bool, str]:
    """(does a list of this Makefile name `name`, the first option that keeps it out of them all or "").

    Through composite objects: what is a part of foo.o is there where foo.o is.
    """
    every = list(listings(text))
    return _standing(every, name, on, {name})


def _standing(every: list[Listing], name: str, on: Collection[str], seen: set[str]) -> tuple[bool, str]:
    found = [one for one in every
             if any(word == name for _line, word in one.names()) and not _OF_ONE.match(one.variable)]
    against = ""
    for one in found:
        why = next((option for option, must in one.options if (option in on) != must), "")
        whole = re.match(r"^(.+)-(?:objs|y|m|dtbs|\$\(.*\))$", one.variable)
        if not why and whole and whole[1] not in ("obj", "lib", "extra", "always", "dtb", "subdir"):
            outer = whole[1] + (".dtb" if one.variable.endswith("-dtbs") else ".o")
            if outer not in seen:
                seen.add(outer)
                why = _standing(every, outer, on, seen)[1]
        if not why:
            return True, ""
        against = against or why
    return bool(found), against


def objects_of(line: bytes) -> frozenset[str]:
    """The objects and blobs that a line has in it, those of CFLAGS_core.o as well."""
    return frozenset(_PREFIX.sub("", name) for name in _WORD.findall(line.decode("utf-8", "replace")))


def computed(text: bytes) -> bool:
    """May a list of this Makefile hold names that its text does not have?"""
    return re.search(rb"^\s*-?include\s|\$[({](?:wildcard|addprefix|patsubst|foreach|call|shell)\b|\$\(BITS\)", text,
                     re.MULTILINE) is not None


def touched(file: FileDelta) -> tuple[tuple[int, str], ...]:
    """(line, object or directory below the Makefile's) that the lines which a patch added to one name."""
    lines = {block.new + i + 1 for block in file.blocks for i in range(block.added)}
    return tuple((line, name) for one in listings(file.after or b"") for line, name in one.names() if line in lines)
