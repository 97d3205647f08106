"""One cell of the matrix: what happened to one patch on one tree, with the proof; and the exit code of several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from backport.adapt.records import HunkStory
from backport.boot.record import Booted
from backport.donors.model import Form
from backport.history.record import History
from backport.kbuild.result import BuildResult, Diagnostic, Functions
from backport.stable.nomination import Asked, Nomination
from backport.verdict import Apply, Behaves, Build, Sure

_BAD_APPLY = frozenset({Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID})
BAD_BUILD = frozenset({Build.FAIL, Build.WARN, Build.NOT_COMPILED})
BAD_BEHAVIOUR = frozenset({Behaves.BROKE, Behaves.NO_EFFECT, Behaves.NOT_SHOWN})
_INFRA_BUILD = frozenset({Build.ERROR, Build.BASELINE_BROKEN})


# how the note begins that names the earlier patches of a queue which a tree did not take
TRIED_WITHOUT = "tried without "


@dataclass(frozen=True, slots=True)
class ConflictMarkers:
    """A conflict as `backport resolve` lays it out: `text` has the markers, and begins at `line` (1-based) there."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Adapted:
    """What became of the patch before any build: hunk by hunk, with what was read for it."""

    hunks: tuple[HunkStory, ...] = ()
    preimages: dict[str, str] = field(default_factory=dict)      # path -> where upstream's file was read
    evidence: tuple[str, ...] = ()   # what the tree has there
    partly: tuple[str, ...] = ()     # of a conflict: signs that the tree has the change, or a part of it, already
    alternatives: tuple[str, ...] = ()       # other answers, as diffs
    donors: tuple[Form, ...] = ()    # forms that others made for newer trees, and what became of each here
    marked: tuple[ConflictMarkers, ...] = ()  # what a person has to resolve, with conflict markers


@dataclass(frozen=True, slots=True)
class Part:
    """The place of a patch in a series: that goes by the slug of its first patch; `number` counts from 1."""

    first: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """What a series came to on a tree, as its part number `part` tells it."""

    good: bool
    text: str
    part: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One patch on one tree: everything a person needs to sign it, or to refuse.

    `apply`, `build` and `sure` are the verdict, `cached` says that it was read back and not computed, the
    rest is the proof. A record is None where its step did not take place. results/record.py writes and reads cells
    as JSON.
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
    notes: tuple[str, ...] = ()      # what was adapted and why, for the reviewer; not in the mail
    adapted: bytes = b""             # the mail as it would be sent, b"" where there is none
    command: str = ""                # reproduces this cell
    log: str = ""                    # path of the build log, "" where nothing was built
    seconds: float = 0.0
    config: str = ""                 # named configuration, where the run was asked for; "" = the tree's own
    nomination: Nomination | None = None
    asked: Asked | None = None       # whether the mail asks for this series
    adaptation: Adapted | None = None
    history: History | None = None
    built: BuildResult | None = None
    functions: Functions | None = None
    booted: Booted | None = None
    before: tuple[str, ...] = ()     # SHA-256 of the mails that are in the tree before this patch, in order
    part: Part | None = None         # its place in a series
    series: SeriesResult | None = None
    elsewhere: bool = False          # only checked, for a tree that the run did not ask for
    traceback: str = ""

    @property
    def column(self) -> str:
        """What the cell's column is called: linux-6.1.y, or linux-6.1.y/kvm-min."""
        return column_name(self.tree, self.config)

    @property
    def behaviour(self) -> Behaves | None:
        """What booting it showed, None where it was not booted."""
        return self.booted.verdict if self.booted is not None else None

    @property
    def evidence(self) -> tuple[str, ...]:
        """What the tree has where the patch has its change."""
        return self.adaptation.evidence if self.adaptation is not None else ()

    @property
    def marked(self) -> tuple[ConflictMarkers, ...]:
        """The conflicts that a person has to resolve, with their markers."""
        return self.adaptation.marked if self.adaptation is not None else ()

    @property
    def hunks(self) -> tuple[HunkStory, ...]:
        return self.adaptation.hunks if self.adaptation is not None else ()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The messages that only the build with the patch has, each once, in the order in which the tools gave them."""
        found = {(one.brief, one.detail): one for one in reversed(self.built.new if self.built is not None else ())}
        return tuple(reversed(found.values()))


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
        if (
            cell.apply is Apply.ERROR
            or cell.behaviour is Behaves.ERROR
            or cell.build in _INFRA_BUILD
            or (cell.apply is Apply.NO_TREE and cell.required)
        ):
            return 3
        if (
            cell.apply in _BAD_APPLY
            or cell.build in BAD_BUILD
            or cell.behaviour in BAD_BEHAVIOUR
            or (strict and cell.sure is Sure.REVIEW)
        ):
            worst = 1
    return worst
