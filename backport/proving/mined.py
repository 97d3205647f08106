"""Names that an older tree spells otherwise throughout, learned from two trees: counted for and against.

The functions that both trees have under one name in one file are aligned line by line. Where two lines differ in one
name and nothing else, the newer name is a candidate for the older one. It is believed only where that holds everywhere:
what the older tree also writes with the newer name, or with a third one, counts against. That says how the trees are
spelled, not that the two mean the same: what comes of it is for review, and a person makes a certain rule of it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from backport.csource.functions import Function, functions
from backport.csource.pieces import KEYWORDS, squeeze
from backport.csource.tokens import TRIVIA, Kind, Token, lex

_LONGEST = 800           # lines of a function that is aligned
_SHORTEST = 4            # letters of a name that is learned: shorter ones are variables
_EXAMPLES = 3
_MEMBER = (b"->", b".")


@dataclass(frozen=True, slots=True)
class Spelling:
    """`new` of the newer tree is `old` in the older one, in `agree` of `agree + against` places of `functions`
    functions in `files` files. `call` gives the number of arguments where it is always called with as many, else -1.
    `still` is how often the newer tree writes `old` itself: a name that stays was not renamed, and the newer one may
    be a wrapper of it. `also` are other newer names for the same older one: the name does not tell which is meant.
    `examples` are (path, newer line, older line)."""

    new: str
    old: str
    kind: str                        # "call", "member", "name"
    agree: int
    against: int
    functions: int
    files: int
    call: int = -1
    still: int = 0
    also: tuple[str, ...] = ()
    examples: tuple[tuple[str, str, str], ...] = ()

    @property
    def pure(self) -> bool:
        """Whether the older name is gone from the newer tree and stood for this one alone."""
        return not self.still and not self.also

    @property
    def evidence(self) -> str:
        """pde_data( is PDE_DATA( in 8 of 8 places, 8 functions, 3 files"""
        mark = "(" if self.kind == "call" else ""
        return (f"{self.new}{mark} is {self.old}{mark} in {self.agree} of {self.agree + self.against} places, "
                f"{self.functions} function{'s' if self.functions > 1 else ''}, "
                f"{self.files} file{'s' if self.files > 1 else ''}"
                + (f"; {self.old} also stands {self.still} times in the newer tree" if self.still else "")
                + (f"; {self.old} is {', '.join(self.also)} elsewhere" if self.also else ""))


@dataclass
class _Seen:
    places: int = 0
    functions: set[tuple[str, str]] = field(default_factory=set)
    arguments: Counter[int] = field(default_factory=Counter)
    examples: list[tuple[str, str, str]] = field(default_factory=list)


def mine(pairs: Iterable[tuple[str, bytes, bytes]], *, least: int = 3) -> tuple[Spelling, ...]:
    """What holds everywhere in `pairs` of (path, the newer tree's file, the older one's): names that were renamed and
    nothing else first, most places first.

    `least` places, in two functions at least: what only one function says may be a variable of its own.
    """
    seen: dict[tuple[bytes, bytes, str], _Seen] = defaultdict(_Seen)
    kept: Counter[bytes] = Counter()                 # names that stand in the older tree's lines as well
    stays: Counter[bytes] = Counter()                # names of the newer tree
    for path, newer, older in pairs:
        stays.update(token.text for token in _tokens(newer) if token.kind is Kind.NAME)
        kept.update(token.text for token in _tokens(older) if token.kind is Kind.NAME)
        for name, one, two in _both(newer, older):
            for new, old, kind, arguments, lines in _swaps(one, two):
                found = seen[new, old, kind]
                found.places += 1
                found.functions.add((path, name))
                found.arguments[arguments] += 1
                if len(found.examples) < _EXAMPLES:
                    found.examples.append((path, *lines))
    others: Counter[tuple[bytes, str]] = Counter()
    for (new, _old, kind), found in seen.items():
        others[new, kind] += found.places
    out: list[Spelling] = []
    for (new, old, kind), found in seen.items():
        against = others[new, kind] - found.places + kept[new]
        if against or found.places < least or len(found.functions) < 2:
            continue
        arguments = next(iter(found.arguments)) if len(found.arguments) == 1 else -1
        out.append(Spelling(_text(new), _text(old), kind, found.places, against, len(found.functions),
                            len({path for path, _ in found.functions}), arguments, stays[old],
                            examples=tuple(found.examples)))
    named: dict[str, set[str]] = defaultdict(set)
    for row in out:
        named[row.old].add(row.new)
    out = [replace(row, also=tuple(sorted(named[row.old] - {row.new}))) for row in out]
    return tuple(sorted(out, key=lambda row: (not row.pure, -row.agree, row.new, row.old)))


def _both(newer: bytes, older: bytes) -> Iterator[tuple[str, list[bytes], list[bytes]]]:
    """(name, lines there, lines here) of each function that both files define once."""
    here = _once(functions(older))
    for name, one in _once(functions(newer)).items():
        two = here.get(name)
        if two is not None and max(one.end - one.start, two.end - two.start) <= _LONGEST:
            yield (name, newer.split(b"\n")[one.start - 1:one.end], older.split(b"\n")[two.start - 1:two.end])


def _once(found: Iterable[Function]) -> dict[str, Function]:
    found = tuple(found)
    count = Counter(one.name for one in found)
    return {one.name: one for one in found if count[one.name] == 1}


def _swaps(one: list[bytes], two: list[bytes]) -> Iterator[tuple[bytes, bytes, str, int, tuple[str, str]]]:
    """(newer name, older name, what it is, arguments, the two lines) where aligned lines differ in one name alone."""
    matcher = SequenceMatcher(None, [squeeze(line) for line in one], [squeeze(line) for line in two], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "replace" or i2 - i1 != j2 - j1:
            continue
        for new, old in zip(one[i1:i2], two[j1:j2], strict=True):
            a, b = _tokens(new), _tokens(old)
            if len(a) != len(b):
                continue
            differ = [n for n, (x, y) in enumerate(zip(a, b, strict=True)) if x.text != y.text]
            names = {(a[n].text, b[n].text) for n in differ}
            if len(names) == 1 and all(_learned(a[n]) and _learned(b[n]) for n in differ):
                kind = _kind(a, differ[0])
                yield (*next(iter(names)), kind, _arguments(a, differ[0]) if kind == "call" else -1,
                       (_text(new.strip()), _text(old.strip())))


def _learned(token: Token) -> bool:
    return token.kind is Kind.NAME and len(token.text) >= _SHORTEST and token.text not in KEYWORDS


def _kind(tokens: list[Token], at: int) -> str:
    if at and tokens[at - 1].text in _MEMBER:
        return "member"
    return "call" if at + 1 < len(tokens) and tokens[at + 1].text == b"(" else "name"


def _arguments(tokens: list[Token], at: int) -> int:
    """How many arguments the call at `at` has on its line; -1 where it does not end there."""
    depth, count = 0, 0
    for number, token in enumerate(tokens[at + 1:]):
        depth += {b"(": 1, b"[": 1, b"{": 1, b")": -1, b"]": -1, b"}": -1}.get(token.text, 0)
        if depth == 1 and number and not count:
            count = 1
        if depth == 1 and token.text == b",":
            count += 1
        if depth == 0:
            return count
    return -1


def _tokens(source: bytes) -> list[Token]:
    return [token for token in lex(source) if token.kind not in TRIVIA]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def rule_text(one: Spelling, newer: str, older: str) -> str:
    """A rule file (docs/rules.md) for a call whose arguments are the same; "" where it is none. For review."""
    if one.kind != "call" or one.call < 0 or not one.pure or not re.fullmatch(r"[A-Za-z_]\w*", one.new + one.old):
        return ""
    holes = ", ".join(f"$A{n}" for n in range(1, one.call + 1))
    words = ", ".join(f"one->a{n}" for n in range(1, one.call + 1))
    path = one.examples[0][0]
    folder = path.rpartition("/")[0] or "."
    name = re.sub(r"[^a-z0-9]+", "-", one.new.lower()).strip("-")
    return f"""id: mined-{name}
title: {one.new}() is {one.old}()
appeared: unknown, between v{_release(older)} and v{_release(newer)}
applies_to: ["**/*.c", "**/*.h"]
probe:
  all:
    - absent: {{identifier: {one.new}}}
    - present: {{identifier: {one.old}}}
rewrite:
  - match: '{one.new}({holes})'
    replace: '{one.old}({holes})'
equivalent: false
differs: it was counted in two trees and read by nobody ({one.evidence})
note: >
  use $TO for $FROM: {one.evidence}
examples:
  - name: a call
    path: {folder}/example.c
    tree:
      {folder}/example.c: |2
        \t{one.old}({words});
    before: |
      @@
      -\t{one.new}({words});
      +\tif (ready)
      +\t\t{one.new}({words});
    after: |
      @@
      -\t{one.old}({words});
      +\tif (ready)
      +\t\t{one.old}({words});
    sure: review
  - name: a tree that has the name
    path: {folder}/example.c
    tree:
      {folder}/example.c: |2
        \t{one.new}({words});
        \t{one.old}({words});
    before: |
      @@
      -\t{one.new}({words});
    unchanged: true
"""


def _release(version: str) -> str:
    found = re.search(r"\d+\.\d+", version)
    return found[0] if found else version
