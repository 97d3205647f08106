"""The tree's own make of one directory of selftests, always from nothing.

Most of it goes to the build directory. What some write beside the sources goes to a copy of the directory, which the
sandbox shows in its place.

What it printed without the patch is kept beside the tree's baseline, for as long as neither that nor what is installed
changes.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backport.kbuild import leftover, pristine, toolchain, traced
from backport.kbuild.absent import passed_by
from backport.kbuild.cmdfile import Unit
from backport.kbuild.failure import trouble
from backport.kbuild.make import Exited, Runner
from backport.kbuild.plan import Plan
from backport.kbuild.result import Diagnostic
from backport.kbuild.touched import SELFTESTS
from backport.kbuild.traced import Trace
from backport.wholefile import private_directory, write_whole

HEADERS = ("headers",)           # make's target for usr/include of the build directory
_PLACE = "kselftest"             # below the build directory, as `make kselftest` has it
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class MadeTests:
    """One call of make in one directory; `left` are the outputs of its commands that are there."""

    trace: Trace = field(default_factory=Trace)
    code: int = 0
    seconds: float = 0.0
    left: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TreeMake:
    """make in the tree and the build directory of `work`."""

    work: Plan
    log: Path

    def without(self, place: str) -> MadeTests:
        """`place` in the tree without the patch; as it was where that is known."""
        file = self.work.home / "selftests" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"
        parts = [str(_FORMAT), self.work.key, place, *toolchain.installed()]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if (kept := _load(file, key)) is not None:
            return kept
        made = self.make(place)
        private_directory(file.parent)
        write_whole(file, json.dumps({"key": key, **_plain(made)}).encode("utf-8", "surrogateescape"))
        return made

    def make(self, place: str, *, headers: bool = False, jobs: int = 0) -> MadeTests:
        """make of `place`, from an empty output directory; raises BuildError where the environment failed."""
        work = self.work
        pristine.put_back(work.build, work.pristine, work.stamps)
        if not self.has_makefile(place):
            return MadeTests()
        (work.build / output(place)).mkdir(parents=True)
        shutil.copytree(work.source / place, self._copy, symlinks=True)
        runner = self.runner(place)
        seconds = 0.0
        if headers:
            ended = runner.run(work.make(*HEADERS), cwd=work.source, log=self.log)
            seconds = ended.seconds
            self._raise_trouble(ended)
            if ended.code:
                return MadeTests(traced.read(ended.output, work.source, work.build), ended.code, seconds)
        ended = runner.run(self._argv(place, jobs or work.jobs), cwd=work.source, log=self.log)
        self._raise_trouble(ended)
        trace = traced.read(ended.output, work.source, work.build)
        passed_by(work.source, work.build, trace.units)
        left = frozenset(name for name in trace.targets if self._is_left(place, name))
        return MadeTests(trace, ended.code, seconds + ended.seconds, left)

    def _argv(self, place: str, jobs: int) -> list[str]:
        return ["make", f"-j{jobs}", "-k", "--print-directory", "--output-sync=target", "--trace", "-C", place,
                *self._variables(place)]

    def _variables(self, place: str) -> list[str]:
        build = self.work.build
        given = dict(item.split("=", 1) for item in self.work.compiler.make)
        cc = given.get("CC", "").removeprefix("ccache ")
        kept = [f"{name}={given[name]}" for name in ("ARCH", "CROSS_COMPILE", "LLVM") if name in given]
        return [f"OUTPUT={build / output(place)}", f"KHDR_INCLUDES=-isystem {build}/usr/include",
                # 5.10 would install the headers in the sources first
                "KSFT_KHDR_INSTALL_DONE=1", "V=1", *kept,
                *([f"CC={cc}"] if cc not in ("", "gcc") and "CROSS_COMPILE" not in given else [])]

    def has_makefile(self, place: str) -> bool:
        """Through no link: a patch can put one anywhere."""
        return leftover.is_left(self.work.source / place / "Makefile", self.work.source)

    @property
    def _copy(self) -> Path:
        return self.work.build / f"{_PLACE}.sources"

    def _is_left(self, place: str, name: str) -> bool:
        """Did make leave the output `name` of a command? Where nothing hides the sources, one of another call may lie
        beside them."""
        if leftover.is_left(self.work.build / name, self.work.build):
            return True
        return (self.work.sandbox.sealed and name.startswith(f"{place}/")
                and leftover.is_left(self._copy / name.removeprefix(f"{place}/"), self._copy)
                and not leftover.is_left(self.work.source / name, self.work.source))

    def _environment(self, place: str) -> tuple[tuple[str, str], ...]:
        """A Makefile that names usr/include of the sources means what `make headers` left elsewhere."""
        if not self.has_makefile(place):
            return ()
        text = leftover.read_left(self.work.source / place / "Makefile", self.work.source, leftover.COMMAND_FILE)
        return (("C_INCLUDE_PATH", f"{self.work.build}/usr/include"),) if b"usr/include" in text else ()

    def runner(self, place: str) -> Runner:
        runner = self.work.runner()
        return replace(runner, env=(*runner.env, *self._environment(place)),
                       over=((self._copy, self.work.source / place),))

    def reproduce(self, places: Sequence[str]) -> str:
        work = self.work
        steps = [f"cd {shlex.quote(str(work.source))}", "git apply PATCH",
                 shlex.join(["make", f"O={work.build}", *work.variables, *HEADERS])]
        for place in places:
            steps.append(shlex.join(["mkdir", "-p", str(work.build / output(place))]))
            steps.append(" ".join([*(f"{name}={shlex.quote(value)}" for name, value in self._environment(place)),
                                   shlex.join(["make", "-k", "-C", place, *self._variables(place)])]))
        return " && ".join(steps)

    def _raise_trouble(self, ended: Exited) -> None:
        found = trouble(ended)
        # a directory has tests that want what is not installed, beside others
        if found is not None and not found.lacks:
            raise found.error(f"selftests: {{}} (log: {self.log})")


def output(place: str) -> str:
    """Where make puts what it makes in `place`, below the build directory; as `make kselftest` does."""
    return f"{_PLACE}/{place.removeprefix(SELFTESTS)}"


def _plain(made: MadeTests) -> dict[str, Any]:
    return {"units": [[unit.target, unit.source, unit.recipe] for unit in made.trace.units],
            "targets": made.trace.targets, "stops": made.trace.stops, "code": made.code, "left": sorted(made.left),
            "diagnostics": [asdict(item) for item in made.trace.diagnostics]}


def _load(file: Path, key: str) -> MadeTests | None:
    try:
        record = json.loads(file.read_text("utf-8", "surrogateescape"))
        if record["key"] != key:
            return None
        said = tuple(Diagnostic(**{**item, "detail": tuple(item["detail"])}) for item in record["diagnostics"])
        units = tuple(Unit(target, origin, frozenset(), recipe) for target, origin, recipe in record["units"])
        return MadeTests(Trace(units, tuple(record["targets"]), said, tuple(record["stops"])), record["code"], 0.0,
                         frozenset(record["left"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
