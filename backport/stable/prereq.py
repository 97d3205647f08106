"""Prerequisites that a mail names (`Cc: stable ... # 5.10.x: <sha>: subject`): found, or said to be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backport.errors import InvalidPatch
from backport.git import Git
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.message import same
from backport.history.presence import PresenceState, UpstreamChange, presence
from backport.patch.mail import Mail, read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.patch.stable import series_number


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One commit to pick first. `patch` is set where it was found and the tree lacks it ("pick").

    `status`: "pick", "in the tree", "not found". A "not found" one is not skipped in silence: the cell says it.
    """

    sha: str
    subject: str
    status: str
    why: str
    patch: Patch | None = None


def prerequisites(mail: Mail, series: str, *, among: Sequence[Patch] = (), git: Git | None = None,
                  log: Log | None = None, branch: Branch | None = None) -> tuple[Prerequisite, ...]:
    """What `mail` wants to be picked before it in `series`, in the order of the tags.

    Each is looked for in the tree's history (`log`, `branch`), among the patches of the run, and as a commit with a
    parent in `git` (an upstream clone whose objects the store has).
    """
    number = series_number(series)
    found = []
    for request in mail.prerequisites:
        versions = [v for text in request.versions if (v := series_number(text)) is not None]
        # a prerequisite line names the trees it is for, and is for no other, unless it says "and newer"
        newer = request.open and number is not None and number > min(versions, default=number)
        if versions and number not in versions and not newer:
            continue
        found.append(_find(request.prerequisite, request.subject, among, git, log, branch))
    return tuple(found)


def _find(sha: str, subject: str, among: Sequence[Patch], git: Git | None, log: Log | None,
          branch: Branch | None) -> Prerequisite:
    if log is not None and branch is not None:
        answer = presence(log, branch, UpstreamChange(sha, subject))
        if answer.state is PresenceState.PRESENT:
            return Prerequisite(sha, subject, "in the tree", answer.line)
    for patch in among:
        if same(read_mail(patch).upstream or "", sha):
            return Prerequisite(sha, subject, "pick", f"in this run: {patch.source}", patch)
    if git is not None:
        full = git.rev(f"{sha}^{{commit}}")
        if full is not None and git.rev(f"{full}^") is not None:
            made = commit_patch(git, full)
            if made is not None:
                return Prerequisite(sha, subject, "pick", f"git show {full}", made)
    return Prerequisite(sha, subject, "not found",
                        f"{sha} is not found in the tree's known history, in this run or in the store")


def commit_patch(git: Git, sha: str) -> Patch | None:
    """A commit as git format-patch writes it; None for a merge or an empty commit."""
    data = git.run("format-patch", "-1", "--stdout", "--no-signature", "--no-renames", "--full-index", "--binary",
                   sha).out
    try:
        return parse(data, source=f"commit {sha}") if data else None
    except InvalidPatch:
        return None
