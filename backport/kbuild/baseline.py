"""The build before the patch: made once for a tree, configuration and compiler, and kept.

It is whole when its marker file says so; the marker is written last, with everything it promises on disk, so a
kill at any time leaves either a baseline or none.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import stat
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from backport.kbuild import config, leftover, pristine, symbols
from backport.kbuild.absent import need_all, passed_by, stopped, with_all
from backport.kbuild.cmdfile import Units
from backport.kbuild.diagnostics import Paths, parse
from backport.kbuild.failure import trouble
from backport.kbuild.make import Exited
from backport.kbuild.plan import Plan
from backport.kbuild.result import Diagnostic
from backport.trees import sparse
from backport.wholefile import private_directory, write_whole

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The unpatched build. `ok` False: the tree does not build without the patch either, `errors` says how."""

    ok: bool
    diagnostics: tuple[Diagnostic, ...]
    problems: tuple[str, ...]        # options that did not stick
    kconfig: frozenset[str]          # the Kconfig files that the configuration was read from
    seconds: float                   # how long it took when it was built; 0.0 where it was there
    log: str
    left_open: tuple[str, ...] = ()  # modules: symbols that the rest of the kernel is taken to export
    extras: tuple[str, ...] = ()     # objects outside the targets that were asked for, whether or not they exist

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(item for item in self.diagnostics if item.is_error)


def ensure(plan: Plan, *, say: Say, force: bool = False) -> Baseline:
    """The baseline of a plan, built if it is not there; the build directory equals it on return.

    The sources must be pristine (with the tree's build fixes). Raises BuildError where the environment fails;
    nothing is kept then.
    """
    kept = None if force else _load(plan)
    if kept is not None:
        if kept.ok:
            pristine.put_back(plan.build, plan.pristine, plan.stamps)
            _same_times(plan)
        return kept
    return with_all(plan.source, partial(_make, plan, say), lambda: None)


def is_kept(plan: Plan) -> bool:
    """Is there a whole baseline of this plan? Not where the record says that the tree does not build."""
    kept = _load(plan)
    return kept is not None and kept.ok


def forget(plan: Plan) -> None:
    """Have the baseline made again by the next one who wants it."""
    plan.marker.unlink(missing_ok=True)


def configuration(plan: Plan) -> dict[str, str]:
    """CONFIG_X -> value of a whole baseline, empty where there is none."""
    return config.parse(_text(plan.build / ".config", plan.build)) if is_kept(plan) else {}


def extend(plan: Plan, baseline: Baseline, objects: Sequence[str], *, say: Say) -> Baseline:
    """The baseline with more objects in it, for a patch that touches sources outside the targets; kept as well.

    An object that the configuration does not build is no error here: kbuild has no rule for it then.
    """
    missing = [name for name in objects if name not in baseline.extras]
    if not missing:
        return baseline
    say(f"{plan.tree.name}: adding {len(missing)} objects to the baseline")
    sparse.hold(plan.source, map(posixpath.normpath, missing))
    ended = with_all(plan.source, partial(_add, plan, missing),
                     lambda: pristine.put_back(plan.build, plan.pristine, plan.stamps))
    found = _of_added(plan, ended, missing)
    more = replace(baseline, diagnostics=(*baseline.diagnostics, *found), seconds=ended.seconds,
                   extras=tuple(sorted({*baseline.extras, *missing})))
    if any(item.is_error for item in found):
        # broken before the patch, which is this cell's answer; kept, it would be every later cell's answer too
        pristine.put_back(plan.build, plan.pristine, plan.stamps)
        return more
    plan.marker.unlink(missing_ok=True)       # until pristine copy and record agree again there is no baseline
    pristine.add(plan.build, plan.pristine, plan.stamps)
    return _keep(plan, more)


def _add(plan: Plan, objects: Sequence[str]) -> Exited:
    log = plan.logs / "baseline.log"
    before = Units(plan.source, plan.build).all().keys()
    ended = plan.runner(ccache="write").run(plan.make(*objects), cwd=plan.source, log=log)
    stopped(plan.source, ended)
    _raise_trouble(ended, log)
    if any(item.is_error for item in _of_added(plan, ended, objects)):
        need_all(plan.source)
    passed_by(plan.source, plan.build, [unit for name, unit in Units(plan.source, plan.build).all().items()
                                        if name not in before])
    return ended


def _of_added(plan: Plan, ended: Exited, objects: Sequence[str]) -> tuple[Diagnostic, ...]:
    return without_rule(parse(ended.output, Paths(plan.source, plan.build)), objects)


def without_rule(found: Sequence[Diagnostic], objects: Sequence[str]) -> tuple[Diagnostic, ...]:
    """Diagnostics without "No rule to make target" of the objects that were only tried."""
    quiet = {f"'{name}'" for name in objects}
    return tuple(item for item in found if not (item.text.startswith("No rule to make target")
                                                and any(name in item.text for name in quiet)))


def configure(plan: Plan, build: Path, log: Path, *, write: tuple[Path, ...] = ()) -> Exited:
    """defconfig, the fragment on top, olddefconfig; returns the last make call."""
    runner = plan.runner(write=write)
    ended = runner.run(plan.make(plan.defconfig, build=build), cwd=plan.source, log=log)
    if ended.code or ended.stopped:
        return ended
    return reconfigure(plan, build, log, write=write)


def reconfigure(plan: Plan, build: Path, log: Path, *, write: tuple[Path, ...] = ()) -> Exited:
    """The fragment on top of .config, then olddefconfig (a patched Kconfig would ask on a terminal otherwise)."""
    # not through a link that a patch's build may have left there
    file = build / ".config"
    lines = [line for line in _text(file, build).split("\n")
             if not any(option in plan.fragment.wishes for option in config.parse(line))]
    text = "\n".join(lines) + plan.fragment.text
    leftover.write_left(file, build, text.encode("utf-8", "surrogateescape"))
    return plan.runner(write=write).run(plan.make("olddefconfig", build=build), cwd=plan.source, log=log)


def _make(plan: Plan, say: Say) -> Baseline:
    plan.marker.unlink(missing_ok=True)
    for directory in (plan.build, plan.pristine, plan.home / "compare"):
        leftover.remove(directory)
    for directory in (plan.build, plan.logs):
        private_directory(directory)
    log = plan.logs / "baseline.log"
    log.unlink(missing_ok=True)
    say(f"{plan.tree.name}: building the baseline ({plan.config_name}, {plan.compiler.name})")
    configured = configure(plan, plan.build, log)
    stopped(plan.source, configured)
    _raise_trouble(configured, log)
    paths = Paths(plan.source, plan.build)
    if configured.code:
        need_all(plan.source)
        return _keep(plan, Baseline(False, parse(configured.output, paths), (), frozenset(), configured.seconds,
                                    str(log)))
    values = config.parse(_text(plan.build / ".config", plan.build))
    problems = config.not_taken(plan.solved, values) if plan.solved else \
        config.not_stuck(plan.fragment, values, config.defined(plan.source))
    if plan.solved and problems:
        # what it was made for is not in it: nothing is built
        return _keep(plan, Baseline(False, (), problems, frozenset(), configured.seconds, str(log)))
    ended = plan.runner(ccache="write").run(plan.make(*plan.targets), cwd=plan.source, log=log)
    stopped(plan.source, ended)
    _raise_trouble(ended, log)
    seconds = configured.seconds + ended.seconds
    diagnostics = parse(ended.output, paths)
    if ended.code:
        need_all(plan.source)
    if ended.code == 0:
        passed_by(plan.source, plan.build, Units(plan.source, plan.build).all().values())
        pristine.save(plan.build, plan.pristine)
        pristine.record(plan.build, plan.stamps)
    open_symbols = symbols.left_open(plan.build, plan.fragment.modules) if ended.code == 0 else {}
    result = Baseline(ended.code == 0, symbols.without_undefined(diagnostics), problems,
                      kconfig_files(plan, plan.build), seconds, str(log), tuple(open_symbols))
    return _keep(plan, result)


def kconfig_files(plan: Plan, build: Path) -> frozenset[str]:
    """The Kconfig files that `build` was configured from, below the tree."""
    paths = Paths(plan.source, plan.build)
    found: set[str] = set()
    for line in _text(build / "include/config/auto.conf.cmd", build).split("\n"):
        for word in line.replace("\\", " ").split():
            if "Kconfig" in word:
                found.add(paths.clean(word))
    return frozenset(found)


def _text(path: Path, build: Path) -> str:
    """A file that the build left, "" where it is not there; raises LeftBehind where something else is."""
    try:
        return leftover.read_left(path, build, leftover.COMMAND_FILE).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _raise_trouble(ended: Exited, log: Path) -> None:
    found = trouble(ended)
    if found is not None:
        raise found.error(f"baseline: {{}} (log: {log})")


def _keep(plan: Plan, baseline: Baseline) -> Baseline:
    record: dict[str, Any] = asdict(baseline)
    record["kconfig"] = sorted(baseline.kconfig)
    record["key"] = plan.key
    record["times"] = _times(plan) if baseline.ok else {}
    write_whole(plan.marker, json.dumps(record).encode())
    return baseline


def _load(plan: Plan) -> Baseline | None:
    try:
        record = json.loads(plan.marker.read_text("utf-8"))
        if record["key"] != plan.key or (record["ok"] and not plan.pristine.is_dir()):
            return None
        diagnostics = tuple(Diagnostic(**{**item, "detail": tuple(item["detail"])}) for item in record["diagnostics"])
        return Baseline(record["ok"], diagnostics, tuple(record["problems"]), frozenset(record["kconfig"]), 0.0,
                        record["log"], tuple(record["left_open"]), tuple(record["extras"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _times(plan: Plan) -> dict[str, int]:
    """mtime in ns of every file of the tree that the baseline read."""
    wanted: set[str] = set()
    for unit in Units(plan.source, plan.build).all().values():
        wanted.update(unit.reads)
        wanted.add(unit.source)
    found = {}
    for name in wanted:
        if not name.startswith("/"):
            with contextlib.suppress(OSError):
                found[name] = (plan.source / name).lstat().st_mtime_ns
    return found


def _same_times(plan: Plan) -> None:
    """Give pristine sources the mtimes that the baseline saw, or make builds again what git only wrote again.

    Sound, because the key holds the commit and the work tree is pristine: same content, another time stamp.
    """
    try:
        times = json.loads(plan.marker.read_text("utf-8"))["times"]
    except (OSError, ValueError, KeyError):
        return
    for name, time in times.items():
        path = f"{plan.source}/{name}"           # no Path: it costs more than the question, and there are thousands
        with contextlib.suppress(OSError):
            info = os.lstat(path)
            if info.st_mtime_ns != time and not stat.S_ISLNK(info.st_mode):
                os.utime(path, ns=(info.st_atime_ns, time))
    latest = max(times.values(), default=0)
    with contextlib.suppress(OSError):           # git writes the Makefile of every release
        if latest and (plan.source / "Makefile").lstat().st_mtime_ns > latest:
            _not_later(plan.source, latest)


def _not_later(source: Path, latest: int) -> None:
    """Give every file of the tree at most this mtime. A work tree that was at another release in between has new times
    on Kconfig files and on the sources of objtool, which no object names: all objects were built again in each cell."""
    for top, directories, files in os.walk(source):
        directories[:] = [name for name in directories if name != ".git"]
        for path in (Path(top) / name for name in files):
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime_ns > latest and not path.is_symlink():
                    os.utime(path, ns=(latest, latest))
