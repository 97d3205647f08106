"""One file of C: what is read of it, each thing once.

The file is cut behind every `}` at column 0. What a piece says by itself (its code without comments, its functions,
its calls) is kept by the piece's text: the four revisions of one file are equal but for a few of their pieces, so the
second to the fourth cost next to nothing. What depends on where a piece stands is worked out here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import accumulate

from backport.bounded import by_content
from backport.csource import calls, preprocessor, signatures
from backport.csource.layout import Block, Function, blocks_in, functions_in
from backport.csource.pieces import COMMENT_OR_STRING, code
from backport.csource.tokens import identifiers

_OPENS = re.compile(rb"\{\s*$", re.MULTILINE)


class Piece:
    """Some lines of a file. Its facts count lines from its own first one."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @staticmethod
    @by_content(4 << 20)
    def of(text: bytes) -> Piece:
        """The piece of this text: one object for all revisions that have it."""
        return Piece(text)

    @cached_property
    def lines(self) -> list[bytes]:
        """Its lines without their ends; an empty one behind the last line end."""
        return self.text.split(b"\n")

    @cached_property
    def words(self) -> frozenset[bytes]:
        """Every name in it, those in comments and literals included."""
        return frozenset(identifiers(self.text, comments=True))

    @cached_property
    def names(self) -> frozenset[bytes]:
        """Every name in its code."""
        return frozenset(identifiers(self.bare, comments=True))

    @cached_property
    def bare(self) -> bytes:
        """Its code: comments and the insides of strings are blanks; as long as the text."""
        return code(self.text)

    @cached_property
    def bare_lines(self) -> list[bytes]:
        return self.bare.split(b"\n")

    @cached_property
    def functions(self) -> list[Function]:
        return functions_in(self.lines)

    @cached_property
    def blocks(self) -> list[Block]:
        return blocks_in(self.lines, self.functions) if _opens(self.text) else []

    @cached_property
    def calls(self) -> dict[bytes, frozenset[int]]:
        """name -> the numbers of arguments that it is called or declared with (`calls.calls`)."""
        found: dict[bytes, set[int]] = {}
        for name, count in calls.calls(self.bare):
            found.setdefault(name, set()).add(count)
        return {name: frozenset(counts) for name, counts in found.items()}

    @cached_property
    def members(self) -> frozenset[bytes]:
        return calls.member_names(self.bare)

    @cached_property
    def of_members(self) -> frozenset[tuple[bytes, bytes]]:
        return calls.of_members(self.bare)

    @cached_property
    def checked(self) -> frozenset[tuple[bytes, bytes]]:
        return calls.checked(self.bare)

    @cached_property
    def conditionals(self) -> tuple[preprocessor.Directive, ...]:
        return preprocessor.conditionals(self.bare)

    @cached_property
    def macros(self) -> list[tuple[int, bytes]]:
        return preprocessor.define_lines(self.bare)

    @cached_property
    def variables(self) -> frozenset[bytes]:
        return signatures.file_variables(self.bare)


class Source:
    """What is read of one file. Lines and functions are 1-based where their types say so, indexes 0-based."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @staticmethod
    @by_content(3 << 20)              # with what is read of them seven times that
    def of(data: bytes) -> Source:
        """The source of these bytes: read once, however often it is asked for."""
        return Source(data)

    @cached_property
    def pieces(self) -> tuple[tuple[int, Piece], ...]:
        """(0-based first line, piece) of the whole file, in order."""
        out = []
        at = 0
        for text in _cut(self.data):
            out.append((at, Piece.of(text)))
            at += text.count(b"\n")
        return tuple(out)

    @cached_property
    def lines(self) -> tuple[bytes, ...]:
        """The lines without their ends; an empty one behind the last line end."""
        return tuple(self.data.split(b"\n"))

    @cached_property
    def bare(self) -> bytes:
        """The code of the file (`Piece.bare`)."""
        return b"".join(piece.bare for _, piece in self.pieces)

    @cached_property
    def bare_lines(self) -> tuple[bytes, ...]:
        """`lines` without comments and the insides of strings."""
        return tuple(self.bare.split(b"\n"))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function that the file defines, in order of lines."""
        return tuple(Function(f.name, at + f.start, at + f.body, at + f.end)
                     for at, piece in self.pieces for f in piece.functions)

    @cached_property
    def _starts(self) -> list[int]:
        return [at for at, _ in self.pieces]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every struct, enum and table at column 0, in order of lines."""
        return tuple(Block(b.name, at + b.start, at + b.end) for at, piece in self.pieces for b in piece.blocks)

    def _having(self, name: bytes) -> list[tuple[int, Piece]]:
        """The pieces in which `name` stands at all: no other one is read for it."""
        if name not in self._found:
            self._found[name] = list(self._with(name))
        return self._found[name]

    def _with(self, name: bytes) -> Iterator[tuple[int, Piece]]:
        """One search through the file, and not one through each of a thousand pieces."""
        at = self.data.find(name)
        while at >= 0:
            index = bisect_right(self._offsets, at) - 1
            yield self.pieces[index]
            if index + 1 == len(self._offsets):
                return
            at = self.data.find(name, self._offsets[index + 1])

    @cached_property
    def _offsets(self) -> list[int]:
        """The byte that each piece begins at."""
        return list(accumulate((len(piece.text) for _, piece in self.pieces[:-1]), initial=0))

    @cached_property
    def _holding(self) -> dict[int, Function | None]:
        return {}

    @cached_property
    def _found(self) -> dict[bytes, list[tuple[int, Piece]]]:
        return {}

    def on(self, lines: Collection[int]) -> Iterator[tuple[int, Piece]]:
        """The pieces that hold the 1-based `lines`."""
        for index in sorted({bisect_right(self._starts, line - 1) - 1 for line in lines if line > 0}):
            yield self.pieces[index]

    def enclosing(self, line: int) -> Function | None:
        """The function that holds 1-based `line` (its signature counts), None at file level."""
        if line not in self._holding:
            self._holding[line] = self._holder(line)
        return self._holding[line]

    def _holder(self, line: int) -> Function | None:
        index = bisect_right(self._starts, line - 1) - 1
        for at, piece in self.pieces[max(0, index - 1):index + 1][::-1]:     # an unclosed one ends with its piece
            found = [f for f in piece.functions if at + f.start <= line]
            if found:
                f = found[-1]
                return Function(f.name, at + f.start, at + f.body, at + f.end) if line <= at + f.end else None
        return None

    def block(self, line: int) -> Block | None:
        """The block that holds 1-based `line`, its first and last line not counted; None elsewhere."""
        return next((Block(b.name, at + b.start, at + b.end) for at, piece in self.on((line,)) for b in piece.blocks
                     if at + b.start < line <= at + b.end), None)

    def functions_named(self, name: str) -> list[Function]:
        """Every function of that name, in order of lines."""
        return [Function(name, at + f.start, at + f.body, at + f.end) for at, piece in self._having(name.encode())
                for f in piece.functions if f.name == name]

    def function(self, name: str) -> Function | None:
        """The only function of that name, None where there is none or more than one."""
        found = self.functions_named(name)
        return found[0] if len(found) == 1 else None

    def has_word(self, name: bytes) -> bool:
        """Whether `name` stands anywhere, in a comment or a literal too."""
        return any(name in piece.words for _, piece in self._having(name))

    def has_name(self, name: bytes) -> bool:
        """Whether `name` stands in the code."""
        return any(name in piece.names for _, piece in self._having(name))

    def arities(self, name: bytes) -> frozenset[int]:
        """With how many arguments the file calls or declares `name` (calls.VARIES: any number)."""
        return frozenset(count for _, piece in self._having(name) for count in piece.calls.get(name, ()))

    def has_member(self, name: bytes) -> bool:
        """Whether `name` stands behind `->` or `.` anywhere."""
        return any(name in piece.members for _, piece in self._having(name))

    def calls_on(self, member: bytes) -> frozenset[bytes]:
        """What the file calls with this member of something as the first argument."""
        return frozenset(called for _, piece in self._having(member) for called, of in piece.of_members if of == member)

    def checks(self, name: bytes) -> frozenset[bytes]:
        """In which ways the value of `name`() is tested by the next statement (`calls.checked`)."""
        return frozenset(way for _, piece in self._having(name) for called, way in piece.checked if called == name)

    @cached_property
    def conditions(self) -> tuple[tuple[bytes, ...], ...]:
        """For each line the conditions of the preprocessor that it is under."""
        directives = ((at, one) for at, piece in self.pieces for one in piece.conditionals)
        return preprocessor.conditions(directives, len(self.lines))

    def is_variable(self, name: bytes) -> bool:
        """Whether the file declares a variable of that name at column 0."""
        return any(name in piece.variables for _, piece in self._having(name))

    def head(self, name: bytes) -> signatures.Signature | None:
        """The only head of the function or macro of that name, None where there is none or they differ."""
        found = {one for _, piece in self._having(name) for one in signatures.heads(piece.bare, name)}
        if any(all(one.names) for one in found):         # a prototype may leave names out: the definition has them
            found = {one for one in found if all(one.names)}
        return next(iter(found)) if len(found) == 1 else None

    def parameters(self, name: bytes) -> int | None:
        """How many parameters the only head of that name has; None where there is none, or where it is not clear."""
        head = self.head(name)
        return len(head.names) if head is not None and len(head.names) in self.arities(name) else None

    def text(self, one: Function | Block) -> bytes:
        """The text of a function or block, its first and last line included."""
        return b"\n".join(self.lines[one.start - 1:one.end]) + b"\n"

    def code(self, one: Function | Block) -> bytes:
        """The same without comments and the insides of strings."""
        return b"\n".join(self.bare_lines[one.start - 1:one.end]) + b"\n"


def _cut(data: bytes) -> Iterator[bytes]:
    """The texts of the pieces: a brace inside a comment ends none."""
    start = 0
    for end in _ends(data):
        if not _open(data, start, end):
            yield data[start:end]
            start = end
    if start < len(data) or not data:
        yield data[start:]


def _ends(data: bytes) -> Iterator[int]:
    """The end of each line that begins with `}` and has one. Looked for as bytes: an expression tries each byte."""
    line = 0 if data.startswith(b"}") else _closing(data, 0)
    while line >= 0 and (end := data.find(b"\n", line) + 1):
        yield end
        line = _closing(data, end - 1)


def _closing(data: bytes, at: int) -> int:
    """The next `}` that stands behind a line end, -1 where there is none."""
    found = data.find(b"\n}", at)
    return found + 1 if found >= 0 else -1


def _opens(text: bytes) -> bool:
    """Whether a line that begins with a name ends with a brace."""
    for brace in _OPENS.finditer(text):
        start = text.rfind(b"\n", 0, brace.start()) + 1
        if start < brace.start() and (text[start:start + 1].isalpha() or text[start:start + 1] == b"_"):
            return True
    return False


def _open(data: bytes, start: int, end: int) -> bool:
    """Whether a comment that begins in data[start:end] goes on behind it."""
    begun = data.rfind(b"/*", start, end)
    if begun < 0 or data.find(b"*/", begun + 2, end) >= 0:
        return False                 # the usual case: nothing to look at closely
    last = b""
    for match in COMMENT_OR_STRING.finditer(data[start:end]):
        last = match[0]
    return last.startswith(b"/*") and not (len(last) > 3 and last.endswith(b"*/"))
