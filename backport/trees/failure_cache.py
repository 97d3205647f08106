"""Sources that failed, remembered for some hours, so that a run does not wait for dead hosts every time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from backport.trees.store import read_json, write_json


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source (or a whole host) could not give a tree, and when it was asked (seconds since the epoch)."""

    reason: str
    when: float


class Memory:
    """A small JSON file; written only by the one writer of the store."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._entries: dict[str, Failure] = {}
        self._dirty = False
        self.load()

    def load(self) -> None:
        now = time.time()
        self._entries = {}
        for key, value in read_json(self._path).items():
            if isinstance(value, dict) and isinstance(value.get("when"), int | float):
                failure = Failure(str(value.get("reason", "")), float(value["when"]))
                if 0 <= now - failure.when < self._seconds:    # a clock that was set back must not freeze a failure
                    self._entries[key] = failure
        self._dirty = False

    def get(self, key: str) -> Failure | None:
        return self._entries.get(key)

    def put(self, key: str, reason: str, when: float) -> None:
        self._entries[key] = Failure(reason, when)
        self._dirty = True

    def forget(self, *keys: str) -> None:
        for key in keys:
            self._dirty = self._entries.pop(key, None) is not None or self._dirty

    def save(self) -> None:
        if self._dirty:
            write_json(self._path, {key: {"reason": f.reason, "when": f.when} for key, f in self._entries.items()})
            self._dirty = False


def age(seconds: float) -> str:
    """"40 s", "12 min", "2 h", "3 d": how people say it."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
