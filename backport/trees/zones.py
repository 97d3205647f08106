"""From where in a kernel tree a name can be seen, as far as the path of the file that holds it tells."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

# built for the machine that builds, or not built at all: the kernel's own code sees nothing of them
_OUTSIDE = frozenset({"Documentation", "samples", "scripts", "tools", "usr"})
_ARCH = 8                            # the zones from here on are one architecture's headers each
ZONES = 64


class Zone(IntEnum):
    """A kind of place. Architecture `n` of a tree (in the order of their names) has the zone 8 + n."""

    PUBLIC = 0                       # a header under include/
    PRIVATE = 1                      # any other header: seen by who includes it
    SOURCE = 2                       # a file that nothing includes as a rule
    OUTSIDE = 3                      # tools/, samples/ ...
    MENTIONED = 4                    # a comment or a string, whatever file it is in


def zone(path: str, architectures: Sequence[str]) -> int:
    """The zone of the code in the file `path`; `architectures` are the directories of arch/, sorted."""
    parts = path.split("/")
    if parts[0] in _OUTSIDE:
        return Zone.OUTSIDE
    if not path.endswith(".h"):
        return Zone.SOURCE
    if parts[0] == "include":
        return Zone.PUBLIC
    if "include" in parts[2:-1] and (own := architecture(path)) in architectures:
        number = _ARCH + architectures.index(own)
        return number if number < ZONES else Zone.PUBLIC
    return Zone.PRIVATE


def architecture(path: str) -> str:
    """The architecture whose file `path` is, "" for the others."""
    parts = path.split("/")
    return parts[1] if parts[0] == "arch" and len(parts) > 2 else ""


def home(zone: int, architectures: Sequence[str]) -> str:
    """The architecture whose headers `zone` is, "" for the others."""
    return architectures[zone - _ARCH] if _ARCH <= zone < _ARCH + len(architectures) else ""


def outside(path: str) -> bool:
    """True for a file that is not the kernel's own code."""
    return path.split("/")[0] in _OUTSIDE
