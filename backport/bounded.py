"""What is worth keeping is kept up to a weight, the least recently used goes first.

A cache that counts entries holds 64 files of 100 bytes or 64 of a megabyte, with all that was read out of them: 450 MB
over a few hundred cells. These count what they hold.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, TypeVar, cast

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
P = ParamSpec("P")


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

    def clear(self) -> None:
        self._rows.clear()
        self._weight = 0


def by_content(limit: int) -> Callable[[Callable[Concatenate[bytes, P], V]], Callable[Concatenate[bytes, P], V]]:
    """As functools.lru_cache, for a function of some bytes: answers are kept for at most `limit` bytes of input."""
    def decorate(function: Callable[Concatenate[bytes, P], V]) -> Callable[Concatenate[bytes, P], V]:
        kept: Bounded[tuple[object, ...], tuple[V]] = Bounded(limit)

        @wraps(function)
        def answered(source: bytes, *args: P.args, **named: P.kwargs) -> V:
            key = (source, *args, *named.items())
            known = kept.get(key)
            if known is None:
                known = kept.put(key, (function(source, *args, **named),), len(source) + 64)
            return known[0]
        return cast("Callable[Concatenate[bytes, P], V]", answered)
    return decorate
