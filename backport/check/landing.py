"""Where the hunks of a patch land, and whether that is where upstream changed the code.

git apply finds a place whose lines match; whether it is the same function is not its question. These are pure
functions of bytes: the patch, the file in the tree, the file upstream, and what `git apply -v` printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backport import sections
from backport.patch.locate import find_preimage, occurrences
from backport.patch.model import FileDiff, Hunk, Patch
from backport.patch.parse import split_lines
from backport.sections.hunks import change_scope, header_fits, header_scope, lands_there

_SUCCEEDED = re.compile(r"^Hunk #(\d+) succeeded at (\d+)")
_CHECKING = "Checking patch "


@dataclass(frozen=True, slots=True)
class Landing:
    """One hunk in the tree: `line` is the 1-based first line of its pre-image there, 0 where it is not known.

    `upstream_scope` is None where upstream's place could not be told (no pre-image, no usable header). `same` says
    whether the two are one, None where their names decide.
    `places` counts the spots in the same scope where the hunk's pre-image fits, upstream and here.
    """

    path: str
    index: int
    line: int
    offset: int
    scope: str = ""
    upstream_scope: str | None = None
    from_header: bool = False
    places: int = 1
    upstream_places: int = 1
    ordinal: int = 0                 # which of `places` it took
    upstream_ordinal: int = 0
    same: bool | None = None

    @property
    def same_scope(self) -> bool:
        if self.same is not None:
            return self.same
        return self.upstream_scope is None or self.scope == self.upstream_scope

    @property
    def ambiguous(self) -> bool:
        """It fits at several spots of one function and nothing says which one upstream meant."""
        return self.places > 1 and (self.places != self.upstream_places or self.ordinal != self.upstream_ordinal)


def landings(patch: Patch, report: str, files: dict[str, bytes], upstream: dict[str, bytes]) -> list[Landing]:
    """Landing of every hunk of a patch that `git apply -v` took.

    `report` is its stderr; `files` and `upstream` map paths (the old path of each file diff) to the bytes in the
    tree and in upstream's pre-image. git numbers lines in the file as the hunks before have left it.
    """
    positions = _positions(report)
    found = []
    for number, file in enumerate(patch.files):
        shift = 0
        body = split_lines(files.get(file.old_path or "", b""))
        for index, hunk in enumerate(file.hunks):
            start = hunk.new_start if hunk.new else hunk.new_start + 1
            at = positions.get((number, index), start)
            line = at - shift
            shift += len(hunk.new) - len(hunk.old)
            if tuple(body[line - 1:line - 1 + len(hunk.old)]) != hunk.old:
                line = 0             # git said one thing and the file another: say "not known" rather than guess
            found.append(_landing(file, index, hunk, line, at - start, files, upstream))
    return found


def _landing(file: FileDiff, index: int, hunk: Hunk, line: int, offset: int,
             files: dict[str, bytes], upstream: dict[str, bytes]) -> Landing:
    path = file.path
    here = files.get(file.old_path) if file.old_path is not None else None
    if line == 0 or file.old_path is None or here is None or not sections.readable(path):
        return Landing(path, index, line if here is not None or file.old_path is None else 0, offset)
    scope_here = change_scope(here, line, hunk, path)
    before = upstream.get(file.old_path)
    origin = find_preimage(before, hunk) if before is not None else 0
    if before is None or origin == 0:
        named = header_scope(hunk, path)
        if sections.is_c(path):
            # the header names the function before where the hunk is behind the end of it, here as in upstream
            same: bool | None = header_fits(hunk, here, line) or None
            named = scope_here if same else named
        else:
            same = _told_same(hunk, scope_here, here, offset, path)
        return Landing(path, index, line, offset, scope_here, named, from_header=True, same=same)
    scope_there = change_scope(before, origin, hunk, path)
    spots = [at for at in occurrences(here, hunk.old) if change_scope(here, at, hunk, path) == scope_here]
    spots_there = [at for at in occurrences(before, hunk.old) if change_scope(before, at, hunk, path) == scope_there]
    same = None if sections.is_c(path) else sections.same(scope_here, scope_there, path, here)
    return Landing(path, index, line, offset, scope_here, scope_there, False,
                   len(spots), len(spots_there), spots.index(line), spots_there.index(origin), same)


def _told_same(hunk: Hunk, scope_here: str, here: bytes, offset: int, path: str) -> bool:
    """Without a pre-image, for files that are no C: does the hunk land where it says itself?

    Where it says nothing, a hunk that had to move must have had no second place to move to.
    """
    told = lands_there(hunk, scope_here, here, path)
    if told is not None:
        return told
    return offset == 0 or len({change_scope(here, at, hunk, path) for at in occurrences(here, hunk.old)}) < 2


def _positions(report: str) -> dict[tuple[int, int], int]:
    """(file number, hunk number) -> line that git printed; hunks at their own place are not printed."""
    found: dict[tuple[int, int], int] = {}
    number = -1
    for text in report.split("\n"):
        if text.startswith(_CHECKING):
            number += 1
        match = _SUCCEEDED.match(text)
        if match:
            found[number, int(match[1]) - 1] = int(match[2])
    return found
