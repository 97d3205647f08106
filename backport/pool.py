"""Several trees at once: one process a tree at a time, one cell in flight per tree.

Two cells of one tree share a work tree and a build directory and must not meet; cells of different trees share
nothing but the store, which they only read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context

from backport.cell import Lab, Place, lasting_key
from backport.report.live import Live
from backport.verdict import Cell

_lab: Lab | None = None              # of a worker process


def compute_all(lab: Lab, work: Sequence[Place], *, jobs: int, live: Live) -> Iterator[tuple[Cell, str]]:
    """(cell, cache key) of each place, as they are finished."""
    if jobs <= 1 or len({place.tree.name for place in work}) < 2:
        for place in work:
            live.start(f"{place.tree.name} {place.patch.slug}")
            cell = lab.compute(place)
            yield cell, lasting_key(place, cell)
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
                    live.start(f"{place.tree.name} {place.patch.slug}")
                    running[pool.submit(_compute, place)] = place
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    place = running.pop(future)
                    if queues[place.tree.name]:
                        waiting.append(place.tree.name)
                    cell = future.result()
                    yield cell, lasting_key(place, cell)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(lab: Lab) -> None:
    global _lab
    _lab = lab


def _compute(place: Place) -> Cell:
    assert _lab is not None
    return _lab.compute(place)
