"""The replay's table: exact, wrong and declined, for each class of cases, for certain answers alone and for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Protocol

from tabulate import tabulate

from backport.replay.score import Score


class Scored(Protocol):
    """A case that was run: one file of a release, or a whole commit."""

    @property
    def score(self) -> Score: ...
    @property
    def certain(self) -> bool: ...
    @property
    def taken(self) -> bool: ...
    @property
    def same_lines(self) -> bool: ...
    @property
    def seconds(self) -> float: ...
    @property
    def others(self) -> Mapping[str, str]: ...
    @property
    def several(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def signals(self) -> tuple[str, ...]: ...
    @property
    def best(self) -> Scored: ...
    @property
    def alike(self) -> bool: ...
    def as_dict(self) -> dict[str, Any]: ...


_Classes = dict[str, Callable[[Scored], bool]]

_FILES: _Classes = {
    "all cases": lambda o: True,
    "git apply takes": lambda o: o.taken,
    "git apply rejects": lambda o: not o.taken,
    "  same lines": lambda o: not o.taken and o.same_lines,
    "  other lines": lambda o: not o.taken and not o.same_lines,
}
_COMMITS: _Classes = _FILES | {
    "  one file": lambda o: not o.taken and not o.several,
    "  several files": lambda o: not o.taken and o.several,
    "  with a donor": lambda o: not o.taken and o.best is not o,
}


def _classes(outcomes: Sequence[Scored]) -> _Classes:
    return _COMMITS if any(o.several for o in outcomes) else _FILES


def summary(outcomes: Sequence[Scored]) -> dict[str, Any]:
    """JSON-ready: per class and per voice the counts, and the CPU seconds per case."""
    voices: dict[str, Callable[[Scored], tuple[str, bool]]] = {
        "backport (all answers)": lambda o: (str(o.score), True),
        "backport (certain)": lambda o: (str(o.score) if o.certain else "none", True),
    }
    if any(o.best is not o for o in outcomes):
        voices["with donors (all answers)"] = lambda o: (str(o.best.score), True)
        voices["with donors (certain)"] = lambda o: (str(o.best.score) if o.best.certain else "none", True)
    for name in dict.fromkeys(name for o in outcomes for name in o.others):
        voices[name] = lambda o, name=name: (o.others.get(name, "none"), name in o.others)  # type: ignore[misc]
    classes: dict[str, Any] = {}
    for title, member in _classes(outcomes).items():
        mine = [o for o in outcomes if member(o)]
        rows = {}
        for voice, read in voices.items():
            seen = [answer for answer, asked in map(read, mine) if asked]
            if seen and len(seen) == len(mine):
                rows[voice] = {str(s): seen.count(str(s)) for s in Score} | {"cases": len(seen)}
        classes[title.strip()] = rows
    times = sorted(o.best.seconds for o in outcomes)
    return {"cases": len(outcomes), "classes": classes,
            "seconds": {"median": round(median(times), 4), "p95": round(times[(len(times) * 95 - 1) // 100], 3),
                        "worst": round(times[-1], 3)} if times else {}}


def text(outcomes: Sequence[Scored]) -> str:
    """The table for people."""
    data = summary(outcomes)
    rows: list[list[Any]] = []
    for title in _classes(outcomes):
        for voice, counts in data["classes"][title.strip()].items():
            n = counts["cases"]
            answered = counts["exact"] + counts["wrong"]
            rows.append([title if not rows or rows[-1][-1] != title else "", n, voice,
                         _percent(counts["exact"], n), _percent(counts["wrong"], n), _percent(counts["none"], n),
                         f"1 in {answered / counts['wrong']:.0f}" if counts["wrong"] else "none", title])
    table = tabulate([row[:-1] for row in rows],
                     ["cases", "number", "voice", "exact", "wrong", "declined", "wrong among answers"],
                     disable_numparse=True, colalign=("left", "right", "left", "right", "right", "right", "right"))
    seconds = data["seconds"]
    alike = [one.name for one in outcomes if one.best.alike]
    table += f"\n\nwrong in empty lines or in the order of operands alone: {', '.join(alike)}" if alike else ""
    return table + (f"\n\n{data['cases']} cases; CPU seconds per case: median {seconds['median']:.3f}, "
                    f"95 % within {seconds['p95']:.2f}, worst {seconds['worst']:.2f}\n" if seconds else "\n")


def _percent(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.1f} %)" if of else "0"
