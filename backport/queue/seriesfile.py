"""A quilt `series` file: read as quilt reads it, appended to without touching a byte that is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backport.errors import UserError
from backport.wholefile import refused, write_whole


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """One patch of a series: file name as written, -p level, 1-based line."""

    name: str
    strip: int
    line: int


def read_series(directory: Path) -> tuple[SeriesEntry, ...]:
    """The entries of `directory`/series in order; no file, no entries.

    Raises UserError with file and line for a name that leaves the directory or an option that is not -pN: a queue
    can come from a stranger, and a name is a path.
    """
    path = directory / "series"
    if not path.is_file():
        return ()
    entries: list[SeriesEntry] = []
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        name, strip = words[0], 1
        for word in words[1:]:
            if not (word.startswith("-p") and word[2:].isdigit()):
                raise UserError(f"{path}:{number}: option {word!r} is not supported",
                                hint="a series file takes only -pN after a name")
            strip = int(word[2:])
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise UserError(f"{path}:{number}: {name!r} is not a file of this queue")
        if name in {entry.name for entry in entries}:
            raise UserError(f"{path}:{number}: {name!r} is listed twice")
        entries.append(SeriesEntry(name, strip, number))
    return tuple(entries)


def append_series(directory: Path, names: list[str]) -> None:
    """Add `names` at the end; what is there stays byte for byte (a missing last newline is added)."""
    path = directory / "series"
    old = path.read_bytes() if path.is_file() else b""
    gap = b"\n" if old and not old.endswith(b"\n") else b""
    replace_file(path, old + gap + b"".join(name.encode("utf-8", "surrogateescape") + b"\n" for name in names))


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a kill in between leaves the old one. A symbolic link is replaced, not
    followed."""
    try:
        write_whole(path, data, mode=0o644)
    except OSError as error:
        raise refused(path, error) from error
