"""A rule: one drift between upstream and older trees, as data. Files of rules are read by load.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backport.csource.pattern import Pattern
from backport.csource.template import Template
from backport.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a probe found in a tree; `because` are the findings, each a sentence that names the place."""

    holds: bool
    because: tuple[str, ...]


class Probe(Protocol):
    """A question to the target tree. It never sees a version: stable trees get helpers backported."""

    def ask(self, facts: Facts, names: Mapping[str, bytes]) -> ProbeAnswer:
        """`names` fills ${X} in the probe with what the pattern bound, for probes of a single match."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Upstream's form and the older one. `where` must hold for each match by itself (None: always).

    Several rewrites of a rule with the same `match` are alternatives: the first whose `where` holds, unless
    the target has the place in the form of a later one.
    """

    match: Pattern
    replace: Template
    where: Probe | None = None
    keep: bool = False               # same name, other meaning: nothing to rewrite, but new code must say so


@dataclass(frozen=True, slots=True)
class Move:
    """Code that upstream has in `source` and the older tree in one of `targets` (paths from the top)."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: a test of the rule.

    `before` and `after` are hunk bodies with their column of ' ', '-' and '+'. `unchanged` says that the rule
    must leave `before` alone; `sure` is what the rewrite must be marked as; `lands` the file it must go to.
    """

    name: str
    path: str
    tree: Mapping[str, bytes]
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    unchanged: bool
    sure: str
    lands: str
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One drift. `appeared` says where it came from; `commit` only where it was read in `read_in`.

    `equivalent`: the two forms mean the same in their trees; otherwise `differs` says what does not carry over.
    `once`: the rewrites are made one after another and never again, for names that changed their meaning
    (read is called readl there, and read_raw is called read).
    `anchor_only`: proved for finding the place, not for new code: an added line that needs it is left alone and
    reported, so that a person decides.
    """

    id: str
    title: str
    applies_to: tuple[str, ...]
    probe: Probe
    rewrites: tuple[Rewrite, ...]
    moves: tuple[Move, ...]
    equivalent: bool
    differs: str
    note: str
    anchor_only: bool
    once: bool
    appeared: str
    commit: str
    read_in: str
    examples: tuple[Example, ...]
    file: str
    source: bytes                    # the file as it is, for the cache key of a cell


def digest(rules: Sequence[Rule]) -> bytes:
    """The bytes that change whenever a rule does."""
    return b"\0".join(rule.source for rule in rules)
