"""The only place that runs git.

This module fixes the environment so that the same command means the same on every machine: no system or user
configuration (apply.whitespace and core.autocrlf change what a patch does), none of a repository's own where it would
change an answer, no variable of git's but those for the network, the C locale (offsets are printed in the user's
language otherwise), no search for a repository above the directory (git apply in a directory inside another repository
prints "Skipped patch" and returns 0), and bytes as they come (a last newline that was stripped corrupts a patch).
GitPython starts what runs long; a short command is started here, for GitPython's own work around one takes as much
processor time as half of the command.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from backport import loud
from backport.bounded import Bounded
from backport.errors import GitError, InfraError
from backport.gitfault import FULL, LIMITS, damaged, fault
from backport.gitformat import Row, tree_of, tree_rows, write_object

# Where there is no git, GitPython ends its import, wherever that is, with a page of text; `Git.run` says it in a line.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
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

# What a repository's own configuration, or a file in the user's home, may not change: commands that make a patch of a
# commit, or read one, mean the same in every clone. Keys without a value that means "not set" (diff.external,
# diff.orderFile, format.to) are overruled with options where a diff is made.
_PINNED = {
    "core.attributesFile": os.devnull, "core.excludesFile": os.devnull, "core.hooksPath": os.devnull,
    "core.fsmonitor": "false", "core.untrackedCache": "keep", "core.autocrlf": "false", "core.eol": "lf",
    "core.safecrlf": "false", "core.ignoreCase": "false", "core.precomposeUnicode": "false", "core.quotePath": "true",
    "core.splitIndex": "false", "core.bigFileThreshold": "512m", "core.sparseCheckout": "false",
    "core.whitespace": "-trailing-space,-space-before-tab", "core.abbrev": "auto",
    "apply.whitespace": "nowarn", "apply.ignoreWhitespace": "no", "color.ui": "false",
    "color.diff": "false", "color.grep": "false", "grep.lineNumber": "false", "grep.column": "false",
    "grep.fullName": "false", "grep.patternType": "default", "grep.extendedRegexp": "false",
    "diff.noprefix": "false", "diff.mnemonicPrefix": "false", "diff.context": "3", "diff.interHunkContext": "0",
    "diff.algorithm": "myers", "diff.indentHeuristic": "true", "diff.relative": "false", "diff.submodule": "short",
    "diff.suppressBlankEmpty": "false", "diff.ignoreSubmodules": "none", "diff.renames": "true",
    "diff.colorMoved": "no", "log.showSignature": "false", "log.follow": "false", "log.mailmap": "false",
    "log.showRoot": "true", "log.decorate": "no", "log.date": "default", "log.diffMerges": "separate",
    "format.signature": "", "format.numbered": "false", "format.from": "false", "format.coverLetter": "false",
    "format.suffix": ".patch", "format.signOff": "false", "format.noprefix": "false",
    "format.encodeEmailHeaders": "true", "i18n.logOutputEncoding": "UTF-8", "merge.conflictStyle": "merge",
    "merge.renormalize": "false",
    "commit.gpgSign": "false", "tag.gpgSign": "false", "gc.auto": "0", "maintenance.auto": "false",
    "status.renames": "false", "status.showUntrackedFiles": "all", "safe.bareRepository": "all",
}

# How git reaches the network, and its own programs; every other GIT_* of the caller's means another repository, another
# index, another meaning of names, or words on stderr (GIT_TRACE) that would be read as an answer.
_NETWORK = ("GIT_SSH", "GIT_ASKPASS", "GIT_PROXY_", "GIT_SSL_", "GIT_HTTP_", "GIT_PROTOCOL", "GIT_ALLOW_PROTOCOL")
_KEPT = ("GIT_EXEC_PATH",)

# In a person's own clone only these are taken away: variables of an enclosing git command (a hook, a rebase) that would
# point us at another repository (`git rev-parse --local-env-vars`), and what changes the meaning of a name.
_UNSET = frozenset({
    "GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_IMPLICIT_WORK_TREE", "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_QUARANTINE_PATH", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    # git ends over these beside GIT_LITERAL_PATHSPECS
    "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"})

# Before the command of a call that means patterns of ours ("*.h"), not names.
GLOBS = "--no-literal-pathspecs"

# like `git -c`, before the options of a command and over every file
_PINS = {"GIT_CONFIG_COUNT": str(len(_PINNED)),
         **{f"GIT_CONFIG_{what}_{number}": word for number, row in enumerate(_PINNED.items())
            for what, word in zip(("KEY", "VALUE"), row, strict=True)}}

_HEAD = re.compile(rb"[0-9a-f]{40,64} ([a-z]+) ([0-9]+)\n")       # of an answer of `git cat-file --batch`
_TREE, _SUBMODULE, _LINK = "040000", "160000", "120000"
_NAME = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")     # of an object, in full
_BLOBS, _ROWS = 16 << 20, 40_000    # bytes of files and rows of directories that one Git keeps
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

    Not thread-safe (one child answers questions in their order): one object per thread. Use it as a context
    manager, or the `cat-file --batch` child that `blob` starts stays until exit.
    """

    def __init__(self, path: Path | str, env: Mapping[str, str] | None = None) -> None:
        """`env` is set for every child, the reader of objects among them."""
        self.path = Path(path).resolve()
        self._also = dict(env or {})
        self._reader: subprocess.Popen[bytes] | None = None
        self._trees: Bounded[str, dict[bytes, Row]] = Bounded(_ROWS)       # by object name, of a commit too
        self._blobs: Bounded[str, bytes] = Bounded(_BLOBS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the helper process and forget what was read; the object may be used again."""
        self._end_reader()
        self._trees.clear()
        self._blobs.clear()

    def __del__(self) -> None:
        if "_reader" in self.__dict__:
            self._end_reader()

    def _end_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.kill()            # it only reads
            reader.communicate()

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, str]:
        """What is set for a child, over the environment of this process."""
        also = env or {}
        # a repository that was made here for one question has no other configuration than ours
        pins = {} if "GIT_DIR" in also else _PINS
        return {**_ENV, "GIT_CEILING_DIRECTORIES": str(self.path.parent), **pins, **also}

    def _dropped(self, name: str) -> bool:
        """Is this variable of the caller's kept from a child?"""
        return name.startswith("GIT_") and not name.startswith(_NETWORK) and name not in _KEPT

    def _start(self, args: Sequence[str], env: Mapping[str, str] | None, *, stdin: BinaryIO | int,
               stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Raises InfraError where git cannot be started."""
        kept = {name: value for name, value in os.environ.items() if not self._dropped(name)}
        values = {**kept, "LC_ALL": "C", "LANGUAGE": "C", **self._environment({**self._also, **(env or {})})}
        with _startable(FileNotFoundError):
            return subprocess.Popen(["git", *args], cwd=self.path, env=values, stdin=stdin, stdout=subprocess.PIPE,
                                    stderr=stderr)

    def _start_long(self, args: Sequence[str], env: Mapping[str, str] | None, **options: Any) -> Any:
        """By GitPython, with its options. Raises InfraError where git cannot be started."""
        values = self._environment({**self._also, **(env or {})})
        # GitPython merges `env` over os.environ and cannot unset a name; nor could another thread bear that here
        gone = [name for name in os.environ if self._dropped(name) and name not in values]
        prefix = ["env", *(word for name in gone for word in ("-u", name))] if gone else []
        # importing it costs two processes and as much time as `--help`, and most commands run nothing long
        from git.cmd import Git as GitCommand
        from git.exc import GitCommandNotFound
        with _startable(GitCommandNotFound):
            return GitCommand(str(self.path)).execute([*prefix, "git", *args], env=values, **options)

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
        with _feed(stdin) as feed:
            if timeout is None:
                process = self._start(args, env, stdin=feed)
                out, err = process.communicate()
                code = process.returncode
            else:
                code, out, err = self._start_long(
                    args, env, istream=feed, with_extended_output=True, with_exceptions=False, stdout_as_string=False,
                    strip_newline_in_stdout=False, kill_after_timeout=timeout)
        result = GitResult(int(code), _as_bytes(out), _as_text(err))
        if result.code == 127 and result.err.startswith("env: "):
            raise InfraError("git is not installed, or not in PATH", hint="apt-get install git")
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
        handle = self._start_long(args, env, istream=stdin, as_process=True)
        process: subprocess.Popen[bytes] = handle.proc
        handle.proc = None  # GitPython would kill it when the wrapper is collected
        return process

    @cached_property
    def objects(self) -> Path:
        """The object directory of the repository, bare or not."""
        return Path(self.path, self.run("rev-parse", "--git-path", "objects").text)

    def replaced(self, name: str, changes: Mapping[str, Row | None], objects: Path) -> str:
        """The tree `name` with those paths as `changes` has them (None: gone). New trees are written to `objects`."""
        made = self._replaced(name, {tuple(path.encode("utf-8", "surrogateescape").split(b"/")): row
                                     for path, row in changes.items()}, objects)
        return made or write_object(objects, "tree", b"", len(name) // 2)

    def _replaced(self, name: str, changes: Mapping[tuple[bytes, ...], Row | None], objects: Path) -> str:
        rows = dict((self._rows(name) if name else None) or {})
        below: dict[bytes, dict[tuple[bytes, ...], Row | None]] = {}
        for parts, row in sorted(changes.items(), key=lambda change: change[1] is not None):     # what goes first
            if len(parts) > 1:
                below.setdefault(parts[0], {})[parts[1:]] = row
            elif row is None:
                rows.pop(parts[0], None)
            else:
                rows[parts[0]] = row
        for part, inner in below.items():
            old = rows.get(part, ("", ""))
            made = self._replaced(old[1] if old[0] == _TREE else "", inner, objects)
            if made:
                rows[part] = (_TREE, made)
            elif old[0] == _TREE:
                del rows[part]
        if not rows:
            return ""
        made = write_object(objects, "tree", tree_of(rows), len(next(iter(rows.values()))[1]) // 2)
        self._trees.put(made, rows, len(rows) + 1)
        return made

    def differing(self, one: str, other: str) -> list[str]:
        """The paths at which two commits have another file, sorted as git sorts them. No process."""
        found: list[str] = []
        ways = [("", self._rows(one, top=True), self._rows(other, top=True))]
        while ways:
            at, left, right = ways.pop()
            left, right = left or {}, right or {}
            for part in {**left, **right}:
                a, b = left.get(part), right.get(part)
                if a == b:
                    continue
                path = at + part.decode("utf-8", "surrogateescape")
                if any(row is not None and row[0] == _TREE for row in (a, b)):
                    ways.append((f"{path}/", self._below(a), self._below(b)))
                if any(row is not None and row[0] != _TREE for row in (a, b)):
                    found.append(path)
        return sorted(found, key=lambda path: path.encode("utf-8", "surrogateescape"))

    def _below(self, row: Row | None) -> dict[bytes, Row] | None:
        """The rows of a directory, None for what is none."""
        return self._rows(row[1]) if row is not None and row[0] == _TREE else None

    def rev(self, spec: str) -> str | None:
        """The full object name of `spec`, None where it does not exist."""
        result = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", spec, ok=())
        return result.text if result.code == 0 else None

    def blob(self, spec: str) -> bytes | None:
        """The bytes of a blob (`<commit>:<path>` or an object name), None where there is none.

        Raises GitError where it is there and cannot be read: an unreadable file is not a missing one.
        """
        commit, colon, path = spec.partition(":")
        if colon and _plain(commit, path):
            row = self.entry(commit, path)
            if row is None or row[0] in (_TREE, _SUBMODULE):
                return None
            return self._named(row[1])
        named = not colon and _NAME.fullmatch(spec)
        known = self._blobs.get(spec) if named else None
        if known is not None:
            return known
        kind, data = self._object(spec) or ("", b"")
        if kind == "blob" and named:
            self._blobs.put(spec, data, len(data) + 64)
        return data if kind == "blob" else None

    def entry(self, commit: str, path: str) -> Row | None:
        """(mode, object name) of what `commit` has at `path`, None where it has nothing there; a directory counts.

        `commit` is an object name in full, and `path` one as git writes them. No process: directories are read by the
        `cat-file --batch` child and kept.
        """
        row: Row | None = None
        rows = self._rows(commit, top=True)
        for part in path.encode("utf-8", "surrogateescape").split(b"/"):
            row = rows.get(part) if rows is not None else None
            if row is None:
                return None
            rows = self._below(row)
        return row

    def entries(self, commit: str, paths: Iterable[str]) -> list[tuple[str, str, str]]:
        """(mode, object name, path) of those `paths` that `commit` has, as given; a directory counts.

        Raises GitError where the repository lacks the commit: nothing may take that for a tree without these files.
        """
        if _NAME.fullmatch(commit) and self._rows(commit, top=True) is None:
            raise self._unreadable(commit, commit)
        found = []
        for path in paths:
            if _plain(commit, path):
                row = self.entry(commit, path)
                found += [(*row, path)] if row is not None else []
            else:
                found += [one for one in self.ls_tree(commit, [path], recurse=False) if one[2] == path]
        return found

    def touched(self, commit: str, paths: Iterable[str]) -> list[tuple[str, str, str]]:
        """(mode, object name, path) of what `commit` has at `paths` and at their parents, without trees and submodules.

        An index must have them for git apply, which refuses a path that runs through a file or a link."""
        wanted: dict[str, None] = {}
        for path in paths:
            parts = path.split("/")
            for depth in range(1, len(parts) + 1):
                wanted["/".join(parts[:depth])] = None
        return [row for row in self.entries(commit, wanted) if row[0] not in (_TREE, _SUBMODULE)]

    def folders(self, commit: str, path: str) -> list[str]:
        """The names of the directories in the directory `path` of a commit."""
        rows = self._below(self.entry(commit, path))
        return [name.decode("utf-8", "surrogateescape") for name, (mode, _sha) in (rows or {}).items() if mode == _TREE]

    def below(self, commit: str, path: str) -> list[str]:
        """Every file below the directory `path` of a commit, with its whole path, sorted; [] where that is none."""
        found: list[str] = []
        ways = [(f"{path}/", self._below(self.entry(commit, path)))]
        while ways:
            at, rows = ways.pop()
            for name, row in (rows or {}).items():
                full = at + name.decode("utf-8", "surrogateescape")
                if row[0] == _TREE:
                    ways.append((f"{full}/", self._below(row)))
                else:
                    found.append(full)
        return sorted(found)

    def files(self, commit: str, path: str) -> Iterator[bytes]:
        """The bytes of each file that stands in the directory `path` of a commit itself ("" for its top)."""
        rows = self._below(self.entry(commit, path) if path else (_TREE, self.tree(commit)))
        yield from (self._named(sha) for mode, sha in (rows or {}).values() if mode not in (_TREE, _SUBMODULE, _LINK))

    def tree(self, commit: str) -> str:
        """The name of the tree of a commit. Raises GitError where it cannot be read."""
        kind, data = self._object(commit) or ("", b"")
        if kind != "commit" or not data.startswith(b"tree "):
            raise self._unreadable(commit, commit)
        return data[5:data.index(b"\n")].decode()

    def _rows(self, name: str, *, top: bool = False) -> dict[bytes, Row] | None:
        """What is in the tree `name`, or in that of the commit with `top`; None where the repository lacks the commit.

        Raises GitError for a tree that something names and that cannot be read.
        """
        known = self._trees.get(name)
        if known is not None:
            return known
        kind, data = self._object(name) or ("", b"")
        if kind == "tag":
            return None if (commit := self.rev(f"{name}^{{commit}}")) is None else self._rows(commit, top=top)
        try:
            if kind == "commit" and data.startswith(b"tree "):
                rows = self._rows(data[5:data.index(b"\n")].decode())
            elif kind == "tree":
                rows = tree_rows(data, len(name) // 2)
            elif top:
                return None
            else:
                raise ValueError("missing")
        except ValueError as error:
            raise self._unreadable(name, name) from error
        return None if rows is None else self._trees.put(name, rows, len(rows) + 1)

    def _named(self, name: str) -> bytes:
        """The blob of that object name, which a tree has."""
        known = self._blobs.get(name)
        if known is not None:
            return known
        kind, data = self._object(name) or ("", b"")
        if kind != "blob":
            raise self._unreadable(name, name)
        return self._blobs.put(name, data, len(data) + 64)

    def _unreadable(self, spec: str, name: str) -> GitError:
        self.run("cat-file", "-e", name, ok=())      # damage is told by git here, and raised
        return GitError(["git", "cat-file", "-p", spec], 1, f"the object {name} is missing or unreadable",
                        hint=damaged(self.path))

    def _object(self, spec: str) -> tuple[str, bytes] | None:
        """(kind, bytes) of an object, None where there is none. Raises GitError where it cannot be read."""
        if "\n" in spec:
            return None
        for attempt in (1, 2):
            try:
                answer = self._answer(spec)
            except (OSError, EOFError) as error:
                self._end_reader()       # it is started again, and asked once more
                if attempt == 1:
                    continue
                self._really_missing(spec)
                raise GitError(["git", "cat-file", "blob", spec], 1, str(error), hint=(
                    LIMITS if isinstance(error, OSError) else damaged(self.path))) from error
            if answer is None:
                self._really_missing(spec)
            return answer
        raise AssertionError("the second attempt answers or raises")

    def _answer(self, spec: str) -> tuple[str, bytes] | None:
        """What the reader says, None for "missing" and "ambiguous". Raises EOFError where it ended in the middle."""
        if self._reader is None:
            # nobody reads its stderr: with a pipe there, it stopped for ever after some hundred complaints about damage
            self._reader = self._start(["cat-file", "--batch"], None, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        reader = self._reader
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(spec.encode("utf-8", "surrogateescape") + b"\n")
        reader.stdin.flush()
        head = reader.stdout.readline()
        about = _HEAD.fullmatch(head)
        if about is None:
            if head.endswith((b" missing\n", b" ambiguous\n")):
                return None
            raise EOFError(f"git cat-file answered {head!r}")
        size = int(about[2])
        data = reader.stdout.read(size + 1)
        if len(data) != size + 1:
            raise EOFError(f"only {min(len(data), size)} of {size} bytes arrived")
        return about[1].decode(), data[:-1]

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
                raise self._unreadable(spec, sha)

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


@contextmanager
def _startable(missing: type[Exception]) -> Iterator[None]:
    """`missing` is what says that there is no such program."""
    try:
        yield
    except missing as error:
        raise InfraError("git is not installed, or not in PATH", hint="apt-get install git") from error
    except OSError as error:
        raise InfraError(f"git could not be started: {error}", hint=LIMITS) from error


def _plain(commit: str, path: str) -> bool:
    """Whether these name a file as git's own trees do, with nothing left to interpret."""
    return _NAME.fullmatch(commit) is not None and all(part not in ("", ".", "..") for part in path.split("/"))


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

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, str]:
        return {**{name: _ENV[name] for name in _NEUTRAL}, **(env or {})}

    def _dropped(self, name: str) -> bool:
        return name in _UNSET


def borrowed(objects: Path) -> dict[str, str]:
    """The variable with which git reads the objects in that directory, too. A colon would end the name there."""
    quoted = str(objects).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"'}


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
