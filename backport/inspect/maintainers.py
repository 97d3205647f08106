"""Phase 7: whose subsystem it is, read from the tree's own MAINTAINERS file."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from backport.inspect.facts import Fact, cannot_know


@dataclass(frozen=True, slots=True)
class MaintainersEntry:
    """One section of MAINTAINERS; `fields` are (letter, value) in order."""

    name: str
    line: int
    fields: tuple[tuple[str, str], ...]

    def all(self, letter: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.fields if key == letter)


def read_maintainers(data: bytes) -> tuple[MaintainersEntry, ...]:
    """The sections of a MAINTAINERS file: a name line followed by `X:\\tvalue` lines."""
    entries: list[MaintainersEntry] = []
    name, start, fields = "", 0, []
    for number, raw in enumerate([*data.decode("utf-8", "replace").split("\n"), ""], 1):
        if len(raw) > 2 and raw[0].isupper() and raw[1] == ":" and raw[2] in "\t ":
            fields.append((raw[0], raw[2:].strip()))
            continue
        if name and fields:
            entries.append(MaintainersEntry(name, start, tuple(fields)))
        fields = []
        name, start = (raw.strip(), number) if raw.strip() else ("", 0)
    return tuple(entries)


def covers(entry: MaintainersEntry, path: str) -> int:
    """How closely an entry covers a path: components without wildcards in its best F: pattern, 0 for none or where
    X: excludes it."""
    if any(_matches(pattern, path) for pattern in entry.all("X")):
        return 0
    return max((sum(not set(part) & set("*?[") for part in pattern.rstrip("/").split("/"))
                for pattern in entry.all("F") if _matches(pattern, path)), default=0)


def subsystem_facts(data: bytes | None, paths: Iterable[str], tree: str) -> tuple[Fact, ...]:
    """The closest entry for each path: name, people, lists, status."""
    if data is None:
        return (cannot_know("maintained", "the subsystem", f"{tree or 'no tree'} has no MAINTAINERS file"),)
    entries = read_maintainers(data)
    facts: dict[str, Fact] = {}
    for path in paths:
        found = [(covers(entry, path), entry) for entry in entries]
        depth, best = max(found, key=lambda pair: pair[0], default=(0, None))
        if best is None or depth == 0:
            facts.setdefault(path, cannot_know("maintained", f"{path}: the subsystem",
                                               "no entry of MAINTAINERS covers it"))
            continue
        people = ", ".join(best.all("M")) or "nobody named"
        facts.setdefault(best.name, Fact(
            "maintained", f"{path}: {best.name}; maintainers {people}; lists {', '.join(best.all('L')) or 'none'}; "
                          f"status {', '.join(best.all('S')) or 'unknown'}", f"MAINTAINERS:{best.line} of {tree}"))
    return tuple(facts.values())


def _matches(pattern: str, path: str) -> bool:
    """MAINTAINERS' own rule: a trailing / means everything below, a * stays within one directory."""
    if pattern.endswith("/"):
        parts = pattern.rstrip("/").split("/")
        return len(path.split("/")) > len(parts) and all(
            fnmatch.fnmatchcase(a, b) for a, b in zip(path.split("/"), parts, strict=False))
    parts, names = pattern.split("/"), path.split("/")
    if len(names) < len(parts) or not all(fnmatch.fnmatchcase(a, b) for a, b in zip(names, parts, strict=False)):
        return False
    return len(names) == len(parts)
