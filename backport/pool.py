"""Several trees at once: one process a tree at a time, one cell in flight per tree.

Two cells of one tree share a work tree and a build directory and must not meet; cells of different trees share
nothing but the store, which they only read. What a patch needs in the tree first is handed over with it, as cells: any
worker can take up a series anywhere.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import active_children, get_context
from types import FrameType

from backport.cell import Lab, Place
from backport.report.live import Live
from backport.verdict import Cell

_lab: Lab | None = None              # of a worker process
_busy = False                        # the worker is inside a cell


Name = tuple[str, str]               # Place.name


def compute_all(lab: Lab, work: Sequence[Place], known: Mapping[Name, Cell], *, jobs: int,
                live: Live) -> Iterator[tuple[Place, Cell, str]]:
    """(place, cell, cache key) of each place, the moment it is known.

    Places that others need come first; their cells are in `known`, or are yielded here.
    """
    cells = dict(known)
    if jobs <= 1 or len({place.tree.name for place in work}) < 2:
        for place in work:
            live.start(" ".join(place.name))
            yield _kept(cells, place, lab.compute(place, _before(place, cells)))
        return
    queues: dict[str, deque[Place]] = {}
    for place in work:
        queues.setdefault(place.tree.name, deque()).append(place)
    workers = min(jobs, len(queues))
    # spawn: a forked child would share git helper processes and SQLite handles with us
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (replace(lab, share=workers),)) as pool:
        running: dict[Future[Cell], Place] = {}
        waiting = deque(queues)
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    place = queues[waiting.popleft()].popleft()
                    live.start(" ".join(place.name))
                    running[pool.submit(_compute, place, _before(place, cells))] = place
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    place = running.pop(future)
                    if queues[place.tree.name]:
                        waiting.append(place.tree.name)
                    yield _kept(cells, place, future.result())
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
    if _lab is not None:
        _lab.close()
    os._exit(0)


def _compute(place: Place, before: Sequence[Cell]) -> Cell:
    global _busy
    assert _lab is not None
    _busy = True
    try:
        return _lab.compute(place, before)
    finally:
        _busy = False


def _before(place: Place, cells: Mapping[Name, Cell]) -> list[Cell]:
    return [cells[one.name] for one in place.before]


def _kept(cells: dict[Name, Cell], place: Place, cell: Cell) -> tuple[Place, Cell, str]:
    """With the key to keep it under, "" where it must be computed again: a failed boot is no answer."""
    cells[place.name] = cell
    lasting = cell.detail.get("behaviour", {}).get("verdict") != "error"
    return place, cell, place.key if lasting else ""
