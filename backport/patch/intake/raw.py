"""One mail's bytes on their way to becoming a Patch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Raw:
    """`data` is one mail or bare diff; `source` says where from. `group` names the mbox or directory it came in,
    "" where it came alone; `name` is the file's name without its ending, for a slug where there is no subject.
    """

    data: bytes
    source: str
    group: str = ""
    name: str = ""
