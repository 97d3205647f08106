"""A damaged file of cache or state: the answer of a sound one, or an error that says so; never another answer."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from backport.errors import BackportError
from backport.results.store import Results
from tests.support.attacks.disk import different, kinds, worlds
from tests.support.attacks.world import Ended

_RUN = ("run", "--force")
_HOW = ("byte", "end", "empty", "gone")
_NOTES = 4                       # which part of a cell (world.cells) are the notes
_AGAIN = "was repeated from a fresh configuration"


def damage(path: Path, how: str, rng: random.Random) -> None:
    """What a disk does to a file."""
    path.chmod(0o644)
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "end":
        path.write_bytes(data[:len(data) // 2])
    else:
        at = rng.randrange(len(data)) if data else 0
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:] if data else b"\0")


class Damage:
    """One damaged file of cache or state (a byte, its half, all of it, gone) before a run with builds, those of
    damage:store.git,build: the same answer, or an error that says so.

    Each kind of file comes first, in an order that the seed decides.
    """

    def __init__(self, seed: int, words: tuple[str, ...] = ()) -> None:
        self.seed = seed
        self.world = worlds("run")
        self.world.serve({})
        self.good = self.run()
        self.world.back("run")
        files = sorted(path for name in ("cache", "state") for path in (self.world.top / name).rglob("*")
                       if path.is_file() and not path.is_symlink() and not path.name.endswith(".lock"))
        names = [str(path.relative_to(self.world.top)) for path in files]
        names = [name for name in names if not words or any(word in name for word in words)]
        known = kinds("".join(f"{number} {name}\n" for number, name in enumerate(names)), self.world.top)
        todo = [(number, how) for number in range(len(names)) for how in _HOW]
        random.Random(seed).shuffle(todo)
        seen: set[object] = set()
        first, rest = [], []
        for number, how in todo:
            (rest if known[number] in seen else first).append((names[number], how))
            seen.add(known[number])
        print(f"damage: {len(todo)} rounds; the first {len(first)} have every kind of file", file=sys.stderr)
        self.todo = [*first, *rest]

    def run(self) -> tuple[Ended, dict[tuple[str, str], tuple[str, ...]]]:
        """The run, and its cells where it got as far as making any."""
        before = self.last()
        done = self.world.backport(*_RUN)
        return done, self.world.cells() if self.last() > before else {}

    def last(self) -> int:
        """The number of the newest run, 0 where the store of results cannot be read."""
        try:
            with Results(self.world.top / "state/results.sqlite") as results:
                run = results.latest()
        except BackportError:
            return 0
        return run.id if run is not None else 0

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for name, how in self.todo:
            yield f"{how} {name}", partial(self.once, name, how)

    def once(self, name: str, how: str) -> None:
        """Raises AssertionError for an answer that is not the sound one's and does not say so."""
        self.world.back("run")
        damage(self.world.top / name, how, random.Random(f"{self.seed} {name} {how}"))
        done, cells = self.run()
        told = f"{how} {name}: exit {done.code}\n{done.err}\n{done.out.decode('utf-8', 'replace')}"
        assert "Traceback" not in done.err, told
        assert "internal error" not in done.err + done.out.decode("utf-8", "replace"), told
        good, sound = self.good
        if done.code == 3 and not cells:
            assert re.search(r"hint: ", done.err), f"no cure: {told}"
            return
        assert done.code in (good.code, 3), told
        for place, cell in sound.items():
            now = cells.get(place)
            if now is not None and _AGAIN in now[_NOTES]:        # it says that it was built from nothing: so it may
                now = (*now[:_NOTES], cell[_NOTES], *now[_NOTES + 1:])
            if now != cell and (now is None or not ("error" in now[:2] or now[0] == "no-tree")):
                raise AssertionError(f"another answer, as if it were sound: {told}\n{different(cell, now)}")

    def close(self) -> None:
        self.world.remove()
