"""Night after night on one cache and one state: memory, descriptors, processes and disk stay what they were."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from tests.support.attacks.world import World, endless
from tests.support.fakekernel import git
from tests.support.patience import until

_EVENTS = ("nothing", "nothing", "nothing", "nothing", "a head moves", "a head moves", "a patch comes", "a patch goes",
           "the store is cleared")
_KEPT = 30               # runs that `backport gc` leaves
_FIRST = 20              # nights that the later ones are compared with
_MORE = 1.3              # what a later one may take of that


@dataclass(frozen=True, slots=True)
class Taken:
    """What one night took at most, and what it left on the disk."""

    memory: float                    # MB, of the largest process of ours
    descriptors: int                 # open in it
    processes: int                   # at once
    disk: float                      # MB of cache and state


class Nights:
    """Nights in which heads move and patches come and go, one after the other: what they take stays what it was."""

    def __init__(self, seed: int, _words: tuple[str, ...] = ()) -> None:
        self.world = World.make()
        self.seed = seed
        self.taken: list[Taken] = []

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        return endless(self.once, self.seed)

    def once(self, rng: random.Random) -> None:
        """Raises AssertionError for a night that fails, that leaves something, or that takes more than the first ones
        did."""
        event = rng.choice(_EVENTS)
        self._happens(event, rng)
        self.taken.append(self._night())
        if len(self.taken) <= _FIRST:
            return
        now = Taken(*(statistics.median(getattr(one, field.name) for one in self.taken[-_FIRST:])
                      for field in fields(Taken)))
        first = Taken(*(max(getattr(one, field.name) for one in self.taken[:_FIRST]) for field in fields(Taken)))
        assert now.memory < _MORE * first.memory, f"{event}: {now} after {first}"
        assert now.descriptors < _MORE * first.descriptors, f"{event}: {now} after {first}"
        assert now.processes <= first.processes, f"{event}: {now} after {first}"

    def _happens(self, event: str, rng: random.Random) -> None:
        top = self.world.top
        extra = sorted((top / "patches").glob("extra-*.patch"))
        if event == "a head moves":
            tree = top / rng.choice(["fake-9.1.y", "fake-9.0.y", "fake-reference"])
            with (tree / "arch/x86/kvm/x86.c").open("a") as stream:
                stream.write(f"/* night {len(self.taken)} */\n")
            git(tree, "commit", "-qam", f"night {len(self.taken)}")
        elif event == "a patch comes" and len(extra) < 4:
            shutil.copy(top / "patches" / f"{rng.choice(['good', 'merged', 'bad'])}.patch",
                        top / "patches" / f"extra-{len(self.taken)}.patch")
        elif event == "a patch goes" and extra:
            extra[0].unlink()
        elif event == "the store is cleared":
            done = self.world.backport("gc", "--keep", str(_KEPT))
            assert done.code == 0, done.err

    def _night(self) -> Taken:
        child = self.world.start("nightly", "-o", "out/night")
        memory, descriptors, processes = 0.0, 0, 0
        try:
            while child.poll() is None:
                mine = _session(child.pid)
                memory = max(memory, *(_memory(pid) for pid in mine), 0.0)
                descriptors = max(descriptors, _descriptors(child.pid))
                processes = max(processes, len(mine))
                time.sleep(0.02)
        finally:
            if child.poll() is None:                 # somebody ends the attack: nothing may write while it is removed
                child.terminate()
            _out, err = child.communicate()
        assert child.returncode in (0, 1), err.decode()
        assert b"Traceback" not in err, err.decode()
        assert not self.world.litter(), self.world.litter()
        assert until(lambda: not _session(child.pid)), "a process is left"
        assert not list((self.world.top / "tmp").iterdir()), list((self.world.top / "tmp").iterdir())
        return Taken(memory, descriptors, processes,
                     sum(_size(self.world.top / name) for name in ("cache", "state")))

    def close(self) -> None:
        """Say what the nights took, a row every tenth part of them, and remove the place."""
        step = max(1, len(self.taken) // 10)
        for number in range(0, len(self.taken), step):
            some = self.taken[number:number + step]
            most = Taken(*(max(getattr(one, field.name) for one in some) for field in fields(Taken)))
            print(f"nights {number + 1:5} to {number + len(some):5}: memory {most.memory:4.0f} MB, descriptors "
                  f"{most.descriptors}, processes {most.processes}, disk {some[-1].disk:6.2f} MB", file=sys.stderr)
        self.world.remove()


def _session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:                              # it has ended
            continue
        if int(words[3]) == leader and words[0] != "Z":
            found.append(int(path.name))
    return found


def _memory(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def _size(path: Path) -> float:
    """MB of the files below `path`, each once."""
    seen = {}
    for one in path.rglob("*"):
        if one.is_file() and not one.is_symlink():
            stat = one.stat()
            seen[stat.st_ino] = stat.st_blocks * 512 / 1e6
    return sum(seen.values())
