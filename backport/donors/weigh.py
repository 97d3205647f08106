"""A patch on a tree, from upstream's form and from its donors', and which of the answers is given.

Upstream's form and a donor's were made by different people from different files: where both lead to the same result,
that is evidence which no strategy can give. Where they differ, a person decides, and what somebody made for the
nearest tree is put first, unless it leaves out what this tree has. Every answer went through the same checks and git's
own proof; a donor that says nothing new costs nothing but its time.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backport.adapt.align import line_key
from backport.adapt.changelog import changelog
from backport.adapt.left_out import left_out
from backport.adapt.signals import Signal
from backport.carry import Carried, Carrier
from backport.check import preimages
from backport.check.effect import Effect, applied, same_effect
from backport.check.proof import objection
from backport.donors.match import ChangeBlock, differences, dropped, standing
from backport.donors.model import Donor, DonorKind, Form
from backport.git import Git
from backport.manifest import Tree
from backport.patch.compose import adapted_for, adapted_mail, branch
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.patch.stable import series_number
from backport.trees.store import Head
from backport.verdict import Apply, Sure

_OPEN = (Apply.CONFLICT, Apply.SUSPECT)      # what a donor may answer in upstream's place


@dataclass(frozen=True, slots=True)
class Tried:
    """One donor on the tree: `effect` None where it gives no patch; `lost` is what it leaves out and this tree has."""

    donor: Donor
    carried: Carried
    effect: Effect | None
    lost: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        return self.effect is not None and not self.lost


def carry_with(carrier: Carrier, patch: Patch, tree: Tree, head: Head, donors: Sequence[Donor],
               said: Sequence[str] = ()) -> Carried:
    """As `Carrier.carry`, with what `donors` (nearest tree first) have to say; `said` tells of those that are none."""
    own = carrier.carry(patch, tree, head)
    if said:
        own = replace(own, notes=(*own.notes, *said), sure=Sure.REVIEW if own.outcome.good else own.sure)
    return weighed(own, carrier, patch, tree, head, donors)


def weighed(own: Carried, carrier: Carrier, patch: Patch, tree: Tree, head: Head,
            donors: Sequence[Donor]) -> Carried:
    """`own`, upstream's form's answer, held against those of `donors`."""
    if not donors or not (own.outcome.good or own.outcome in _OPEN):
        return own
    tried = [_try(carrier, patch, tree, head, donor) for donor in donors]
    mine = applied(carrier.git, head.commit, own.patch) if own.patch is not None else None
    stands = [_stands(carrier.git, head, mine, one) for one in tried]
    if mine is not None:
        answer = _beside(own, mine, patch, tree, carrier, head, tried, stands)
    else:
        answer = _instead(own, patch, tree, carrier, head, tried, stands)
    return replace(answer, forms=tuple(_form(patch, one, how) for one, how in zip(tried, stands, strict=True)))


def _try(carrier: Carrier, patch: Patch, tree: Tree, head: Head, donor: Donor) -> Tried:
    """The donor's diff under upstream's mail, carried from the donor's own tree."""
    form = replace(patch, files=donor.patch.files, doubts=(*patch.doubts, *donor.patch.doubts))
    wanted = series_number(donor.series)
    home = next((one for one in carrier.heads if wanted and series_number(one.tree) == wanted), carrier.upstream)
    before = preimages(carrier.git, form, upstream_sha=donor.commit or None, upstream=home,
                       others=[one for one in carrier.heads if one != home])
    with carrier.seen_from(home, form, before) as seen:
        carried = seen.carry(form, tree, head)
    effect = applied(carrier.git, head.commit, carried.patch) if carried.patch is not None else None
    lost, said = _left_out(carrier.git, head, patch, donor, effect) if effect is not None else ((), ())
    more = sorted({file.path for file in donor.patch.files} - _known(patch, donor))
    if more:
        said = (*said, f"also changes {', '.join(more)}, which upstream's commit does not")
    here = series_number(tree.series)
    if wanted and here and wanted < here:
        said = (*said, f"is for {branch(donor.series)}, which is older than this tree")
    return Tried(donor, carried, effect, lost, said)


def _known(patch: Patch, donor: Donor) -> set[str]:
    """The donor's files that upstream's commit changes too, under whatever directory."""
    names = {posixpath.basename(path) for path in patch.paths}
    return {file.path for file in donor.patch.files if posixpath.basename(file.path) in names}


def _left_out(git: Git, head: Head, patch: Patch, donor: Donor,
              effect: Effect) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what the donor leaves out and this tree has, what it leaves out otherwise and whose file is here), in words."""
    lost: list[str] = []
    said: dict[str, None] = {}
    for block in dropped(patch, donor.patch):
        own = git.blob(f"{head.commit}:{block.path}") if block.path not in effect else None
        here = {block.path: own} if own is not None else {}
        for path, content in {**here, **effect}.items():
            line = standing(block, content) if content is not None else 0
            if line:
                lost.append(f"leaves out {_named(block)}, and this tree has that at {path}:{line}")
                break
        else:
            if own is not None:
                said[f"leaves out {_named(block)}, a file that this tree has"] = None
    return tuple(dict.fromkeys(lost)), tuple(said)


def _named(block: ChangeBlock) -> str:
    line = next((text for text in (*block.removed, *block.added) if line_key(text)), b"")
    return f"`{line.strip().decode('utf-8', 'replace')}` of {block.path}"


def _stands(git: Git, head: Head, mine: Effect | None, one: Tried) -> str:
    if one.effect is None:
        return "refused"
    if mine is None:
        return "refused" if one.lost else "fits"
    return "agrees" if same_effect(git, head.commit, mine, one.effect, exact=False) else "differs"


def _beside(own: Carried, mine: Effect, patch: Patch, tree: Tree, carrier: Carrier, head: Head,
            tried: Sequence[Tried], stands: list[str]) -> Carried:
    """Upstream's form has an answer, with `mine` as its effect: confirmed, or one of two that a person chooses from."""
    agree = [one for one, how in zip(tried, stands, strict=True) if how == "agrees"]
    differ = [one for one, how in zip(tried, stands, strict=True) if how == "differs" and one.fits]
    lost = [one for one, how in zip(tried, stands, strict=True) if how == "differs" and one.lost]
    notes = [f"{one.donor.name} {text}: its form is not taken" for one in lost for text in one.lost]
    if agree and not differ:
        # which empty lines, or which order, is wanted is nothing that another form with other ones could make sure
        very = [one for one in agree if one.effect is not None
                and same_effect(carrier.git, head.commit, mine, one.effect)]
        sure = Sure.CERTAIN if any(_confirms(one) for one in very) and _whole(own, patch, carrier) else own.sure
        told = tuple(f"{one.donor.name}, carried here, gives the same result"
                     + ("" if one in very else ", empty lines or the order of operands apart") for one in agree)
        return replace(own, sure=sure, notes=(*own.notes, *notes) if sure is Sure.REVIEW else tuple(notes),
                       evidence=(*own.evidence, *told))
    first = next((one for one in differ if not (one.donor.weak and (own.agreed or own.sure) is Sure.CERTAIN)), None)
    if first is None or agree:
        told = tuple(f"{one.donor.name} gives another result: see the alternatives" for one in differ)
        others = tuple(one.carried.patch.diff for one in (*differ, *lost) if one.carried.patch is not None)
        unsure = any(not one.donor.weak for one in differ)
        return replace(own, sure=Sure.REVIEW if unsure else own.sure, notes=(*own.notes, *notes, *told),
                       alternatives=(*others, *own.alternatives))
    assert own.patch is not None
    others = tuple(one.carried.patch.diff for one in differ if one is not first and one.carried.patch is not None)
    made = _from(first, patch, tree, carrier, head)
    if made is None:
        return own
    stands[tried.index(first)] = "used"
    return replace(made, alternatives=(own.patch.diff, *others), notes=(
        f"upstream's form gives another result on this tree ({own.outcome}, {own.sure}): it is the first alternative",
        *made.notes, *notes))


def _confirms(one: Tried) -> bool:
    """Whether its agreeing is evidence: somebody vouches for it, and it went in without a doubt."""
    agreed = one.carried.agreed or one.carried.sure
    return not one.donor.weak and not one.lost and not one.said and agreed is Sure.CERTAIN


def _whole(own: Carried, patch: Patch, carrier: Carrier) -> bool:
    """Whether nothing but the adaptation itself was in doubt, and all of upstream's change is in it."""
    if patch.review or own.unready or own.patch is None:
        return False
    # one more place like those that upstream changes: who made a form for another tree never saw it
    if any(Signal.REMAINS.id in story.signals for story in own.hunks):
        return False
    outside = {one.name for one in carrier.proposers}            # what a program of the user's made is for review
    if any(outside & set(story.strategies) for story in own.hunks):
        return False
    return not left_out(patch, own.patch.files, own.hunks)


def _instead(own: Carried, patch: Patch, tree: Tree, carrier: Carrier, head: Head, tried: Sequence[Tried],
             stands: list[str]) -> Carried:
    """Upstream's form has no answer: the nearest donor's that fits, always for review."""
    first = next((one for one in tried if one.fits), None)
    made = _from(first, patch, tree, carrier, head) if first is not None else None
    there = next((one for one in tried if one.carried.outcome is Apply.ALREADY and not one.donor.doubt), None)
    if made is None and there is not None and own.outcome is Apply.CONFLICT:
        return replace(own, outcome=Apply.ALREADY, sure=Sure.REVIEW, alternatives=(), partly=(),
                       reason=f"the tree has the change in the form of {there.donor.name}: {there.carried.reason}")
    if made is None:
        refused = [f"{one.donor.name}, carried here, {text}: not taken" for one in tried for text in one.lost] + [
            f"{one.donor.name} does not fit either: {one.carried.reason or one.carried.outcome}"
            for one in tried if one.effect is None]
        diffs = tuple(one.carried.patch.diff for one in tried if one.carried.patch is not None)
        return replace(own, notes=(*own.notes, *refused), alternatives=(*diffs, *own.alternatives))
    assert first is not None
    assert first.effect is not None
    stands[tried.index(first)] = "used"
    others = [one for one in tried if one is not first and one.fits and one.effect is not None
              and not same_effect(carrier.git, head.commit, first.effect, one.effect)]
    return replace(made, notes=(
        f"upstream's form does not apply: {own.reason or own.outcome.legend}", *made.notes,
        *(f"{one.donor.name} gives another result: see the alternatives" for one in others)),
        evidence=own.evidence, alternatives=tuple(
            one.carried.patch.diff for one in others if one.carried.patch is not None))


def _from(one: Tried, patch: Patch, tree: Tree, carrier: Carrier, head: Head) -> Carried | None:
    """The donor's answer as upstream's commit: its author and message, and whose form it is; None where git objects."""
    carried, donor = one.carried, one.donor
    assert carried.patch is not None
    made = carried.patch.files
    form = replace(patch, files=donor.patch.files)
    holds = bool(donor.note) and _still_holds(one)
    # somebody's resolution for this very tree is theirs, and their note says it all
    theirs = donor.kind is DonorKind.RESOLUTION and series_number(donor.series) == series_number(tree.series)
    own = holds and theirs
    clauses = [*([] if own else [f"based on {donor.credit}"]), *([donor.note] if holds else [])]
    if carried.outcome in (Apply.MERGED, Apply.REWRITTEN):
        clauses += [adapted_for(tree.series, changelog(form, made, carried.hunks))]
    note = "; ".join(clauses)
    mail = adapted_mail(patch, made, series=tree.series, notes=(note,),
                        upstream_sha=read_mail(patch).upstream_sha, signoff=carrier.signoff)
    ready = parse(mail, source=patch.source, slug=patch.slug)
    if objection(carrier.git, head.commit, ready):
        return None
    own_words = "" if holds or not donor.note else f"its own note, which may not be true here: {donor.note}"
    source = f"as a person resolved it: {donor.name}" if theirs else (
        f"made from {donor.name}, not from upstream's form")
    told = [source, *filter(None, (donor.doubt, own_words)),
            *(f"it {text}" for text in one.said)]
    outcome = Apply.RESOLVED if theirs else Apply.MERGED
    return replace(carried, outcome=outcome, sure=Sure.REVIEW, patch=ready, mail=mail, changelog=note,
                   notes=(*told, *carried.notes))


def _still_holds(one: Tried) -> bool:
    """Whether the donor's own note says what is true of this tree: all of it went in here as it was made."""
    def lines(patch: Patch) -> list[bytes]:
        return [line.kind + line_key(line.text) for file in patch.files for hunk in file.hunks for line in hunk.lines
                if line.kind != b" "]

    assert one.carried.patch is not None
    return not one.said and one.donor.patch.paths == one.carried.patch.paths \
        and lines(one.donor.patch) == lines(one.carried.patch)


def _form(patch: Patch, one: Tried, stands: str) -> Form:
    carried = one.carried
    why = (carried.reason,) if one.effect is None and carried.reason else ()
    return Form(one.donor.name, one.donor.series, str(one.donor.kind), stands, str(carried.outcome), str(carried.sure),
                (*why, *one.lost, *one.said), differences(patch, one.donor.patch),
                carried.patch.diff.decode("utf-8", "replace") if carried.patch is not None else "")
