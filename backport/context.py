"""What stays the same for all cells of a run: store, reference trees, options; and what is opened once for them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backport.carry import Carrier
from backport.donors.find import Finder, Found
from backport.external import external
from backport.git import Git
from backport.loud import explain, watched
from backport.manifest import Command, Tree
from backport.patch.model import Patch
from backport.results.reach import digest
from backport.rules.load import load_rules
from backport.trees.store import Head, Store

if TYPE_CHECKING:                    # each is imported where it is used: `backport adapt` builds nothing
    from backport.history.log import Log
    from backport.kbuild.plan import Plan
    from backport.stable.chain import Chain, Step

# What this module imports can change an answer, all but what fetches a tree: the commit it made is in the key.
START, WITHOUT = "backport.compute", ("backport.trees.sources",)


_LOOKUPS = 8                         # names of one tree, some seconds each; an index takes two minutes


def _told(text: str) -> None:
    """What takes long, to a person at a terminal: a cron job would mail it."""
    if watched():
        explain(f"\r\x1b[K{text}")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose, as far as it can change a cell."""

    build: bool = True
    strict: bool = False
    strategies: tuple[str, ...] | None = None    # None: all
    signoff: str = ""                            # "Name <address>", "" for none
    require_sandbox: bool = False
    architectures: tuple[str, ...] = ()          # what is outside arch/ is built for these as well
    proposer: Command | None = None              # who is asked about hunks that would be declined
    boot: bool = False                           # boot the tree without and with the patch (docs/behaviour.md)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, for the record of the run."""
        return asdict(self)

    def tools(self) -> dict[str, str]:
        """name -> version of the programs that take part."""
        return {"git": _git_version(), "python": platform.python_version()}


@dataclass
class Context:
    """Where cells are computed. Goes to worker processes as it is; what is open stays where it was opened."""

    cache: Path
    heads: tuple[Head, ...]
    upstream: Head | None
    options: Options
    reference: Tree | None = None                # the upstream tree's record in the manifest
    beside: Path | None = None                   # the manifest's directory: build-fix patches are named from there
    share: int = 1                               # how many contexts share the processors
    digest: str = ""                             # see `code`; found once and taken along
    chains: dict[str, Chain] = field(default_factory=dict, repr=False)      # by the commit of the bare tree
    firsts: dict[tuple[str, str], Step] = field(default_factory=dict, repr=False)   # by (patch, commit it is put on)
    touched: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict, repr=False)    # by patch
    computed: int = 0                            # cells so far
    _plans: dict[tuple[str, str, str], Plan] = field(default_factory=dict, repr=False)
    _carrier: Carrier | None = field(default=None, repr=False)
    _log: Log | None = field(default=None, repr=False)
    _finder: Finder | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        # git processes and temporary directories are not another process's to use
        return {**self.__dict__, "_carrier": None, "_log": None, "_finder": None, "chains": {}, "digest": self.code}

    @property
    def carrier(self) -> Carrier:
        if self._carrier is None:
            self._carrier = Carrier(self.store.path, self.heads, self.upstream, load_rules(self.beside),
                                    self.options.strategies, self.options.signoff or None,
                                    external(self.options.proposer), _told, _LOOKUPS)
        return self._carrier

    @property
    def log(self) -> Log:
        from backport.history.log import Log
        if self._log is None:
            self._log = Log(self.carrier.git, self.cache / "history.sqlite")
        return self._log

    def donors(self, patch: Patch, tree: Tree, patches: Sequence[Patch] = ()) -> Found:
        """The forms of `patch` that somebody made for trees newer than `tree`; `patches` are the inputs of the run."""
        self._finder = self._finder or Finder(self.heads, self.upstream)
        return self._finder.find(patch, tree.series, patches, self.log)

    @property
    def store(self) -> Store:
        return Store(self.cache)

    @property
    def jobs(self) -> int:
        """How many processes a build of one cell may run."""
        return max(1, len(os.sched_getaffinity(0)) // self.share)

    @property
    def code(self) -> str:
        """Digest of the code that computes cells."""
        self.digest = self.digest or digest(START, WITHOUT)
        return self.digest

    def close(self) -> None:
        """End git processes and remove what lies in temporary directories; the object may be used again."""
        for chain in self.chains.values():
            chain.close()
        self.chains.clear()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None

    def plan(self, tree: Tree, head: Head, config: str) -> Plan:
        """What a build of `tree` would be made with, the same for all patches; nothing is built, no directory made."""
        known = self._plans.get((tree.name, head.commit, config))
        if known is not None:
            return known
        from backport.kbuild.plan import plan
        from backport.kbuild.sandbox import Limits, choose
        source = self.store.cache / "worktrees" / tree.name
        made = plan(tree, head, source, self.cache, name=config or None, limits=Limits.of_user(), jobs=None,
                    sandbox=choose(require=self.options.require_sandbox), manifest_directory=self.beside)
        return self._plans.setdefault((tree.name, head.commit, config), made)


@cache
def _git_version() -> str:
    return Git(Path.cwd()).run("version").text
