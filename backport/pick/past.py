"""What a clone's history says, asked so that it answers in a moment: only commits that touch the patch's own files, and
none that upstream has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backport.donors.match import bracketed
from backport.donors.model import Donor, DonorKind
from backport.errors import GitError
from backport.git import Git, limited
from backport.history.branch import is_ancestor
from backport.history.message import Commit, any_same, plain_subject, read_message
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.pick.branches import Ref
from backport.stable.prereq import commit_patch

_SECONDS = 10.0          # for one question; a history that takes longer is not asked
_FORMAT = "%H%x1f%an <%ae>%x1f%aI%x1f%s%x1f%B"


@dataclass(frozen=True, slots=True)
class Past:
    """`there` says by which commit the branch has the patch; `likely`, that one is perhaps it, or was and is reverted.
    Each a sentence, "" where nothing says so."""

    there: str = ""
    likely: str = ""


def there_already(git: Git, tip: str, upstream: str, patch: Patch) -> Past:
    """Whether the branch has the patch by name."""
    mail = read_mail(patch)
    sha = git.rev(f"{mail.upstream}^{{commit}}") if mail.upstream else None
    if sha and is_ancestor(git, sha, tip):
        return Past(f"{sha[:12]} is in the branch")
    undone: list[str] = []
    for commit in _own(git, tip, upstream, patch.paths):
        undone += commit.reverts
        name = f"{commit.sha[:12]} (\"{commit.subject}\")"
        if mail.upstream and any_same(commit.upstream, [mail.upstream]):
            reverted = any_same(undone, commit.ids)
            return Past(likely=f"{name} had this fix, and it was reverted: check why") if reverted else Past(
                f"{name} in this branch says that it is this fix")
        if mail.title and plain_subject(commit.subject) == plain_subject(mail.title) and not (
                commit.upstream and mail.upstream):
            return Past(likely=f"{name} in this branch has the same subject: check before applying it twice")
    return Past()


def donors(git: Git, branches: Sequence[Ref], upstream: str, patch: Patch) -> Iterator[Donor]:
    """Backports of `patch` in `branches`, in their order; one that was reverted is none."""
    mail = read_mail(patch)
    for ref in branches if mail.upstream else ():
        undone: list[str] = []
        for commit in _own(git, ref.commit, upstream, patch.paths):
            undone += commit.reverts
            if not any_same(commit.upstream, [mail.upstream]):
                continue
            made = commit_patch(git, commit.sha)
            if made is not None and not any_same(undone, commit.ids):
                name = f"the {ref.stable}.y backport {commit.sha[:12]}"
                yield Donor(made, ref.stable, DonorKind.HISTORY, name, name, commit.sha,
                            bracketed(read_mail(made), mail))
            break


def _own(git: Git, tip: str, upstream: str, paths: Sequence[str]) -> list[Commit]:
    """The commits that `tip` has beyond upstream and that touch `paths`, newest first; none where that takes long."""
    spec = [tip, f"^{upstream}"] if upstream else [tip]
    try:
        out = git.run("log", "-z", "--no-merges", "--encoding=UTF-8", "--no-show-signature", f"--format={_FORMAT}",
                      "--stdin", stdin=limited(spec, paths), timeout=_SECONDS).out
    except GitError:
        return []
    found = []
    for record in filter(None, out.split(b"\0")):
        sha, author, date, subject, body = record.decode("utf-8", "replace").split("\x1f", 4)
        found.append(read_message(sha.strip(), author, date, subject, body))
    return found
