"""What is worth keeping is kept up to a weight, the least recently used goes first.

A cache that counts entries holds 64 files of 100 bytes or 64 of a megabyte, with all that was read out of them: 450 MB
over a few hundred cells. These count what they hold.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import wraps
from typing import Generic, ParamSpec, TypeVar

_MMAP_THRESHOLD = -3                 # as malloc.h has it

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
P = ParamSpec("P")


def give_back() -> None:
    """Return to the system what malloc keeps of memory that was freed: 40 MB after
    200 cells. Nothing where the C library has no such call."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def give_back_large() -> None:
    """From now on a large block goes back to the system when it is freed. malloc raises its own bound with each that
    was freed, to 32 MB, and what it then kept between small blocks was 30 MB of 170 after sixty cells."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 128 << 10)


class Bounded(Generic[K, V]):
    """At most `limit` of weight, in whatever unit its user counts. Not thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._rows: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        row = self._rows.get(key)
        if row is None:
            return None
        self._rows.move_to_end(key)
        return row[0]

    def put(self, key: K, value: V, weight: int) -> V:
        """Keep `value`, unless it is heavier than everything that may be kept."""
        if weight <= self._limit and key not in self._rows:
            self._rows[key] = (value, weight)
            self._weight += weight
            while self._weight > self._limit:
                self._weight -= self._rows.popitem(last=False)[1][1]
        return value

    def values(self) -> list[V]:
        """What is kept, the least recently used first."""
        return [value for value, _weight in self._rows.values()]

    def clear(self) -> None:
        self._rows.clear()
        self._weight = 0


def by_content(limit: int) -> Callable[[Callable[P, V]], Callable[P, V]]:
    """As functools.lru_cache, for a function of bytes and what can be a key: answers are kept for at most `limit` bytes
    of input. What an answer takes beside that is the user's to know: the tokens of a file fifty times its text."""
    def decorate(function: Callable[P, V]) -> Callable[P, V]:
        kept: Bounded[tuple[object, ...], tuple[V]] = Bounded(limit)

        @wraps(function)
        def answered(*args: P.args, **named: P.kwargs) -> V:
            key = (*args, *named.items())
            known = kept.get(key)
            if known is None:
                weight = 64 + sum(len(one) for one in args if isinstance(one, bytes))
                known = kept.put(key, (function(*args, **named),), weight)
            return known[0]
        return answered
    return decorate
