"""One cell of the matrix: what happened to one patch on one tree, with the proof; and the exit code of several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backport.verdict import Apply, Build, Sure

_BAD_APPLY = frozenset({Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID})
_BAD_BUILD = frozenset({Build.FAIL, Build.WARN, Build.NOT_COMPILED})
_INFRA_BUILD = frozenset({Build.ERROR, Build.BASELINE_BROKEN})


@dataclass(frozen=True, slots=True)
class Cell:
    """One patch on one tree: everything a person needs to sign it, or to refuse.

    `apply`, `build` and `sure` are the verdict, `cached` says that it was read back and not computed, the
    rest is the proof. `detail` is JSON-ready and grows with the tool (hunk stories, build record, changed
    functions, nomination ...): reports must not fail where a key is missing.
    """

    patch: str                       # slug of the patch, unique within a run
    tree: str                        # name in trees.yaml
    apply: Apply
    build: Build = Build.SKIPPED
    sure: Sure = Sure.CERTAIN
    cached: bool = False
    required: bool = False           # the tree is required by the manifest
    subject: str = ""
    patch_sha256: str = ""
    base_commit: str = ""            # commit in the store that the verdict is about
    base_version: str = ""           # 6.1.187
    reason: str = ""                 # one line: why this outcome
    notes: tuple[str, ...] = ()      # what was adapted and why; goes into the mail
    adapted: bytes = b""             # the mail as it would be sent, b"" where there is none
    command: str = ""                # reproduces this cell
    log: str = ""                    # path of the build log, "" where nothing was built
    seconds: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)
    config: str = ""                 # named configuration, where the run was asked for; "" = the tree's own

    @property
    def column(self) -> str:
        """What the cell's column is called: linux-6.1.y, or linux-6.1.y/kvm-min."""
        return column_name(self.tree, self.config)


def column_name(tree: str, config: str) -> str:
    """The column of a cell: the tree, with the configuration behind it where the run has one column for each."""
    return f"{tree}/{config}" if config else tree


_WORST = (Build.ERROR, Build.BASELINE_BROKEN, Build.FAIL, Build.NOT_COMPILED, Build.WARN)


def one_a_tree(cells: Iterable[Cell]) -> list[Cell]:
    """One cell for each patch and tree, where a run has columns for several configurations: the one with the worst
    build, because a patch that breaks one configuration is no patch for the tree. The order stays."""
    kept: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        known = kept.get((cell.patch, cell.tree))
        if known is None or _badness(cell) > _badness(known):
            kept[cell.patch, cell.tree] = cell
    return list(kept.values())


def _badness(cell: Cell) -> int:
    return len(_WORST) - _WORST.index(cell.build) if cell.build in _WORST else 0


def exit_code(cells: Iterable[Cell], *, strict: bool = False) -> int:
    """The process exit code for a set of cells; where outcomes mix, 3 wins over 1."""
    worst = 0
    for cell in cells:
        behaviour = cell.detail.get("behaviour", {}).get("verdict", "")
        if (
            cell.apply is Apply.ERROR
            or behaviour == "error"
            or cell.build in _INFRA_BUILD
            or (cell.apply is Apply.NO_TREE and cell.required)
        ):
            return 3
        if (
            cell.apply in _BAD_APPLY
            or cell.build in _BAD_BUILD
            or behaviour in ("broke", "no effect", "not shown")
            or (strict and cell.sure is Sure.REVIEW)
        ):
            worst = 1
    return worst
