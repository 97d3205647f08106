"""What a probe may ask about a tree, remembered, so that fifty rules read a file once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from weakref import WeakKeyDictionary

from backport.bounded import Bounded, by_content
from backport.csource.definitions import macros
from backport.csource.functions import functions
from backport.csource.tokens import CLOSER_OF, OPENER_OF, Kind, Token, code_only, lex, significant, whole_word
from backport.treeview import TreeView

_READ = 3 << 20                      # bytes of files that are kept for one tree


@lru_cache(maxsize=512)
def glob_regex(glob: str) -> re.Pattern[str]:
    """`*` stays inside a directory, `**` crosses them, `a/**` is everything below a."""
    out = ""
    for part in re.split(r"(\*\*/?|\*|\?)", glob):
        out += {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)
    return re.compile(out + r"\Z")


@by_content(8 << 20)
def _code(data: bytes) -> bytes:
    return code_only(data)


class Facts:
    """Questions to one tree; every answer is computed once."""

    def __init__(self, view: TreeView) -> None:
        self.view = view
        self._paths: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._bytes: Bounded[str, tuple[bytes | None]] = Bounded(_READ)
        self._answers: dict[tuple[object, ...], tuple[str, ...]] = {}

    def read(self, path: str) -> bytes | None:
        known = self._bytes.get(path)
        if known is None:
            data = self.view.read(path)
            known = self._bytes.put(path, (data,), len(data or b"") + 64)
        return known[0]

    def paths(self, globs: Iterable[str]) -> tuple[str, ...]:
        """The C files that any of `globs` names (any file where a glob names one exactly)."""
        key = tuple(globs)
        if key not in self._paths:
            if all("*" not in glob and "?" not in glob for glob in key):
                found = tuple(glob for glob in key if self.read(glob) is not None)
            else:
                found = tuple(dict.fromkeys(path for glob in key for path in self._below(glob)))
            self._paths[key] = found
        return self._paths[key]

    def _below(self, glob: str) -> Iterator[str]:
        """Paths that one glob names, sorted; a directory without `*` or `?` in it is all that is listed."""
        top = re.split(r"[*?]", glob, maxsplit=1)[0].rpartition("/")[0]
        test = glob_regex(glob)
        paths = self.view.below(top) if top else self.view.paths()
        return (path for path in paths if path.endswith((".c", ".h", ".S")) and test.match(path))

    def _where(self, key: tuple[object, ...], globs: tuple[str, ...], word: bytes, test: object) -> tuple[str, ...]:
        full = (*key, globs)
        if full not in self._answers:
            assert callable(test)
            self._answers[full] = tuple(path for path in self.paths(globs)
                                        if word in (data := self.read(path) or b"") and test(data))
        return self._answers[full]

    def identifier(self, name: str, globs: tuple[str, ...]) -> tuple[str, ...]:
        """Files that use the name in code (not in a comment, not in a string)."""
        word = name.encode()
        test = whole_word(word)
        return self._where(("identifier", name), globs, word,
                           lambda data: test.search(data) is not None and test.search(_code(data)) is not None)

    def function(self, name: str, globs: tuple[str, ...]) -> tuple[str, ...]:
        """Files that define a function of that name."""
        return self._where(("function", name), globs, name.encode(),
                           lambda data: any(f.name == name for f in functions(data)))

    def macro(self, name: str, globs: tuple[str, ...]) -> tuple[str, ...]:
        """Files that `#define` it."""
        word = name.encode()
        return self._where(("macro", name), globs, word, lambda data: word in macros(data))

    def field(self, struct: str, name: str, globs: tuple[str, ...]) -> tuple[str, ...]:
        """Files that define `struct NAME { ... }` with that member (members of inner structures count)."""
        return self._where(("field", struct, name), globs, struct.encode(),
                           lambda data: name.encode() in members(data, struct))

    def matches(self, regexp: str, globs: tuple[str, ...]) -> tuple[str, ...]:
        """Files whose text holds the regular expression (`^` and `$` at lines)."""
        test = re.compile(regexp.encode(), re.MULTILINE)
        return self._where(("regexp", regexp), globs, b"", lambda data: test.search(data) is not None)

    def parameters(self, function: str, count: int, globs: tuple[str, ...]) -> tuple[str, ...]:
        """Files that declare or define `function` with that many parameters (void: 0)."""
        return self._where(("parameters", function, count), globs, function.encode(),
                           lambda data: count in parameter_counts(data, function))


_FACTS: WeakKeyDictionary[TreeView, Facts] = WeakKeyDictionary()


def facts_of(view: TreeView) -> Facts:
    """The memory that belongs to this view; a view that cannot be remembered gets a fresh one."""
    try:
        if view not in _FACTS:
            _FACTS[view] = Facts(view)
        return _FACTS[view]
    except TypeError:
        return Facts(view)


@by_content(2 << 20)
def members(source: bytes, struct: str) -> frozenset[bytes]:
    """Names that stand in front of `;`, `[`, `:`, `,` or `)` in the body of `struct NAME { ... }`."""
    words = significant(lex(source))
    wanted = struct.encode()
    found: set[bytes] = set()
    for i in range(1, len(words) - 1):
        # `struct __attribute__((packed)) vmcb_control_area {`: what stands between is not looked at
        if (words[i].text == wanted and words[i + 1].text == b"{"
                and any(word.text in (b"struct", b"union") for word in words[max(0, i - 8):i])):
            depth = 0
            for j in range(i + 1, len(words) - 1):
                depth += (words[j].text == b"{") - (words[j].text == b"}")
                if depth == 0:
                    break
                if words[j].kind is Kind.NAME and words[j + 1].text in (b";", b"[", b":", b",", b")"):
                    found.add(words[j].text)
    return frozenset(found)


@by_content(2 << 20)
def parameter_counts(source: bytes, function: str) -> frozenset[int]:
    """How many parameters the prototypes, definitions and function-like macros of that name have."""
    words = significant(lex(source))
    name = function.encode()
    return frozenset(_count(words, i + 1) for i in range(1, len(words) - 1)
                     if words[i].text == name and words[i + 1].text == b"("
                     and _declaration(words, i))


def _declaration(words: tuple[Token, ...], at: int) -> bool:
    """True where the `(` behind words[at] opens parameters: a type or `#define` in front of the name shows it."""
    before = words[at - 1]
    if before.kind is Kind.DIRECTIVE:
        return before.text.endswith(b"define")
    if before.text == b"*":          # `struct page *name(struct ...`, and not `a * name(b)`
        return at >= 2 and words[at - 2].kind is Kind.NAME and words[at + 2].kind is Kind.NAME and (
            words[at + 3].kind is Kind.NAME or words[at + 3].text in (b"*", b")"))
    return before.kind is Kind.NAME and before.text not in (b"return", b"else", b"case", b"do")


def _count(words: tuple[Token, ...], opening: int) -> int:
    depth = 0
    commas = 0
    for i in range(opening, len(words)):
        if words[i].text in CLOSER_OF:
            depth += 1
        elif words[i].text in OPENER_OF:
            depth -= 1
            if depth == 0:
                inner = words[opening + 1:i]
                return 0 if not inner or (len(inner) == 1 and inner[0].text == b"void") else commas + 1
        elif words[i].text == b"," and depth == 1:
            commas += 1
    return -1
