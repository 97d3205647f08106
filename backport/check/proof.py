"""The last word on an adapted patch: git takes it as it stands, and taking it back gives the tree byte for byte."""

from __future__ import annotations

from backport.check.index import private_index
from backport.git import Git
from backport.gitfault import ApplyAnswer, apply_answer
from backport.patch.model import Patch


def objection(git: Git, commit: str, patch: Patch) -> str:
    """Why `patch` must not be handed out for `commit`; "" where there is nothing to object to.

    Applied for real (into a private index), not only checked: an offset, however small, means that what is
    shown to the person is not what git would do.
    """
    with private_index(git, commit, patch) as index:
        before = index.tree()
        forward = index.apply(patch.diff, check=False)
        answer = apply_answer(forward.code, forward.err, path=git.path)
        if answer is not ApplyAnswer.TAKEN or "Skipped patch" in forward.err:
            return f"git apply rejects the adapted patch: {_tail(forward.err)}"
        if "succeeded at" in forward.err:
            return f"the adapted patch applies only with an offset: {_tail(forward.err)}"
        if index.tree() == before:
            return "the adapted patch changes nothing"
        backward = index.apply(patch.diff, reverse=True, check=False)
        if apply_answer(backward.code, backward.err, path=git.path) is not ApplyAnswer.TAKEN or index.tree() != before:
            return "reverting the adapted patch does not restore the tree"
    return ""


def _tail(report: str) -> str:
    return report.strip().split("\n")[-1]
