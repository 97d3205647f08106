"""Whole commits with what the stable maintainers made of them: carried end to end, as a user would carry them.

A case is a directory: `input.patch` (the fix as a mail), `truth.patch` (what the maintainers queued, a plain diff for
the release `base`), `meta.json` (`base`, `same_lines`). The input goes through everything that `backport adapt` does,
git's last word included; the truth is read only to score the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from backport.carry import Carried, Carrier
from backport.check.effect import Effect, applied, same_file
from backport.donors.find import by_hand
from backport.donors.model import Donor, DonorKind
from backport.donors.weigh import weighed
from backport.errors import UserError
from backport.git import Git
from backport.manifest import Manifest, Tree
from backport.patch.compose import branch
from backport.patch.exact import apply_exactly
from backport.patch.intake import read_bytes
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.replay.baselines import Scratch
from backport.replay.score import Score, cpu_seconds, digest_of
from backport.rules.load import load_rules
from backport.temporary import temporary_directory
from backport.trees.stack import Stack
from backport.trees.store import Head, Store
from backport.verdict import Apply, Sure

AGAIN = "asked again"     # the answer for the tree that has the maintainers' form
_DONORS = "6.1"          # the series of a donor where meta.json does not say

# path -> the file as somebody leaves it (None: gone); None where they decline the whole commit
Made = Mapping[str, bytes | None] | None


@dataclass(frozen=True, slots=True)
class CommitCase:
    """`patch` is what the tool gets, `truth` the diff that the maintainers queued for release `base`."""

    name: str
    base: str
    patch: Patch
    truth: bytes
    same_lines: bool
    donor: Donor | None = None
    newbase: str = ""                # the release that the patch applies to, where the case says so


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """One file of a case: `digest` names the tool's result (first 12 hex of SHA-256), "" where it gives none; `alike`
    where it is wrong in empty lines or in the order of operands alone."""

    path: str
    score: Score
    digest: str = ""
    alike: bool = False


@dataclass(frozen=True, slots=True)
class CommitOutcome:
    """How one commit came out. `taken`: git apply takes the input as it is; `seconds` of CPU."""

    name: str
    apply: str
    sure: str
    score: Score
    taken: bool
    files: tuple[FileOutcome, ...]
    same_lines: bool
    seconds: float = 0.0
    reason: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    helped: CommitOutcome | None = None      # the same with its donor, None where it has none

    @property
    def best(self) -> CommitOutcome:
        """With its donor where there is one."""
        return self.helped or self

    @property
    def several(self) -> bool:
        """The maintainers' commit, or ours, touches more than one file."""
        return len(self.files) > 1

    @property
    def alike(self) -> bool:
        """Wrong, and not the maintainers' commit in empty lines or in the order of operands alone."""
        return self.score is Score.WRONG and all(one.alike or one.score is Score.EXACT for one in self.files)

    @property
    def certain(self) -> bool:
        return self.score is not Score.NONE and self.sure == Sure.CERTAIN

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def commit_cases(directory: Path) -> list[CommitCase]:
    """Every case below `directory`, by name. Raises UserError where it holds none, or one that cannot be read."""
    found = []
    for meta in sorted(directory.glob("*/meta.json")):
        try:
            about = json.loads(meta.read_bytes())
            source = meta.parent / "input.patch"
            (patch,) = read_bytes(source.read_bytes(), str(source))
            if not isinstance(patch, Patch):
                raise ValueError(str(patch))
            found.append(CommitCase(meta.parent.name, str(about["base"]), patch,
                                    (meta.parent / "truth.patch").read_bytes(), bool(about.get("same_lines")),
                                    _donor(meta.parent / "donor.patch", patch, str(about.get("donor", _DONORS))),
                                    str(about.get("newbase", ""))))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{meta.parent}: not a case: {error}",
                            hint="a case has input.patch, truth.patch and meta.json with `base`") from error
    if not found:
        raise UserError(f"{directory}: no case in it", hint="a case is a directory with input.patch, truth.patch and "
                                                             "meta.json")
    return found


def _donor(path: Path, patch: Patch, series: str) -> Donor | None:
    """The form that the maintainers took into the branch of `series`; None where the case has none."""
    if not path.is_file():
        return None
    (form,) = read_bytes(path.read_bytes(), str(path))
    if not isinstance(form, Patch):
        raise ValueError(str(form))
    name = f"the {branch(series)} backport"
    return replace(by_hand(patch, form, series), kind=DonorKind.HISTORY, name=name, credit=name)


def replay(cases: Iterable[CommitCase], store: Store, manifest: Manifest, heads: tuple[Head, ...],
           upstream: Head | None, baselines: Sequence[str] = (), again: bool = False) -> Iterator[CommitOutcome]:
    """The outcome of each case, in order; `baselines` are names of backport.replay.baselines to run beside it, `again`
    asks the same of the tree that has the maintainers' form (AGAIN among the others: `exact` is that it is there).

    Raises UserError where a release that a case stands on is not in the store.
    """
    carrier = Carrier(store.path, heads, upstream, load_rules())
    with temporary_directory("replay") as top:
        scratch = Scratch(Path(top))
        try:
            for case in cases:
                yield _one(case, carrier, store, manifest, scratch, baselines, again)
        finally:
            scratch.close()
            carrier.close()


def carried(case: CommitCase, store: Store, carrier: Carrier, manifest: Manifest) -> tuple[Head, Carried]:
    """The release that the case stands on, and the answer. Raises UserError where the store does not have it."""
    base = store.release(case.base)
    if base is None:
        raise UserError(f"release {case.base} is not in the store {store.path}",
                        hint=f"`backport trees release {case.base}` fetches it")
    return base, carrier.carry(case.patch, _tree(manifest, case.base), base)


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer beside the maintainers': `made` is what the answer changes, `plain` what git apply makes of the input,
    `truth` what they left."""

    score: Score
    files: tuple[FileOutcome, ...]
    made: Made
    plain: Made
    truth: Effect

    @property
    def taken(self) -> bool:
        """Whether git apply takes the input."""
        return self.plain is not None


def commit_score(case: CommitCase, base: Head, answer: Carried, git: Git) -> Judged:
    """How right the answer is. Raises UserError where the case's truth does not apply."""
    truth = _truth(case, base, git)
    made = _claimed(git, base, answer)
    return Judged(*_scored(made, truth, base, git), made, applied(git, base.commit, case.patch), truth)


def _truth(case: CommitCase, base: Head, git: Git) -> Effect:
    truth = applied(git, base.commit, parse(case.truth, source=case.name))
    if truth is None:
        raise UserError(f"{case.name}: truth.patch does not apply to {case.base}")
    return truth


def _scored(made: Made, truth: Effect, base: Head, git: Git) -> tuple[Score, tuple[FileOutcome, ...]]:
    paths = sorted({*truth, *(made or {})})
    files = tuple(_file(git, base, path, made, truth) for path in paths)
    score = Score.NONE if made is None else \
        Score.EXACT if all(one.score is Score.EXACT for one in files) else Score.WRONG
    return score, files


def _one(case: CommitCase, carrier: Carrier, store: Store, manifest: Manifest, scratch: Scratch,
         baselines: Sequence[str], again: bool) -> CommitOutcome:
    started = cpu_seconds()
    base, answer = carried(case, store, carrier, manifest)
    seconds = cpu_seconds() - started
    judged = commit_score(case, base, answer, carrier.git)
    scored = partial(_scored, truth=judged.truth, base=base, git=carrier.git)
    others = {"git apply": str(scored(judged.plain)[0])}
    for name in baselines:
        made = _other(name, case.patch, carrier.git, base, answer.preimages.files, scratch)
        others[name] = str(scored(made)[0])
    if again:
        others[AGAIN] = str(_asked_again(case, base, carrier, manifest))
    helped = None
    if case.donor is not None:
        started = cpu_seconds()
        better = weighed(answer, carrier, case.patch, _tree(manifest, case.base), base, (case.donor,))
        helped = _outcome(case, better, judged.taken, seconds + cpu_seconds() - started,
                          *scored(_claimed(carrier.git, base, better)))
    return replace(_outcome(case, answer, judged.taken, seconds, judged.score, judged.files), others=others,
                   helped=helped)


def _asked_again(case: CommitCase, base: Head, carrier: Carrier, manifest: Manifest) -> Score:
    """The patch on the tree that has it as the maintainers made it: EXACT where it is said to be there, WRONG where
    something of it is made once more. What is written for it stays in the store, without a name."""
    with Stack(carrier.git, base.commit, keep=True) as stack:
        step = stack.push(case.truth)
    if not step.ok:
        raise UserError(f"{case.name}: truth.patch does not apply to {case.base}")
    answer = carrier.carry(case.patch, _tree(manifest, case.base), replace(base, commit=step.commit, base=base.commit))
    return Score.EXACT if answer.outcome is Apply.ALREADY else Score.WRONG if answer.patch is not None else Score.NONE


def _outcome(case: CommitCase, carried: Carried, taken: bool, seconds: float, score: Score,
             files: tuple[FileOutcome, ...]) -> CommitOutcome:
    return CommitOutcome(case.name, str(carried.outcome), str(carried.sure), score, taken, files, case.same_lines,
                         round(seconds, 3), carried.reason,
                         signals=tuple(dict.fromkeys(s for h in carried.hunks for s in h.signals)))


def _other(name: str, patch: Patch, git: Git, base: Head, before: Mapping[str, bytes], scratch: Scratch) -> Made:
    """What another tool makes of the commit, file by file; it declines all where it declines one."""
    made: dict[str, bytes | None] = {}
    for file in patch.files:
        if file.deleted or file.created or not file.hunks or file.old_path is None or file.renamed:
            one = applied(git, base.commit, patch.with_files((file,)))
            if one is None:
                return None
            made |= one
            continue
        target, old = git.blob(f"{base.commit}:{file.old_path}"), before.get(file.old_path)
        if target is None or old is None:
            return None
        text = b"--- a/file.c\n+++ b/file.c\n" + b"".join(hunk.render() for hunk in file.hunks)
        result = scratch.run(name, text, target, old, apply_exactly(old, file) or b"")
        if result is None:
            return None
        made[file.old_path] = result
    return made


def _tree(manifest: Manifest, version: str) -> Tree:
    series = version.rpartition(".")[0]
    tree = manifest.tree(series)
    if tree is None:
        raise UserError(f"{manifest.path} has no tree of the series {series}")
    return tree


def _claimed(git: Git, base: Head, carried: Carried) -> Made:
    """The files that the answer changes; {} where it says that nothing is left to do, None where it declines."""
    if carried.outcome in (Apply.ALREADY, Apply.ABSENT):
        return {}
    if not carried.outcome.good or carried.patch is None:
        return None
    made = applied(git, base.commit, carried.patch)
    return {"": b""} if made is None else made          # a claim that does not even apply is a wrong one


def _file(git: Git, base: Head, path: str, ours: Made, truth: Mapping[str, bytes | None]) -> FileOutcome:
    if ours is None:
        return FileOutcome(path, Score.NONE)
    before = git.blob(f"{base.commit}:{path}")
    mine, theirs = ours.get(path, before), truth.get(path, before)
    exact = same_file(mine, theirs)
    return FileOutcome(path, Score.EXACT if exact else Score.WRONG, digest_of(mine) or "gone",
                       not exact and same_file(mine, theirs, exact=False))

