"""Cells computed by the workers of a Dask cluster: `backport run --scheduler ADDRESS` (docs/scale.md).

A worker takes part once it was asked what it computes with: code, rules, git, libraries, and where there is a build
compiler and configuration, must be what this run has, because all of it stands in the keys under which the answers are
kept. One that differs is refused. One that is taken gets a resource for each tree that it is to keep, and a cell asks
for the resource of its tree: so a tree stays where its work tree and baseline are warm, nothing is stolen, and a worker
that nobody asked never computes a cell. Cells of a worker that is lost are sent again; only this process records.

The only module that imports distributed, and only where a scheduler was named.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import backport
from backport.cell import Cell
from backport.compute import compute, failed
from backport.configuration import defaults
from backport.context import START, WITHOUT, Context, Options
from backport.errors import BackportError, InfraError
from backport.external import identity as proposer_identity
from backport.git import Git
from backport.job import Job, config_parts
from backport.loud import explain
from backport.manifest import Tree
from backport.results.key import code_digest
from backport.results.reach import digest, reach, versions
from backport.rules.load import own_files
from backport.trees.store import Head, default_cache
from backport.wholefile import private_directory, write_whole

_LOSSES = 3                          # a cell whose workers were lost so often is not sent again
_AHEAD = 2                           # cells of a tree at each worker that keeps it, so that it never waits for the next
_LOOK = 1.0                          # seconds between two looks at who is there
_PATIENCE = 60.0                     # seconds without any worker until the run ends


@dataclass(frozen=True, slots=True)
class Member:
    """A worker that takes part: the trees that its --resources name, and those that have a work tree there."""

    address: str
    host: str
    declared: frozenset[str] = frozenset()
    warm: frozenset[str] = frozenset()


def assign(work: Mapping[str, int], members: Sequence[Member], *, builds: bool) -> dict[str, list[str]]:
    """Addresses of the workers that keep each tree of `work` (tree -> number of cells); none only without members.

    A worker that names trees gets these alone, unless nobody else is there for another one; a tree goes where it is
    warm, as long as that worker has no more than its share. Workers that are left over share a tree with another, where
    there is a build only on another host: two builds of one tree on one machine wait for each other.
    """
    load: Counter[str] = Counter()
    kept: dict[str, list[str]] = {}
    share = sum(work.values()) / max(1, len(members))
    for tree, cells in sorted(work.items(), key=lambda item: (-item[1], item[0])):
        named = [one for one in members if tree in one.declared]
        free = named or [one for one in members if not one.declared] or list(members)
        if not free:
            continue
        chosen = named or [min(free, key=lambda one: (load[one.address] >= share or tree not in one.warm,
                                                      load[one.address], one.address))]
        kept[tree] = [one.address for one in chosen]
        for one in chosen:
            load[one.address] += max(1, cells // len(chosen))
    hosts = {one.address: one.host for one in members}
    for one in members:
        if load[one.address] or one.declared:
            continue
        open_to = [tree for tree, where in kept.items()
                   if work[tree] > len(where) and not (builds and one.host in {hosts[other] for other in where})]
        if open_to:
            tree = max(open_to, key=lambda name: work[name] / len(kept[name]))
            kept[tree].append(one.address)
            load[one.address] += 1
    return kept


def made_with(options: Options) -> dict[str, str]:
    """What of this process is in the key of every cell, by the name that people know it under."""
    return {"backport": backport.__version__, "its code": digest(START, WITHOUT),
            "its side of a cluster": digest(__name__), "the set of rules": code_digest(["backport.rules"]),
            **options.tools(), **versions(reach(START, WITHOUT).others)}


def surroundings(context: Context, builds: Iterable[tuple[Tree, Head, str]]) -> dict[str, str]:
    """What else is in a key: the rules beside the manifest, the proposer, and of each build compiler, configuration
    and sandbox. A tree that cannot be built here says why instead."""
    found = {f"the rule {path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
             for path in own_files(context.beside)}
    if context.options.proposer:
        found["the proposer"] = str(proposer_identity(context.options.proposer))
    for tree, head, config in builds if context.options.build else ():
        try:
            plan = context.plan(tree, head, config)
        except BackportError as error:
            found[f"the build of {tree.name}"] = str(error)
            continue
        parts = (config_parts(plan), plan.variables, [hashlib.sha256(path.read_bytes()).hexdigest()
                                                      for path in plan.fixes])
        found[f"the compiler of {tree.name}"] = plan.compiler.identity
        found[f"the sandbox of {tree.name}"] = plan.sandbox.kind
        found[f"the configuration of {tree.name}"] = hashlib.sha256(repr(parts).encode()).hexdigest()
    return found


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What differs, for a person; "" where nothing does."""
    def short(text: str | None) -> str:
        text = text or "none"
        return text[:12] if len(text) == 64 and not text.strip("0123456789abcdef") else text
    return "; ".join(f"{name} is {short(there.get(name))}, here {short(here.get(name))}"
                     for name in sorted({*here, *there}) if here.get(name, "") != there.get(name, ""))


# --- in a worker

_contexts: dict[str, Context] = {}   # by the token of the run


@dataclass(frozen=True, slots=True)
class Computed:
    """A cell, and the files of its build and boot by their place in the cache, where that is another one than the
    run's."""

    cell: Cell
    files: dict[str, bytes] = field(default_factory=dict)


def _greet(dask_worker: Any) -> dict[str, Any]:
    """Asked of a worker of any version, so it takes nothing and gives back only dicts, lists and texts."""
    return {"made": made_with(Options()), "host": socket.gethostname(), "threads": dask_worker.state.nthreads,
            "resources": list(dask_worker.state.total_resources)}


def _cache() -> Path:
    """The cache of this worker: that of its user."""
    named = None if os.environ.get("BACKPORT_CACHE") else defaults().get("cache")
    return Path(named) if named else default_cache()


def _look_around(context: Context, builds: list[tuple[Tree, Head, str]], trees: list[str], token: str,
                 share: int) -> dict[str, Any]:
    """Asked of a worker with the same code; from here on it knows the run."""
    # what was found out on the other machine stays there
    mine = Context(_cache(), context.heads, context.upstream, context.options, context.reference, context.beside, share)
    lacking = _heads(mine, builds)
    if mine.store.path.is_dir():
        with Git(mine.store.path) as git:
            lacking = [head for head in lacking if git.rev(f"{head.commit}^{{commit}}") is None]
    _contexts[token] = mine
    return {"lacking": [f"{head.tree} {head.version}" for head in lacking], "around": surroundings(mine, builds),
            "warm": [tree for tree in trees if (mine.cache / "worktrees" / tree).is_dir()]}


def _heads(context: Context, builds: Iterable[tuple[Tree, Head, str]]) -> list[Head]:
    named = [*context.heads, *filter(None, [context.upstream]), *(head for _tree, head, _config in builds)]
    return list({head.commit: head for head in named}.values())


def _present(token: str, dask_scheduler: Any) -> dict[str, list[str]]:
    """In the scheduler: the workers, with what they hold of this run."""
    return {address: [name for name in worker.resources if name.startswith(f"{token} ")]
            for address, worker in dask_scheduler.workers.items()}


async def _take(tickets: list[str], *, dask_worker: Any) -> None:
    await dask_worker.set_resources(**dict.fromkeys(tickets, 1))


async def _leave(token: str, *, dask_worker: Any) -> None:
    """The run is over: nothing of it is computed any more, and what was open for it is closed, in the thread that
    opened it."""
    gone = [name for name in dask_worker.state.total_resources if name.startswith(f"{token} ")]
    await dask_worker.set_resources(**dict.fromkeys(gone, 0))
    context = _contexts.pop(token, None)
    if context is not None:
        dask_worker.executors["default"].submit(context.close)


def _compute(token: str, job: Job, before: Sequence[Cell], host: str, cache: str) -> Computed:
    context = _contexts[token]
    for other, idle in _contexts.items():
        if other != token:
            idle.close()             # its git processes and directories; it opens them again
    cell = compute(context, job, before)
    if (host, cache) == (socket.gethostname(), str(context.cache)):
        return Computed(cell)
    return _carried_home(context.cache, cell, Path(cache))


def _carried_home(cache: Path, cell: Cell, home: Path) -> Computed:
    """The answer with the files that its cell names, which are then named in the cache of the run."""
    files: dict[str, bytes] = {}

    def moved(name: str) -> str:
        path = Path(name)
        if not name or not path.is_relative_to(cache):
            return name
        for one in [path] if path.is_file() else sorted(path.rglob("*")):
            if one.is_file() and not one.is_symlink():
                files[str(one.relative_to(cache))] = one.read_bytes()
        return str(home / path.relative_to(cache))

    cell = replace(cell, log=moved(cell.log))
    if cell.booted is not None:
        cell = replace(cell, booted=replace(cell.booted, directory=moved(cell.booted.directory)))
    return Computed(cell, files)


# --- in the process of the run


@dataclass
class _Sent:
    """A cell on its way. `outward` is what the run waits for; `inner` is Dask's, another one after each loss."""

    job: Job
    before: Sequence[Cell]
    outward: Future[Cell]
    inner: Any = None
    losses: int = 0


class Cluster:
    """Executor of a run (see pool.Executor) on the scheduler at `address`. A context manager.

    Raises InfraError where distributed is not installed, nobody answers, or no worker can be used.
    """

    def __init__(self, address: str, context: Context, work: Sequence[Job]) -> None:
        self.address, self.context = address, context
        self._token = uuid.uuid4().hex
        self._work = Counter(job.tree.name for job in work)
        self._builds = list({(job.tree.name, job.config): (job.tree, job.head, job.config) for job in work}.values())
        self._here = made_with(context.options)
        self._around = surroundings(context, self._builds)
        self._members: dict[str, Member] = {}
        self._refused: dict[str, str] = {}
        self._kept: dict[str, list[str]] = {}
        self._sent: dict[Future[Cell], _Sent] = {}
        self._lock = threading.Lock()              # Dask calls back in a thread of its own
        self._alone_since, self._looked = time.monotonic(), 0.0
        self._client = _connect(address)

    def __enter__(self) -> Cluster:
        try:
            self._quietly(lambda: self._client.run_on_scheduler(_no_stealing))
            self.look()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            with self._lock:
                left = [sent.inner for sent in self._sent.values() if sent.inner is not None]
                self._sent.clear()
            if left:
                self._client.cancel(left, force=True)
            if self._members:
                self._client.run(_leave, self._token, workers=list(self._members), on_error="ignore")
        except Exception as error:                 # what it can not be told any more it forgets when it ends
            explain(f"backport: the scheduler at {self.address} did not answer at the end: {error}")
        finally:
            self._client.close()

    def room(self, tree: str) -> int:
        """How many cells of `tree` may be on their way."""
        return _AHEAD * max(1, len(self._kept.get(tree, ())))

    def submit(self, job: Job, before: Sequence[Cell]) -> Future[Cell]:
        sent = _Sent(job, before, Future())
        with self._lock:
            self._sent[sent.outward] = sent
        self._send(sent)
        return sent.outward

    def look(self) -> None:
        """Take up workers that came, see which are lost, give their trees to others and send their cells again.

        To be called while cells are on their way, however often. Raises InfraError.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        present = self._quietly(lambda: self._client.run_on_scheduler(_present, self._token))
        # one that was started again at its old address knows nothing of this run
        for one in [one for one in self._members.values() if not present.get(one.address)]:
            del self._members[one.address]
            # under a name that no worker has: this address may come again
            self._kept = {tree: [f"{address} (lost)" if address == one.address else address for address in where]
                          for tree, where in self._kept.items()}
            explain(f"backport: worker {one.address} on {one.host} is lost; its cells are computed elsewhere")
        new = [one for one in present if one not in self._members and one not in self._refused]
        if new:
            self._admit(new)
        if not self._members:
            if self._kept and now - self._alone_since <= _PATIENCE:
                return
            raise InfraError(f"the scheduler at {self.address} has no worker that can be used"
                             + "".join(f"\n  {address}: {why}" for address, why in self._refused.items()),
                             hint="a worker needs the same backport and the same trees; docs/scale.md")
        self._alone_since = now
        gone = {one for where in self._kept.values() for one in where} - self._members.keys()
        if new or gone:
            self._settle(gone)
        for sent in list(self._sent.values()):
            if sent.inner is None:                 # a scheduler that was started again has forgotten it
                self._send(sent)

    def _settle(self, lost: set[str]) -> None:
        """Each tree has a worker that keeps it; cells of a tree whose only ones were lost are sent again."""
        there = set(self._members)
        left = {tree: [one for one in where if one in there] for tree, where in self._kept.items()}
        fresh = assign(self._work, list(self._members.values()), builds=self.context.options.build)
        # who keeps a tree goes on with it: what is warm there would be made anew elsewhere
        wanted = {tree: left.get(tree) or where for tree, where in fresh.items()}
        idle = there - {one for where in wanted.values() for one in where}
        for tree, where in fresh.items():
            wanted[tree] = list(dict.fromkeys([*wanted[tree], *(one for one in where if one in idle)]))
        for address in there:
            tickets = [self._ticket(tree) for tree, where in wanted.items()
                       if address in where and address not in self._kept.get(tree, ())]
            if tickets:
                self._ask(address, _take, tickets)
        before, self._kept = self._kept, wanted
        for sent in list(self._sent.values()):
            tree = sent.job.tree.name
            if not lost.intersection(before.get(tree, ())):
                continue
            sent.losses += 1
            if sent.losses > _LOSSES:
                self._give_up(sent)
            elif not left.get(tree):               # else Dask has moved it to the other one by itself
                self._send(sent)

    def _admit(self, addresses: Sequence[str]) -> None:
        answers = self._quietly(lambda: self._client.run(_greet, workers=list(addresses), on_error="return"))
        good = {}
        for address, answer in answers.items():
            why = (f"it could not be asked: {answer}" if not isinstance(answer, dict)
                   else "it has several threads; start it with --nthreads 1" if answer["threads"] != 1
                   else differences(self._here, answer["made"]))
            if why:
                self._refuse(address, why)
            else:
                good[address] = answer
        hosts = Counter(answer["host"] for answer in good.values())
        hosts.update(one.host for one in self._members.values())
        trees = list(self._work)
        for address, answer in good.items():
            one = self._ask(address, _look_around, self.context, self._builds, trees, self._token,
                            hosts[answer["host"]])
            why = (f"it could not be asked: {one}" if not isinstance(one, dict)
                   else "its store lacks " + ", ".join(one["lacking"]) if one["lacking"]
                   else differences(self._around, one["around"]))
            if why:
                self._refuse(address, why)
            else:
                declared = frozenset(answer["resources"]) & set(trees)
                self._ask(address, _take, [self._ticket("")])
                self._members[address] = Member(address, answer["host"], declared, frozenset(one["warm"]))

    def _refuse(self, address: str, why: str) -> None:
        self._refused[address] = why
        explain(f"backport: worker {address} is refused: {why}")

    def _ticket(self, tree: str) -> str:
        return f"{self._token} {tree}"

    def _send(self, sent: _Sent) -> None:
        old = sent.inner
        inner = self._client.submit(
            _compute, self._token, sent.job, sent.before, socket.gethostname(), str(self.context.cache), pure=False,
            resources={self._ticket(sent.job.tree.name): 1})
        with self._lock:
            sent.inner = inner
        inner.add_done_callback(lambda done: self._ended(sent, done))
        if old is not None:
            old.cancel(force=True)

    def _ended(self, sent: _Sent, inner: Any) -> None:
        """In Dask's thread. The answer to an earlier submission of the cell is ignored."""
        with self._lock:
            if sent.inner is not inner or sent.outward not in self._sent:
                return
            if inner.cancelled():
                sent.inner = None                  # look() finds it
                return
        answer: Computed | None = None
        error: Exception | None = None
        try:
            # the worker that has it may be lost before it is fetched: Dask waits then for somebody else who may compute
            # it, and there may be none until look() sends the cell again and cancels this one
            answer = inner.result()
        except Exception as met:
            error = met
        with self._lock:
            if sent.inner is not inner or self._sent.pop(sent.outward, None) is None:
                return
        if answer is None:
            self._failed(sent, error)
            return
        try:
            self._keep(answer.files)
        except Exception as met:
            self._failed(sent, met)
        else:
            sent.outward.set_result(answer.cell)

    def _failed(self, sent: _Sent, error: Exception | None) -> None:
        if isinstance(error, _killed()):
            sent.outward.set_result(failed(self.context, sent.job, f"its workers were lost: {error}{_OOM}"))
        else:
            sent.outward.set_exception(error if isinstance(error, BackportError) else InfraError(
                f"{' '.join(sent.job.name)} could not be computed by a worker: {type(error).__name__}: {error}"))

    def _give_up(self, sent: _Sent) -> None:
        with self._lock:
            if self._sent.pop(sent.outward, None) is None:
                return
        if sent.inner is not None:
            sent.inner.cancel(force=True)
        sent.outward.set_result(failed(
            self.context, sent.job, f"{sent.losses} workers were lost while it was on its way{_OOM}"))

    def _keep(self, files: Mapping[str, bytes]) -> None:
        """Logs of another machine, at the same place in the cache of the run. The names come over the network."""
        home = self.context.cache.resolve()
        for name, data in files.items():
            path = (home / name).resolve()
            if path.is_relative_to(home) and path.suffix in (".log", ".tap", ".txt", ".json"):
                private_directory(path.parent)
                write_whole(path, data)

    def _ask(self, address: str, what: Callable[..., Any], *args: object) -> Any:
        """What one worker answers; an exception where it can not."""
        return self._quietly(lambda: self._client.run(what, *args, workers=[address], on_error="return")).get(address)

    def _quietly(self, ask: Callable[[], Any]) -> Any:
        """What the scheduler says; InfraError where it does not answer."""
        try:
            return ask()
        except (OSError, TimeoutError, RuntimeError, ValueError) as error:
            raise InfraError(f"the scheduler at {self.address} does not answer any more: {error}",
                             hint="what was computed is kept; the same command goes on from there") from error


_OOM = "\n  hint: the logs of the workers say why; the kernel's log says where memory ran out"


def _killed() -> type[Exception]:
    from distributed.scheduler import KilledWorker
    killed: type[Exception] = KilledWorker
    return killed


async def _no_stealing(dask_scheduler: Any) -> None:
    stealing = dask_scheduler.extensions.get("stealing")
    if stealing is not None:
        await stealing.stop()


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise InfraError(f"--scheduler needs Dask's distributed, which is not installed: {error}",
                         hint="pip install 'kernel-backport[dask]'") from error
    try:
        # what it logs of a lost worker is told here in words of a run
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        return Client(address, timeout="10s", set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        raise InfraError(f"no Dask scheduler at {address}: {error}",
                         hint="`dask scheduler` prints its address; TLS settings are in docs/scale.md") from error
