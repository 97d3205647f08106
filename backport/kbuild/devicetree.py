"""Device trees: what make calls the blob of a source, and the sources that include a piece of one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from backport.kbuild.headers import naming

SOURCES = (".dts", ".dtso")
ENDINGS = (*SOURCES, ".dtsi")
MOST = 3                 # blobs that are made for one .dtsi
_LEVELS = 4              # a board includes a module, which includes the SoC, which includes its family
_INCLUDE = re.compile(rb'^\s*(?:#\s*include\s*[<"]|/include/\s*")([^>"\n]+)[>"]', re.MULTILINE)
_PLACE = re.compile(r"^arch/[^/]+/boot/dts/(.+)$")


def target(path: str) -> str:
    """`rockchip/x.dtb` for arch/arm64/boot/dts/rockchip/x.dts, as the top Makefile's %.dtb wants it; "" for what is no
    source below an architecture's dts directory."""
    place = _PLACE.match(path)
    if place is None or not path.endswith(SOURCES):
        return ""
    return posixpath.splitext(place[1])[0] + (".dtbo" if path.endswith(".dtso") else ".dtb")


def targets(source: Path, path: str) -> tuple[tuple[str, ...], int]:
    """(blobs to make for `path`, how many sources include it); of a .dtsi's users at most `MOST`, by name."""
    if path.endswith(SOURCES):
        return ((name,), 1) if (name := target(path)) else ((), 0)
    boards = sorted(dict.fromkeys(user for user in _users(source, path) if user.endswith(SOURCES)))
    names = [name for user in boards if (name := target(user))]
    return tuple(names[:MOST]), len(boards)


def _users(source: Path, path: str) -> Iterator[str]:
    seen = {path}
    level = [path]
    for _ in range(_LEVELS):
        found = [user for one in level for user in _including(source, one) if user not in seen]
        seen.update(found)
        yield from found
        level = [user for user in dict.fromkeys(found) if user.endswith(".dtsi")]


def _including(source: Path, path: str) -> list[str]:
    """Device tree files that include `path`, by git's index."""
    # all of one architecture (arm64 includes arm's in few)
    listed = naming(source, posixpath.basename(path), ["/".join(path.split("/")[:4])], ENDINGS)
    return [user for user, text in listed.items() if _includes(user, text, path)]


def _includes(user: str, text: bytes, path: str) -> bool:
    here = posixpath.dirname(user)
    for match in _INCLUDE.finditer(text):
        name = match[1].decode("utf-8", "replace")
        if posixpath.normpath(posixpath.join(here, name)) == path or path.endswith(f"/{name}"):
            return True
    return False
