"""One cell of the matrix: its cache key, and how it is computed when nothing is known."""

from __future__ import annotations

import hashlib
import os
import platform
import sqlite3
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
from backport.carry import Carrier
from backport.celltext import failed, standing_of, told
from backport.errors import BackportError, InfraError
from backport.git import Git
from backport.gitfault import LIMITS
from backport.history.branch import Branch
from backport.history.log import Log
from backport.history.verdict import Said, ask, settled
from backport.kbuild.driver import build_cell
from backport.kbuild.failure import machine_trouble
from backport.kbuild.plan import Plan, fix_file, plan
from backport.kbuild.sandbox import Limits, choose
from backport.kbuild.toolchain import resolve
from backport.manifest import Tree
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.queue.depends import depends, parts
from backport.queue.series import Chain, Needed, Step, needed_first, step_of
from backport.reference import differences, upstream_effect
from backport.results.key import cell_key, code_digest
from backport.results.reach import digest, reach, versions
from backport.results.series import Part
from backport.rules.load import load_rules
from backport.trees.store import Head, Store
from backport.verdict import Apply, Build, Cell, Sure, column_name

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
    """A patch on a tree, and the key under which its answer is kept ("" where it must not be kept).

    `trouble` says why there is no key: the answer is `error`, with that as its reason.
    """

    patch: Patch
    tree: Tree
    head: Head
    key: str
    before: tuple[Place, ...] = ()               # what it needs in the tree first, of its series or directory, in order
    needed: Needed = field(default_factory=Needed)   # prerequisites that its mail names for this tree
    config: str = ""                             # the configuration that is built, "" = the tree's own
    boots: bool = True                           # False: another column of this tree is booted
    part: Part | None = None                     # its place in a series
    trouble: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """(column, slug): what it goes by in its run."""
        return column_name(self.tree.name, self.config), self.patch.slug


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
    code: str = ""                               # digest of the code that computes cells, found once and taken along
    _carrier: Carrier | None = field(default=None, repr=False)
    _chains: dict[str, Chain] = field(default_factory=dict, repr=False)
    _firsts: dict[tuple[str, str], Step] = field(default_factory=dict, repr=False)
    _touched: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict, repr=False)
    _plans: dict[tuple[str, str, str], Plan] = field(default_factory=dict, repr=False)
    _log: Log | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        # helper processes and directories stay where they are
        return {**self.__dict__, "_carrier": None, "_log": None, "_chains": {}, "code": self._code()}

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
        """End helper processes and remove what lies in temporary directories; the object may be used again."""
        for chain in self._chains.values():
            chain.close()
        self._chains.clear()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None

    def places(self, group: Sequence[Patch], tree: Tree, head: Head, patches: Sequence[Patch] = (), *,
               config: str = "", boots: bool = True) -> list[Place]:
        """The places of patches that may belong together (a series, a directory), in order."""
        try:
            needs = depends(group, lambda name: self.carrier.view(head).index.contains(name))
        except (InfraError, OSError) as error:
            return [Place(patch, tree, head, "", config=config, boots=boots, trouble=_said(error)) for patch in group]
        made: list[Place] = []
        for patch, needed, part in zip(group, needs, parts(group, needs), strict=True):
            before = [made[number] for number in needed]
            made.append(replace(self.place(patch, tree, head, before, patches, config=config, boots=boots), part=part))
        return made

    def place(self, patch: Patch, tree: Tree, head: Head, before: Sequence[Place] = (),
              patches: Sequence[Patch] = (), *, config: str = "", boots: bool = True) -> Place:
        """The place with its key: everything that can change the answer, by content.

        `before` are the places that it needs in the tree first, `patches` all of the run: prerequisites may be there.
        A configuration has the same key whether it was asked for or is the tree's own. Raises UserError for what the
        manifest got wrong; what fails around it stands in the place, and is no reason to leave the others.
        """
        try:
            needed = needed_first(patch, tree.series, patches, [one.patch for one in before], self.log, head)
            key = self._key(patch, tree, head, before, needed, config, boots)
        except (InfraError, OSError, sqlite3.Error) as error:
            return Place(patch, tree, head, "", tuple(before), config=config, boots=boots, trouble=_said(error))
        return Place(patch, tree, head, key, tuple(before), needed, config, boots)

    def _key(self, patch: Patch, tree: Tree, head: Head, before: Sequence[Place], needed: Needed, config: str,
             boots: bool) -> str:
        if not all(place.key for place in before):
            return ""                            # what may not be kept may not be kept as a part of another, either
        build = self._plan(tree, head, config) if self.options.build else None
        return cell_key(
            patch=patch.sha256, before=_first_parts(before, needed), base_commit=head.commit,
            preimages=self.carrier.preimages(patch).digest, rules=code_digest(["backport.rules"]),
            code=self._code(), tools=self.options.tools(), libraries=versions(reach(_START, _WITHOUT).others),
            compiler=build.compiler.identity if build else None,
            config=_config_parts(build) if build else None,
            make=build.variables if build else None, sandbox=build.sandbox.kind if build else None,
            fixes=[path.read_bytes() for path in build.fixes] if build else None, build=self.options.build,
            boot=self._boot_parts(patch, tree) if boots else None, history=self._history_parts(head),
            upstream=self._upstream_parts(patch, config), restored=patch.restored, doubts=patch.doubts, tree=tree.name,
            series=tree.series, strategies=self.options.strategies, signoff=self.options.signoff)

    def _code(self) -> str:
        self.code = self.code or digest(_START, _WITHOUT)
        return self.code

    def compute(self, place: Place, before: Sequence[Cell] = ()) -> Cell:
        """The cell; whatever goes wrong becomes an `error` in it, because one bad cell must not end a night.

        `before` are the cells of `place.before`, in order: this patch is put on what the tree took of those.
        """
        started = time.monotonic()
        patch, tree, head = place.patch, place.tree, place.head
        cell = Cell(patch=patch.slug, tree=tree.name, apply=Apply.ERROR, required=tree.required,
                    subject=read_mail(patch).title, patch_sha256=patch.sha256, base_commit=head.commit,
                    base_version=head.version, command=self.command(place), config=place.config,
                    detail={"nomination": standing_of(patch, tree)})
        lost = next((one.patch for one in before if one.apply is Apply.ERROR), "")
        try:
            if place.trouble or lost:
                return failed(cell, place.trouble or f"not tried: {lost}, which it needs first, ended in error")
            chain = self._chain(place, before) if place.before or place.needed.patches else None
            if chain is not None and (standing := chain.mails):
                cell.detail["before"] = standing
            carried = self.carrier.carry(patch, tree, chain.head if chain else head)
            cell = told(cell, carried)
            cell = replace(cell, notes=(*cell.notes, *place.needed.said))
            cell = self._in_history(cell, place)
            whole = carried.patch if cell.apply is not Apply.ABSENT else None
            if chain is not None:
                cell = replace(cell, notes=(*cell.notes, *filter(None, [chain.warning])))
                chain.take(step_of(cell))
                # built on the bare tree's baseline, so with everything before it
                whole = chain.together() if whole is not None else None
            if self.options.build and whole is not None:
                cell = self._built(cell, place, whole)
            if self.options.boot and place.boots and whole is not None and cell.build in _BOOTABLE:
                cell = self._booted(cell, place, whole)
        except BackportError as error:
            cell = failed(cell, str(error))
        except (OSError, MemoryError, sqlite3.Error) as error:
            cell = failed(cell, _said(error), traceback.format_exc())
        except Exception as error:
            cell = failed(cell, f"internal error: {error!r}", traceback.format_exc())
        return replace(cell, seconds=round(time.monotonic() - started, 3))

    def _chain(self, place: Place, before: Sequence[Cell]) -> Chain:
        """The tree with what `place` needs in it: of its series by their cells, and the prerequisites of all."""
        chain = self._chains.get(place.head.commit)
        if chain is None:
            chain = self._chains.setdefault(place.head.commit, Chain(self.carrier.git, place.head))
        steps: list[Step] = []
        for one, known in [*zip(place.before, before, strict=True), (place, None)]:
            for first in one.needed.patches:
                chain.goto(steps)
                steps.append(self._first(first, place.tree, chain.head))
            if known is not None:
                steps.append(step_of(known))
        chain.goto(steps)
        return chain

    def _first(self, patch: Patch, tree: Tree, head: Head) -> Step:
        """What a prerequisite leaves in the tree, found once for each state of it."""
        key = (patch.sha256, head.commit)
        if key not in self._firsts:
            answer = self.carrier.carry(patch, tree, head)
            taken = answer.patch
            self._firsts[key] = Step(patch.slug or patch.source, answer.outcome, taken.diff if taken else b"",
                                     hashlib.sha256(answer.mail).hexdigest() if taken else "")
        return self._firsts[key]

    def _in_history(self, cell: Cell, place: Place) -> Cell:
        """`cell` with what the tree's history says of the bug and the fix; without one, that it cannot know."""
        return settled(cell, self.asked(place.patch, place.head, (*place.needed.patches,
                                                                         *(one.patch for one in place.before))))

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

    def _upstream_parts(self, patch: Patch, config: str) -> object:
        """What the reference tree adds to the answer: the files that the patch touches, and how it is built.

        Not its commit: mainline moves every day, and every cell would be computed again every night.
        """
        if self.upstream is None:
            return None
        if patch.sha256 not in self._touched:
            self._touched[patch.sha256] = self.carrier.git.ls_tree(self.upstream.commit, patch.paths) if patch.paths \
                else []
        blobs = self._touched[patch.sha256]
        if not self.options.build or self.reference is None:
            return blobs
        build = self._plan(self.reference, self.upstream, config)
        return [blobs, build.compiler.identity, _config_parts(build), build.variables,
                [path.read_bytes() for path in build.fixes]]

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
            key=f"{self._plan(self.reference, self.upstream, place.config).key} {self._code()}",
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

    def command(self, place: Place) -> str:
        """What a person types to get this cell."""
        words = ["backport", "run", place.patch.source or "-", "--tree", place.tree.name]
        words += ["--config", place.config] if place.config else []
        words += ["--boot"] if self.options.boot else []
        return " ".join(words + ([] if self.options.build else ["--no-build"]))


def _first_parts(before: Sequence[Place], needed: Needed) -> object:
    """What goes first, for the cache key: by keys, so that what changes one changes all behind it."""
    return [place.key for place in before], [one.sha256 for one in needed.patches], needed.said


def _config_parts(build: Plan) -> object:
    return build.defconfig, build.fragment.name, build.fragment.text, build.targets


def _said(error: Exception) -> str:
    """A fault of the environment in words, with its cure."""
    if isinstance(error, OSError | MemoryError):
        met = machine_trouble(error)
        return f"{met.what}\n  hint: {met.hint}"
    if isinstance(error, sqlite3.Error):
        return f"a file of the cache cannot be read or written: {error}\n  hint: {LIMITS}; index/ there can be removed"
    return str(error)


def _reproducer(patch: Patch) -> Path | None:
    return for_patch(Path(patch.source)) if patch.source else None


@cache
def _git_version() -> str:
    return Git(Path.cwd()).run("version").text
