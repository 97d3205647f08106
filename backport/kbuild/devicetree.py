"""Device trees: what make calls the blob of a source, and the sources that include a piece of one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backport.kbuild.headers import naming

SOURCES = (".dts", ".dtso")
BLOBS = (".dtb", ".dtbo")
ENDINGS = (*SOURCES, ".dtsi")
MOST = 3                 # blobs that are made for one .dtsi
_ASKED = 48              # users of a .dtsi whose lists are looked for
_LEVELS = 4              # a board includes a module, which includes the SoC, which includes its family
_INCLUDE = re.compile(rb'^\s*(?:#\s*include\s*[<"]|/include/\s*")([^>"\n]+)[>"]', re.MULTILINE)
_PLACE = re.compile(r"^arch/[^/]+/boot/dts/(.+)$")


class Lists(Protocol):
    """What is asked of the Makefiles: Membership."""

    def target(self, path: str) -> str:
        """What make calls it, "" where no list that is on has it."""

    def why_not(self, path: str) -> tuple[str, tuple[str, ...]]:
        """(why, "" where that is not known, the options in the way)."""

    def with_overlay(self, blob: str) -> tuple[str, ...]:
        """What is made of `blob` and others."""


@dataclass(frozen=True, slots=True)
class Boards:
    """`blobs` is what make calls the device trees to make for one file; `users` how many sources include it; `told`
    says what was chosen; `why` is not empty where there is none."""

    blobs: tuple[str, ...] = ()
    users: int = 0
    told: tuple[str, ...] = ()
    why: str = ""


def blob(path: str) -> str:
    """`DIR/x.dtb` for DIR/x.dts, "" for what is no source below an architecture's dts directory."""
    if _PLACE.match(path) is None or not path.endswith(SOURCES):
        return ""
    return posixpath.splitext(path)[0] + (".dtbo" if path.endswith(".dtso") else ".dtb")


def below_tree(name: str, directory: str) -> str:
    """Where make puts what it calls `name`: the top Makefile's %.dtb leaves arch/X/boot/dts out; `directory` is
    arch/X."""
    inside = name.endswith(BLOBS) and not name.startswith("arch/")
    return f"{directory}/boot/dts/{name}" if inside else posixpath.normpath(name)


def boards(source: Path, path: str, members: Lists) -> Boards:
    """What is made for the device tree file `path`; of a .dtsi's users at most `MOST`, those that are listed first."""
    if _PLACE.match(path) is None:
        # unittest-data, and drivers that bring an overlay of their own: an object wraps the blob
        stem = posixpath.splitext(path)[0]
        found = next((name for end in (".dtb.o", ".dtbo.o") if (name := members.target(stem + end))), "")
        return Boards((found,), 1) if found else Boards(why=members.why_not(f"{stem}.dtb.o")[0])
    users = [path] if path.endswith(SOURCES) else \
        sorted(dict.fromkeys(user for user in _users(source, path) if user.endswith(SOURCES) and blob(user)))
    if not users:
        return Boards(why="no device tree source includes it")
    listed = {user: name for user in users[:_ASKED] if (name := members.target(blob(user)))}
    # CONFIG_OF_ALL_DTBS makes them, and no kernel that anybody runs has it
    told = [f"{user}: {why}; it is compiled all the same" for user in [*listed][:MOST]
            if (why := members.why_not(blob(user))[0]).endswith(" is off")]
    off: dict[str, str] = {}
    if not listed:
        for user in users[:MOST]:
            why = members.why_not(blob(user))[0]
            if not why or why.endswith(" is off"):
                # dtc reads no option: the blob is what the list would make
                off[user] = _PLACE.sub(r"\1", blob(user))
                told += [f"{user}: {why}; it is compiled by name"] if why else []
        if not off:
            return Boards(users=len(users), why=f"{users[0]}: {why}" if users != [path] else why)
    chosen = dict([*(listed or off).items()][:MOST])
    if len(users) > len(chosen):
        told.append(f"{path}: {len(chosen)} of the {len(users)} device trees that include it are compiled")
    more = members.with_overlay(blob(path))[:MOST] if path in chosen else ()
    return Boards(tuple(dict.fromkeys((*chosen.values(), *more))), len(users), tuple(told))


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
