"""kill -9 at each write of a pick in somebody's clone, which has changes of theirs."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from backport.git import UserGit
from tests.support.attacks.disk import Fault, library
from tests.support.attacks.world import World
from tests.support.clones import Kernel

# what is done before, and the command that is killed
_PICKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "two": (("bar", "start"),),
    "mail": (("--mail", "bar", "foo"),),
    "conflict": (("foo", "bar"),),
    "abort": (("foo", "bar"), ("--abort",)),
    "undo": (("bar", "foo"), ("--abort",)),
    "skip": (("foo", "bar"), ("--skip",)),
    "continue": (("foo", "bar"), ("--continue",)),
}


class Picks:
    """kill -9 at each write of a pick, of --abort, --skip and --continue: --abort puts everything back, or it is done.

    Two rounds a write, those of picks:two,mail,conflict,abort,undo,skip,continue, in an order that the seed decides.
    """

    def __init__(self, seed: int, names: tuple[str, ...] = ()) -> None:
        top = Path(tempfile.mkdtemp(prefix="torture-"))
        kernel = Kernel(top / "world" / "linux", {})
        self.fixes = kernel.fixes
        kernel.git.close()
        self.world = World(top / "world")
        for name in ("tmp", "home", "config"):
            (self.world.top / name).mkdir()
        self.world.keep("start")
        self.fault = Fault(top / "fault")
        self.fault.set(0, 0, sticky=False)
        roots = ":".join(str(self.world.top / name) for name in ("linux", "cache", "tmp"))
        self.world.serve({"LD_PRELOAD": str(library()), "FAULT_STATE": str(self.fault.file), "FAULT_ROOTS": roots})
        self.todo: list[tuple[str, int, int]] = []
        self.good: dict[str, tuple[int, str]] = {}
        for name in names or _PICKS:
            *before, last = _PICKS[name]
            self.world.back("start")
            for args in before:
                self.pick(*args)
            if name == "continue":
                self.resolve()
            self.world.keep(name)
            self.fault.set(0, 0, sticky=False)
            done = self.pick(*last)
            count = self.fault.count
            assert done[0] in (0, 1), done
            self.good[name] = done[0], self.tree()
            self.todo += [(name, at, how) for at in range(1, count + 1) for how in (-1, -2)]
        random.Random(seed).shuffle(self.todo)

    def pick(self, *args: str) -> tuple[int, str]:
        done = self.world.backport("pick", *(self.fixes.get(word, word) for word in args), cwd=self.top)
        return done.code, done.err

    @property
    def top(self) -> Path:
        return self.world.top / "linux"

    def kernel(self) -> Kernel:
        made = Kernel.__new__(Kernel)
        made.path, made.env, made.fixes = self.top, {}, self.fixes
        made.git = UserGit(self.top)
        return made

    def resolve(self) -> None:
        kernel = self.kernel()
        kernel.resolve()
        kernel.run("add", "drivers/foo.c")
        kernel.git.close()

    def tree(self) -> str:
        """The tree of HEAD, and what the work tree has beside it."""
        kernel = self.kernel()
        found = kernel.run("rev-parse", "HEAD^{tree}") + "\n" + kernel.run("status", "--porcelain")
        kernel.git.close()
        return found

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for name, at, how in self.todo:
            yield f"{name} {at} {how}", partial(self.once, name, at, how)

    def once(self, name: str, at: int, how: int) -> None:
        """Raises AssertionError where something was lost."""
        code, tree = self.good[name]
        self.world.back(name)
        self.fault.set(at, how, sticky=False)
        killed = self.pick(*_PICKS[name][-1])
        told = f"{name}, killed {'in' if how == -2 else 'before'} write {at} ({self.fault.what}): {killed}\n"
        self.fault.set(0, 0, sticky=False)
        assert killed[0] in (-9, code), told
        ended = self.pick("--abort")
        locks = [path for path in self.top.rglob("*.lock") if ".git" in path.parts]
        told += f"--abort: {ended}, {locks}\n"
        if locks and ended[0]:               # git's own: it says which, and that a person removes it
            assert any(f"'{lock}'" in ended[1] and "where no git runs" in ended[1] for lock in locks), told
            for lock in locks:
                lock.unlink()
            ended = self.pick("--abort")
            told += f"--abort: {ended}\n"
        assert ended[0] in (0, 2), told
        assert ended[0] == 0 or "no pick is under way" in ended[1], told
        now = self.tree()
        start = self.begin()
        assert now in (start, tree), f"{told}neither as before nor done:\n{now}\nbefore:\n{start}\ndone:\n{tree}"
        mine = (self.top / "drivers" / "mine.c").read_text()
        assert mine == "int mine = 2;\n", told
        if now == start and len(_PICKS[name]) == 1:
            again = self.pick(*_PICKS[name][-1])
            assert (again[0], self.tree()) == (code, tree), f"{told}again: {again}"
            assert not [one for one in self.world.litter() if one.startswith("tmp/")], f"{told}{self.world.litter()}"

    def begin(self) -> str:
        """The tree and status before any pick."""
        here, self.world.top = self.world.top, self.world.kept["start"]
        try:
            return self.tree()
        finally:
            self.world.top = here

    def close(self) -> None:
        self.world.remove()
        shutil.rmtree(self.world.top.parent, ignore_errors=True)
