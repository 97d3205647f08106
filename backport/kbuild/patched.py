"""One configuration of one tree, built with the patch on top of its baseline; the build directory is put back."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backport.architecture import named
from backport.csource.tokens import identifiers
from backport.errors import BuildError
from backport.kbuild import baseline as baselines
from backport.kbuild import compare, compiled, diagnostics, leftover, pristine, symbols, wanted
from backport.kbuild.absent import need_all, passed_by, steers, stopped, with_all
from backport.kbuild.applied import applied
from backport.kbuild.attempt import Attempt, verdict
from backport.kbuild.baseline import Baseline
from backport.kbuild.cmdfile import Units
from backport.kbuild.compare import CompiledSide
from backport.kbuild.compiled import Proof
from backport.kbuild.delta import Delta
from backport.kbuild.devicetree import below_tree
from backport.kbuild.diagnostics import Paths, named_in
from backport.kbuild.failure import trouble
from backport.kbuild.make import Exited, Runner
from backport.kbuild.plan import FIXES, PREPARE, Plan
from backport.kbuild.result import BuildResult, CodeChanges, Diagnostic, Uncompiled, first_of
from backport.kbuild.touched import TouchedKind, kind_of
from backport.kbuild.wanted import COMPILED, Wanted
from backport.patch.model import Patch
from backport.trees import sparse
from backport.verdict import Build

_LOG = 64 << 20
_FAILED = 2              # make's exit code for an error


@dataclass(slots=True)
class _Makes:
    """What the calls of make of one attempt said so far."""

    seconds: float = 0.0
    found: tuple[Diagnostic, ...] = ()
    code: int = 0                    # of the first that failed, for which the patch has to answer

    def fail(self, errors: tuple[Diagnostic, ...]) -> None:
        """Errors that make itself does not see; none is no failure."""
        self.found += errors
        if errors:
            self.code = self.code or _FAILED


@dataclass(slots=True)
class PatchedBuild:
    """A patch built on top of the baseline of one configuration; run() gives the result."""

    work: Plan
    base: Baseline
    patch: Patch
    known: dict[str, Any]
    reverse: bool
    compared: bool
    say: Callable[[str], None]
    paths: frozenset[str]            # what of the patch this configuration is asked about
    want: Wanted = field(default_factory=Wanted)
    seen: pristine.Seen | None = None    # the build directory after the last make, where nothing can write there since

    def run(self) -> BuildResult:
        work = self.work
        self.want = wanted.before(work, self.base, self.patch, self.paths)
        steady = all(kind_of(path) in (*COMPILED, TouchedKind.NOTHING) for path in self.patch.paths)
        if steady and not self.want.objects and not self.want.inside:
            none = f"{work.config_name} builds no object from it"
            missing = tuple(self._no_object(Uncompiled(path, 0, "", none), work.build) for path in sorted(self.paths))
            return BuildResult(Build.NOT_COMPILED, first_of(missing), uncompiled=missing, **self.known)
        if self.want.objects:
            self.known["command"] = work.reproduce(targets=self.want.objects if work.alone else ())
            self.base = baselines.extend(work, self.base, self.want.objects, say=self.say)
            self.known["baseline_seconds"] += self.base.seconds
            if self.base.errors:
                return BuildResult(Build.BASELINE_BROKEN, f"does not build without the patch: {self.base.errors[0]}",
                                   log=self.base.log, **self.known)
        log = work.logs / f"{self.patch.sha256[:16]}.log"
        work.logs.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        notes: tuple[str, ...] = self.known.pop("notes", ())
        self.known["log"] = str(log)
        pair = None
        try:
            with applied(work.source, self.patch.diff, self.patch.files, reverse=self.reverse,
                         **self._in_the_way()) as delta:
                attempt = with_all(work.source, lambda: self._attempt(delta, work.build, log),
                                   lambda: pristine.put_back(work.build, work.pristine, work.stamps))
                if attempt.code and not self._plainly_ours(attempt, delta):
                    notes += ("the build failed on top of the baseline's objects and was repeated from a fresh "
                              "configuration",)
                    damaged = any(item.is_error and self._of_the_build(item) for item in attempt.new)
                    attempt = with_all(work.source, lambda: self._fresh(delta, log), lambda: None)
                    if not attempt.code:
                        notes += ("the fresh build succeeded and is the verdict",)
                        if damaged:              # every later patch would meet it, and be built twice
                            baselines.forget(work)
                            notes += ("the kept build without the patch is damaged: it is made again when needed",)
                elif self.compared and attempt.proof and any(name.endswith(".o") for name in attempt.proof.objects):
                    pair = self._patched_side(delta, attempt.proof)
        finally:
            pristine.put_back(work.build, work.pristine, work.stamps, self.seen)
        result = verdict(attempt, self.patch, self.paths, notes, self.known)
        return result if pair is None else replace(result, changes=self._changes(delta, *pair))

    def _plainly_ours(self, attempt: Attempt, delta: Delta) -> bool:
        """Is an error on a line that the patch added, about a name in its lines, or about an object that was asked for
        and that the baseline has, with nothing touched that a build makes other files from? No left-over of an earlier
        build explains that, and a build from nothing would only say it again: a minute for a header that forty objects
        read. It does not where one is in a file that the build made itself."""
        steady = all(kind_of(path) in (*COMPILED, TouchedKind.NOTHING) for path in delta.files) and not any(
            item.is_error and self._of_the_build(item) for item in attempt.new)
        made = {posixpath.normpath(name) for name in self.want.objects}
        ours = {word.decode() for file in self.patch.files for hunk in file.hunks
                for line in (*hunk.added, *hunk.removed) for word in identifiers(line)}
        return steady and any(item.is_error and (delta.adds(item.path, item.line) or item.path in made
                                                 or (item.line > 0 and (posixpath.normpath(item.object) in made
                                                                        or not ours.isdisjoint(named_in(item.text)))))
                              for item in attempt.new)

    def _of_the_build(self, item: Diagnostic) -> bool:
        """Whether it is about a file that the build made itself, or about a rule that make lacks: the list of what an
        object is made from is damaged."""
        if item.line > 0:
            return not leftover.is_left(self.work.source / item.path, self.work.source)
        return item.text.startswith("No rule to make target")

    def _in_the_way(self) -> dict[str, str]:
        """What `applied` says where the check took the patch on the bare tree and the build fixes are in its way."""
        names = ", ".join(path.name for path in self.work.fixes)
        return {"what": f"the patch on top of {names}", "hint": f"refresh the build fixes in {FIXES}"} if names else {}

    def _patched_side(self, delta: Delta, proof: Proof) -> tuple[list[str], CompiledSide | str]:
        """(targets, their patched side or why there is none); the source has the patch now."""
        self.say(f"{self.work.tree.name}: comparing {len(proof.objects)} objects")
        # what make left is known where nothing could write there since
        units = Units(self.work.source, self.work.build, self.seen.stamps if self.seen else None).all()
        targets = [name for name in proof.objects if name.endswith(".o")]
        try:
            return targets, compare.build_side(self.work, [units[name] for name in targets], delta)
        except BuildError as error:
            return targets, error.message

    def _changes(self, delta: Delta, targets: list[str], new: CompiledSide | str) -> CodeChanges:
        """The comparison; sources and build directory are the baseline's again."""
        if isinstance(new, str):
            return CodeChanges(objects=tuple(targets), reason=new)
        units = Units(self.work.source, self.work.build, pristine.recorded(self.work.stamps)).all()
        try:
            old = compare.build_side(self.work, [units[name] for name in targets if name in units], None)
        except BuildError as error:
            return CodeChanges(objects=tuple(targets), reason=error.message)
        return compare.changes(old, new, delta)

    def _attempt(self, delta: Delta, build: Path, log: Path, *, fresh: bool = False) -> Attempt:
        """Make with the patch in place; raises BuildError where the environment failed."""
        work = self.work
        self.seen = None
        runner = work.runner(write=(build,), ccache="read") if fresh else work.runner()
        steered = any(kind_of(path) in (TouchedKind.KCONFIG, TouchedKind.MAKEFILE) for path in delta.files)
        self._hold_includes(delta)
        before = pristine.look(build).stamps if fresh else pristine.recorded(work.stamps)
        makes = _Makes()
        if fresh or steered:
            self._configure(makes, delta, build, log, fresh=fresh)
            if makes.code:
                return Attempt(makes.code, makes.found, (), None, makes.seconds)
        self._make_targets(makes, runner, build, log, steered=steered)
        want = wanted.after(work, build, self.want, delta, self.paths) if steered and not makes.code else self.want
        if work.fragment.modules:
            self._check_exports(makes, build)
        if want.objects:
            self._make_objects(makes, runner, want.objects, build, log)
        seen = pristine.look(build)
        units = Units(work.source, build, seen.stamps)
        if build == work.build and work.sandbox.sealed:
            self.seen = seen                     # what comes now may read the build directory alone
        if want.objects and not makes.code:
            recipes = {name: unit.recipe for name, unit in units.all().items()}
            makes.fail(symbols.lost(build, work.pristine, map(posixpath.normpath, want.objects), recipes, delta,
                                    work.source))
        written = frozenset(path for path, stamp in seen.stamps.items() if before.get(path) != stamp)
        new, fixed = diagnostics.compare(self.base.diagnostics, makes.found, delta, rebuilt=written,
                                         existed=lambda target: leftover.is_left(work.pristine / target,
                                                                             work.pristine))
        if makes.code:
            if steered:                          # which directories the failed compilers searched is not known
                need_all(work.source)
            return Attempt(makes.code, new, fixed, None, makes.seconds)
        if any(steers(file) for file in delta.files.values()):
            passed_by(work.source, build, [unit for name, unit in units.all().items() if name in written])
        return Attempt(0, new, fixed, self._proof(runner, delta, want, build, units, written), makes.seconds)

    def _configure(self, makes: _Makes, delta: Delta, build: Path, log: Path, *, fresh: bool) -> None:
        work = self.work
        step = baselines.configure if fresh else baselines.reconfigure
        ended = step(work, build, log, write=() if build == work.build else (build,))
        self._raise_trouble(ended, log)
        makes.seconds += ended.seconds
        makes.code = ended.code
        if ended.code:
            makes.found = diagnostics.parse(ended.output, Paths(work.source, build, work.build))
            return
        kconfig = next((path for path in delta.files if kind_of(path) is TouchedKind.KCONFIG), "")
        if kconfig:                              # what the baseline's configuration said stands in its log alone
            makes.found = diagnostics.of_configuration(ended.output, _kept(work.logs / "baseline.log"), kconfig)

    def _make_targets(self, makes: _Makes, runner: Runner, build: Path, log: Path, *, steered: bool) -> None:
        """Those of the tree. Make of one object prepares what it needs by itself; lists are read with the
        configuration that it makes."""
        work = self.work
        targets = work.targets if self.want.inside or not self.want.objects else PREPARE if steered else ()
        if not targets:
            return
        ended = runner.run(work.make(*targets, build=build), cwd=work.source, log=log)
        self._raise_trouble(ended, log)
        makes.seconds += ended.seconds
        makes.code = ended.code
        makes.found += diagnostics.parse(ended.output, Paths(work.source, build, work.build))

    def _check_exports(self, makes: _Makes, build: Path) -> None:
        """What modpost would say of the modules: it is not asked for those that are not whole."""
        work = self.work
        makes.found = symbols.without_undefined(makes.found)
        if not makes.code:
            makes.fail(symbols.undefined(symbols.left_open(build, work.fragment.modules), self.base.left_open,
                                         work.source))

    def _make_objects(self, makes: _Makes, runner: Runner, objects: Sequence[str], build: Path, log: Path) -> None:
        """Those that no target of the tree leads to, each by its name."""
        work = self.work
        sparse.hold(work.source, map(posixpath.normpath, objects))
        ended = runner.run(work.make(*objects, build=build), cwd=work.source, log=log)
        self._raise_trouble(ended, log)
        makes.seconds += ended.seconds
        everything = diagnostics.parse(ended.output, Paths(work.source, build, work.build))
        more = baselines.without_rule(everything, self.want.objects)
        makes.found += more
        # make ends with 2 for an object that this configuration has no rule for, too: that is not-compiled. Where it
        # names no such object, it failed for something that nobody here reads
        if ended.code and (any(item.is_error for item in more) or len(more) == len(everything)):
            makes.code = makes.code or _FAILED

    def _proof(self, runner: Runner, delta: Delta, want: Wanted, build: Path, units: Units,
               written: frozenset[str]) -> Proof:
        """What was compiled of the patch, with the reason for each of its files that was not."""
        work, entry = self.work, named(self.work.architecture)
        entered = {posixpath.dirname(below_tree(name, entry.directory if entry else "")) for name in want.objects
                   if not name.endswith("/")}
        proof = compiled.prove(delta.only(self.paths), units, written, runner=runner.reading(), build=build,
                               source=work.source, kconfig=baselines.kconfig_files(work, build),
                               visited=[*(name.rstrip("/") for name in work.directories), *sorted(entered)],
                               jobs=work.jobs)
        # a file that no object is built from; what was read and not made again says so itself
        missing = (*(self._no_object(one, build) if one.why == compiled.NO_OBJECT else one for one in proof.missing),
                   *(one for one in want.missing if all(one.path != whole.path for whole in proof.missing)))
        return replace(proof, missing=missing, unproved=(*want.remarks, *proof.unproved))

    def _no_object(self, one: Uncompiled, build: Path) -> Uncompiled:
        """`one`, with what stands in its way where the lists of `build` say it."""
        why, needs = wanted.why_not(self.work, build, self.want, one.path)
        return replace(one, why=why or one.why, needs=needs)

    def _fresh(self, delta: Delta, log: Path) -> Attempt:
        """The same from nothing, so that no left-over of an earlier build is held against the patch."""
        build = self.work.home / "fresh"
        leftover.remove(build)
        build.mkdir()
        try:
            return self._attempt(delta, build, log, fresh=True)
        finally:
            leftover.remove(build)

    def _hold_includes(self, delta: Delta) -> None:
        """Have what the touched files include, wherever their compilers look; raises NotCheckedOut."""
        names = [path for path in delta.files if kind_of(path) is TouchedKind.SOURCE]
        if not sparse.is_sparse(self.work.source) or not any(steers(delta.files[path]) for path in names):
            return
        units = Units(self.work.source, self.work.build).all().values()
        for path in names:
            folder = posixpath.dirname(path)
            readers = [unit for unit in units if path == unit.source or path in unit.reads] or \
                [unit for unit in units if posixpath.dirname(unit.source) == folder]
            passed_by(self.work.source, self.work.build, readers, [path])

    def _raise_trouble(self, ended: Exited, log: Path) -> None:
        stopped(self.work.source, ended)
        found = trouble(ended)
        if found is not None:
            raise BuildError(f"{found.what} (log: {log})", hint=found.hint)


def _kept(log: Path) -> bytes:
    """A log of this plan, as far as any is kept; b"" where it is gone."""
    try:
        with log.open("rb") as stream:
            return stream.read(_LOG)
    except OSError:
        return b""
