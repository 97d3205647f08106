"""One patch on one tree: baseline, patched build, proof, verdict; all is put back whatever happens."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from backport.architecture import foreign, named, of_directory, split
from backport.errors import BuildError
from backport.kbuild import baseline as baselines
from backport.kbuild import compare, compiled, diagnostics, kconfig, leftover, pristine, solve, symbols, wanted
from backport.kbuild.absent import need_all, passed_by, steers, stopped, with_all
from backport.kbuild.applied import applied
from backport.kbuild.baseline import Baseline
from backport.kbuild.cmdfile import Units
from backport.kbuild.combine import again, beside, passed, together
from backport.kbuild.compare import CompiledSide
from backport.kbuild.compiled import Proof
from backport.kbuild.delta import Delta
from backport.kbuild.devicetree import below_tree
from backport.kbuild.diagnostics import Paths
from backport.kbuild.failure import LOWERED, TooOld, machine_trouble, trouble
from backport.kbuild.make import Exited
from backport.kbuild.plan import PREPARE, SOURCES, WIDE, Plan, own_configuration, plan
from backport.kbuild.result import BuildResult, CodeChanges, Diagnostic, Uncompiled, first_of
from backport.kbuild.sandbox import Limits, choose, had_sandbox, lowered
from backport.kbuild.selftests import build_selftests
from backport.kbuild.touched import TouchedKind, kind_of, nothing_to_build, unbuilt
from backport.kbuild.wanted import COMPILED, Wanted
from backport.locks import FileLock
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.subsystem import KVM
from backport.trees import sparse
from backport.trees.store import Head
from backport.trees.worktree import worktree
from backport.verdict import Build
from backport.wholefile import private_directory

_FIXES = "toolchain.fixes in trees.yaml"
_MOST = 200              # diagnostics of one cell that are kept: a patch decides how many there are
_LOG = 64 << 20
_NOT_RUN = Exited(0, b"", 0.0)
OpenTree = Callable[[Any, Head], AbstractContextManager[Path]]


def build_cell(tree: Tree, head: Head, patch: Patch, *, store: Any, cache: Path, jobs: int | None = None,
               config: str | None = None, sandbox: str = "auto", require_sandbox: bool = False,
               limits: Limits | None = None, compared: bool = True, force: bool = False, reverse: bool = False,
               architectures: Sequence[str] = (), manifest_directory: Path | None = None,
               open_tree: OpenTree | None = None,
               say: Callable[[str], None] = lambda _text: None) -> BuildResult:
    """Build `patch` (as adapted to this tree) and say what that proves.

    `config` names a fragment, None = the tree's first. `sandbox` is "auto" or "none". `reverse` takes the patch
    back instead (a tree that has it already). `architectures` are those (by their names in the table) that what lies
    outside arch/ is built for as well. `force` builds the baseline again. Raises UserError for what the
    manifest or the caller got wrong; everything that fails around the build is the verdict `error`.
    """
    if nothing_to_build(patch.paths):
        return BuildResult(Build.NOTHING_TO_BUILD, unbuilt(patch.paths), base_commit=head.commit)
    started = time.monotonic()
    limits = limits or Limits.of_user()
    known: dict[str, Any] = {"base_commit": head.commit}
    try:
        with ExitStack() as stack:
            box = choose(require=require_sandbox, want=sandbox, seen=had_sandbox(cache))
            known["sandbox"] = box.kind
            if box.kind == "none" and sandbox != "none":
                known["notes"] = (f"built without a sandbox: {box.why}",)
            source = stack.enter_context(open_tree(store, head) if open_tree else
                                         worktree(store, head, partial=True, sealed=box.sealed))
            sparse.hold(source, _names(patch))
            make_plan = partial(plan, tree, head, source, cache, sandbox=box, limits=limits, jobs=jobs,
                                manifest_directory=manifest_directory)
            work = make_plan(name=config)
            known["fixes"] = tuple(path.name for path in work.fixes)
            for fix in work.fixes:
                parsed = parse(fix.read_bytes(), source=fix.name)
                sparse.hold(source, _names(parsed))
                stack.enter_context(applied(source, parsed.diff, parsed.files, what=f"the build fix {fix.name}",
                                            hint=f"refresh it for {head.version}, or take it out of {_FIXES}"))
            result = _Parts(work, make_plan, patch, known, reverse, compared, force, say, tuple(architectures)).build()
        low = lowered(limits)
        if low and result.verdict is Build.NOT_COMPILED:
            # make told no failure, but what asks the preprocessor may have met the limit without a word
            raise BuildError(f"it was checked under the limits of the calling shell: {low}", hint=LOWERED)
        return replace(result, seconds=time.monotonic() - started - result.baseline_seconds
                       - (result.changes.seconds if result.changes else 0.0))
    except BuildError as error:
        return BuildResult(Build.ERROR, error.message, hint=error.hint, seconds=time.monotonic() - started, **known)
    except OSError as error:
        met = machine_trouble(error)
        return BuildResult(Build.ERROR, met.what, hint=met.hint, seconds=time.monotonic() - started, **known)


@lru_cache(maxsize=2)
def _options(source: Path, arch: str, srcarch: str, _commit: str) -> kconfig.OptionTable:
    return kconfig.read(source, arch, srcarch)


def _names(patch: Patch) -> list[str]:
    """Every path that a patch touches, before and after."""
    return [path for file in patch.files for path in (file.old_path, file.new_path) if path]


@dataclass(slots=True)
class _Parts:
    """A patch split by what can compile it: the tree's own configuration first, then every module (allmodconfig) for
    what that one leaves out, and one part for each other architecture."""

    own: Plan
    plan: Callable[..., Plan]
    patch: Patch
    known: dict[str, Any]            # what is true of all parts; an error that ends the build tells it
    reverse: bool
    compared: bool
    force: bool
    say: Callable[[str], None]
    architectures: tuple[str, ...] = ()
    unsolved: dict[str, None] = field(default_factory=dict)        # why no configuration was made for a file

    def build(self) -> BuildResult:
        """The verdict over all parts."""
        found = self._all()
        return replace(found, notes=(*found.notes, *self.unsolved)) if found.verdict is Build.NOT_COMPILED else found

    def _all(self) -> BuildResult:
        # a configuration that was asked for by name answers for itself alone
        default = self.own.fragment.name == own_configuration(self.own.tree)
        here, elsewhere = split([path for path in self.patch.paths if kind_of(path) is not TouchedKind.NOTHING],
                                self.own.architecture)
        results: list[BuildResult] = []
        if here:
            work = self.own
            if default and not self._needs_targets(here) and not baselines.is_kept(work):
                work = self.plan(name=work.fragment.name, alone=True)
            first = self._part(work, here)
            left = frozenset(one.path for one in first.uncompiled)
            if default and first.verdict is Build.NOT_COMPILED and left:
                first = again(first, self._part(wide := self.plan(name=WIDE, alone=True), left), left)
                first = self._nowhere_else(self._solved(first, wide))
            results.append(first)
        for name, paths in elsewhere.items():
            results.append(self._elsewhere(name, paths) if default else
                           self._not_compiled(paths, f"{self.own.config_name} is not for arch/{name}"))
        tests = build_selftests(self.plan, self.own, self.patch, known=self.known, reverse=self.reverse, say=self.say,
                                force=self.force)
        results += [beside(tests) if results else tests] if tests is not None else []
        if not default:
            return together(results)
        outside = [path for path in here if not path.startswith("arch/")]
        return self._for_each(together(results), outside) if outside else together(results)

    def _for_each(self, first: BuildResult, paths: Collection[str]) -> BuildResult:
        """`first`, and `paths` built for every architecture that was asked for. What one of them does not build is told
        and nothing against the patch: that a driver is for other machines is no fault of it."""
        for name in self.architectures:
            architecture = named(name)
            if architecture is None or name == self.own.architecture:
                continue
            try:
                work = self.plan(name=WIDE, alone=True, architecture=architecture)
            except BuildError as error:
                more = self._not_compiled(paths, error.message, error.hint)
            else:
                more = self._part(work, frozenset(paths))
            if more.verdict is Build.NOT_COMPILED:
                first = replace(first, notes=(*first.notes, f"{name}: not compiled: {more.reason}"),
                                hint=first.hint or more.hint)
                if more.objects:                 # the rest was built there, and its warnings are the patch's
                    told = str(more.new[0]) if more.new else passed(more.objects)
                    first = together([first, replace(more, verdict=Build.WARN if more.new else Build.PASS, reason=told,
                                                     uncompiled=())])
            elif first.verdict is Build.NOT_COMPILED:
                first = again(first, more, paths)
            else:
                first = together([first, more])
        return first

    def _needs_targets(self, paths: Collection[str]) -> bool:
        """Headers of the whole tree and the build files on the way to the targets are proved by the tree's targets; the
        rest object by object."""
        targets = [name.rstrip("/") for name in self.own.directories]
        return any(path.startswith((*self.own.directories, *KVM.paths, "include/")) or "/include/" in path
                   or kind_of(path) is TouchedKind.KCONFIG
                   or (kind_of(path) is TouchedKind.MAKEFILE and compiled.is_visited(path, targets)) for path in paths)

    def _elsewhere(self, name: str, paths: Collection[str]) -> BuildResult:
        architecture = of_directory(name)
        if architecture is None:
            return self._not_compiled(paths, f"arch/{name} is not built: no compiler for it is known here")
        try:
            work = self.plan(name=WIDE, alone=True, architecture=architecture)
        except BuildError as error:
            return self._not_compiled(paths, error.message, error.hint)
        return self._solved(self._part(work, paths), work)

    def _solved(self, first: BuildResult, wide: Plan) -> BuildResult:
        """`first`, and what an option keeps out of the configuration `wide` built with that option the other way, where
        the tree's Kconfig allows it."""
        left = [one for one in first.uncompiled if one.needs]
        entry = named(wide.architecture)
        values = baselines.configuration(wide) if left and first.verdict is Build.NOT_COMPILED else {}
        if entry is None or not values:
            return first
        try:
            options = _options(wide.source, entry.arch, entry.srcarch, self.own.head.commit)
        except kconfig.Unsolved as error:
            self.unsolved[f"no configuration was looked for: {error}"] = None
            return first
        wishes: solve.Wishes = {}
        tried: set[str] = set()
        for one in left:
            try:
                wishes = solve.wishes(options, values, one.needs, wishes)
                tried.add(one.path)
            except kconfig.Unsolved as error:
                self.unsolved[f"{one.path}: no configuration for {entry.name} has it: {error}"] = None
        if not tried:
            return first
        work = self.plan(name=WIDE, alone=True, wishes=wishes,
                         architecture=None if entry.name == self.own.architecture else entry)
        more = self._part(work, frozenset(tried))
        if more.verdict is Build.BASELINE_BROKEN:
            return replace(first, notes=(*first.notes, f"{work.config_name}: {more.reason}"))
        return again(first, more, tried)

    def _nowhere_else(self, first: BuildResult) -> BuildResult:
        """`first`, and what no configuration of the tree's own architecture compiles at all tried in another one: a
        driver of devices that this one does not have, a library function that it brings itself."""
        if first.verdict is not Build.NOT_COMPILED:
            return first
        left = [one.path for one in first.uncompiled if not one.line and one.path.endswith(SOURCES)]
        for name, paths in foreign(left, self.own.architecture).items():
            try:
                work = self.plan(name=WIDE, alone=True, architecture=named(name))
            except BuildError as error:
                first = replace(first, hint=first.hint or error.hint)
                continue
            first = again(first, self._solved(self._part(work, frozenset(paths)), work), paths)
        return first

    def _not_compiled(self, paths: Collection[str], why: str, hint: str = "") -> BuildResult:
        missing = tuple(Uncompiled(path, 0, "", why) for path in sorted(paths))
        return BuildResult(Build.NOT_COMPILED, first_of(missing), hint=hint, uncompiled=missing, **self.known)

    def _part(self, work: Plan, paths: Collection[str]) -> BuildResult:
        """`paths` of the patch, which is applied whole, in one configuration."""
        known: dict[str, Any] = {**self.known, "config": work.config_name, "architecture": work.architecture,
                                 "compiler": work.compiler.version, "command": work.reproduce()}
        if work is self.own:
            self.known.update(known)             # an error later on is an error of this configuration
        private_directory(work.home)
        with FileLock(work.home / "lock"):
            entry = named(work.architecture)
            sparse.hold(work.source, [*work.directories, *([f"{entry.directory}/"] if entry else [])])
            try:
                base = baselines.ensure(work, say=self.say, force=self.force)
            except TooOld as error:
                if entry is None or not work.is_wide:
                    raise
                # clang where the architecture's gcc is missing: newer trees refuse it, the rest of the patch is built
                other = work.compiler.clang and entry.package and not work.tree.toolchain.llvm
                return self._not_compiled(paths, error.message,
                                          f"apt-get install {entry.package}" if other else error.hint)
            known["baseline_seconds"] = base.seconds
            known["notes"] = (*self.known.get("notes", ()),
                              *(f"option did not stick: {text}" for text in base.problems))
            if not base.ok:
                first = base.errors[0] if base.errors else None
                if work.is_wide:
                    # nothing of the tree's own is broken: this is only no way to compile more of it
                    why = f"{work.config_name}: {base.problems[0]}" if work.solved and base.problems else \
                        f"{work.config_name} does not build without the patch: {first or f'see {base.log}'}"
                    return replace(self._not_compiled(paths, why), log=base.log)
                return BuildResult(Build.BASELINE_BROKEN, f"does not build without the patch: {first or 'see the log'}",
                                   hint=f"{_FIXES} can name build-fix patches", log=base.log, **known)
            return _Cell(work, base, self.patch, known, self.reverse, self.compared, self.say, frozenset(paths)).run()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One patched build and what it says; `proof` is None where it failed."""

    code: int                        # make's exit code
    new: tuple[Diagnostic, ...]
    fixed: tuple[Diagnostic, ...]
    proof: Proof | None
    seconds: float


@dataclass(slots=True)
class _Cell:
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
        result = self._verdict(attempt, notes)
        return result if pair is None else replace(result, changes=self._changes(delta, *pair))

    def _plainly_ours(self, attempt: _Attempt, delta: Delta) -> bool:
        """Is an error on a line that the patch added, or about an object that was asked for and that the baseline has,
        with nothing touched that a build makes other files from? No left-over of an earlier build explains that, and a
        build from nothing would only say it again. It does not where one is in a file that the build made itself."""
        steady = all(kind_of(path) in (*COMPILED, TouchedKind.NOTHING) for path in delta.files) and not any(
            item.is_error and self._of_the_build(item) for item in attempt.new)
        made = {posixpath.normpath(name) for name in self.want.objects}
        return steady and any(item.is_error and (delta.adds(item.path, item.line) or item.path in made
                                                 or (item.line > 0 and posixpath.normpath(item.object) in made))
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
        return {"what": f"the patch on top of {names}", "hint": f"refresh the build fixes in {_FIXES}"} if names else {}

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

    def _attempt(self, delta: Delta, build: Path, log: Path, *, fresh: bool = False) -> _Attempt:
        """Make with the patch in place; raises BuildError where the environment failed."""
        work = self.work
        self.seen = None
        runner = work.runner(write=(build,), ccache="read") if fresh else work.runner()
        kinds = {kind_of(path) for path in delta.files}
        self._hold_includes(delta)
        before = pristine.look(build).stamps if fresh else pristine.recorded(work.stamps)
        seconds = 0.0
        told: tuple[Diagnostic, ...] = ()
        steered = bool(kinds & {TouchedKind.KCONFIG, TouchedKind.MAKEFILE})
        if fresh or steered:
            step = baselines.configure if fresh else baselines.reconfigure
            configured = step(work, build, log, write=() if build == work.build else (build,))
            self._raise_trouble(configured, log)
            seconds += configured.seconds
            if configured.code:
                found = diagnostics.parse(configured.output, Paths(work.source, build, work.build))
                return _Attempt(configured.code, tuple(found), (), None, seconds)
            kconfig = next((path for path in delta.files if kind_of(path) is TouchedKind.KCONFIG), "")
            # what the baseline's configuration said stands in its log alone
            told = diagnostics.of_configuration(configured.output, _kept(work.logs / "baseline.log"), kconfig) \
                if kconfig else ()
        # make of one object prepares what it needs by itself; lists are read with the configuration that it makes
        targets = work.targets if self.want.inside or not self.want.objects else PREPARE if steered else ()
        ended = runner.run(work.make(*targets, build=build), cwd=work.source, log=log) if targets else _NOT_RUN
        self._raise_trouble(ended, log)
        seconds += ended.seconds
        paths = Paths(work.source, build, work.build)
        found = (*told, *diagnostics.parse(ended.output, paths))
        failed = bool(ended.code)
        want = wanted.after(work, build, self.want, delta, self.paths) if steered and not failed else self.want
        if work.fragment.modules:
            found = symbols.without_undefined(found)
            if not failed:
                lost = symbols.undefined(symbols.left_open(build, work.fragment.modules), self.base.left_open,
                                         work.source)
                found += lost
                failed = bool(lost)
        if want.objects:
            sparse.hold(work.source, map(posixpath.normpath, want.objects))
            single = runner.run(work.make(*want.objects, build=build), cwd=work.source, log=log)
            self._raise_trouble(single, log)
            seconds += single.seconds
            everything = diagnostics.parse(single.output, paths)
            more = baselines.without_rule(everything, self.want.objects)
            found += more
            # make ends with 2 for an object that this configuration has no rule for, too: that is not-compiled. Where
            # it names no such object, it failed for something that nobody here reads
            failed = failed or bool(single.code and (any(item.is_error for item in more)
                                                     or len(more) == len(everything)))
        seen = pristine.look(build)
        units = Units(work.source, build, seen.stamps)
        if build == work.build and work.sandbox.sealed:
            self.seen = seen                     # what comes now may read the build directory alone
        if want.objects and not failed:
            recipes = {name: unit.recipe for name, unit in units.all().items()}
            lost = symbols.lost(build, work.pristine, map(posixpath.normpath, want.objects), recipes, delta,
                                work.source)
            found += lost
            failed = bool(lost)
        written = frozenset(path for path, stamp in seen.stamps.items() if before.get(path) != stamp)
        new, fixed = diagnostics.compare(self.base.diagnostics, found, delta, rebuilt=written,
                                         existed=lambda target: leftover.is_left(work.pristine / target,
                                                                             work.pristine))
        if failed and steered:
            # which directories the failed compilers searched is not known
            need_all(work.source)
        if failed:
            return _Attempt(ended.code or 2, new, fixed, None, seconds)
        if any(steers(file) for file in delta.files.values()):
            passed_by(work.source, build, [unit for name, unit in units.all().items() if name in written])
        entry = named(work.architecture)
        entered = {posixpath.dirname(below_tree(name, entry.directory if entry else "")) for name in want.objects
                   if not name.endswith("/")}
        proof = compiled.prove(delta.only(self.paths), units, written, runner=runner.reading(), build=build,
                               source=work.source, kconfig=baselines.kconfig_files(work, build),
                               visited=[*(name.rstrip("/") for name in work.directories), *sorted(entered)],
                               jobs=work.jobs)
        # a file that no object is built from; what was read and not made again says so itself
        missing = (*(self._no_object(one, build) if one.why == compiled.NO_OBJECT else one for one in proof.missing),
                   *(one for one in want.missing if all(one.path != whole.path for whole in proof.missing)))
        return _Attempt(0, new, fixed, replace(proof, missing=missing, unproved=(*want.told, *proof.unproved)), seconds)

    def _no_object(self, one: Uncompiled, build: Path) -> Uncompiled:
        """`one`, with what stands in its way where the lists of `build` say it."""
        why, needs = wanted.why_not(self.work, build, self.want, one.path)
        return replace(one, why=why or one.why, needs=needs)

    def _fresh(self, delta: Delta, log: Path) -> _Attempt:
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

    def _verdict(self, attempt: _Attempt, notes: tuple[str, ...]) -> BuildResult:
        if len(attempt.new) > _MOST:
            notes += (f"{len(attempt.new)} new diagnostics; the first {_MOST} are kept, the log has all",)
        kept = sorted(attempt.new, key=lambda item: not item.is_error) if len(attempt.new) > _MOST else attempt.new
        common: dict[str, Any] = {**self.known, "new": tuple(kept[:_MOST]), "fixed": attempt.fixed[:_MOST],
                                  "notes": notes, "make_seconds": attempt.seconds}
        if attempt.code:
            errors = [item for item in attempt.new if item.is_error]
            reason = str(errors[0]) if errors else f"make ended with {attempt.code}, see the log"
            return BuildResult(Build.FAIL, reason, **common)
        proof = attempt.proof
        assert proof is not None
        common |= {"objects": proof.objects, "uncompiled": proof.missing, "unproved": proof.unproved}
        if proof.missing:
            return BuildResult(Build.NOT_COMPILED, first_of(proof.missing), **common)
        warnings = [item for item in attempt.new if not item.is_error] or list(attempt.new)
        if warnings:
            return BuildResult(Build.WARN, first_of(warnings), **common)
        unread = [path for path in sorted(self.paths) if kind_of(path) is TouchedKind.OTHER]
        if not proof.objects and len(unread) == len(self.paths):
            # no object, no Kconfig, no Makefile: make succeeded and nothing of the patch was in what it made
            missing = tuple(Uncompiled(path, 0, "", "no C, assembly, device tree or kbuild: whether a build reads it "
                                       "is not known") for path in unread)
            return BuildResult(Build.NOT_COMPILED, first_of(missing), **{**common, "uncompiled": missing})
        if not proof.code and all(file.deleted for file in self.patch.files):
            return BuildResult(Build.NOTHING_TO_BUILD, "deletions only; what is left still builds", **common)
        return BuildResult(Build.PASS, passed(proof.objects), **common)


def _kept(log: Path) -> bytes:
    """A log of this plan, as far as any is kept; b"" where it is gone."""
    try:
        with log.open("rb") as stream:
            return stream.read(_LOG)
    except OSError:
        return b""
