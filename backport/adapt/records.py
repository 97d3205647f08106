"""What the engine hands back: the adapted patch, and for each hunk why it looks as it does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from backport.patch.model import Patch
from backport.verdict import Apply, Sure


@dataclass(frozen=True, slots=True)
class HunkStory:
    """One hunk of upstream and what became of it in the target tree.

    `strategies` are all that led to these very bytes, in the order tried ("as-is", "rule:NAME", "context",
    "tokens", "merge3", "move", "substitution", "drop" ...). `line` is the 1-based first changed line in
    the target; `changed` pairs of (upstream line, adapted line), text without the diff column.
    """

    path: str                        # as upstream names it
    index: int                       # 0-based number of the hunk in that file
    landed_path: str = ""            # file in the target tree, "" where it was dropped
    line: int = 0
    function: str = ""               # enclosing function in the target, "" at file level
    upstream_function: str = ""
    offset: int = 0                  # landed line minus the line in the hunk header
    strategies: tuple[str, ...] = ()
    sure: Sure = Sure.CERTAIN
    notes: tuple[str, ...] = ()      # for a reviewer: what was adapted and why, and what speaks against it
    done: tuple[str, ...] = ()       # those of the notes that belong into the changelog: what a rule or a repair did
    state: str = ""                  # what became of it: "forward", "already", "dropped" ...
    changed: tuple[tuple[str, str], ...] = ()
    touches_added: bool = False      # an added line differs from upstream's
    dropped: bool = False
    upstream: str = ""               # hunk text, for side by side
    adapted: str = ""
    missing: tuple[str, ...] = ()    # names that its added lines need and the whole tree does not have
    probability: float | None = None     # of being the maintainers' lines (backport.adapt.confidence)
    unopposed: bool = False          # nothing but a probability that is too low speaks against it
    measured: tuple[tuple[str, float], ...] = ()     # what it was computed from: names of confidence.FEATURES
    signals: tuple[str, ...] = ()    # names of what the answer assumed ("bent", "split" ...): why it is not certain

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The engine's answer for one patch on one tree.

    `patch` is what the tree takes: set where `outcome` is good (CLEAN and OFFSET: it goes in as upstream has it), and
    for a SUSPECT one, which is not handed out. `alternatives` holds other answers where strategies disagree.
    """

    outcome: Apply
    sure: Sure
    patch: Patch | None = None
    hunks: tuple[HunkStory, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    evidence: tuple[str, ...] = ()   # for ABSENT, ALREADY and CONFLICT: what the tree has there
    alternatives: tuple[Patch, ...] = ()

    @property
    def agreed(self) -> Sure:
        """As sure as agreement and checks make it; `sure` asks for the probability as well."""
        sound = self.outcome.good and bool(self.hunks) and all(
            hunk.state == "forward" and (hunk.sure is Sure.CERTAIN or hunk.unopposed) for hunk in self.hunks)
        return Sure.CERTAIN if sound else self.sure
