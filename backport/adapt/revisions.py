"""One file of a patch and the file that it shall change: what every strategy gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from backport.adapt.align import Pairing, align_keys, line_key, soften
from backport.csource.pieces import squeezed_lines
from backport.csource.source import Source
from backport.patch.edits import Edit, apply_edits, hunk_edits
from backport.patch.locate import locate_all
from backport.patch.model import Hunk
from backport.patch.parse import split_lines

NEAR = 4                 # lines on either side of a hunk's changes that are paired with care


@dataclass(frozen=True)
class Problem:
    """`hunks` of upstream, `target` what to change, `base` upstream's file just before the patch (None: unknown)."""

    hunks: tuple[Hunk, ...]
    target: bytes
    base: bytes | None = None
    path: str = ""                   # in the target tree
    upstream_path: str = ""
    tree: str = ""                   # the target tree's name
    seeds: dict[str, Any] = field(default_factory=dict, compare=False)   # what strategies compute once a file

    @cached_property
    def target_lines(self) -> list[bytes]:
        return split_lines(self.target)

    @cached_property
    def base_lines(self) -> list[bytes] | None:
        """Lines of the pre-image, None where there is none or the hunks do not fit it."""
        if self.base is None:
            return None
        lines = split_lines(self.base)
        return lines if self.starts_in(lines) is not None else None

    @cached_property
    def starts(self) -> tuple[int, ...] | None:
        """0-based line of the pre-image at which each hunk's old side begins."""
        return None if self.base_lines is None else self.starts_in(self.base_lines)

    def starts_in(self, lines: Sequence[bytes]) -> tuple[int, ...] | None:
        return locate_all(self.hunks, lines)

    @cached_property
    def edits(self) -> tuple[tuple[Edit, ...], ...] | None:
        """Per hunk, its edits on the pre-image."""
        if self.starts is None:
            return None
        return tuple(tuple(hunk_edits(h, s)) for h, s in zip(self.hunks, self.starts, strict=True))

    @cached_property
    def upstream_lines(self) -> list[bytes] | None:
        """Lines of upstream's file with the patch."""
        if self.base_lines is None or self.edits is None:
            return None
        return apply_edits(self.base_lines, [e for edits in self.edits for e in edits])

    def target_has(self, name: bytes) -> bool:
        """Whether `name` stands anywhere in the target, in a comment or a literal too."""
        return Source.of(self.target).has_word(name)

    @cached_property
    def eols(self) -> frozenset[bytes]:
        """The line ends that stand in the target: b"\\r\\n", b"\\n"."""
        both, crlf = self.target.count(b"\n"), self.target.count(b"\r\n")
        return frozenset(end for end, n in ((b"\r\n", crlf), (b"\n", both - crlf)) if n)

    @cached_property
    def upstream(self) -> bytes:
        """Upstream's file with the patch, b"" where it is not known."""
        return b"".join(self.upstream_lines or ())

    @cached_property
    def added_upstream(self) -> frozenset[bytes]:
        """Every line that the patch adds to this file, without its indentation."""
        return frozenset(line.strip() for hunk in self.hunks for line in hunk.added)

    @cached_property
    def base_keys(self) -> list[bytes]:
        """The lines of the pre-image without their white space."""
        return squeezed_lines(self.base) if self.base is not None and self.base_lines is not None else []

    @cached_property
    def target_keys(self) -> list[bytes]:
        """The lines of the target without their white space."""
        return squeezed_lines(self.target)

    @cached_property
    def base_to_target(self) -> list[int]:
        """The pre-image's lines in the target (backport.adapt.align)."""
        return align_keys(self.base_keys, self.target_keys)

    @cached_property
    def target_to_base(self) -> dict[int, int]:
        """The same the other way, of the lines that have a partner."""
        return {j: i for i, j in enumerate(self.base_to_target) if j >= 0}

    @cached_property
    def upstream_to_target(self) -> list[int]:
        """The lines of upstream's file with the patch in the target."""
        if self.edits is None:
            return []
        made = (Edit(e.lo, e.hi, tuple(map(line_key, e.new))) for edits in self.edits for e in edits)
        return align_keys(apply_edits(self.base_keys, made), self.target_keys)

    def pairing(self, k: int) -> Pairing:
        """`base_to_target` with the lines around hunk `k` that differ paired by similarity: computed once."""
        if k not in self._pairings:
            assert self.base_lines is not None
            assert self.edits is not None
            edits = self.edits[k]
            self._pairings[k] = soften(self.base_lines, self.target_lines, self.base_to_target, edits[0].lo - NEAR,
                                       edits[-1].hi + NEAR)
        return self._pairings[k]

    @cached_property
    def _pairings(self) -> dict[int, Pairing]:
        return {}

    @cached_property
    def target_index(self) -> dict[bytes, list[int]]:
        """line of a hunk's old side, without white space -> its places in the target."""
        return self._places(self.target_keys)

    @cached_property
    def base_index(self) -> dict[bytes, list[int]]:
        """line of a hunk's old side, without white space -> its places in the pre-image."""
        return self._places(self.base_keys)

    def _places(self, keys: Sequence[bytes]) -> dict[bytes, list[int]]:
        index: dict[bytes, list[int]] = {line_key(line): [] for hunk in self.hunks for line in hunk.old}
        for i, key in enumerate(keys):
            if key in index:
                index[key].append(i)
        return index


def reversed_edits(problem: Problem, k: int) -> list[Edit]:
    """The edits that take hunk `k` out of upstream's file after the whole patch."""
    assert problem.edits is not None
    assert problem.base_lines is not None
    grown = sum(len(e.new) - (e.hi - e.lo) for edits in problem.edits[:k] for e in edits)
    out = []
    for e in problem.edits[k]:
        lo = e.lo + grown
        out.append(Edit(lo, lo + len(e.new), tuple(problem.base_lines[e.lo:e.hi])))
        grown += len(e.new) - (e.hi - e.lo)
    return out
