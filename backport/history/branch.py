"""A branch whose history is asked about, and whether it has one that can be believed."""

from __future__ import annotations

from dataclasses import dataclass

from backport.git import Git
from backport.trees.store import Head


@dataclass(frozen=True, slots=True)
class Branch:
    """`name` for people, `commit` in the repository, `history` False where it is known to be a container commit."""

    name: str
    commit: str
    version: str = ""
    history: bool = True

    @classmethod
    def of(cls, head: Head) -> Branch:
        return cls(head.tree, head.commit, head.version, head.history)


def no_history(git: Git, branch: Branch) -> str:
    """Why nothing can be known from this branch's history; "" where it has one, as far as git has it."""
    if not branch.history:
        return f"{branch.name} has no history (a tarball, a directory or a shallow fetch)"
    if not git.run("rev-list", "--max-count=1", "--skip=1", branch.commit, "--").out.strip():
        return f"{branch.name} is one commit without parents: its history was not fetched"
    return ""


def cut_off(git: Git, branch: Branch) -> str:
    """Why "not found" proves nothing on this branch: its history ends early; "" where it is whole.

    What is found in a shallow history is found; what is not found may lie behind the cut.
    """
    reason = no_history(git, branch)
    if reason:
        return reason
    shallow = git.run("rev-parse", "--git-path", "shallow").text
    path = git.path / shallow
    if not path.is_file():
        return ""
    for sha in path.read_text("ascii").split():
        if is_ancestor(git, sha, branch.commit):
            return f"the history of {branch.name} is shallow: it ends at {sha[:12]}"
    return ""


def is_ancestor(git: Git, old: str, new: str) -> bool:
    """Whether `new` contains `old`; False where either is missing."""
    return git.run("merge-base", "--is-ancestor", old, new, ok=()).code == 0


def merge_base(git: Git, a: str, b: str) -> str:
    """The best common ancestor, "" where there is none."""
    result = git.run("merge-base", a, b, ok=())
    return result.text.split("\n")[0] if result.code == 0 else ""
