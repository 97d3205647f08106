"""One file of the patch against the tree: every strategy, one answer a hunk, one diff for each file it lands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from backport import sections
from backport.adapt import absent, interior_context, moved_code, within
from backport.adapt.already import reverse_fits
from backport.adapt.arbiter import Answer, State, choose, same_result
from backport.adapt.assemble import Landed, assembled
from backport.adapt.checks.base import Context, Finding, Names, Result
from backport.adapt.checks.registry import fatal, findings
from backport.adapt.confidence import CERTAIN, measure, model
from backport.adapt.eol import fitted
from backport.adapt.outcome import FileAnswer
from backport.adapt.proposers import as_is
from backport.adapt.proposers.base import Proposer, independent
from backport.adapt.proposers.registry import proposals
from backport.adapt.repair import POLISH, repaired
from backport.adapt.repairs.base import Broken
from backport.adapt.revisions import Problem
from backport.adapt.ruled import Ruled
from backport.adapt.signals import HARMLESS, Signal
from backport.adapt.simulated_apply import AsIs, apply_as_is
from backport.adapt.whole_blocks import settled
from backport.patch.edits import Edit
from backport.patch.model import FileDiff
from backport.treeview import TreeView
from backport.verdict import Sure

_TIMES = 8               # that one repair is made in a hunk
_PLACED = frozenset({Signal.INTERIOR, Signal.INCLUDE, Signal.MOVED})     # said of the place, and not of the result


def adapt_file(file: FileDiff, target: TreeView, preimage: bytes | None, ruled: Ruled, names: Names,
               wanted: Sequence[str], ways: moved_code.Ways | None = None,
               further: Sequence[Proposer] = ()) -> FileAnswer:
    """The answer for one modified file; `ways`: which files of the patch stand elsewhere in this tree; `further`:
    who is asked about hunks that nobody else has an answer for."""
    path = file.old_path
    assert path is not None
    data = target.read(path)
    problem = Problem(file.hunks, data or b"", preimage, path if data is not None else "", path,
                      target.name)
    taken = apply_as_is(problem.hunks, problem.target) if data is not None and not ruled.changed else None
    solve = partial(_solved, target=target, ruled=ruled, wanted=wanted, ways=ways or moved_code.Ways())
    if taken is not None and (better := _not_astray(problem, taken, solve)):
        taken, landed = None, better
    elif taken is not None:
        landed = [Landed(k, problem, k, _confirm(problem, k, taken, wanted)) for k in range(len(file.hunks))]
    else:
        landed = solve(problem)
    landed = _checked(landed, names, taken is not None, wanted)
    if further and any(one.answer.state is State.NONE for one in landed):
        asked = [_ask_further(one, further) for one in landed]
        fresh = [n for n, one in enumerate(asked) if one is not landed[n]]
        landed = _checked(asked, names, False, wanted, fresh)
    return assembled(file, [_with_probability(one, taken is not None) for one in landed], taken)


def _solved(problem: Problem, target: TreeView, ruled: Ruled, wanted: Sequence[str],
            ways: moved_code.Ways) -> list[Landed]:
    """Every hunk by every strategy."""
    problem = replace(problem, hunks=tuple(settled(hunk) for hunk in problem.hunks), seeds={})
    return [_with_eol(_land(problem, k, target, ruled, wanted, ways)) for k in range(len(problem.hunks))]


def _not_astray(problem: Problem, taken: AsIs, solve: Callable[[Problem], list[Landed]]) -> list[Landed]:
    """The strategies' answers where git apply puts a hunk into another function than upstream's, which is here as well,
    and each hunk has a place in its own; [] elsewhere. Two functions that end alike are enough for git."""
    astray = [k for k, edits in enumerate(taken.edits) if within.strays(problem, k, edits)]
    landed = solve(problem) if astray else []
    if any(one.answer.state is not State.FORWARD for one in landed):
        return []
    for k in astray:
        where = sections.scope(problem.target, taken.edits[k][0].lo + 1, problem.path) or "file level"
        note = f"git apply would put hunk {k + 1} into {where}, which is not the one that upstream changed"
        answer = landed[k].answer
        landed[k] = replace(landed[k], answer=replace(answer, sure=Sure.REVIEW, notes=(note, *answer.notes)))
    return landed


def _with_probability(one: Landed, whole: bool) -> Landed:
    """The answer with its probability, which may make it for review and never certain; `whole`: git apply takes the
    file. A rule's answer, one in another file and one without upstream's file are none of what was fitted."""
    answer = one.answer
    if answer.state is not State.FORWARD or one.problem.edits is None or one.problem.path != one.problem.upstream_path \
            or any(name.startswith("rule:") for name in answer.strategies):
        return one
    measured = measure(one.problem, one.k, answer.edits, answer.signals, answer.voices, answer.verbatim, whole)
    probability = model().probability(measured)
    sure = answer.sure if probability >= CERTAIN else Sure.REVIEW
    return replace(one, answer=replace(answer, sure=sure, probability=probability, measured=tuple(measured.items()),
                                       unopposed=answer.sure is Sure.CERTAIN))


def _ask_further(one: Landed, further: Sequence[Proposer]) -> Landed:
    """A declined hunk of a file that the tree has, as one of `further` would have it."""
    if one.answer.state is not State.NONE or not one.problem.path:
        return one
    voices = proposals(one.problem, one.k, (), further)
    if not voices:
        return one
    return _with_eol(replace(one, answer=choose(one.problem, one.k, voices, reverse_fits(one.problem, one.k))))


def _with_eol(one: Landed) -> Landed:
    """The answer with the line ends of the file that it leads to."""
    fit = partial(fitted, one.problem)
    return replace(one, answer=replace(one.answer, edits=fit(one.answer.edits), others=tuple(
        (name, fit(edits)) for name, edits in one.answer.others)))


def _checked(landed: Sequence[Landed], names: Names, as_is: bool, wanted: Sequence[str],
             only: Sequence[int] | None = None) -> list[Landed]:
    """The answers again (those of `only`, by default all), after a look at the files that they lead to.

    What git apply takes as it is may be doubted and is then for review; an adapted hunk is mended or not given at all.
    """
    out = list(landed)
    results: dict[int, Result] = {}
    for n, one in enumerate(out):
        if one.answer.state is not State.FORWARD or (only is not None and n not in only):
            continue
        others = [e for x in out if x is not one and x.problem is one.problem and x.answer.state is State.FORWARD
                  for e in x.answer.edits]
        edits = sorted([*others, *one.answer.edits], key=lambda e: (e.lo, e.hi))
        result = results.get(id(one.problem))
        if result is None or result.edits != edits:      # built once for all hunks, until one of them is mended
            result = results[id(one.problem)] = Result(one.problem, edits)
        found = findings(Context(result, one.k, one.answer.edits, names))
        if not as_is:
            found += [Finding(signal, str(signal)) for signal in (*_interior(one), *_astray(one, found))]
            out[n] = _mend_or_decline(one, found, others, names, wanted)
        elif found:
            out[n] = _with_findings(one, found)
    return out


def _astray(one: Landed, found: Sequence[Finding]) -> tuple[Signal, ...]:
    """A function with few of upstream's lines is the wrong one, where not even the place in it is sure."""
    unsure = {Signal.FLOATING, Signal.AMBIGUOUS} & set(one.answer.signals)
    return (Signal.FUNCTION,) if unsure and any(finding.kind is Signal.STRANGER for finding in found) else ()


def _mend_or_decline(one: Landed, found: Sequence[Finding], others: Sequence[Edit], names: Names,
             wanted: Sequence[str]) -> Landed:
    """An adapted hunk with what was found: given, repaired, or declined.

    A rule's answer stands where a person put it: what is said of the place is no reason to decline it, and nothing is
    repaired in it. What is said of the lines is: a rule for one name knows nothing of the next one.
    """
    if any(name.startswith("rule:") for name in one.answer.strategies):
        wrong = any(finding.fatal and finding.kind not in _PLACED for finding in found)
        return _with_findings(replace(one, answer=replace(one.answer, state=State.NONE)) if wrong else one, found)
    if not fatal(found):
        return _polish(one, found, others, names, wanted)
    moved = any(finding.kind is Signal.MOVED for finding in found)     # the order of statements is not for a repair
    mended = None if moved else repaired(one.problem, one.k, one.answer.edits, others, found, names, wanted)
    if mended is None:
        return _with_findings(replace(one, answer=replace(one.answer, state=State.NONE)), found)
    answer = replace(one.answer, edits=mended.edits, notes=(*one.answer.notes, *mended.notes),
                     done=(*one.answer.done, *mended.notes),
                     strategies=(*mended.strategies, *one.answer.strategies), others=(), sure=Sure.REVIEW,
                     signals=(*one.answer.signals, *mended.signals))
    return _with_findings(replace(one, answer=answer), mended.findings)


def _polish(one: Landed, found: Sequence[Finding], others: Sequence[Edit], names: Names,
            wanted: Sequence[str]) -> Landed:
    """An answer that may be given, in this tree's manner: as deep as its block, leaving as its neighbours leave."""
    for repair in POLISH if "substitution" in wanted else ():
        for _ in range(_TIMES):
            result = Result(one.problem, sorted([*others, *one.answer.edits], key=lambda e: (e.lo, e.hi)))
            done = repair(Broken(result, one.k, one.answer.edits, tuple(found), names))
            if done is None:
                break
            then = Result(one.problem, sorted([*others, *done.edits], key=lambda e: (e.lo, e.hi)))
            left = findings(Context(then, one.k, done.edits, names))
            if fatal(left):
                break
            found = [*(d for d in found if d.kind in _PLACED), *left]
            one = replace(one, answer=replace(
                one.answer, edits=done.edits, notes=(*one.answer.notes, done.note), sure=Sure.REVIEW, others=(),
                done=one.answer.done if done.signal is Signal.REINDENTED else (*one.answer.done, done.note),
                signals=(*one.answer.signals, done.signal)))
    return _with_findings(one, found)


def _with_findings(one: Landed, found: Sequence[Finding]) -> Landed:
    """The answer with the signals and words of what was found; anything but a harmless one makes it for review."""
    if not found:
        return one
    sure = one.answer.sure if all(d.severity is HARMLESS for d in found) else Sure.REVIEW
    return replace(one, answer=replace(
        one.answer, sure=sure,
        signals=tuple(dict.fromkeys([*one.answer.signals, *(d.kind for d in found)])),
        missing=tuple(dict.fromkeys(d.subject for d in found if d.kind is Signal.SYMBOL)),
        notes=(*one.answer.notes, *(d.text for d in found))))


def _interior(one: Landed) -> tuple[Signal, ...]:
    """What stands amid the change; a hunk that fits as it is has nothing else there."""
    found = interior_context.signals(one.problem, one.k)
    return tuple(s for s in found if s is Signal.INCLUDE) if one.answer.verbatim else found


def _land(problem: Problem, k: int, target: TreeView, ruled: Ruled, wanted: Sequence[str],
          ways: moved_code.Ways) -> Landed:
    """The answer for one hunk: by rule, in its own file, where the code moved to, or evidence that it is nowhere."""
    by_rule = _by_rule(problem, k, target, ruled, wanted)
    if by_rule is not None:
        return by_rule
    answer = _solve(problem, k, wanted) if problem.path else Answer(State.NONE)
    if answer.state is not State.NONE or "moves" not in wanted:
        return Landed(k, problem, k, answer)
    found = _in_other_files(problem, k, target, wanted, ways)
    best = _best(found, target, ways) if found else None
    if best is not None:
        return best
    if found:
        paths = " and ".join(one.problem.path for one in found)
        return Landed(k, problem, k, replace(answer, notes=(*answer.notes, f"it fits in {paths}")))
    why = absent.evidence(problem, k, target)
    if why:
        return Landed(k, problem, k, Answer(State.ABSENT, notes=(why,), signals=(Signal.DROPPED,)))
    return Landed(k, problem, k, answer)


def _by_rule(problem: Problem, k: int, target: TreeView, ruled: Ruled, wanted: Sequence[str]) -> Landed | None:
    """The answer of the rules, in the file that they name; None where they have none."""
    result = ruled.hunk(k)
    if result is None:
        return None
    there = problem if result.path == problem.path else _elsewhere(problem, k, result.path, target)
    if there is None:
        return None
    at = k if there is problem else 0
    answer = ruled.answer(there, at, k, partial(_solve, there, at, wanted))
    if answer.state is State.NONE:
        return None
    return Landed(k, there, at, _in_other_file(answer, there) if there is not problem else answer)


def _in_other_files(problem: Problem, k: int, target: TreeView, wanted: Sequence[str],
                    ways: moved_code.Ways) -> list[Landed]:
    """The answers in the files that the code may have moved to."""
    found = []
    for path in moved_code.candidates(problem, k, target, ways):
        there = _elsewhere(problem, k, path, target)
        other = _solve(there, 0, wanted) if there is not None else None
        if there is None or other is None or other.state in (State.NONE, State.BOTH):
            continue
        sure = moved_code.same_file(problem.base, problem.upstream_path, path, target)
        found.append(Landed(k, there, 0, _in_other_file(other, there, other.sure if sure else Sure.REVIEW)))
    return found


def _elsewhere(problem: Problem, k: int, path: str, target: TreeView) -> Problem | None:
    data = target.read(path)
    if data is None:
        return None
    return Problem(problem.hunks[k:k + 1], data, problem.base, path, problem.upstream_path, problem.tree)


def _best(found: Sequence[Landed], target: TreeView, ways: moved_code.Ways) -> Landed | None:
    """The landing in the file that stands for upstream's more likely than all others, None without one."""
    if len(found) == 1:
        return found[0]
    ranked = [((*ways.rank(one.problem.upstream_path, one.problem.path, target), len(one.answer.strategies)), one)
              for one in found]
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    (one, best), (two, _) = ranked[:2]
    *path, beside, agree = zip(one, two, strict=True)
    if any(mine != other for mine, other in path):
        return best
    # a name more or less in the directory says nothing
    return best if beside[0] >= 2 * max(1, beside[1]) or agree[0] > agree[1] else None


def _in_other_file(answer: Answer, there: Problem, sure: Sure = Sure.REVIEW) -> Answer:
    """An answer in another file names it, and is only certain where that is the same file under another path."""
    return replace(answer, sure=sure, strategies=("move", *answer.strategies),
                   signals=(*answer.signals, Signal.OTHER_FILE),
                   notes=(*answer.notes, f"made in {there.path}, which has the code of {there.upstream_path} here"))


def _solve(problem: Problem, k: int, wanted: Sequence[str]) -> Answer:
    return choose(problem, k, proposals(problem, k, wanted), reverse_fits(problem, k))


def _confirm(problem: Problem, k: int, taken: AsIs, wanted: Sequence[str]) -> Answer:
    """git takes it as it is: that is the answer, and the other strategies say whether they see the same place."""
    edits = taken.edits[k]
    asked = [name for name in wanted if name != as_is.PROPOSER.name]
    heard = [voice for voice in proposals(problem, k, asked) if voice.proposer.finds_place]
    agreeing = [voice for voice in heard if same_result(problem.target_lines, voice.placed.edits, edits)]
    against = [voice for voice in heard if voice not in agreeing]
    others = tuple((voice.name, voice.placed.edits) for voice in against)
    agree = (as_is.PROPOSER.name, *(voice.name for voice in agreeing))
    voices = independent((as_is.PROPOSER, *(voice.proposer for voice in agreeing)))
    # who finds the lines in another function than upstream's, which git does not, has found the next one like it
    opposed = any(not voice.strays or within.strays(problem, k, edits) for voice in against)
    signals: list[Signal] = [Signal.DISAGREE] if opposed else []
    if taken.ambiguous[k] and problem.base_lines is None:
        signals.append(Signal.AMBIGUOUS)         # only the line in the header tells
    if within.elsewhere(problem, k, edits):
        signals.append(Signal.FUNCTION)
    back = reverse_fits(problem, k)
    if back is not None and Signal.LOOSE not in back.signals:
        return Answer(State.BOTH, edits, agree, tuple(signals), others=others)
    sure = Sure.REVIEW if signals else Sure.CERTAIN
    return Answer(State.FORWARD, edits, agree, tuple(signals), sure, others, voices=voices, verbatim=True)
