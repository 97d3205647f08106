"""A write that fails: the n-th that a command does, for every n, with every error that a disk has."""

from __future__ import annotations

import difflib
import errno
import os
import pprint
import random
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate
from pathlib import Path

from backport.git import Git
from tests.support.attacks.world import Ended, World, steady

_STATE = struct.Struct("=5q4056s")


@lru_cache(maxsize=1)
def library() -> Path:
    """faults.c, compiled."""
    made = Path(tempfile.mkdtemp(prefix="torture-faults-")) / "faults.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(made), str(Path(__file__).with_name("faults.c")),
                    "-ldl"], check=True)
    return made


@dataclass(frozen=True, slots=True)
class Command:
    """A command to attack: where the world starts, what it writes, whether it makes a run."""

    name: str
    args: tuple[str, ...]
    start: str                       # the kept world
    writes: tuple[str, ...] = ()
    runs: bool = False


COMMANDS = {one.name: one for one in (
    Command("fetch", ("trees", "fetch"), "empty"),
    Command("run", ("run", "--no-build"), "fetched", runs=True),
    Command("build", ("run", "--tree", "fake-9.1.y"), "fetched", runs=True),
    Command("adapt", ("adapt", "--offline", "-t", "fake-9.1.y", "patches/good.patch", "-o", "out/good.patch"),
            "fetched", ("out",)),
    Command("import", ("import", "patches/good.patch", "patches/bad.patch", "--out", "out"), "fetched", ("out",)),
    Command("queue", ("queue", "export", "--to", "out"), "run", ("out",)),
    Command("mail", ("mail", "--to", "out"), "run", ("out",)),
    Command("html", ("show", "-f", "html", "-o", "out/site"), "run", ("out",)),
    Command("gc", ("gc", "--keep", "1"), "twice"),
    Command("nightly", ("nightly", "--no-build", "-o", "out/night", "--html", "out/site"), "fetched",
            ("out/site/mails",), runs=True),
)}


@dataclass
class Fault:
    """What fails, shared with the processes."""

    file: Path

    def set(self, at: int, number: int, sticky: bool) -> None:
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(_STATE.pack(at, number, sticky, 0, 0, b""))

    @property
    def count(self) -> int:
        return int(_STATE.unpack(self.file.read_bytes())[3])

    @property
    def what(self) -> str:
        return str(_STATE.unpack(self.file.read_bytes())[5].rstrip(b"\0"), "utf-8", "replace")


def worlds(last: str) -> World:
    """The world with the starts that commands have, up to `last`."""
    world = World.make()
    world.keep("empty")
    for name, args in (("fetched", ("trees", "fetch")), ("run", ("run",)), ("twice", ("run", "--force"))):
        if last in world.kept:
            break
        done = world.backport(*args)
        assert done.code in (0, 1), done.err
        world.keep(name)
    return world


def different(good: object, now: object) -> str:
    """The lines that differ, of two answers."""
    one, other = (pprint.pformat(it, width=200).splitlines() for it in (good, now))
    return "\n".join(line[:400] for line in difflib.unified_diff(one, other, "good", "now", lineterm="", n=0))


# the part of a file's name that each run draws: a hash, a number, the six or eight letters of a temporary file
_DRAWN = re.compile(r"(?<=[-./_])(?:[0-9a-f]{6,}|\d+|(?=\w*[A-Z0-9])\w{6})(?=[-./]|$)|"
                    r"(?:(?<=-)|(?<=tmp/))[a-z0-9_]{8}(?=/|$)")
_ALIKE = re.compile(r"fake-[\w.]+?(?=\.(?:json|lock|tag)|/|$)|(?<=hooks/)[\w-]+(?=\.sample)")


def kinds(trace: str, top: Path) -> dict[int, str]:
    """number of a write -> what is written, by the name of the call and of the file without what each run draws."""
    found = {}
    for row in trace.splitlines():
        number, _, rest = row.partition(" ")
        rest = re.sub(r"objects/[0-9a-f]{2}\b", "objects/*", rest.replace(f"{top}/", "").replace(" (deleted)", ""))
        found[int(number)] = re.sub(r"\d+", "*", _DRAWN.sub("*", _ALIKE.sub("*", rest)))
    return found


class Writes:
    """Attacks each write of each command once with each of `errors`, in an order that the seed decides.

    A kind of write (its call and the name of its file) that no earlier round attacked comes first, then a kind with
    another error, then in another command, then the others.
    """

    errors: tuple[tuple[int, bool], ...]

    def __init__(self, seed: int, names: tuple[str, ...] = ()) -> None:
        commands = list(COMMANDS.values()) if not names else [COMMANDS[name] for name in names]
        self.world = worlds(max((one.start for one in commands), key=["empty", "fetched", "run", "twice"].index))
        self.fault = Fault(self.world.top.with_name("fault"))
        self.fault.set(0, 0, sticky=False)
        trace = self.world.top.with_name("trace")
        self.world.serve({"LD_PRELOAD": str(library()), "FAULT_STATE": str(self.fault.file), "FAULT_ROOTS": self.roots,
                          "FAULT_TRACE": str(trace)})
        self.good: dict[str, tuple[Ended, object, object]] = {}
        found: dict[tuple[str, int], str] = {}
        todo: list[tuple[Command, int, int, bool]] = []
        for command in commands:
            self.world.back(command.start)
            trace.write_bytes(b"")
            self.fault.set(0, 0, sticky=False)
            done = self.world.backport(*command.args)
            count = self.fault.count
            assert done.code in (0, 1), (command.name, done.err)
            self.good[command.name] = (done, *self.answer(command))
            assert count, command.name
            found |= {(command.name, at): kind for at, kind in kinds(trace.read_text("utf-8", "replace"),
                                                                     self.world.top).items()}
            todo += [(command, at, *error) for at in range(1, count + 1) for error in self.errors]
        trace.unlink()
        self.todo = self._new_first(random.Random(seed), todo, found)

    def _new_first(self, rng: random.Random, todo: list[tuple[Command, int, int, bool]],
                   found: dict[tuple[str, int], str]) -> list[tuple[Command, int, int, bool]]:
        rng.shuffle(todo)
        seen: set[tuple[object, ...]] = set()
        ranks: list[list[tuple[Command, int, int, bool]]] = [[], [], [], []]
        for one in todo:
            command, at, number, _sticky = one
            kind = found.get((command.name, at), "")
            ways = ((kind,), (kind, number), (command.name, kind, number))
            ranks[next((rank for rank, way in enumerate(ways) if way not in seen), 3)].append(one)
            seen.update(ways)
        first, errors, here = accumulate(len(rank) for rank in ranks[:3])
        print(f"{type(self).__name__.lower()}: {len(todo)} rounds; the first {first} have every kind of write, the "
              f"first {errors} with every error, the first {here} in every command", file=sys.stderr)
        return [one for rank in ranks for one in rank]

    @property
    def roots(self) -> str:
        return ":".join(str(self.world.top / name) for name in ("cache", "state", "out", "tmp"))

    def answer(self, command: Command) -> tuple[object, object]:
        """What a command left: the cells of its run, the files that it wrote."""
        return self.world.cells() if command.runs else None, self.world.written(*command.writes)

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for command, at, number, sticky in self.todo:
            yield (f"{command.name} {at} {errno.errorcode.get(number, 'kill')}",
                   partial(self.once, command, at, number, sticky=sticky))

    def close(self) -> None:
        self.world.remove()

    def once(self, command: Command, at: int, number: int, *, sticky: bool) -> None:
        """Raises AssertionError for an answer that such a fault must not give."""
        raise NotImplementedError

    def after(self, command: Command, told: str) -> None:
        """The fault is over: the same command gives the answer of a run that never failed, and nothing lies about."""
        good, cells, files = self.good[command.name]
        again = self.world.backport(*command.args)
        told = f"after {told}\nthe same again: exit {again.code}\n{again.err}"
        assert again.code == good.code, told
        if self.answer(command) != (cells, files):
            raise AssertionError(f"another answer {different((cells, files), self.answer(command))} {told}")
        assert not self.world.litter(), f"left {self.world.litter()}: {told}"


class Disk(Writes):
    """A write that fails: each that a command does, with each error of a disk, those of disk:fetch,run,import ...

    Three rounds a write, in an order that the seed decides.
    """

    errors = ((errno.ENOSPC, True), (errno.EIO, False), (errno.EROFS, True))

    def once(self, command: Command, at: int, number: int, *, sticky: bool) -> None:
        """Raises AssertionError for an answer that a full disk must not give."""
        self.world.back(command.start)
        self.fault.set(at, number, sticky)
        wrong = self.world.backport(*command.args)
        told = f"{command.name}, write {at} ({self.fault.what}): {os.strerror(number)}: exit {wrong.code}\n{wrong.err}"
        self.fault.set(0, 0, sticky=False)
        good, cells, files = self.good[command.name]
        assert "Traceback" not in wrong.err, told
        assert "internal error" not in wrong.err + wrong.out.decode("utf-8", "replace"), told
        if wrong.code == good.code:
            if steady(wrong.out) != steady(good.out) or self.answer(command) != (cells, files):
                raise AssertionError(f"as if nothing had happened, and another answer: {told}\n"
                                     f"{different((good.out, cells, files), (wrong.out, *self.answer(command)))}")
            return
        assert wrong.code == 3, told
        files_now = self.world.written("out").values()
        said = wrong.err + b"".join([wrong.out, *files_now]).decode("utf-8", "replace")
        assert re.search(rf"{os.strerror(number)}|\bdisk|free some space|cannot be written|couldn't write", said), told
        for place, cell in (self.world.cells() if isinstance(cells, dict) else {}).items():
            if cell != cells.get(place):
                assert "error" in cell[:2] or cell[0] == "no-tree", f"blames the patch: {place} {cell}: {told}"
        self.after(command, told)


class Kill(Writes):
    """kill -9 at each write of a command, before and in the middle of it, those of kill:fetch,run,import ...

    Two rounds a write, in an order that the seed decides.
    """

    errors = ((-1, False), (-2, False))

    def once(self, command: Command, at: int, number: int, *, sticky: bool) -> None:
        self.world.back(command.start)
        self.fault.set(at, number, sticky)
        killed = self.world.backport(*command.args)
        told = f"{command.name}, killed {'in' if number == -2 else 'before'} write {at} ({self.fault.what}): " \
               f"exit {killed.code}\n{killed.err}"
        self.fault.set(0, 0, sticky=False)
        assert killed.code in (-9, self.good[command.name][0].code), told     # other threads write in another order
        self.after(command, told)
        with Git(self.world.top / "cache" / "store.git") as store:
            assert not store.run("fsck", "--no-dangling", ok=()).code, told
