"""An external proposer: a program of the user's that gets a conflict as JSON and answers with a file or a diff.

A script, a Coccinelle patch, a model that the user runs: what it answers goes through the same checks as any other
proposal and through git's proof, is named in the cell, and is always for review. It is off unless configured, asked
only about hunks that would be declined, and started without a shell (docs/proposers.md).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from backport.adapt.proposers.base import Evidence
from backport.adapt.revisions import Problem
from backport.adapt.simulated_apply import apply_as_is
from backport.adapt.transfer import Placed
from backport.errors import InvalidPatch, UserError
from backport.manifest import Command
from backport.patch.edits import Edit, file_edits
from backport.patch.parse import parse, split_lines
from backport.temporary import temporary_directory

FORMAT = 1               # of the JSON on the program's standard input
LIMIT = 8 << 20          # bytes of an answer


class ProposerError(Exception):
    """The program gave no usable answer; the text says why."""


def identity(run: Command) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """What an answer depends on: name, version, words, and the SHA-256 of each file among the words."""
    found = (shutil.which(run.argv[0]), *run.argv[1:])
    digests = tuple(hashlib.sha256(Path(one).read_bytes()).hexdigest() if one and Path(one).is_file() else ""
                    for one in found)
    return run.called, run.version, run.argv, digests


def command(text: str) -> Command:
    """`--proposer CMD`: words as a shell would split them; no shell runs. Raises UserError where there is none."""
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise UserError(f"--proposer {text!r}: {error}", hint="quote as for a shell") from error
    if not argv or shutil.which(argv[0]) is None:
        raise UserError(f"--proposer: no program {argv[0] if argv else ''!r}",
                        hint="the first word is a program in PATH, or the path of one that may be executed")
    return Command(argv)


def external(run: Command | None) -> tuple[External, ...]:
    """The proposers of a configuration: none, or the one that it names."""
    return (External(run),) if run is not None else ()


@dataclass
class External:
    """The proposer of one command. `failures` collects what went wrong, for whoever reports the run."""

    run: Command
    failures: list[str] = field(default_factory=list)
    evidence: frozenset[Evidence] = frozenset({Evidence.PROGRAM})
    finds_place: bool = True
    verbatim: bool = True

    @property
    def name(self) -> str:
        return f"external:{self.run.called}"

    def propose(self, problem: Problem, k: int, /) -> Placed | None:
        """Edits from the program's answer; None where it declines, or fails."""
        try:
            answer = answer_of(ask(self.run, request(problem, k)))
            edits = edits_of(answer, problem)
        except ProposerError as error:
            self.failures.append(f"{self.name}: {problem.path}, hunk {k + 1}: {error}")
            return None
        return Placed(edits) if edits else None


def request(problem: Problem, k: int) -> dict[str, Any]:
    """The conflict: hunk `k` of upstream, upstream's file before and after, the target's file, names and paths."""
    return {"format": FORMAT, "tree": problem.tree, "path": problem.path, "upstream_path": problem.upstream_path,
            "hunk": _text(problem.hunks[k].render()), "number": k + 1,
            "upstream_before": _text(problem.base) if problem.base is not None else None,
            "upstream_after": _text(problem.upstream) if problem.upstream_lines is not None else None,
            "target": _text(problem.target)}


def answer_of(output: bytes) -> Mapping[str, str]:
    """The program's JSON object. Raises ProposerError for anything else."""
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError) as error:
        raise ProposerError(f"its answer is not JSON: {error}") from error
    if not isinstance(answer, dict) or not all(isinstance(value, str) for value in answer.values()):
        raise ProposerError('its answer is not a JSON object of strings ({"file": ...}, {"diff": ...} or {})')
    return answer


def edits_of(answer: Mapping[str, str], problem: Problem) -> tuple[Edit, ...]:
    """The answer as edits on the target; () where it declines. Raises ProposerError where its diff does not apply."""
    if "file" in answer:
        return file_edits(problem.target_lines, split_lines(_bytes(answer["file"])))
    if "diff" not in answer:
        return ()
    try:
        (file,) = parse(_bytes(answer["diff"]), source="proposer").files
    except (InvalidPatch, ValueError) as error:
        raise ProposerError(f"its diff has to be of one file: {error}") from error
    there = apply_as_is(file.hunks, problem.target)
    if there is None:
        raise ProposerError("its diff does not apply to the target")
    return tuple(sorted((e for edits in there.edits for e in edits), key=lambda e: (e.lo, e.hi)))


def ask(run: Command, question: Mapping[str, Any]) -> bytes:
    """The program's standard output. Raises ProposerError where it does not end well, in time, and within its limit.

    It runs in an empty directory and in a process group of its own, which is killed with all that it started.
    """
    with temporary_directory("proposer") as top:
        process = _start(run, Path(top))
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        said = bytearray()
        late = threading.Event()

        def stop() -> None:
            late.set()
            _kill(process)

        clock = threading.Timer(run.seconds, stop)
        helpers = (threading.Thread(target=_feed, args=(process.stdin, json.dumps(question).encode()), daemon=True),
                   threading.Thread(target=_keep_last, args=(process.stderr, said), daemon=True))
        clock.start()
        for helper in helpers:
            helper.start()
        try:
            output = process.stdout.read(LIMIT + 1)
            if len(output) <= LIMIT:
                process.wait()       # the clock ends one that closes its output and stays
        finally:
            clock.cancel()
            _kill(process)
            code = process.wait()
            for helper in helpers:
                helper.join(1)
            process.stdout.close()
        if late.is_set():
            raise ProposerError(f"no answer in {run.seconds:g} s")
        if len(output) > LIMIT:
            raise ProposerError(f"its answer has more than {LIMIT} bytes")
        if code:
            lines = bytes(said).decode("utf-8", "replace").strip().splitlines()
            raise ProposerError(f"exit {code}{': ' + lines[-1] if lines else ''}")
        return output


def _start(run: Command, top: Path) -> subprocess.Popen[bytes]:
    program = shutil.which(run.argv[0])
    if program is None:
        raise ProposerError(f"no program {run.argv[0]}")
    # it runs elsewhere, so that files are named by their whole path
    argv = [str(Path(program).absolute()), *(str(Path(word).absolute()) if Path(word).is_file() else word
                                             for word in run.argv[1:])]
    try:
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=top,
                                start_new_session=True)
    except OSError as error:
        raise ProposerError(f"cannot be started: {error.strerror}") from error


def _feed(pipe: IO[bytes], data: bytes) -> None:
    """A program may answer without reading all of its question."""
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(data)


def _keep_last(pipe: IO[bytes], said: bytearray) -> None:
    """The end of what a program says on standard error; all of it is read, or the program would wait."""
    with pipe:
        while chunk := pipe.read(4096):
            said += chunk
            del said[:-2000]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The program and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ProposerError(f"its answer holds a character that is not text: {error.reason}") from error
