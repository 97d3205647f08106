"""Patches on top of each other in the object store: a private index, `git apply --cached`, a tree, a commit.

No work tree is touched, so a queue of hundreds is tried in seconds and nothing can be left half applied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from backport.csource.functions import enclosing
from backport.git import Git, GitResult
from backport.gitfault import ApplyAnswer, apply_answer
from backport.patch.parse import parse
from backport.temporary import temporary_directory

# the options that decide how a queue file looks; nothing of the user's diff.* configuration may change it
DIFF = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--binary", "--src-prefix=a/",
        "--dst-prefix=b/", "--diff-algorithm=myers", "--inter-hunk-context=0", "--unified=3")
_SHIFT = re.compile(r"^Hunk #\d+ succeeded at \d+ \(offset (-?\d+) lines?\)", re.M)


@dataclass(frozen=True, slots=True)
class StackStep:
    """What happened to one diff: `commit` is the state after it, "" where git refused; `offset` the largest shift."""

    commit: str
    parent: str
    offset: int = 0
    reason: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.commit)


class Stack:
    """The state of a tree with patches applied in order. A refused patch leaves it as it was.

    Use as a context manager. `git` may be a bare repository and is only read: what is made here lies in a directory
    of its own that goes away at the end, because nothing tidies the store up. With `keep` the objects go into the
    store, for those who work on with the commits.
    """

    def __init__(self, git: Git, base: str, *, keep: bool = False) -> None:
        self.git = git
        self.base = base
        self.top = base
        self._dir = temporary_directory("stack")
        self._env = {"GIT_INDEX_FILE": str(Path(self._dir.name) / "index")}
        if not keep:
            objects = Path(self._dir.name) / "objects"
            (objects / "info").mkdir(parents=True)
            store = git.path / git.run("rev-parse", "--git-path", "objects").text
            self._env |= {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(store)}
        try:
            self.git.run("read-tree", base, env=self._env)
        except BaseException:
            self._dir.cleanup()
            raise

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._dir.cleanup()

    def push(self, diff: bytes, title: str = "") -> StackStep:
        """Apply `diff` (no mail around it) exactly as git apply does; raises GitError only for a broken git."""
        result = self._apply(diff)
        if result.code or "Skipped patch" in result.err:
            return StackStep("", self.top, reason=refusal(result.err))
        tree = self.git.run("write-tree", env=self._env).text
        commit = self.git.run("commit-tree", tree, "-p", self.top, "-m", title or "patch",
                              env=self._env | _DATED).text
        parent, self.top = self.top, commit
        shifts = [int(number) for number in _SHIFT.findall(result.err)]
        return StackStep(commit, parent, max(shifts, key=abs, default=0))

    def fits_reversed(self, diff: bytes) -> bool:
        """Whether the tree as it stands has `diff` already."""
        result = self.git.run("apply", "--cached", "--check", "--reverse", "--whitespace=nowarn", "-", stdin=diff,
                              env=self._env, ok=())
        return apply_answer(result.code, result.err, path=self.git.path) is ApplyAnswer.TAKEN

    def diff(self, old: str, new: str) -> bytes:
        """The diff between two commits in the form of a queue file."""
        return self.git.run("diff-tree", "-r", "-p", *DIFF, old, new, env=self._env).out

    def blob(self, commit: str, path: str) -> bytes:
        """A file of one of the states, b"" where it has none."""
        result = self.git.run("cat-file", "blob", f"{commit}:{path}", env=self._env, ok=())
        return result.out if result.code == 0 else b""

    def functions(self, old: str, new: str) -> list[tuple[str, str]]:
        """(path, enclosing function) of the first changed line of every hunk between two states, in order."""
        diff = self.git.run("diff-tree", "-r", "-p", "--no-renames", "--no-color", "--no-ext-diff", "--unified=0",
                            old, new, env=self._env).out
        found = []
        for file in parse(diff).files:
            source = self.blob(new, file.new_path) if file.new_path else self.blob(old, file.old_path or "")
            for hunk in file.hunks:
                function = enclosing(source, max(hunk.new_start if file.new_path else hunk.old_start, 1))
                found.append((file.path, function.name if function else ""))
        return found

    def pop_to(self, commit: str) -> None:
        """Go back to an earlier state."""
        self.git.run("read-tree", commit, env=self._env)
        self.top = commit

    def _apply(self, diff: bytes) -> GitResult:
        result = self.git.run("apply", "--cached", "--verbose", "--whitespace=nowarn", "-", stdin=diff,
                              env=self._env, ok=())
        apply_answer(result.code, result.err, path=self.git.path)
        return result


def refusal(stderr: str) -> str:
    """git apply's own error lines, without its progress, on one line."""
    lines = [line.removeprefix("error: ").strip() for line in stderr.splitlines()
             if line.startswith(("error:", "fatal:")) or "Skipped patch" in line]
    lines = [line for line in lines if line != "while searching for:"]
    return "; ".join(dict.fromkeys(lines)) or stderr.strip() or "git apply refused it without a message"


# the same patch on the same tree is the same commit whenever it is made
_DATED = {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
