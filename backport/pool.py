"""Several trees at once: processes of this machine, or whatever else takes cells and answers with futures.

Two cells of one tree share a work tree and a build directory and must not meet; cells of different trees share
nothing but the store, which they only read. What a patch needs in the tree first is handed over with it, as cells: any
worker can take up a series anywhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import active_children, get_context
from types import FrameType, TracebackType
from typing import Protocol

from backport.cell import Cell
from backport.compute import compute
from backport.context import Context
from backport.job import Job
from backport.report.live import Live
from backport.verdict import Behaves

_PR_SET_PDEATHSIG = 1                # linux/prctl.h
_LOOK = 1.0                          # seconds between two looks at the workers

_context: Context | None = None      # of a worker process
_busy = False                        # the worker is inside a cell


Name = tuple[str, str]               # Job.name


class Executor(Protocol):
    """Where cells are computed: concurrent.futures, as far as a run needs it. backport/cluster.py has another one."""

    def submit(self, job: Job, before: Sequence[Cell]) -> Future[Cell]:
        """Compute the cell somewhere; `before` are the cells of `job.before`."""

    def room(self, tree: str) -> int:
        """How many cells of `tree` may be on their way at once."""

    def look(self) -> None:
        """Called about once a second: see to the workers. May raise InfraError, which ends the run."""


def compute_all(context: Context, work: Sequence[Job], known: Mapping[Name, Cell], *, jobs: int,
                live: Live, executor: Executor | None = None) -> Iterator[tuple[Job, Cell, str]]:
    """(job, cell, cache key) of each job, the moment it is known; by `executor`, else by `jobs` processes.

    Jobs that others need come first; their cells are in `known`, or are yielded here.
    """
    cells = _Needed(work, known)
    workers = min(jobs, len({job.tree.name for job in work}))
    if executor is not None:
        yield from _by(executor, work, cells, live)
    elif workers < 2:
        for job in work:
            live.start(" ".join(job.name))
            yield cells.keep(job, compute(context, job, cells.before(job)))
    else:
        with _Processes(context, workers) as processes:
            yield from _by(processes, work, cells, live)


def _by(executor: Executor, work: Sequence[Job], cells: _Needed,
        live: Live) -> Iterator[tuple[Job, Cell, str]]:
    queues: dict[str, deque[Job]] = {}
    for job in work:
        queues.setdefault(job.tree.name, deque()).append(job)
    running: dict[Future[Cell], Job] = {}
    under_way: Counter[str] = Counter()
    waiting = deque(queues)
    while waiting or running:
        for tree in list(waiting):
            queue, before = queues[tree], len(running)
            while queue and under_way[tree] < executor.room(tree) and cells.ready(queue[0]):
                job = queue.popleft()
                live.start(" ".join(job.name))
                running[executor.submit(job, cells.before(job))] = job
                under_way[tree] += 1
            if len(running) > before or not queue:
                waiting.remove(tree)
                waiting.extend([tree] if queue else ())      # behind those that have not had their turn yet
        done, _ = wait(running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            job = running.pop(future)
            under_way[job.tree.name] -= 1
            yield cells.keep(job, future.result())
        executor.look()


class _Needed:
    """The cells that other jobs of `work` need first. The rest is recorded and not kept: a long run would hold all its
    mails."""

    def __init__(self, work: Sequence[Job], known: Mapping[Name, Cell]) -> None:
        self._wanted = {one.name for job in work for one in job.before}
        self._cells = {name: known[name] for name in self._wanted & known.keys()}

    def ready(self, job: Job) -> bool:
        return all(one.name in self._cells for one in job.before)

    def before(self, job: Job) -> list[Cell]:
        return [self._cells[one.name] for one in job.before]

    def keep(self, job: Job, cell: Cell) -> tuple[Job, Cell, str]:
        """With the key to keep it under, "" where it must be computed again: a failed boot is no answer."""
        if job.name in self._wanted:
            self._cells[job.name] = cell
        return job, cell, job.key if cell.behaviour is not Behaves.ERROR else ""


class _Processes:
    """One cell of a tree at a time, in processes of this machine."""

    def __init__(self, context: Context, workers: int) -> None:
        self._workers = workers
        # spawn: a forked child would share git helper processes and SQLite handles with us
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (replace(context, share=workers),))
        self._running: set[Future[Cell]] = set()

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        # Ctrl-C, SIGTERM, a time limit: a worker in the middle of a build would go on for minutes otherwise
        self._pool.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:
            for worker in active_children():
                worker.terminate()

    def submit(self, job: Job, before: Sequence[Cell]) -> Future[Cell]:
        future = self._pool.submit(_compute, job, before)
        self._running.add(future)
        return future

    def room(self, tree: str) -> int:
        self._running = {one for one in self._running if not one.done()}
        return int(len(self._running) < self._workers)

    def look(self) -> None:
        """A process that dies breaks the pool, and the next result says so."""


def _begin(context: Context) -> None:
    """In a worker: Ctrl-C at a terminal reaches every process, but only the first one decides what it means."""
    global _context
    _context = context
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    # a run that is killed (-9) takes its workers with it, or they would build on for nobody, and wait for ever
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Leave the cell the way of Ctrl-C, which puts work tree and build directory back; idle, just end."""
    if _busy:
        raise KeyboardInterrupt
    if _context is not None:
        _context.close()
    os._exit(0)


def _compute(job: Job, before: Sequence[Cell]) -> Cell:
    global _busy
    assert _context is not None
    _busy = True
    try:
        return compute(_context, job, before)
    finally:
        _busy = False
