"""Caches that count what they hold."""

from __future__ import annotations

import pytest

from backport import bounded
from backport.bounded import Bounded, by_content


def test_the_least_used_goes_first_and_the_weight_stays_below_the_limit() -> None:
    kept: Bounded[str, int] = Bounded(10)
    for name, weight in (("a", 4), ("b", 4)):
        kept.put(name, weight, weight)
    assert kept.get("a") == 4
    kept.put("c", 5, 5)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (4, None, 5)
    assert kept.put("huge", 11, 11) == 11
    assert (kept.get("huge"), kept.get("a")) == (None, 4)


def test_an_answer_is_kept_also_where_it_is_none() -> None:
    asked = []

    @by_content(1000)
    def length(source: bytes, more: int = 0) -> int | None:
        asked.append(source)
        return None if more else len(source)

    assert [length(b"ab"), length(b"ab"), length(b"ab", more=1), length(b"ab", more=1)] == [2, 2, None, None]
    assert asked == [b"ab", b"ab"]
    length(b"x" * 900)
    length(b"ab")
    assert len(asked) == 4


def test_every_text_that_an_answer_is_for_counts() -> None:
    asked = []

    @by_content(1000)
    def joined(kind: str, one: bytes, other: bytes) -> int:
        asked.append(kind)
        return len(one + other)

    for kind in "abab":
        joined(kind, b"x" * 300, b"y" * 300)             # two of them do not fit
    assert asked == ["a", "b", "a", "b"]


def test_memory_is_given_back_where_the_library_can_and_nothing_breaks_where_it_cannot(
        monkeypatch: pytest.MonkeyPatch) -> None:
    bounded.give_back()
    bounded.give_back_large()
    monkeypatch.setattr(bounded.ctypes, "CDLL", lambda name: object())
    bounded.give_back()
    bounded.give_back_large()
