"""Several trees at once: one process a tree at a time, one cell in flight per tree.

Two cells of one tree share a work tree and a build directory and must not meet; cells of different trees share
nothing but the store, which they only read.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import active_children, get_context
from types import FrameType

from backport.cell import Lab, Place
from backport.report.live import Live
from backport.verdict import Cell, column_name

_lab: Lab | None = None              # of a worker process
_busy = False                        # the worker is inside a cell


Work = tuple[Place, ...]             # one patch on one tree, or a series on one tree in order


def compute_all(lab: Lab, work: Sequence[Work], *, jobs: int, live: Live) -> Iterator[tuple[Cell, str]]:
    """(cell, cache key) of each place, as they are finished."""
    if jobs <= 1 or len({item[0].tree.name for item in work}) < 2:
        for item in work:
            live.start(_name(item))
            yield from _keyed(item, lab.compute_all(item))
        return
    queues: dict[str, deque[Work]] = {}
    for item in work:
        queues.setdefault(item[0].tree.name, deque()).append(item)
    workers = min(jobs, len(queues))
    # spawn: a forked child would share git helper processes and SQLite handles with us
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (replace(lab, share=workers),)) as pool:
        running: dict[Future[list[Cell]], Work] = {}
        waiting = deque(queues)
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    item = queues[waiting.popleft()].popleft()
                    live.start(_name(item))
                    running[pool.submit(_compute, item)] = item
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    item = running.pop(future)
                    if queues[item[0].tree.name]:
                        waiting.append(item[0].tree.name)
                    yield from _keyed(item, future.result())
        except BaseException:
            # Ctrl-C, SIGTERM, a time limit: a worker in the middle of a build would go on for minutes otherwise
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                worker.terminate()
            raise


def _begin(lab: Lab) -> None:
    """In a worker: Ctrl-C at a terminal reaches every process, but only the first one decides what it means."""
    global _lab
    _lab = lab
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Leave the cell the way of Ctrl-C, which puts work tree and build directory back; idle, just end."""
    if _busy:
        raise KeyboardInterrupt
    os._exit(0)


def _compute(item: Work) -> list[Cell]:
    global _busy
    assert _lab is not None
    _busy = True
    try:
        return _lab.compute_all(item)
    finally:
        _busy = False


def _name(item: Work) -> str:
    return f"{column_name(item[0].tree.name, item[0].config)} {item[0].patch.slug}"


def _keyed(item: Work, cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    """Each cell with the key to keep it under, "" where it must be computed again: a failed boot is no answer."""
    for place, cell in zip(item, cells, strict=True):
        lasting = cell.detail.get("behaviour", {}).get("verdict") != "error"
        yield cell, place.key if lasting else ""
