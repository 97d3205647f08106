"""A donor: the same upstream commit in the form that somebody made for a newer tree, and who vouches for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backport.patch.model import Patch


class DonorKind(StrEnum):
    """Where a donor was found, which is who vouches for it."""

    RESOLUTION = "resolution"        # the user recorded it
    HISTORY = "history"              # a commit of the newer branch
    HAND = "given by hand"
    QUEUE = "queue"                  # a stable queue among the inputs
    MAIL = "mail"                    # a mail among the inputs: anybody can have written it
    RUN = "this run"                 # what the tool itself made for the newer tree, and a build confirmed


# no evidence of its own: who wrote the mail is not known, and the tool cannot confirm itself
_WEAK = frozenset({DonorKind.MAIL, DonorKind.RUN})


@dataclass(frozen=True, slots=True)
class Donor:
    """`patch` is the form for the trees of `series` ("6.1", "" where nobody says).

    `name` is how reports call it ("the 6.1.y backport 0123456789ab"), `credit` how the changelog does; `doubt` says
    why it may be another change, "" for nothing; `note` is its author's bracketed note, without the brackets.
    """

    patch: Patch
    series: str
    kind: DonorKind
    name: str
    credit: str
    commit: str = ""                 # in the newer branch, where that is known
    note: str = ""
    doubt: str = ""

    @property
    def weak(self) -> bool:
        """Whether agreeing with it proves nothing, and differing from it puts nothing in doubt that is certain."""
        return self.kind in _WEAK or bool(self.doubt)

    @property
    def key(self) -> tuple[str, ...]:
        """What of it can change an answer, for the cache key."""
        return (self.patch.sha256, self.series, self.kind, self.name, self.credit, self.note, self.doubt)


@dataclass(frozen=True, slots=True)
class Form:
    """What became of one donor on one tree, for the cell: `stands` is "used", "agrees", "differs", "refused"."""

    name: str
    series: str
    kind: str
    stands: str
    outcome: str = ""
    sure: str = ""
    said: tuple[str, ...] = ()                    # why it was refused, what it leaves out, what it adds
    changed: tuple[tuple[str, str], ...] = ()     # (upstream's changed line, the donor's), "" for none
    diff: str = ""                                # what this tree takes of it, "" for nothing
