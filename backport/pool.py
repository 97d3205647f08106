"""Several trees at once: one process a tree at a time, one cell in flight per tree.

Two cells of one tree share a work tree and a build directory and must not meet; cells of different trees share
nothing but the store, which they only read. What a patch needs in the tree first is handed over with it, as cells: any
worker can take up a series anywhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import active_children, get_context
from types import FrameType

from backport.cell import Cell
from backport.compute import compute
from backport.context import Context
from backport.job import Job
from backport.report.live import Live
from backport.verdict import Behaves

_PR_SET_PDEATHSIG = 1                # linux/prctl.h

_context: Context | None = None      # of a worker process
_busy = False                        # the worker is inside a cell


Name = tuple[str, str]               # Job.name


def compute_all(context: Context, work: Sequence[Job], known: Mapping[Name, Cell], *, jobs: int,
                live: Live) -> Iterator[tuple[Job, Cell, str]]:
    """(job, cell, cache key) of each job, the moment it is known.

    Jobs that others need come first; their cells are in `known`, or are yielded here.
    """
    cells = dict(known)
    if jobs <= 1 or len({job.tree.name for job in work}) < 2:
        for job in work:
            live.start(" ".join(job.name))
            yield _kept(cells, job, compute(context, job, _before(job, cells)))
        return
    queues: dict[str, deque[Job]] = {}
    for job in work:
        queues.setdefault(job.tree.name, deque()).append(job)
    workers = min(jobs, len(queues))
    # spawn: a forked child would share git helper processes and SQLite handles with us
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (replace(context, share=workers),)) as pool:
        running: dict[Future[Cell], Job] = {}
        waiting = deque(queues)
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    job = queues[waiting.popleft()].popleft()
                    live.start(" ".join(job.name))
                    running[pool.submit(_compute, job, _before(job, cells))] = job
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    if queues[job.tree.name]:
                        waiting.append(job.tree.name)
                    yield _kept(cells, job, future.result())
        except BaseException:
            # Ctrl-C, SIGTERM, a time limit: a worker in the middle of a build would go on for minutes otherwise
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                worker.terminate()
            raise


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


def _before(job: Job, cells: Mapping[Name, Cell]) -> list[Cell]:
    return [cells[one.name] for one in job.before]


def _kept(cells: dict[Name, Cell], job: Job, cell: Cell) -> tuple[Job, Cell, str]:
    """With the key to keep it under, "" where it must be computed again: a failed boot is no answer."""
    cells[job.name] = cell
    return job, cell, job.key if cell.behaviour is not Behaves.ERROR else ""
