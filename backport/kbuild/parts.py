"""A patch split by what can compile it, each part built, and one verdict of all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from backport.architecture import foreign, named, of_directory, split
from backport.errors import BuildError
from backport.kbuild import baseline as baselines
from backport.kbuild import compiled, kconfig, solve
from backport.kbuild.combine import again, beside, passed, together
from backport.kbuild.failure import TooOld
from backport.kbuild.patched import PatchedBuild
from backport.kbuild.plan import FIXES, SOURCES, WIDE, Plan, own_configuration
from backport.kbuild.result import BuildResult, Uncompiled, first_of
from backport.kbuild.selftests import build_selftests
from backport.kbuild.touched import TouchedKind, kind_of
from backport.locks import FileLock
from backport.patch.model import Patch
from backport.subsystem import KVM
from backport.trees import sparse
from backport.verdict import Build
from backport.wholefile import private_directory


@lru_cache(maxsize=2)
def _options(source: Path, arch: str, srcarch: str, _commit: str) -> kconfig.OptionTable:
    return kconfig.read(source, arch, srcarch)


@dataclass(slots=True)
class SplitBuild:
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
                                   hint=f"{FIXES} can name build-fix patches", log=base.log, **known)
            return PatchedBuild(work, base, self.patch, known, self.reverse, self.compared, self.say,
                                frozenset(paths)).run()
