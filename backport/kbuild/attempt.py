"""One patched build, and the verdict that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backport.kbuild.combine import passed
from backport.kbuild.compiled import Proof
from backport.kbuild.result import BuildResult, Diagnostic, Uncompiled, first_of
from backport.kbuild.touched import TouchedKind, kind_of
from backport.patch.model import Patch
from backport.verdict import Build

_MOST = 200              # diagnostics of one cell that are kept: a patch decides how many there are


@dataclass(frozen=True, slots=True)
class Attempt:
    """One patched build and what it says; `proof` is None where it failed."""

    code: int                        # make's exit code
    new: tuple[Diagnostic, ...]
    fixed: tuple[Diagnostic, ...]
    proof: Proof | None
    seconds: float


def verdict(attempt: Attempt, patch: Patch, paths: frozenset[str], notes: tuple[str, ...],
            known: dict[str, Any]) -> BuildResult:
    """What the attempt proves of `paths` of the patch. `known` are fields that hold whatever came of it."""
    if len(attempt.new) > _MOST:
        notes += (f"{len(attempt.new)} new diagnostics; the first {_MOST} are kept, the log has all",)
    kept = sorted(attempt.new, key=lambda item: not item.is_error) if len(attempt.new) > _MOST else attempt.new
    common: dict[str, Any] = {**known, "new": tuple(kept[:_MOST]), "fixed": attempt.fixed[:_MOST],
                              "notes": notes, "make_seconds": attempt.seconds}
    if attempt.code:
        errors = [item for item in attempt.new if item.is_error]
        reason = str(errors[0]) if errors else f"make ended with {attempt.code}, see the log"
        return BuildResult(Build.FAIL, reason, **common)
    proof = attempt.proof
    assert proof is not None
    common |= {"objects": proof.objects, "uncompiled": proof.missing, "unproved": proof.unproved}
    if proof.missing:
        return BuildResult(Build.NOT_COMPILED, first_of(proof.missing), **common)
    warnings = [item for item in attempt.new if not item.is_error] or list(attempt.new)
    if warnings:
        return BuildResult(Build.WARN, first_of(warnings), **common)
    unread = [path for path in sorted(paths) if kind_of(path) is TouchedKind.OTHER]
    if not proof.objects and len(unread) == len(paths):
        # no object, no Kconfig, no Makefile: make succeeded and nothing of the patch was in what it made
        missing = tuple(Uncompiled(path, 0, "", "no C, assembly, device tree or kbuild: whether a build reads it "
                                   "is not known") for path in unread)
        return BuildResult(Build.NOT_COMPILED, first_of(missing), **{**common, "uncompiled": missing})
    if not proof.code and all(file.deleted for file in patch.files):
        return BuildResult(Build.NOTHING_TO_BUILD, "deletions only; what is left still builds", **common)
    return BuildResult(Build.PASS, passed(proof.objects), **common)
