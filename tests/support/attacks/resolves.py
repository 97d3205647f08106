"""kill -9 at each write of `backport resolve`, and of what goes on in the clone that it lays out."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from backport.git import UserGit
from tests.support.attacks.disk import Fault, different, library
from tests.support.attacks.world import Ended, World
from tests.support.clones import Kernel

_TREES = """trees:
  - name: upstream
    series: "7.0"
    upstream: true
    sources: [{{local: {path}, branch: master}}]
  - name: linux-6.1.y
    series: "6.1"
    sources: [{{local: {path}, branch: linux-6.1.y}}]
"""
_RESOLVE = ("resolve", "patches/foo.patch", "--tree", "6.1", "-o", "work", "--no-build")
_NOT_OURS = "is there already"


class Resolves:
    """kill -9 at each write of `backport resolve` and of --continue in its clone: whole, not there, or done again.

    Two rounds a write, in an order that the seed decides.
    """

    def __init__(self, seed: int, _names: tuple[str, ...] = ()) -> None:
        top = Path(tempfile.mkdtemp(prefix="torture-"))
        kernel = Kernel(top / "world" / "linux", {})
        self.world = World(top / "world")
        for name in ("tmp", "home", "config", "patches"):
            (self.world.top / name).mkdir()
        (self.world.top / "trees.yaml").write_text(_TREES.format(path=kernel.path))
        (self.world.top / "patches/foo.patch").write_text(
            kernel.run("format-patch", "-1", "--stdout", kernel.fixes["foo"]) + "\n")
        kernel.git.close()
        fetched = self.world.backport("trees", "fetch")
        assert fetched.code == 0, fetched
        self.world.keep("start")
        self.fault = Fault(top / "fault")
        self.fault.set(0, 0, sticky=False)
        self.world.serve({"LD_PRELOAD": str(library()), "FAULT_STATE": str(self.fault.file),
                          "FAULT_ROOTS": str(self.world.top)})
        begun = self.begin()
        assert begun.code == 1, begun
        self.todo = [("begin", at, how) for at in range(1, self.fault.count + 1) for how in (-1, -2)]
        self.mend()
        self.world.keep("resolved")
        self.fault.set(0, 0, sticky=False)
        done = self.go_on()
        assert done.code == 0, done
        self.good = self.result()
        self.todo += [("continue", at, how) for at in range(1, self.fault.count + 1) for how in (-1, -2)]
        random.Random(seed).shuffle(self.todo)

    def begin(self) -> Ended:
        return self.world.backport(*_RESOLVE, cwd=self.world.top)

    def go_on(self) -> Ended:
        return self.world.backport("pick", "--continue", cwd=self.world.top / "work")

    def mend(self) -> None:
        kernel = Kernel.__new__(Kernel)
        kernel.path, kernel.env, kernel.git = self.world.top / "work", {}, UserGit(self.world.top / "work")
        kernel.resolve()
        kernel.run("add", "drivers/foo.c")
        kernel.git.close()

    def result(self) -> tuple[dict[tuple[str, str], tuple[str, ...]], dict[str, bytes], bytes]:
        return (self.world.cells(), self.world.written("patches", "outgoing"),
                (self.world.top / "work/drivers/foo.c").read_bytes())

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for name, at, how in self.todo:
            yield f"{name} {at} {how}", partial(self.once, name, at, how)

    def once(self, name: str, at: int, how: int) -> None:
        """Raises AssertionError where what the kill left can neither be continued nor made again."""
        self.world.back("start" if name == "begin" else "resolved")
        self.fault.set(at, how, sticky=False)
        killed = self.begin() if name == "begin" else self.go_on()
        told = f"{name}, killed {'in' if how == -2 else 'before'} write {at} ({self.fault.what}): {killed}\n"
        self.fault.set(0, 0, sticky=False)
        assert killed.code in (-9, 1 if name == "begin" else 0), told
        if name == "begin":
            again = self.begin()
            told += f"again: {again}\n"
            if again.code == 2 and _NOT_OURS in again.err:
                told += f"--abort: {self.world.backport('pick', '--abort', cwd=self.world.top / 'work')}\n"
                shutil.rmtree(self.world.top / "work")
                again = self.begin()
            assert again.code == 1, told
            self.mend()
        done = self.go_on()
        told += f"--continue: {done}\n"
        for lock in self.world.top.glob("work/.git/**/*.lock") if done.code else ():
            assert f"'{lock}'" in done.err, told        # git's own: it says which, and that a person removes it
            lock.unlink()
            done = self.go_on()
            told += f"--continue: {done}\n"
        assert done.code == 0, told     # also where the kill came between the commit and the mail
        now = self.result()
        assert now == self.good, f"{told}{different(self.good, now)}"
        assert any(name.endswith(".mbox") for name in now[1]), told
        left = [one for one in self.world.litter() if not one.startswith("work/.git/")]
        assert not left, f"{told}left {left}"

    def close(self) -> None:
        self.world.remove()
        shutil.rmtree(self.world.top.parent, ignore_errors=True)
