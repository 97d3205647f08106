"""A Behaviour in words, for the terminal."""

from __future__ import annotations

from backport.boot.behaviour import Behaviour
from backport.boot.outcome import Side


def render(behaviour: Behaviour, title: str, place: str) -> str:
    """Some lines of plain text; `place` is where the logs are."""
    lines = [f"{title}: {behaviour.verdict}", f"  {behaviour.reason}"]
    for words, side in (("without the patch", behaviour.before), ("with the patch", behaviour.after)):
        if side is not None:
            lines += [f"  {words}: {side.sentence}", *_points(side)]
    lines += [f"  note: {note}" for note in behaviour.notes]
    if behaviour.seconds:
        times = ", ".join(f"{name} {value:.1f} s" for name, value in behaviour.seconds.items())
        lines.append(f"  {times}; {behaviour.machine}")
    if behaviour.logs:
        lines.append(f"  logs: {place}")
    return "\n".join(lines)


def _points(side: Side) -> list[str]:
    return [f"    {'ok    ' if point.ok else 'not ok'} {point.name}" for point in side.one.transcript.points]
