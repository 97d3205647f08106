"""For a fix that a tree refuses: the smallest set of commits after which it goes in, tried in order.

History names the candidates (backport/history/between.py). What counts is that each of them, and then the fix, is
carried to the tree as any patch is: adapted where it has to be, through the same checks and git's proof.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backport.carry import Carried, Carrier
from backport.history.between import Candidate, between
from backport.history.branch import Branch, merge_base
from backport.history.bug import follow_ups
from backport.history.helpers import introduced
from backport.history.log import Log
from backport.manifest import Tree
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.stable.chain import Chain
from backport.stable.prereq import commit_patch
from backport.trees.store import Head
from backport.verdict import Apply

_TRIES = 32              # sets that are carried; each costs a second or two on a kernel
_LARGEST = 3             # commits in a set that is made up; a larger one only where git apply itself proved it
_STABLE_LINES = 100      # what the rules of stable allow a patch


@dataclass(frozen=True, slots=True)
class Need:
    """One commit that goes first: `carried` is what the tree takes of it, `added` and `removed` are its lines."""

    candidate: Candidate
    patch: Patch
    carried: Carried
    added: int
    removed: int
    risks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """`needs` in order, then `fix` on top of them; without any, `reason` says why. `others` are the candidates that
    the fix does not need. `together` is the whole as one patch on the bare tree."""

    needs: tuple[Need, ...] = ()
    fix: Carried | None = None
    others: tuple[Candidate, ...] = ()
    together: Patch | None = None
    reason: str = ""
    source: str = ""
    tried: int = 0


def propose(carrier: Carrier, log: Log, patch: Patch, tree: Tree, head: Head, upstream: Head | None) -> Proposal:
    """The smallest set of commits between the trees after which `patch` goes into `head`."""
    alone = carrier.carry(patch, tree, head)
    if alone.outcome.good or alone.outcome in (Apply.ALREADY, Apply.ABSENT):
        return Proposal(fix=alone, together=alone.patch, reason=f"it needs none: {alone.outcome} as it is")
    name = read_mail(patch).upstream
    fix = log.one(name) if name else None
    if fix is None:
        return Proposal(reason=f"{name[:12]} is no commit of the store" if name else
                        "the patch names no upstream commit, so there is no place in history to start from")
    base = merge_base(log.git, f"{fix.sha}^", head.commit)
    asked = between(log, Branch.of(head), f"{fix.sha}^", (commit_patch(log.git, fix.sha) or patch).files)
    if not base or (not asked.candidates and not alone.missing):
        return Proposal(reason=asked.reason, source=asked.source)
    search = _Search(carrier, log, patch, tree, head, fix.sha, base)
    candidates = search.ordered(asked.candidates)
    with Chain(carrier.git, head) as chain:
        found = search.run(chain, search.with_introducers(candidates, alone.missing))
        # a set after which the text fits, while the tree lacks what it uses, is none
        if (found is None or found.lacks) and search.missing - set(alone.missing):
            better = search.run(chain, search.with_introducers(candidates, search.missing))
            found = better if found is None or (better is not None and not better.lacks) else found
        if found is None:
            return Proposal(others=tuple(search.candidates), source=asked.source, tried=search.tried, reason=(
                f"the patch applies after none of the {search.tried} sets tried, out of {len(search.candidates)} "
                "commits that touched these lines"))
        tip = upstream.commit if upstream is not None and upstream.history else fix.sha
        chosen = [one for one, _made, _carried in found.steps]
        taken = {one.commit.sha for one in chosen}       # a later search may know the same commit by another reason
        needs = tuple(Need(one, made, carried, *_size(made), _risks(log, one, made, chosen, fix.sha, tip))
                      for one, made, carried in found.steps)
        others = tuple(one for one in search.candidates if one.commit.sha not in taken)
        return Proposal(needs, found.answer, others, found.together, "", asked.source, search.tried)


@dataclass(frozen=True, slots=True)
class _Found:
    steps: list[tuple[Candidate, Patch, Carried]]
    answer: Carried
    together: Patch

    @property
    def lacks(self) -> bool:
        """Whether the fix or one that goes first uses a name that the tree does not have then."""
        return any(one.missing for one in (self.answer, *(carried for _one, _made, carried in self.steps)))


class _Search:
    """Sets of candidates, tried in order of size until the fix goes in and has all that it uses."""

    def __init__(self, carrier: Carrier, log: Log, patch: Patch, tree: Tree, head: Head, fix: str, base: str) -> None:
        self.carrier, self.log, self.patch, self.tree, self.head = carrier, log, patch, tree, head
        self.fix, self.base = fix, base
        self.candidates: list[Candidate] = []
        self.missing: set[str] = set()
        self.tried = 0
        self._seen: set[tuple[str, ...]] = set()

    def ordered(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Parents before children."""
        order = {commit.sha: n for n, commit in enumerate(self.log.in_order(one.commit for one in candidates))}
        return sorted(candidates, key=lambda one: order[one.commit.sha])

    def with_introducers(self, candidates: Sequence[Candidate], names: Iterable[str]) -> list[Candidate]:
        """`candidates` and the commits that brought `names` upstream, in order."""
        more: dict[str, Candidate] = {}
        known = {one.commit.sha for one in candidates}
        for name in sorted(names):
            origin = introduced(self.log, f"{self.fix}^", name, base=self.base).commit
            if origin is not None:
                why = f"it introduced {name}, which the patch uses and this tree does not have"
                more.setdefault(origin.sha, Candidate(origin, "prerequisite", why))
        return self.ordered([*(more.pop(one.commit.sha, one) for one in candidates if one.commit.sha in known),
                             *more.values()])

    def run(self, chain: Chain, candidates: Sequence[Candidate]) -> _Found | None:
        """The smallest set that works; one with which names are missing only where there is no better."""
        self.candidates = list(candidates)
        second: _Found | None = None
        for chosen in _sets(candidates):
            key = tuple(one.commit.sha for one in chosen)
            if key in self._seen or self.tried >= _TRIES:
                continue
            self._seen.add(key)
            self.tried += 1
            steps = _carried(self.carrier, chain, chosen, self.tree)
            answer = self.carrier.carry(self.patch, self.tree, chain.head) if steps is not None else None
            for carried in (*([answer] if answer else []), *(step[2] for step in steps or ())):
                self.missing.update(carried.missing)
            if steps is None or answer is None or not answer.outcome.good:
                continue
            chain.took(self.patch, answer.patch, answer.outcome)
            found = _Found(steps, answer, chain.together())
            if not found.lacks:
                return found
            second = second or found
        return second


def _sets(candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, ...]]:
    """What to try, the smallest first: what the fix means by itself, then what git apply alone would need."""
    likely = [one for one in candidates if one.kind != "incidental"]
    proved = tuple(one for one in candidates if one.needed)
    for size in range(1, _LARGEST + 1):
        made = itertools.combinations(likely, size)
        yield from made
        if len(proved) == size:
            yield proved
    if len(proved) > _LARGEST:
        yield proved


def _carried(carrier: Carrier, chain: Chain, chosen: Sequence[Candidate],
             tree: Tree) -> list[tuple[Candidate, Patch, Carried]] | None:
    """Each of `chosen` on top of those before it; None where one of them does not go in, the tree as it was then."""
    chain.goto([])
    steps = []
    for one in chosen:
        made = commit_patch(carrier.git, one.commit.sha)
        if made is None:
            return None
        carried = carrier.carry(made, tree, chain.head)
        if not carried.outcome.good:
            return None
        chain.took(made, carried.patch, carried.outcome)
        steps.append((one, made, carried))
    return steps


def _size(patch: Patch) -> tuple[int, int]:
    hunks = [hunk for file in patch.files for hunk in file.hunks]
    return sum(len(hunk.added) for hunk in hunks), sum(len(hunk.removed) for hunk in hunks)


def _risks(log: Log, one: Candidate, patch: Patch, chosen: Sequence[Candidate], fix: str,
           tip: str) -> tuple[str, ...]:
    """What speaks against taking it, one sentence each."""
    risks = []
    lines = sum(_size(patch))
    if lines > _STABLE_LINES:
        risks.append(f"{lines} changed lines: stable takes patches of up to {_STABLE_LINES}")
    headers = [path for path in patch.paths if path.startswith(("include/", "arch/")) and path.endswith(".h")]
    if headers:
        risks.append(f"changes {', '.join(headers[:2])}, which much else includes")
    known = {fix, *(other.commit.sha for other in chosen)}
    risks += [f"upstream {'reverted' if later.kind == 'reverts' else 'fixed'} it in {later.commit.sha[:12]} "
              f"(\"{later.commit.subject}\"), which is not among these"
              for later in follow_ups(log, one.commit.sha, tip) if later.commit.sha not in known]
    return tuple(risks)
