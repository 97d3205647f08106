"""Patches on top of each other in the object store: a private index, `git apply --cached`, a tree, a commit.

No work tree is touched, so a queue of hundreds is tried in seconds and nothing can be left half applied.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from backport.csource.functions import enclosing
from backport.errors import InfraError, InvalidPatch
from backport.git import Git, GitResult, borrowed
from backport.gitfault import ApplyAnswer, apply_answer
from backport.gitformat import Row, index_of, index_rows, write_object
from backport.patch.parse import parse
from backport.temporary import temporary_directory

# the options that decide how a queue file looks; nothing of the user's diff.* configuration may change it
DIFF = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--binary", "--src-prefix=a/",
        "--dst-prefix=b/", "--diff-algorithm=myers", "--inter-hunk-context=0", "--unified=3")
_SHIFT = re.compile(r"^Hunk #\d+ succeeded at \d+ \(offset (-?\d+) lines?\)", re.M)

# the same patch on the same tree is the same commit whenever it is made
_COMMIT = (b"tree %s\nparent %s\nauthor backport <backport@localhost> 0 +0000\n"
           b"committer backport <backport@localhost> 0 +0000\n\n%s\n")


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
        self.base = base
        self.top = base
        self._dir = temporary_directory("stack")
        self._index = Path(self._dir.name) / "index"
        self._objects = git.objects
        env = {"GIT_INDEX_FILE": str(self._index)}
        if not keep:
            self._objects = Path(self._dir.name) / "objects"
            (self._objects / "info").mkdir(parents=True)
            env |= {"GIT_OBJECT_DIRECTORY": str(self._objects), **borrowed(git.objects)}
        self.git = Git(git.path, env)
        self._steps: dict[tuple[str, bytes, str], StackStep] = {}

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.git.close()
        self._dir.cleanup()

    def push(self, diff: bytes, title: str = "") -> StackStep:
        """Apply `diff` (no mail around it) exactly as git apply does; raises GitError only for a broken git.

        The same diff on the same state is applied once: a queue whose entries need different ones of those before
        them comes back to each state many times.
        """
        known = (self.top, hashlib.sha256(diff).digest(), title)
        step = self._steps.get(known)
        if step is None:
            step = self._steps[known] = self._push(diff, title)
        self.top = step.commit or self.top
        return step

    def _push(self, diff: bytes, title: str) -> StackStep:
        before = self._enter(diff)
        result = self._apply(diff)
        if result.code or "Skipped patch" in result.err:
            return StackStep("", self.top, reason=refusal(result.err))
        after = self._rows()
        changes = {path: after.get(path) for path in {*before, *after} if before.get(path) != after.get(path)}
        width = len(self.top) // 2
        tree = self.git.replaced(self.git.tree(self.top), changes, self._objects)
        commit = write_object(self._objects, "commit", _COMMIT % (
            tree.encode(), self.top.encode(), (title or "patch").encode("utf-8", "surrogateescape")), width)
        shifts = [int(number) for number in _SHIFT.findall(result.err)]
        return StackStep(commit, self.top, max(shifts, key=abs, default=0))

    def _enter(self, diff: bytes) -> dict[str, Row]:
        """Make the index what the state has at the paths of `diff`; returns its rows."""
        try:
            rows = self.git.touched(self.top, parse(diff).paths)
        except InvalidPatch:         # git may read it all the same
            self.git.run("read-tree", self.top)
            return self._rows()
        self._index.write_bytes(index_of(rows, len(self.top) // 2))
        return {path: (mode, sha) for mode, sha, path in rows}

    def _rows(self) -> dict[str, Row]:
        """The index as it is: path -> (mode, object name)."""
        rows = index_rows(self._index.read_bytes(), len(self.top) // 2)
        if rows is None:
            raise InfraError(f"{self._index}: git left an index that cannot be read here",
                             hint="report it, with what `git version` prints")
        return rows

    def fits_reversed(self, diff: bytes) -> bool:
        """Whether the tree as it stands has `diff` already."""
        self._enter(diff)
        result = self.git.run("apply", "--cached", "--check", "--reverse", "--whitespace=nowarn", "-", stdin=diff,
                              ok=())
        return apply_answer(result.code, result.err, path=self.git.path) is ApplyAnswer.TAKEN

    def diff(self, old: str, new: str) -> bytes:
        """The diff between two commits in the form of a queue file."""
        return self.git.run("diff-tree", "-r", "-p", *DIFF, old, new).out

    def blob(self, commit: str, path: str) -> bytes:
        """A file of one of the states, b"" where it has none."""
        return self.git.blob(f"{commit}:{path}") or b""

    def functions(self, old: str, new: str) -> list[tuple[str, str]]:
        """(path, enclosing function) of the first changed line of every hunk between two states, in order."""
        diff = self.git.run("diff-tree", "-r", "-p", "--no-renames", "--no-color", "--no-ext-diff", "--unified=0",
                            old, new).out
        found = []
        for file in parse(diff).files:
            source = self.blob(new, file.new_path) if file.new_path else self.blob(old, file.old_path or "")
            for hunk in file.hunks:
                function = enclosing(source, max(hunk.new_start if file.new_path else hunk.old_start, 1))
                found.append((file.path, function.name if function else ""))
        return found

    def pop_to(self, commit: str) -> None:
        """Go back to an earlier state."""
        self.top = commit

    def _apply(self, diff: bytes) -> GitResult:
        result = self.git.run("apply", "--cached", "--verbose", "--whitespace=nowarn", "-", stdin=diff, ok=())
        apply_answer(result.code, result.err, path=self.git.path)
        return result


def refusal(stderr: str) -> str:
    """git apply's own error lines, without its progress, on one line."""
    lines = [line.removeprefix("error: ").strip() for line in stderr.splitlines()
             if line.startswith(("error:", "fatal:")) or "Skipped patch" in line]
    lines = [line for line in lines if line != "while searching for:"]
    return "; ".join(dict.fromkeys(lines)) or stderr.strip() or "git apply refused it without a message"
