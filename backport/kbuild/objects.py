"""The machine code of one object, function by function, in a form where only real differences differ.

Made for objects built with -ffunction-sections -fdata-sections. Relocations are resolved to what they name (a
symbol, a string's text, a constant's bytes), the field that the linker fills is zeroed, and counters that gcc
and __COUNTER__ append to names are cut, because one more WARN_ON renumbers every later one.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from backport.architecture import of_object
from backport.errors import BuildError
from backport.kbuild import leftover

# .cold .isra .constprop .part: pieces and clones that the compiler makes of one function
_PIECE = re.compile(r"\.(?:cold|isra|constprop|part|llvm|localalias)(?=\.|$)(?:\.\d+)?")
_COUNTER = re.compile(r"\.\d+$")
_UNIQUE = re.compile(r"^(?:__UNIQUE_ID_|__bpf_trace_|\.LC$|\.L$)")
_DIGITS = "0123456789"
# Sections that say where something is and not what it is, or that differ between any two builds: line numbers of
# WARN_ON (__bug_table), unwind data, notes and build ids, tables of addresses inside functions.
_MASKED = re.compile(r"^(?:__bug_table|\.orc_\w+|\.discard\..*|\.debug_.*|\.comment|\.note.*|\.smp_locks|__jump_table|"
                     r"__ex_table|\.altinstructions|\.parainstructions|\.retpoline_sites|\.return_sites|\.call_sites|"
                     r"\.ibt_endbr_seal|\.static_call_sites|__mcount_loc|__patchable_function_entries|\.cfi_sites|"
                     r"\.modinfo|__ksymtab.*|___ksymtab.*|___kcrctab.*|__kcrctab.*|__tracepoints_ptrs|_ftrace_events|"
                     r"\.eh_frame.*|\.llvm_addrsig|__dyndbg.*|\.export_symbol|\.rodata\.(?:str|cst).*)$")
_NAME = 1 << 16          # characters of a symbol's name that are looked at for its end
_ALLOC, _EXEC, _MERGE, _STRINGS = 0x2, 0x4, 0x10, 0x20
_SECTION, _FUNCTION = 3, 2


@dataclass(frozen=True, slots=True)
class Code:
    """One function with all its pieces: size in bytes and a digest of bytes and relocations."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class ObjectCode:
    """functions by name, and data sections by normalised name with a digest of all that share it."""

    functions: Mapping[str, Code]
    data: Mapping[str, str]


def base_name(symbol: str) -> str:
    """The function that a symbol is a piece of: `f.isra.0.cold` -> `f`."""
    return _COUNTER.sub("", _PIECE.sub("", symbol))


def read(path: Path, root: Path | None = None) -> ObjectCode:
    """One relocatable ELF file below the build directory `root`; raises BuildError where it is none.

    What it says about its own sizes is not believed: sections that lie over one another or have no end cost what a
    real object of that size costs, then it is refused.
    """
    data = load(path, root)
    try:
        return _Reader(open_elf(data), len(data)).result()
    except (ELFError, struct.error, OSError, KeyError, IndexError, ValueError, OverflowError) as error:
        raise BuildError(f"{path.name} cannot be read as an object: {error}") from error


def load(path: Path, root: Path | None = None) -> bytes:
    """The bytes of an object that a build left; raises BuildError where there is none or something else."""
    try:
        return leftover.read_left(path, root or path.parent, leftover.OBJECT)
    except OSError as error:
        raise BuildError(f"{path.name} cannot be read as an object: {error}") from error


def open_elf(data: bytes) -> ELFFile:
    """The object in `data`; raises ELFError where its table of sections cannot be one."""
    elf = ELFFile(_Metered(data))
    least = 40 if elf.elfclass == 32 else 64
    if elf["e_shentsize"] < least or elf.num_sections() * least > len(data):
        raise ELFError("its table of sections is longer than the file")
    return elf


class _Metered(io.BytesIO):
    """The bytes of an object, which may be read a few times over and not without end."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = min(32 * len(data) + (1 << 20), 4 << 30)

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._left -= len(found) + 1
        if self._left < 0:
            raise ELFError("its sections lie over one another")
        return found


class _Reader:
    def __init__(self, elf: ELFFile, size: int) -> None:
        self._left = 16 * size + (1 << 20)       # bytes of content that are looked at
        self._narrow = elf.elfclass == 32
        made_for = of_object(elf["e_machine"], elf.elfclass)
        if made_for is None:
            raise ELFError(f"objects for {elf['e_machine']} are not compared")
        self._width, self._relative = made_for.relocations.widths, made_for.relocations.relative
        self._sections = list(elf.iter_sections())
        self._data: dict[int, bytes] = {}
        self._symbols: list[tuple[str, int, int, int, int]] = []      # name, type, section, value, size
        self._relocations: dict[int, list[tuple[int, int, int, int]]] = {}   # offset, type, symbol, addend
        for number, section in enumerate(self._sections):
            kind = section["sh_type"]
            if kind == "SHT_SYMTAB":
                strings = self._bytes(section["sh_link"])
                raw = self._bytes(number)
                for name, info, index, value, size in _symbols(raw, self._narrow):
                    text = name_at(strings, name)
                    self._symbols.append((text, info & 15, index, value, size))
            elif kind == "SHT_RELA":
                rows = [(offset, info & 0xFFFFFFFF, info >> 32, addend)
                        for offset, info, addend in struct.iter_unpack("<QQq", self._bytes(number))]
                self._relocations.setdefault(section["sh_info"], []).extend(rows)
            elif kind == "SHT_REL":          # 32 bit: the addend stands in the field itself
                data = self._bytes(section["sh_info"])
                rows = [(offset, info & 0xFF, info >> 8, self._addend(data, offset, info & 0xFF))
                        for offset, info in struct.iter_unpack("<II", self._bytes(number))]
                self._relocations.setdefault(section["sh_info"], []).extend(rows)
        for rows in self._relocations.values():
            rows.sort()

    def _addend(self, data: bytes, offset: int, kind: int) -> int:
        return int.from_bytes(data[offset:offset + self._width.get(kind, 4)], "little", signed=True)

    def _bytes(self, index: int) -> bytes:
        if index not in self._data:
            section = self._sections[index]
            if section.compressed:
                raise ELFError(f"the section {section.name} is compressed")     # a few bytes may become gigabytes
            self._data[index] = b"" if section["sh_type"] == "SHT_NOBITS" else section.data()
        return self._data[index]

    def result(self) -> ObjectCode:
        pieces: dict[str, list[tuple[str, int, bytes]]] = {}
        covered: set[int] = set()
        for name, kind, section, value, size in self._symbols:
            if kind != _FUNCTION or section == 0 or section >= len(self._sections):
                continue
            covered.add(section)
            pieces.setdefault(base_name(name), []).append(
                (_COUNTER.sub("", name), size, self._content(section, value, value + size)))
        functions = {}
        for name, parts in pieces.items():
            digest = hashlib.sha256()
            for piece, _size, content in sorted(parts):
                digest.update(piece.encode() + b"\0" + content + b"\0")
            functions[name] = Code(name, sum(size for _piece, size, _content in parts), digest.hexdigest())
        return ObjectCode(functions, self._other(covered))

    def _other(self, covered: set[int]) -> dict[str, str]:
        """Data, and code that belongs to no function symbol (alternatives' replacements, assembly)."""
        groups: dict[str, list[bytes]] = {}
        for index, section in enumerate(self._sections):
            flags = section["sh_flags"]
            if not flags & _ALLOC or section["sh_type"] not in ("SHT_PROGBITS", "SHT_NOBITS", "SHT_INIT_ARRAY"):
                continue
            name = _plain(section.name)
            if _MASKED.match(name) or not section["sh_size"] or (flags & _EXEC and index in covered):
                continue
            if section["sh_type"] == "SHT_NOBITS":
                groups.setdefault(name, []).append(b"%d" % section["sh_size"])
            else:
                groups.setdefault(name, []).append(self._content(index, 0, section["sh_size"]))
        return {name: hashlib.sha256(b"\0".join(sorted(parts))).hexdigest() for name, parts in groups.items()}

    def _content(self, section: int, start: int, end: int) -> bytes:
        """Bytes of a range with relocated fields zeroed, then the relocations in words."""
        data = bytearray(self._bytes(section)[start:end])
        self._spend(len(data))
        words = []
        rows = self._relocations.get(section, [])
        for row in range(bisect_left(rows, (start,)), len(rows)):
            offset, kind, symbol, addend = rows[row]
            if offset >= end:
                break
            at = offset - start
            width = max(0, min(self._width.get(kind, 4), len(data) - at))
            data[at:at + width] = bytes(width)
            words.append(f"{at} {kind} {self._target(symbol, addend, kind)}")
            self._spend(len(words[-1]))
        return bytes(data) + b"\n" + "\n".join(words).encode("utf-8", "replace")

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise ELFError("its functions lie over one another")

    def _target(self, symbol: int, addend: int, kind: int) -> str:
        name, what, index, value, _size = self._symbols[symbol]
        if what != _SECTION and index < len(self._sections) and self._sections[index]["sh_flags"] & _MERGE:
            addend += value                      # a local label on a literal (.LC5): what it says, not its number
        elif what != _SECTION:
            return f"{_plain(name)}{addend:+d}"
        section = self._sections[index]
        flags = section["sh_flags"]
        place = addend + 4 if kind in self._relative else addend
        if flags & _MERGE and flags & _STRINGS and 0 <= place < section["sh_size"]:
            data = self._bytes(index)
            return repr(data[place:data.index(b"\0", place)])
        if flags & _MERGE and section["sh_entsize"] and 0 <= place < section["sh_size"]:
            return self._bytes(index)[place:place + section["sh_entsize"]].hex()
        return f"{_plain(section.name)}{addend:+d}"


def _symbols(raw: bytes, narrow: bool) -> Iterator[tuple[int, int, int, int, int]]:
    """(name, info, section, value, size) of each entry of a symbol table."""
    if narrow:
        for name, value, size, info, _other, index in struct.iter_unpack("<IIIBBH", raw):
            yield name, info, index, value, size
    else:
        for name, info, _other, index, value, size in struct.iter_unpack("<IBBHQQ", raw):
            yield name, info, index, value, size


def name_at(strings: bytes, at: int) -> str:
    """The name that begins at `at` in a table of strings; raises ValueError where it has no end."""
    return strings[at:strings.index(b"\0", at, at + _NAME)].decode("utf-8", "replace")


def _plain(name: str) -> str:
    """A symbol or section name without the counters that shift when something is added before it."""
    name = _COUNTER.sub("", name)
    bare = name.rstrip(_DIGITS)
    return bare if bare != name and _UNIQUE.match(bare) else name
