"""Selftests: the tree's own make of the directory that a patch touches, without the patch and with it.

A touched source counts where a compiler command that names it, or that reads it as a header, ran with the patch and
left its output. make begins with an empty output directory each time, so every output is fresh.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from backport.architecture import ARCHITECTURES, named
from backport.errors import BuildError
from backport.kbuild import baseline as baselines
from backport.kbuild import compiled, diagnostics, leftover, pristine, traced
from backport.kbuild.absent import stopped, with_all
from backport.kbuild.applied import applied
from backport.kbuild.baseline import Say
from backport.kbuild.cmdfile import Unit
from backport.kbuild.combine import passed, together
from backport.kbuild.delta import Delta, FileDelta
from backport.kbuild.failure import TooOld
from backport.kbuild.headers import naming
from backport.kbuild.make import Exited
from backport.kbuild.plan import WIDE, Plan
from backport.kbuild.result import BuildResult, Diagnostic, Uncompiled, first_of
from backport.kbuild.testmake import HEADERS, MadeTests, TreeMake
from backport.kbuild.touched import SELFTESTS, is_selftest
from backport.locks import FileLock
from backport.patch.model import Patch
from backport.patch.parse import split_lines
from backport.trees import sparse
from backport.verdict import Build
from backport.wholefile import private_directory

CONFIG = "selftests"
_SHARED = 3                      # directories that are built for a file which all of them share
_TOOLS = "tools/"                # selftests include all over it; 64 MB
_TRIED = 8                       # directories that are looked at for them
_MOST = 200                      # diagnostics of one cell that are kept
_ASKED = 12                      # outputs that are looked for where others include a file
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_STEP = re.compile(r"\[[^\s:\]]+:[0-9]+: ")         # which line of a Makefile failed
_LACKS = re.compile(r"error: ([A-Za-z0-9_./+-]+): No such file|cannot find -l([A-Za-z0-9_+-]+)|"
                    r"Package ([a-z0-9-]+) not found")
# what Debian calls that which selftests want beside a C library; the name of a header or of a library (-l)
_PACKAGES: Mapping[str, str] = {
    "numa.h": "libnuma-dev", "numa": "libnuma-dev", "sys/capability.h": "libcap-dev", "cap": "libcap-dev",
    "cap-ng.h": "libcap-ng-dev", "cap-ng": "libcap-ng-dev", "alsa": "libasound2-dev",
    "alsa/asoundlib.h": "libasound2-dev", "popt.h": "libpopt-dev",
    "popt": "libpopt-dev", "fuse.h": "libfuse-dev", "libmnl/libmnl.h": "libmnl-dev", "mnl": "libmnl-dev",
    "liburing.h": "liburing-dev", "uring": "liburing-dev", "libelf.h": "libelf-dev", "libcrypto": "libssl-dev"}


def build_selftests(make_plan: Callable[..., Plan], own: Plan, patch: Patch, *, known: Mapping[str, Any], reverse: bool,
                    say: Say, force: bool) -> BuildResult | None:
    """The verdict over all that a patch touches of the selftests, None where that is nothing.

    Raises BuildError where the environment fails.
    """
    by_name: dict[str, list[str]] = {}
    for path in filter(is_selftest, patch.paths):
        by_name.setdefault(_architecture(path, own.architecture), []).append(path)
    parts: list[BuildResult] = []
    for name, paths in by_name.items():
        try:
            work = _plan(make_plan, own, name)
        except BuildError as error:
            parts.append(_not_compiled([Uncompiled(path, 0, "", error.message) for path in paths], known, error.hint))
            continue
        parts.append(_built(work, patch, paths, {**known, "config": CONFIG, "architecture": work.architecture,
                                                 "compiler": work.compiler.version}, reverse, say, force))
    return together(parts) if parts else None


def _plan(make_plan: Callable[..., Plan], own: Plan, name: str) -> Plan:
    """What has the headers that programs include (`make headers`), for the architecture `name`."""
    if name != own.architecture:
        return make_plan(name=WIDE, alone=True, architecture=named(name))
    return own if baselines.is_kept(own) else make_plan(name=own.fragment.name, alone=True)


def _built(work: Plan, patch: Patch, paths: Sequence[str], known: dict[str, Any], reverse: bool, say: Say,
           force: bool) -> BuildResult:
    private_directory(work.home)
    with FileLock(work.home / "lock"):
        entry = named(work.architecture)
        sparse.hold(work.source, [_TOOLS, *([f"{entry.directory}/"] if entry else [])])
        try:
            base = baselines.ensure(work, say=say, force=force)
            base = baselines.extend(work, base, HEADERS, say=say) if base.ok else base
        except TooOld as error:
            return _not_compiled([Uncompiled(path, 0, "", error.message) for path in paths], known, error.hint)
        known["baseline_seconds"] = base.seconds
        if base.errors or not base.ok:
            why = f"the kernel's headers are not built without the patch: {next(iter(base.errors), f'see {base.log}')}"
            return _not_compiled([Uncompiled(path, 0, "", why) for path in paths], known)
        return _Tests(work, patch, tuple(paths), reverse, say, known).run()


def _architecture(path: str, own: str) -> str:
    """The name of the architecture that one of the directories on the way is for, `own` where none is."""
    for folder in path.split("/")[:-1]:
        for one in ARCHITECTURES:
            if folder in (one.srcarch, one.prefix.split("-", 1)[0] or one.name):
                mine = named(own)
                return own if mine is not None and mine.srcarch == one.srcarch else one.name
    return own


@dataclass(slots=True)
class _Found:
    """What the directories of a patch came to; `why` are the reasons that a directory has nothing of a file."""

    objects: dict[str, None] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    why: dict[str, list[Uncompiled]] = field(default_factory=dict)
    new: list[Diagnostic] = field(default_factory=list)
    fixed: list[Diagnostic] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)      # directories in which make runs and compiles nothing
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class _Tests:
    work: Plan
    patch: Patch
    paths: tuple[str, ...]           # of the patch, those of the selftests for this architecture
    reverse: bool
    say: Say
    known: dict[str, Any]
    tests: TreeMake = field(init=False)
    before: dict[str, MadeTests] = field(default_factory=dict)
    found: _Found = field(default_factory=_Found)

    def run(self) -> BuildResult:
        work = self.work
        work.logs.mkdir(parents=True, exist_ok=True)
        log = work.logs / f"{self.patch.sha256[:16]}.selftests.log"
        log.unlink(missing_ok=True)
        self.tests = TreeMake(work, log)
        try:
            asked = {path: self._places(path) for path in self.paths}
            places = list(dict.fromkeys(place for some in asked.values() for place in some))
            self.known |= {"log": str(log), "command": self.tests.reproduce(places)}
            for place in places:
                self._without(place)
            with applied(work.source, self.patch.diff, self.patch.files, reverse=self.reverse) as delta:
                for place in places:
                    touched = delta.only([path for path, some in asked.items() if place in some])
                    with_all(work.source, partial(self._with, place, delta, touched), lambda: None)
        finally:
            pristine.put_back(work.build, work.pristine, work.stamps)
        for path, file in delta.only(self.paths).files.items():
            if not asked[path] and file.after is not None:
                self._no(path, "no directory of selftests that builds here has it or includes it")
        return self._verdict(delta)

    def _places(self, path: str) -> tuple[str, ...]:
        """The directories whose make reads `path`: the nearest with a Makefile; a few that use what all share."""
        folder = posixpath.dirname(path)
        while f"{folder}/".startswith(SELFTESTS) and f"{folder}/" != SELFTESTS:
            if self._has_makefile(folder):
                return (folder,)
            folder = posixpath.dirname(folder)
        top = SELFTESTS.rstrip("/")
        users = naming(self.work.source, posixpath.basename(path), [top],
                       (".c",) if path.endswith(".h") else ("Makefile",))
        count = Counter(posixpath.dirname(user) for user in users)
        own = [place for place in count if place != top and self._has_makefile(place)
               and _architecture(f"{place}/x", self.work.architecture) == self.work.architecture]
        chosen: list[str] = []
        for place in sorted(own, key=lambda place: (count[place], place))[:_TRIED]:
            chosen += [place] if self._without(place).left else []
            if len(chosen) == _SHARED:
                break
        if chosen:
            self.found.unproved.append(f"{path}: {len(chosen)} of the {len(own)} directories that use it are built: "
                                       + ", ".join(chosen))
        return tuple(chosen)

    def _has_makefile(self, place: str) -> bool:
        return self.tests.has_makefile(place) or f"{place}/Makefile" in self.patch.paths

    def _without(self, place: str) -> MadeTests:
        if place not in self.before:
            self.say(f"{self.work.tree.name}: building {place} without the patch")
            self.before[place] = with_all(self.work.source, lambda: self.tests.without(place), lambda: None)
        return self.before[place]

    def _with(self, place: str, delta: Delta, touched: Delta) -> None:
        """make with the patch, judged; raises NotCheckedOut."""
        old = self.before[place]
        if not self._may_differ(place, old, delta, touched):
            for path in touched.files:
                self._no(path, self._why(place, old, ()))
            return
        self.say(f"{self.work.tree.name}: building {place} with the patch")
        told = ""
        made = self.tests.make(place, headers=True)
        new, fixed, failed = _differences(old, made, delta)
        errors = [item for item in new if item.is_error]
        if failed or errors:
            stopped(self.work.source, Exited(2, "\n".join([*map(str, errors), *failed]).encode(), 0.0))
            if not any(delta.adds(item.path, item.line) for item in errors):
                # what runs at the same time may have been in the way: a Makefile of selftests often lists too little
                told = f"{place} failed and was built again, one command at a time"
                made = self.tests.make(place, headers=True, jobs=1)
                new, fixed, failed = _differences(old, made, delta)
        new, failed = _without_lacks(new, failed)
        found = self.found
        found.notes += [told] if told else []
        found.new += new
        found.fixed += fixed
        found.failed += failed
        found.seconds += made.seconds
        self._judge(place, made, touched)

    def _may_differ(self, place: str, old: MadeTests, delta: Delta, touched: Delta) -> bool:
        """Not where make does not get to the touched sources: which commands it runs is not in them."""
        if any(not path.endswith(traced.SOURCES) or file.before is None or file.after is None
               for path, file in delta.files.items() if is_selftest(path)):
            return True
        ran = {unit.source for unit in old.trace.units}
        return any(path in ran or naming(self.work.source, posixpath.basename(path), [place], (*traced.SOURCES, ".h"))
                   for path in touched.files)

    def _judge(self, place: str, made: MadeTests, touched: Delta) -> None:
        """What the outputs of `place`, which are there, prove of the files in `touched`."""
        for path, file in touched.files.items():
            if file.after is None:
                self.found.proved.add(path)
            elif path.endswith((".c", ".h", ".S")):
                self._source(place, made, file)
            else:
                self._list(place, made, file)

    def _source(self, place: str, made: MadeTests, file: FileDelta) -> None:
        work, runner = self.work, self.tests.runner(place)
        users = [unit for unit in made.trace.units if unit.source == file.path]
        whole = [unit for unit in users if unit.target in made.left]
        if not users:
            for unit in made.trace.units:
                if unit.target in made.left and file.path in traced.reads(unit, runner, work.source, work.build):
                    whole.append(unit)
                    if len(whole) == _ASKED:
                        break
        if not whole:
            read = made.left and file.path.endswith(".h")
            self._no(file.path, f"nothing that make compiles in {place} on {work.architecture} reads it" if read else
                     self._why(place, made, users))
            return
        try:
            lost, notes = compiled.lost_lines(file, whole, runner, work.build, work.source, work.jobs)
        except BuildError as error:
            self._no(file.path, error.message)
            return
        self.found.objects.update(dict.fromkeys(unit.target for unit in whole))
        self.found.unproved += notes
        if lost:
            self.found.why.setdefault(file.path, []).extend(lost)
        else:
            self.found.proved.add(file.path)

    def _list(self, place: str, made: MadeTests, file: FileDelta) -> None:
        """A Makefile: what the touched lines name has to be made; where they name nothing, anything."""
        folder = posixpath.dirname(file.path)
        whole = {unit.source: unit.target for unit in made.trace.units if unit.target in made.left}
        rows = split_lines(file.after or b"")
        named_here: dict[str, int] = {}
        for block in file.blocks:
            for number in range(block.new, block.new + block.added):
                for word in _WORD.findall(rows[number].split(b"#")[0].decode("utf-8", "replace")):
                    stem = posixpath.splitext(word)[0] if word.endswith((".c", ".S", ".o")) else word
                    for name in (f"{folder}/{stem}{end}" for end in traced.SOURCES):
                        if leftover.is_left(self.work.source / posixpath.normpath(name), self.work.source):
                            named_here.setdefault(posixpath.normpath(name), number + 1)
        lost = [Uncompiled(file.path, line, rows[line - 1].decode("utf-8", "replace"),
                           f"{name}: {self._why(place, made, [one for one in made.trace.units if one.source == name])}")
                for name, line in named_here.items() if name not in whole]
        if lost:
            self.found.why.setdefault(file.path, []).extend(lost)
        elif whole:
            self.found.objects.update(dict.fromkeys(whole[name] for name in named_here or whole))
            self.found.unproved.append(f"{file.path}: {len(whole)} sources of {place} are compiled with it")
            self.found.proved.add(file.path)
        elif made.code or made.trace.units:
            self._no(file.path, self._why(place, made, ()))
        else:
            self.found.empty.append(f"{place}: make compiles nothing there on {self.work.architecture}")
            self.found.proved.add(file.path)

    def _why(self, place: str, made: MadeTests, users: Sequence[Unit]) -> str:
        """Why no output of `place` has a file; `users` are the commands that failed to compile it."""
        if users:
            errors = [item for unit in users if unit.target for item in made.trace.of(unit.target)]
            return f"does not build: {errors[0] if errors else next(iter(made.trace.stops), 'make did not say why')}"
        if not made.trace.units and not made.code:
            return f"make of {place} compiles nothing on {self.work.architecture}"
        stops = first_of(made.trace.stops, 2) if made.code else ""
        return f"no compiler command that make ran in {place} names it{f'; make stopped: {stops}' if stops else ''}"

    def _no(self, path: str, why: str) -> None:
        self.found.why.setdefault(path, []).append(Uncompiled(path, 0, "", why))

    def _verdict(self, delta: Delta) -> BuildResult:
        found = self.found
        missing = tuple(one for path, some in found.why.items() if path not in found.proved for one in some)
        new = sorted(dict.fromkeys(found.new), key=lambda item: not item.is_error)
        common: dict[str, Any] = {
            **self.known, "objects": tuple(sorted(found.objects)), "new": tuple(new[:_MOST]),
            "fixed": tuple(dict.fromkeys(found.fixed))[:_MOST], "unproved": tuple(found.unproved),
            "notes": (*self.known.get("notes", ()), *found.notes), "make_seconds": found.seconds, "uncompiled": missing}
        errors = [item for item in new if item.is_error]
        if errors or found.failed:
            return BuildResult(Build.FAIL, str(errors[0]) if errors else found.failed[0], **common)
        if missing:
            return _not_compiled(missing, common)
        if new:
            return BuildResult(Build.WARN, first_of(new), **common)
        if not found.objects:
            gone = all(file.after is None for path, file in delta.files.items() if path in self.paths)
            told = "deletions only; what is left still builds" if gone else "; ".join(found.empty)
            return BuildResult(Build.NOTHING_TO_BUILD, told, **common)
        return BuildResult(Build.PASS, passed(common["objects"]), **common)


def _differences(old: MadeTests, made: MadeTests, delta: Delta) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...],
                                                                list[str]]:
    """(new diagnostics, fixed ones, what failed and did not without the patch, in words)."""
    new, fixed = diagnostics.compare(old.trace.diagnostics, made.trace.diagnostics, delta,
                                     rebuilt=frozenset(made.trace.targets), existed=lambda name: name in old.left)
    known = {_STEP.sub("[", stop) for stop in old.trace.stops}
    failed = [stop for stop in made.trace.stops if _STEP.sub("[", stop) not in known]
    failed += [f"{name} is not made any more" for name in made.trace.targets
               if name in old.left and name not in made.left]
    if made.code and not old.code and not failed:
        failed.append(f"make ended with {made.code}, see the log")
    return new, fixed, failed


def _without_lacks(new: Sequence[Diagnostic], failed: Sequence[str]) -> tuple[tuple[Diagnostic, ...], list[str]]:
    """(new diagnostics, failures) without what comes of a package that is not installed: no fault of a patch."""
    lacking = {item.object for item in new if item.object and _packages([str(item)])}
    return (tuple(item for item in new if item.object not in lacking),
            [stop for stop in failed if not any(name in stop for name in lacking)])


def _packages(texts: Sequence[str]) -> list[str]:
    """The packages whose absence `texts` speak of."""
    names = [next(filter(None, found), "") for text in texts for found in _LACKS.findall(text)]
    return list(dict.fromkeys(_PACKAGES[name] for name in names if name in _PACKAGES))


def _not_compiled(missing: Sequence[Uncompiled], known: Mapping[str, Any], hint: str = "") -> BuildResult:
    wanted = _packages([one.why for one in missing])
    return BuildResult(Build.NOT_COMPILED, first_of(missing), **{
        **known, "uncompiled": tuple(missing),
        "hint": hint or (f"apt-get install {' '.join(wanted)}" if wanted else "")})
