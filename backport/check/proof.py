"""The last word on an adapted patch: git takes it as it stands, and taking it back gives the tree byte for byte."""

from __future__ import annotations

from collections.abc import Mapping

from backport.check.index import PrivateIndex, private_index
from backport.git import Git
from backport.gitfault import ApplyAnswer, apply_answer
from backport.gitformat import Row
from backport.patch.exact import apply_exactly, reversed_file
from backport.patch.locate import stands
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import split_lines


def objection(git: Git, commit: str, patch: Patch) -> str:
    """Why `patch` must not be handed out for `commit`; "" where there is nothing to object to.

    Applied for real (into a private index), not only checked: an offset, however small, means that what is
    shown to the person is not what git would do.
    """
    with private_index(git, commit, patch) as index:
        before = index.entries()
        forward = index.apply(patch.diff, check=False)
        answer = apply_answer(forward.code, forward.err, path=git.path)
        if answer is not ApplyAnswer.TAKEN or "Skipped patch" in forward.err:
            return f"git apply rejects the adapted patch: {_tail(forward.err)}"
        if "succeeded at" in forward.err:
            return f"the adapted patch applies only with an offset: {_tail(forward.err)}"
        if index.entries() == before:
            return "the adapted patch changes nothing"
        if _restores(index, before, patch):
            return ""
        backward = index.apply(patch.diff, reverse=True, check=False)
        if apply_answer(backward.code, backward.err, path=git.path) is not ApplyAnswer.TAKEN \
                or index.entries() != before:
            return "reverting the adapted patch does not restore the tree"
    return ""


def _restores(index: PrivateIndex, before: Mapping[str, Row], patch: Patch) -> bool:
    """Whether taking the hunks out of what git made, each at its own line, certainly gives the files of `before`: git
    looks at that line first. False is no answer, git is asked then."""
    after = index.entries()
    paths = [file.path for file in patch.files]
    if len(set(paths)) != len(paths) or set(after) != set(before):
        return False
    for file in patch.files:
        if file.binary or not file.hunks or file.old_path != file.new_path or file.old_mode != file.new_mode \
                or after[file.path][0] != before[file.path][0]:
            return False
        back = reversed_file(file)
        made = index.content(after[file.path][1])
        lines = split_lines(made)
        if not _in_step(file) or not all(stands(hunk, lines) for hunk in back.hunks) \
                or apply_exactly(made, back) != index.content(before[file.path][1]):
            return False
    return True


def _in_step(file: FileDiff) -> bool:
    """Whether the two sides of every hunk stand where the hunks before it leave them, and neither is empty."""
    shift = 0
    for hunk in file.hunks:
        if not hunk.old or not hunk.new or hunk.new_start - hunk.old_start != shift:
            return False
        shift += len(hunk.new) - len(hunk.old)
    return True


def _tail(report: str) -> str:
    return report.strip().split("\n")[-1]
