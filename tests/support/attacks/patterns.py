"""Every regular expression of the product on texts that repeat what it can match: time grows with the text.

The pumped texts follow from the expression itself: one character of each of its parts, alone and in pairs, repeated
behind each text that leads into it.
"""

from __future__ import annotations

import pkgutil
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import backport

_SIZE = 8_000                        # bytes: the square of it is some tenths of a second
_SLOW = 0.15                         # seconds
_GROWTH = 3.0
_ANCHORED = {"match", "fullmatch", "pattern"}
_SAMPLES = {kinds.CATEGORY_WORD: "a", kinds.CATEGORY_SPACE: " ", kinds.CATEGORY_DIGIT: "1",
            kinds.CATEGORY_NOT_SPACE: "a", kinds.CATEGORY_NOT_WORD: "-", kinds.CATEGORY_NOT_DIGIT: "a"}


@dataclass(frozen=True, slots=True)
class Expression:
    """One of them; `anchored`: its module only asks whether it matches where something begins."""

    pattern: re.Pattern[Any]
    anchored: bool


def expressions() -> dict[str, Expression]:
    """Every compiled expression at the top of a module, by where it stands and what it says."""
    found: dict[str, Expression] = {}

    def take(name: str, value: object, ways: str) -> None:
        if isinstance(value, re.Pattern):
            used = set(re.findall(rf"\b{name.rpartition('.')[2]}\.(\w+)\(", ways))
            # one that is handed to a function: does any of its module look further than where a text begins?
            anchored = used <= _ANCHORED if used else not re.search(r"\.(?:search|finditer|findall|subn?)\(", ways)
            found.setdefault(f"{name}: {value.pattern!r}", Expression(value, anchored))
        elif isinstance(value, tuple | list | frozenset | set):
            for one in value:
                take(name, one, ways)
        elif isinstance(value, dict):
            for one in (*value.keys(), *value.values()):
                take(name, one, ways)
        elif is_dataclass(value) and not isinstance(value, type):
            for field in fields(value):
                take(f"{name}.{field.name}", getattr(value, field.name, None), ways)

    for module in pkgutil.walk_packages(backport.__path__, "backport."):
        if module.name.endswith("__main__"):
            continue
        there = import_module(module.name)
        ways = Path(str(there.__file__)).read_text()
        for name, value in vars(there).items():
            if not name.startswith("__") and not callable(value) and re.search(rf"^{name}\b", ways, re.M):
                take(f"{module.name}.{name}", value, ways)
    return found


def characters(items: Any) -> Iterator[str]:
    """A character of each part of a parsed expression."""
    for kind, value in items:
        if kind in (kinds.LITERAL, kinds.NOT_LITERAL):
            yield chr(value) if kind is kinds.LITERAL else next(c for c in "a -" if ord(c) != value)
        elif kind is kinds.IN:
            yield from _of_class(value)
        elif kind is kinds.ANY:
            yield "a"
        elif kind is kinds.BRANCH:
            for one in value[1]:
                yield from characters(one)
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            yield from characters(value[2])
        elif kind is kinds.SUBPATTERN:
            yield from characters(value[-1])
        elif kind in (kinds.ASSERT, kinds.ASSERT_NOT):
            yield from characters(value[1])
        elif kind is kinds.ATOMIC_GROUP:
            yield from characters(value)


def _of_class(value: Any) -> Iterator[str]:
    if value and value[0][0] is kinds.NEGATE:
        yield next(c for c in "a -\t(;0" if not _inside(c, value[1:]))
        return
    for kind, what in value:
        if kind is kinds.LITERAL:
            yield chr(what)
        elif kind is kinds.RANGE:
            yield chr(what[0])
        elif kind is kinds.CATEGORY:
            yield _SAMPLES[what]


def _inside(char: str, value: Any) -> bool:
    return any((kind is kinds.LITERAL and ord(char) == what)
               or (kind is kinds.RANGE and what[0] <= ord(char) <= what[1])
               or (kind is kinds.CATEGORY and re.match(f"[{_CLASSES[what]}]", char)) for kind, what in value)


_CLASSES = {kinds.CATEGORY_WORD: r"\w", kinds.CATEGORY_SPACE: r"\s", kinds.CATEGORY_DIGIT: r"\d",
            kinds.CATEGORY_NOT_SPACE: r"\S", kinds.CATEGORY_NOT_WORD: r"\W", kinds.CATEGORY_NOT_DIGIT: r"\D"}


def example(items: Any) -> str:
    """A text that the parsed expression matches, each part once (nearly: assertions are passed over)."""
    out = ""
    for kind, value in items:
        if kind in (kinds.LITERAL, kinds.NOT_LITERAL, kinds.IN, kinds.ANY):
            out += next(characters([(kind, value)]), "")
        elif kind is kinds.BRANCH:
            out += example(value[1][0])
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            out += example(value[2]) * max(1, min(value[0], 12))
        elif kind is kinds.SUBPATTERN:
            out += example(value[-1])
        elif kind is kinds.ATOMIC_GROUP:
            out += example(value)
    return out


def spent(one: Expression, text: str) -> float:
    """Seconds of processor time to find all in `text`, or to match its beginning where nothing else is asked."""
    given: Any = text.encode("utf-8", "surrogateescape") if isinstance(one.pattern.pattern, bytes) else text
    began = time.process_time()
    if one.anchored:
        one.pattern.match(given)
    else:
        for _ in one.pattern.finditer(given):
            pass
    return time.process_time() - began


def texts(pattern: re.Pattern[Any], rng: random.Random) -> Iterator[tuple[str, str]]:
    """(what leads in, what is repeated)."""
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    items = parser.parse(source, pattern.flags & ~re.UNICODE & ~re.LOCALE & ~re.ASCII)
    signs = list(dict.fromkeys(characters(items)))[:14]
    whole = example(items)
    leads = ["", *(whole[:at] for at in sorted({*range(1, min(len(whole), 8)), len(whole) // 2, len(whole)}))]
    pumps = [*signs, whole, *(whole[:at] for at in range(2, min(len(whole), 30), 2)),
             *(one + other for one in signs for other in signs if one != other)]
    pairs = [(lead, pump) for lead in dict.fromkeys(leads) for pump in dict.fromkeys(pumps) if pump]
    return iter(rng.sample(pairs, min(len(pairs), 150)))


def attack(one: Expression, rng: random.Random) -> None:
    """Raises AssertionError with the text that is slow."""
    for lead, pump in texts(one.pattern, rng):
        text = lead + pump * (_SIZE // len(pump))
        if (once := spent(one, text)) < _SLOW:
            continue
        twice = spent(one, text + pump * (_SIZE // len(pump)))
        assert twice < once * _GROWTH, f"{lead!r}, {pump!r} repeated: {_SIZE} bytes {once:.2f} s, twice {twice:.2f} s"


class Patterns:
    """Every regular expression on texts that repeat what it can match: twice the text is twice the time."""

    def __init__(self, seed: int, words: Sequence[str] = ()) -> None:
        self.seed = seed
        self.found = {name: one for name, one in expressions().items() if not words or any(w in name for w in words)}

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        names = sorted(self.found)
        random.Random(self.seed).shuffle(names)
        for name in names:
            yield name, partial(attack, self.found[name], random.Random(f"{self.seed} {name}"))

    def close(self) -> None:
        """Nothing lies about."""
