"""Cases from a clone with history: every commit of a stable branch that names the upstream commit it came from.

Truth is the commit's own tree, the target its parent's: nothing of the commit reaches the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backport.errors import UserError
from backport.git import Git
from backport.replay.cases import Case, Delta, changed_lines
from backport.replay.delta import C, tree_delta

# the first line of the changelog's body, in both forms that the stable trees use
_UPSTREAM = re.compile(rb"^\s*(?:\[\s*Upstream commit ([0-9a-f]{40})\s*\]|commit ([0-9a-f]{40}) upstream\.?)\s*$",
                       re.MULTILINE)


def upstream_of(message: bytes) -> str | None:
    """The upstream commit that a stable commit's message names, 40 hex digits; None where it names none."""
    match = _UPSTREAM.search(message)
    return (match[1] or match[2]).decode() if match else None


def history_cases(git: Git, branch: str) -> Iterator[Case]:
    """A case for each C file of each backport on `branch` (a ref or a range), oldest first.

    A commit whose upstream commit the clone does not have is passed over. Raises UserError where `branch` names
    nothing.
    """
    listed = git.run("rev-list", "--reverse", "--no-merges", "--end-of-options", branch, ok=())
    if listed.code:
        raise UserError(f"{branch!r} names no commits in {git.path}", hint="a branch, or a range such as v6.1..v6.1.20")
    for commit in listed.text.split():
        message = git.run("log", "-1", "--format=%B", commit).out
        upstream = upstream_of(message)
        if upstream is None or git.rev(f"{upstream}^{{commit}}^") is None or git.rev(f"{commit}^") is None:
            continue
        theirs = _delta(git, commit)
        for path, edits in sorted(_delta(git, upstream).items()):
            case = _case(git, path, upstream, edits, commit, theirs.get(path), message)
            if case is not None:
                yield case


def _delta(git: Git, commit: str) -> dict[str, Delta]:
    return tree_delta(git, f"{commit}^", commit, C)


def _case(git: Git, path: str, upstream: str, edits: Delta, commit: str, theirs: Delta | None,
          message: bytes) -> Case | None:
    before = git.blob(f"{upstream}^:{path}")
    target = git.blob(f"{commit}^:{path}")
    truth = git.blob(f"{commit}:{path}")
    if before is None or target is None or truth is None or theirs is None:
        return None
    return Case(name=f"{commit[:12]} <- {upstream[:12]} {path}", path=path, upstream=before, upstream_edits=edits,
                target=target, truth=truth, same_lines=changed_lines(edits) == changed_lines(theirs),
                newer=(f"{upstream}^", upstream), older=(f"{commit}^", commit), message=message)
