"""The only place that runs git.

GitPython starts the process; this module fixes the environment so that the same command means the same on
every machine: no system or user configuration (apply.whitespace and core.autocrlf change what a patch does),
the C locale (offsets are printed in the user's language otherwise), no search for a repository above the
directory (git apply in a directory inside another repository prints "Skipped patch" and returns 0), and bytes
as they come (GitPython strips the last newline by default, which corrupts a patch).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

# Where there is no git, GitPython ends the import with a page of text; `Git.run` says it in a line.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git.cmd import Git as _GitCmd
from git.exc import GitCommandNotFound

from backport import loud
from backport.errors import GitError, InfraError
from backport.gitfault import DAMAGED, FULL, LIMITS, fault

_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A name is a name: `:(glob)**` in somebody's patch is a file, and must not stand for all of them (see GLOBS)
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "TZ": "UTC",
    # Never a word in somebody's name: commits made here are containers of a tree, not authorship.
    "GIT_AUTHOR_NAME": "backport", "GIT_AUTHOR_EMAIL": "backport@localhost",
    "GIT_COMMITTER_NAME": "backport", "GIT_COMMITTER_EMAIL": "backport@localhost",
}

# Those that hold in a person's own clone as well: names and configuration are theirs there. git status writes no index.
_NEUTRAL = ("GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_NO_REPLACE_OBJECTS", "GIT_LITERAL_PATHSPECS", "LC_ALL",
            "LANGUAGE")

# Variables of an enclosing git command (a hook, a rebase) that would point us at another repository.
_UNSET = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
          "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES",
          # git ends over these beside GIT_LITERAL_PATHSPECS
          "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS")

# Before the command of a call that means patterns of ours ("*.h"), not names.
GLOBS = "--no-literal-pathspecs"

_ARGUMENTS = 64 * 1024               # bytes of names that one command gets; the kernel takes 128 KiB at the least


@dataclass(frozen=True, slots=True)
class GitResult:
    """How one git command ended: exit code, stdout as bytes, stderr as text."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """stdout as text without the last newline, undecodable bytes kept as surrogates."""
        return self.out.decode("utf-8", "surrogateescape").rstrip("\n")


class Git:
    """git at the top level of one repository, bare or with a work tree.

    Not thread-safe (GitPython is not): one object per thread. Use it as a context manager, or the
    `cat-file --batch` child that `blob` starts stays until exit.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        self._git = _GitCmd(str(self.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the helper processes; the object may be used again."""
        self._git.clear_cache()

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, Any]:
        values: dict[str, Any] = dict(_ENV)
        values["GIT_CEILING_DIRECTORIES"] = str(self.path.parent)
        for name in _UNSET:
            values.setdefault(name, None)
        values.update(env or {})
        return values

    def run(self, *args: str, stdin: bytes | None = None, ok: Sequence[int] = (0,),
            env: Mapping[str, str] | None = None, timeout: float | None = None, remote: bool = False) -> GitResult:
        """Run `git *args`; raise GitError when the exit code is not in `ok` (an empty `ok` takes any).

        An exit that the environment caused (a signal, a damaged object, no memory, a full disk) is no answer whatever
        `ok` says, and raises with the cure; but with `remote`, where the words are the other side's.
        """
        command = ["git", *args]
        if not self.path.is_dir():
            raise InfraError(f"{self.path}: there is no such directory to run git in")
        began = time.monotonic()
        with _feed(stdin) as feed, _clean_environment():
            try:
                code, out, err = self._git.execute(
                    command, istream=feed, with_extended_output=True, with_exceptions=False,
                    stdout_as_string=False, strip_newline_in_stdout=False,
                    env={k: v for k, v in self._environment(env).items() if v is not None},
                    kill_after_timeout=timeout,
                )
            except GitCommandNotFound as error:
                raise InfraError("git is not installed, or not in PATH", hint="apt-get install git") from error
            except OSError as error:
                raise InfraError(f"git could not be started: {error}", hint=LIMITS) from error
        result = GitResult(int(code), _as_bytes(out), _as_text(err))
        loud.trace(f"{time.monotonic() - began:6.2f} s  git {' '.join(args)}"[:400])
        met = None if remote else fault(command, result.code, result.err, path=self.path)
        if met is not None:
            raise met
        if ok and result.code not in ok:
            raise GitError(command, result.code, result.err)
        return result

    def stream(self, *args: str, stdin: BinaryIO | int = subprocess.PIPE,
               env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `git *args` with pipes, for input that does not fit in memory (fast-import, archive)."""
        with _clean_environment():
            handle = cast(Any, self._git.execute(
                ["git", *args], istream=stdin, as_process=True,
                env={k: v for k, v in self._environment(env).items() if v is not None}))
        process: subprocess.Popen[bytes] = handle.proc
        handle.proc = None  # GitPython would kill it when the wrapper is collected
        return process

    def rev(self, spec: str) -> str | None:
        """The full object name of `spec`, None where it does not exist."""
        result = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", spec, ok=())
        return result.text if result.code == 0 else None

    def blob(self, spec: str) -> bytes | None:
        """The bytes of a blob (`<commit>:<path>` or an object name), None where there is none.

        Raises GitError where it is there and cannot be read: an unreadable file is not a missing one.
        """
        if "\n" in spec:
            return None
        for attempt in (1, 2):
            try:
                with _clean_environment():
                    _sha, kind, size, data = self._git.get_object_data(spec)
            except (ValueError, OSError) as error:
                said = str(error)
                if "missing" not in said and "ambiguous" not in said:
                    self._git.clear_cache()  # the helper ended: it is started again, and asked once more
                    if attempt == 1:
                        continue
                self._really_missing(spec)
                if "missing" in said or "ambiguous" in said:
                    return None
                raise GitError(["git", "cat-file", "blob", spec], 1, said, hint=LIMITS) from error
            if len(data) == int(size):
                return data if kind in ("blob", b"blob") else None
            self._git.clear_cache()
        raise GitError(["git", "cat-file", "blob", spec], 1, f"only {len(data)} of {size} bytes arrived",
                       hint=DAMAGED.format(path=self.path))

    def _really_missing(self, spec: str) -> None:
        """Raise GitError where `spec` names something that the repository should have: `cat-file --batch` says
        "missing" of a damaged object, too."""
        commit, colon, path = spec.partition(":")
        # damage is told by git here, and raised
        if self.run("cat-file", "-e", commit, ok=()).code or not colon:
            return
        listed = self.run("ls-tree", "-z", "--full-tree", commit, "--", path, ok=(), env={"GIT_LITERAL_PATHSPECS": "1"})
        for record in listed.out.split(b"\0"):
            meta, _tab, name = record.partition(b"\t")
            if name == path.encode("utf-8", "surrogateescape") and meta.split(b" ")[1:2] == [b"blob"]:
                sha = meta.decode().split(" ")[2]
                raise GitError(["git", "cat-file", "blob", spec], 1, f"the object {sha} is missing or unreadable",
                               hint=DAMAGED.format(path=self.path))

    def ls_tree(self, commit: str, paths: Iterable[str] = (), *, recurse: bool = True) -> list[tuple[str, str, str]]:
        """(mode, object name, path) of every file of `commit`, or of just those `paths` that exist.

        Without `recurse` a directory among the paths is a row of its own (mode 040000) instead of its files.
        """
        args = ["ls-tree", *(["-r"] if recurse else []), "-z", "--full-tree", commit, "--"]
        rows = []
        for portion in list(_portions(paths)) or [[]]:
            for record in self.run(*args, *portion).out.split(b"\0"):
                if record:
                    meta, path = record.split(b"\t", 1)
                    mode, _kind, sha = meta.decode().split(" ")
                    rows.append((mode, sha, path.decode("utf-8", "surrogateescape")))
        return rows


def _feed(data: bytes | None) -> BinaryIO:
    """A file with the input of a command; raises InfraError where there is no place for one."""
    try:
        feed = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 the caller closes it
    except OSError as error:
        raise InfraError(f"cannot create a temporary file: {error}",
                         hint="set TMPDIR to a writable directory with free space") from error
    try:
        feed.write(data or b"")
        feed.seek(0)
    except OSError as error:
        feed.close()
        raise InfraError(f"the temporary file of a git command cannot be written: {error}", hint=FULL) from error
    return feed


class UserGit(Git):
    """git in somebody's own clone, as they have configured it: for what becomes theirs, a commit or files in their work
    tree, and for what only their configuration says. What a patch means is never asked of it."""

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, Any]:
        values: dict[str, Any] = {name: _ENV[name] for name in _NEUTRAL}
        values.update(env or {})
        return values


class _clean_environment:
    """Take an enclosing git command's variables out of os.environ while a child starts.

    GitPython merges `env` over os.environ and cannot unset a name.
    """

    def __enter__(self) -> None:
        self._saved = {name: os.environ.pop(name) for name in _UNSET if name in os.environ}

    def __exit__(self, *_: object) -> None:
        os.environ.update(self._saved)


def limited(revisions: Iterable[str], paths: Iterable[str]) -> bytes:
    """What `git log --stdin` reads: revisions, and the names that limit it. Arguments would not hold any number."""
    return "\n".join([*revisions, "--", *paths, ""]).encode("utf-8", "surrogateescape")


def _portions(names: Iterable[str]) -> Iterator[list[str]]:
    """`names` in lists that fit behind one command: a patch may touch more files than the kernel takes arguments."""
    portion: list[str] = []
    size = 0
    for name in names:
        length = len(name.encode("utf-8", "surrogateescape")) + 1
        if portion and size + length > _ARGUMENTS:
            yield portion
            portion, size = [], 0
        portion.append(name)
        size += length
    if portion:
        yield portion


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
