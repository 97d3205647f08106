"""Kernel versions: read from a Makefile, compared as numbers."""

from __future__ import annotations

import re

_FIELD = re.compile(rb"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*:?=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_RELEASE = re.compile(r"(\d+(?:\.\d+)*)(?:-rc(\d+))?")
_LAST = {3: 19, 4: 20, 5: 19, 6: 19}     # the last minor number of each major one: 5.19 was followed by 6.0


def makefile_version(makefile: bytes | None) -> str:
    """The version that a kernel's top Makefile states: "6.1.187", "7.3-rc4"; "" where it states none.

    A release without a sublevel is named without it (v6.1 has SUBLEVEL = 0), as its tag is.
    """
    fields: dict[bytes, str] = {}
    for match in _FIELD.finditer((makefile or b"")[:4096]):
        fields.setdefault(match[1], match[2].decode("ascii", "replace"))
    numbers = [fields.get(key, "") for key in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL")]
    if not numbers[0].isdigit() or not numbers[1].isdigit():
        return ""
    text = f"{numbers[0]}.{numbers[1]}"
    if numbers[2].isdigit() and int(numbers[2]):
        text += f".{numbers[2]}"
    return text + fields.get(b"EXTRAVERSION", "")


def version_key(version: str) -> tuple[tuple[int, ...], int]:
    """Sorts "6.1.9" < "6.1.10" < "7.0-rc1" < "7.0"; what is no version sorts first."""
    match = _RELEASE.match(version)
    if match is None:
        return (), 0
    numbers = tuple(int(part) for part in match[1].split("."))
    return numbers + (0,) * (3 - len(numbers)), int(match[2]) if match[2] else 1 << 30


def series_key(series: str) -> tuple[int, ...] | None:
    """(6, 1) for "6.1"; None for a series that is a word."""
    return tuple(int(part) for part in series.split(".")) if re.fullmatch(r"\d+(\.\d+)*", series) else None


def windows(old: str, new: str) -> int:
    """How many merge windows lie between two releases: 0 within a series, 1 from 5.19.17 to 6.0.1. The series of a
    major number that goes on are counted as they are so far."""
    def number(version: str) -> int:
        major, minor = (*version_key(version)[0], 0, 0)[:2]
        return minor + sum(last + 1 for before, last in _LAST.items() if before < major)
    return number(new) - number(old)


def in_series(version: str, series: str) -> bool:
    """Whether "6.1.187" or "6.1-rc3" belongs to "6.1"; a series that is a word holds every version."""
    key = series_key(series)
    return key is None or version_key(version)[0][:len(key)] == key
