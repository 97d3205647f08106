"""A clock that is set back, or forward, between two commands: answers stay, and nothing is forgotten or kept for it."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from backport.results.store import Results
from tests.support.attacks.world import World, endless

_DAY = 86_400
_SHIFTS = (-20 * 365 * _DAY, -400 * _DAY, -_DAY, -3600, 3600, 400 * _DAY, 10 * 365 * _DAY)
_COMMANDS = (("run",), ("run", "--force"), ("trees", "fetch"), ("trees", "fetch", "--update"), ("trees",),
             ("nightly", "-o", "out/night"), ("show",), ("show", "--runs"), ("gc", "--keep", "50"),
             ("mail", "--to", "out"), ("queue", "export", "--to", "out"))


@lru_cache(maxsize=1)
def library() -> Path:
    """clock.c, compiled."""
    made = Path(tempfile.mkdtemp(prefix="torture-clock-")) / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(made), str(Path(__file__).with_name("clock.c")),
                    "-ldl"], check=True)
    return made


class Clock:
    """A clock that goes back or forward by hours or years before each of five commands; then a run has its answers."""

    def __init__(self, seed: int, _words: tuple[str, ...] = ()) -> None:
        self.world = World.make()
        assert self.world.backport("run").code in (0, 1)
        self.world.keep("run")
        self.cells = self.world.cells()
        self.seed = seed

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        return endless(self.once, self.seed)

    def once(self, rng: random.Random) -> None:
        """Raises AssertionError for an answer that the time of day changed."""
        self.world.back("run")
        told = ""
        for _ in range(5):
            shift, args = rng.choice(_SHIFTS), rng.choice(_COMMANDS)
            done = self.world.backport(*args, more={"LD_PRELOAD": str(library()), "CLOCK_SHIFT": str(shift)})
            told += f"{shift // 3600} h: {' '.join(args)}: exit {done.code}\n{done.err}"
            assert done.code in (0, 1), told
            assert "Traceback" not in done.err, told
        done = self.world.backport("run", "--force")
        assert done.code in (0, 1), told + done.err
        assert self.world.cells() == self.cells, told
        with Results(self.world.top / "state" / "results.sqlite") as results:
            numbers = [run.id for run in results.runs()]
            assert numbers == sorted(numbers, reverse=True), told
        assert not self.world.litter(), (self.world.litter(), told)

    def close(self) -> None:
        """Remove the place."""
        self.world.remove()
