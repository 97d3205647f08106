"""One mail's bytes on their way to becoming a Patch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Raw:
    """`data` is one mail or bare diff; `source` says where from. `group` names the mbox or directory it came in,
    "" where it came alone; `name` is the file's name without its ending, for a slug where there is no subject. `box`
    is the one file that holds this mail and others, in order, "" for a file of one mail. `strip` is the number of
    leading directories that the paths carry, where a quilt `series` says it (-pN).
    """

    data: bytes
    source: str
    group: str = ""
    name: str = ""
    box: str = ""
    strip: int | None = None
