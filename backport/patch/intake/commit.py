"""A commit of a local clone, as git format-patch writes it."""

from __future__ import annotations

from pathlib import Path

from backport.errors import UserError
from backport.git import Git
from backport.patch.intake.mbox import split_mbox
from backport.patch.intake.raw import Raw
from backport.patch.model import Refused

# Everything that a clone's own configuration could change about the patch is said here.
_OPTIONS = ("--stdout", "--binary", "--full-index", "-M", "--no-ext-diff", "--no-textconv", "--no-attach",
            "--no-thread", "--no-cover-letter", "--no-signature", "--src-prefix=a/", "--dst-prefix=b/",
            "--diff-algorithm=myers", "--no-color", "--unified=3", "--no-relative", "--no-base", "--no-notes",
            "--subject-prefix=PATCH", "--no-to", "--no-cc", "--no-add-header", "--ignore-submodules=all", "-O/dev/null")

# and in clones that are read as their owner configured them
_PINNED = ("-c", "core.quotePath=true", "-c", "core.bigFileThreshold=512m")


def mails(repo: Path, spec: str) -> list[Raw | Refused]:
    """The commits of `spec` ("e907b4e", "v6.1..topic"), oldest first; raises UserError."""
    if not repo.is_dir():
        raise UserError(f"{repo} is not a directory", hint="--from takes a local clone and a commit in it")
    with Git(repo) as git:
        if git.run("rev-parse", "--git-dir", ok=()).code != 0:
            raise UserError(f"{repo} is not a git repository", hint="--from takes a local clone and a commit in it")
        source = f"{repo}:{spec}"
        if ".." in spec:
            listed = git.run("rev-list", "--reverse", "--topo-order", "--end-of-options", spec, ok=())
            if listed.code != 0:
                raise UserError(f"{repo} has no range {spec}: {listed.err.strip()}")
            commits = listed.text.split()
            if not commits:
                raise UserError(f"the range {spec} of {repo} is empty")
        else:
            commit = git.rev(f"{spec}^{{commit}}")
            if commit is None:
                raise UserError(f"{repo} has no commit {spec}", hint="fetch it there first, or give its full name")
            commits = [commit]
        out: list[Raw | Refused] = []
        for number, name in enumerate(commits, 1):
            where = source if len(commits) == 1 else f"{source}[{number}]"
            parents = git.run("rev-list", "--parents", "-1", name).text.split()[1:]
            if len(parents) > 1:
                out.append(Refused(where, "a merge, which has no single patch", subject=_subject(git, name),
                                   hint="give the commits that it brought in, or a range"))
                continue
            count = [f"--start-number={number}"] if len(commits) > 1 else []
            data = git.run(*_PINNED, "format-patch", *_OPTIONS, *count, "-1", name).out
            data = _numbered(data, number, len(commits))
            found = split_mbox(data) if data else []
            if len(found) != 1:
                out.append(Refused(where, "an empty commit" if not found else "a commit that reads as several mails",
                                   subject=_subject(git, name)))
                continue
            out.append(Raw(data, where, source if len(commits) > 1 else "", name[:12]))
        return out


def _numbered(data: bytes, number: int, total: int) -> bytes:
    """The subject with its place in the range: `[PATCH 2/3]`."""
    if total == 1:
        return data
    return data.replace(b"\nSubject: [PATCH] ", b"\nSubject: [PATCH %d/%d] " % (number, total), 1)


def _subject(git: Git, commit: str) -> str:
    return git.run("log", "-1", "--format=%s", commit).text
