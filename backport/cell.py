"""One cell of the matrix: its cache key, and how it is computed when nothing is known."""

from __future__ import annotations

import hashlib
import os
import platform
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from backport.boot.behaviour import prove
from backport.boot.key import boot_key
from backport.boot.program import for_patch
from backport.build.driver import build_cell
from backport.build.plan import Plan, fix_file, plan
from backport.build.sandbox import Limits, choose
from backport.build.toolchain import resolve
from backport.carry import Carrier
from backport.celltext import failed, standing_of, told
from backport.errors import BackportError
from backport.git import Git
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.verdict import Said, ask, settled
from backport.manifest import Tree
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.queue.together import Chain, Needed, needed_first, series_result
from backport.reference import differences, upstream_effect
from backport.results.key import cell_key, code_digest
from backport.results.reach import digest, reach, versions
from backport.rules.load import load_rules
from backport.trees.store import Head, Store
from backport.verdict import Apply, Build, Cell, Sure

# What this module imports can change an answer, all but what fetches a tree: the commit it made is in the key.
_START, _WITHOUT = "backport.cell", ("backport.trees.sources",)

_BOOTABLE = (Build.PASS, Build.WARN, Build.SKIPPED)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose, as far as it can change a cell."""

    build: bool = True
    strict: bool = False
    strategies: tuple[str, ...] | None = None    # None: all
    signoff: str = ""                            # "Name <address>", "" for none
    require_sandbox: bool = False
    boot: bool = False                           # boot the tree without and with the patch (docs/behaviour.md)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, for the record of the run."""
        return asdict(self)

    def tools(self) -> dict[str, str]:
        """name -> version of the programs that take part."""
        return {"git": _git_version(), "python": platform.python_version()}


@dataclass(frozen=True, slots=True)
class Place:
    """A patch on a tree, and the key under which its answer is kept."""

    patch: Patch
    tree: Tree
    head: Head
    key: str
    before: tuple[Patch, ...] = ()               # the patches before it in its series
    needed: Needed = field(default_factory=Needed)   # prerequisites that its mail names for this tree
    config: str = ""                             # the configuration that is built, "" = the tree's own
    boots: bool = True                           # False: another column of this tree is booted


@dataclass
class Lab:
    """Where cells are computed: store, reference trees, options. Goes to worker processes as it is."""

    cache: Path
    heads: tuple[Head, ...]
    upstream: Head | None
    options: Options
    reference: Tree | None = None                # the upstream tree's record in the manifest
    beside: Path | None = None                   # the manifest's directory: build-fix patches are named from there
    share: int = 1                               # how many labs share the processors
    _carrier: Carrier | None = field(default=None, repr=False)
    _plans: dict[tuple[str, str, str], Plan] = field(default_factory=dict, repr=False)
    _log: Log | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_carrier": None, "_log": None}   # helper processes stay where they are

    @property
    def carrier(self) -> Carrier:
        if self._carrier is None:
            self._carrier = Carrier(Store(self.cache).path, self.heads, self.upstream, load_rules(),
                                    self.options.strategies, self.options.signoff or None)
        return self._carrier

    @property
    def log(self) -> Log:
        if self._log is None:
            self._log = Log(self.carrier.git, self.cache / "history.sqlite")
        return self._log

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None

    def place(self, patch: Patch, tree: Tree, head: Head, before: tuple[Patch, ...] = (),
              patches: Sequence[Patch] = (), *, config: str = "", boots: bool = True) -> Place:
        """The place with its key: everything that can change the answer, by content.

        `before` are the patches before it in its series, `patches` all of the run: prerequisites may be there.
        A configuration has the same key whether it was asked for or is the tree's own.
        """
        needed = needed_first(patch, tree.series, patches, before, self.log, head)
        build = self._plan(tree, head, config) if self.options.build else None
        key = cell_key(
            patch=patch.sha256, before=_first_parts(before, needed), base_commit=head.commit,
            preimages=self.carrier.preimages(patch).digest, rules=code_digest(["backport.rules"]),
            code=digest(_START, _WITHOUT), tools=self.options.tools(),
            libraries=versions(reach(_START, _WITHOUT).others), doubts=patch.doubts, tree=tree.name,
            compiler=build.compiler.identity if build else None,
            config=(build.defconfig, build.fragment.name, build.fragment.text, build.targets) if build else None,
            make=build.variables if build else None, sandbox=build.sandbox.kind if build else None,
            fixes=[path.read_bytes() for path in build.fixes] if build else None, build=self.options.build,
            boot=self._boot_parts(patch, tree) if boots else None, history=self._history_parts(head),
            restored=patch.restored, series=tree.series, strategies=self.options.strategies,
            signoff=self.options.signoff)
        return Place(patch, tree, head, key, before, needed, config, boots)

    def compute_all(self, places: Sequence[Place]) -> list[Cell]:
        """The cells of one series on one tree, in order; a later patch meets the tree with the earlier ones in."""
        if len(places) == 1 and not places[0].needed.patches:
            return [self.compute(places[0])]
        with Git(Store(self.cache).path) as git, Chain(git, places[0].head) as chain:
            cells = [self.compute(place, chain) for place in places]
        cells = _told_what_stands_before(cells)
        if len(cells) == 1:
            return cells
        good, text = series_result(cells)
        return [replace(cell, detail={**cell.detail, "series": {"good": good, "text": text, "part": number}})
                for number, cell in enumerate(cells, 1)]

    def compute(self, place: Place, chain: Chain | None = None) -> Cell:
        """The cell; whatever goes wrong becomes an `error` in it, because one bad cell must not end a night.

        `chain` is the tree with the patches before this one in its series; this one is put on top of it.
        """
        started = time.monotonic()
        patch, tree, head = place.patch, place.tree, place.head
        cell = Cell(patch=patch.slug, tree=tree.name, apply=Apply.ERROR, required=tree.required,
                    subject=read_mail(patch).title, patch_sha256=patch.sha256, base_commit=head.commit,
                    base_version=head.version, command=self._command(place), config=place.config,
                    detail={"nomination": standing_of(patch, tree)})
        try:
            for first in place.needed.patches if chain is not None else ():
                assert chain is not None
                answer = self.carrier.carry(first, tree, chain.head)
                chain.took(first, answer.patch, answer.outcome)
                if answer.patch is not None:
                    cell.detail.setdefault("before", []).append(hashlib.sha256(answer.mail).hexdigest())
            carried = self.carrier.carry(patch, tree, chain.head if chain else head)
            cell = told(cell, carried)
            cell = replace(cell, notes=(*cell.notes, *place.needed.said))
            cell = self._in_history(cell, place)
            whole = carried.patch if cell.apply is not Apply.ABSENT else None
            if chain is not None:
                cell = replace(cell, notes=(*cell.notes, *filter(None, [chain.warning])))
                chain.took(patch, whole, cell.apply)
                # built on the bare tree's baseline, so with everything before it
                whole = chain.together() if whole is not None else None
            if self.options.build and whole is not None:
                cell = self._built(cell, place, whole)
            if self.options.boot and place.boots and whole is not None and cell.build in _BOOTABLE:
                cell = self._booted(cell, place, whole)
        except BackportError as error:
            cell = failed(cell, str(error))
        except Exception as error:
            cell = failed(cell, f"internal error: {error!r}", traceback.format_exc())
        return replace(cell, seconds=round(time.monotonic() - started, 3))

    def _in_history(self, cell: Cell, place: Place) -> Cell:
        """`cell` with what the tree's history says of the bug and the fix; without one, that it cannot know."""
        return settled(cell, self.asked(place.patch, place.head, (*place.needed.patches, *place.before)))

    def asked(self, patch: Patch, head: Head, before: Sequence[Patch] = ()) -> Said:
        """What the history of `head` says of `patch`, where `before` go onto it first."""
        upstream = Branch.of(self.upstream) if self.upstream is not None else None
        return ask(self.log, Branch.of(head), patch, upstream, before)

    def _history_parts(self, head: Head) -> object:
        """What a history can change in the answer, for the cache key; a tree without one has none."""
        if not head.history:
            return None
        upstream = self.upstream
        return upstream.commit if upstream and upstream.history else ""

    def _boot_parts(self, patch: Patch, tree: Tree) -> tuple[str, ...] | None:
        """The toolchain by itself: the build's stands in the key only where there is a build."""
        if not self.options.boot:
            return None
        return (boot_key(_reproducer(patch)), resolve(tree.toolchain).identity,
                *(hashlib.sha256(fix_file(name, self.beside).read_bytes()).hexdigest()
                  for name in tree.toolchain.fixes))

    def _plan(self, tree: Tree, head: Head, config: str) -> Plan:
        """What a build of `tree` would be made with, the same for all patches; nothing is built, no directory made."""
        known = self._plans.get((tree.name, head.commit, config))
        if known is not None:
            return known
        source = Store(self.cache).cache / "worktrees" / tree.name
        made = plan(tree, head, source, self.cache, name=config or None, limits=Limits(), jobs=None,
                    sandbox=choose(require=self.options.require_sandbox), manifest_directory=self.beside)
        return self._plans.setdefault((tree.name, head.commit, config), made)

    def _built(self, cell: Cell, place: Place, patch: Patch) -> Cell:
        result = build_cell(place.tree, place.head, patch, store=Store(self.cache), cache=self.cache, jobs=self._jobs,
                            config=place.config or None, require_sandbox=self.options.require_sandbox,
                            manifest_directory=self.beside)
        reason = "; ".join(filter(None, (cell.reason, result.reason)))
        fixes = f"built with {', '.join(result.fixes)} on both sides (toolchain.fixes)"
        notes = (*cell.notes, *result.notes, *([fixes] if result.fixes else []))
        cell = replace(cell, build=result.verdict, reason=reason, notes=notes, log=str(result.log or ""),
                       detail={**cell.detail, "build": result.as_dict()})
        alone = not place.before and not place.needed.patches
        if result.changes is None or result.changes.reason or not alone:
            return cell      # with the patches before it in one build, its own effect is not told apart
        if self.reference is None or self.upstream is None:
            return cell
        effect = upstream_effect(
            self.carrier.in_context(place.patch), self.reference, self.upstream, cache=self.cache, jobs=self._jobs,
            key=f"{self._plan(self.reference, self.upstream, place.config).key} {digest(_START, _WITHOUT)}",
            config=place.config or None,
            preimages=self.carrier.preimages(place.patch).files,
            require_sandbox=self.options.require_sandbox, beside=self.beside)
        notes = differences(result.changes, effect)
        return replace(cell, notes=cell.notes + notes, sure=Sure.REVIEW if notes else cell.sure,
                       detail={**cell.detail, "functions": {"here": list(result.changes.names),
                                                            "upstream": effect.as_dict()}})

    def _booted(self, cell: Cell, place: Place, patch: Patch) -> Cell:
        logs = self.cache / "boot-logs" / place.tree.name / place.key[:16]
        behaviour = prove(place.tree, place.head, patch, _reproducer(place.patch), store=Store(self.cache),
                          cache=self.cache, logs=logs, jobs=self._jobs, beside=self.beside)
        return replace(cell, notes=(*cell.notes, f"behaviour: {behaviour.verdict}: {behaviour.reason}"),
                       detail={**cell.detail, "behaviour": {**behaviour.as_dict(), "directory": str(logs)}})

    @property
    def _jobs(self) -> int:
        return max(1, len(os.sched_getaffinity(0)) // self.share)

    def _command(self, place: Place) -> str:
        words = ["backport", "run", place.patch.source or "-", "--tree", place.tree.name]
        words += ["--config", place.config] if place.config else []
        words += ["--boot"] if self.options.boot else []
        return " ".join(words + ([] if self.options.build else ["--no-build"]))


def _told_what_stands_before(cells: Sequence[Cell]) -> list[Cell]:
    """With detail["before"]: SHA-256 of the mails that stand in the tree before each patch, in order."""
    made: list[Cell] = []
    standing: list[str] = []
    for cell in cells:
        standing += cell.detail.get("before", [])
        made.append(replace(cell, detail={**cell.detail, "before": list(standing)}) if standing else cell)
        if cell.apply.good and cell.adapted:
            standing.append(hashlib.sha256(cell.adapted).hexdigest())
    return made


def _first_parts(before: Sequence[Patch], needed: Needed) -> object:
    """What goes first, for the cache key; as it always was where no prerequisite is named."""
    series = [one.sha256 for one in before]
    return series if needed == Needed() else (series, [one.sha256 for one in needed.patches], needed.said)


def _reproducer(patch: Patch) -> Path | None:
    return for_patch(Path(patch.source)) if patch.source else None


@cache
def _git_version() -> str:
    return Git(Path.cwd()).run("version").text
