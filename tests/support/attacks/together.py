"""Ten commands at once on one cache and one state, of two manifests with the same names, while the trees move."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator

from backport.git import Git
from backport.results.store import Results
from tests.support.attacks.world import World, endless
from tests.support.fakekernel import git

_RUNS = (("run", "--no-build", "--force"), ("run", "--force", "--tree", "fake-9.1.y"), ("run", "--no-build"))
_OTHERS = (("trees", "fetch", "--update"), ("nightly", "--no-build"), ("gc", "--keep", "50"),
           ("run", "--no-build", "--update"), ("queue", "export", "--to", "out"), ("mail", "--to", "out"),
           ("nightly", "--no-build"))


class Together:
    """Ten commands at once (run, fetch, nightly, gc ...) while a tree gets commits: a cell is of one of them.

    A third of them have another manifest, whose fake-9.1.y is another tree: no cell of one is of the other's.
    """

    def __init__(self, seed: int, _names: tuple[str, ...] = ()) -> None:
        self.world = World.make()
        top = self.world.top
        shutil.copytree(top / "fake-9.1.y", top / "other-9.1.y", symlinks=True)
        git(top / "other-9.1.y", "commit", "-q", "--allow-empty", "-m", "other")
        (top / "other.yaml").write_text((top / "trees.yaml").read_text().replace(
            f"file://{top}/fake-9.1.y", f"file://{top}/other-9.1.y"))
        self.world.keep("empty")
        assert self.world.backport("run").code in (0, 1)
        self.world.keep("run")
        self.seed = seed

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        return endless(self.once, self.seed)

    def once(self, rng: random.Random) -> None:
        """Raises AssertionError where one of them gives an answer that it would not give alone."""
        self.world.back(rng.choice(("empty", "run")))
        commands = [*_RUNS, *_OTHERS]
        rng.shuffle(commands)
        children = []
        moving = self.world.top / "fake-9.1.y"
        heads = {git(moving, "rev-parse", "HEAD")}
        other = git(self.world.top / "other-9.1.y", "rev-parse", "HEAD")
        for args in commands:
            more = ("--manifest", "other.yaml") if args[0] in ("run", "trees") and rng.random() < 0.5 else ()
            children.append(((*args, *more), self.world.start(*args, *more)))
            time.sleep(rng.uniform(0, 1))
            name = moving / "kernel" / "fork.c"
            name.write_text(name.read_text() + f"/* {len(heads)} */\n")
            git(moving, "commit", "-qam", "on")
            heads.add(git(moving, "rev-parse", "HEAD"))
        for args, child in children:
            _out, err = child.communicate(timeout=600)
            told = f"{args}: {child.returncode}\n{err.decode()}"
            assert b"Traceback" not in err, told
            # beside a night there is no other, and no gc; a run that is not there yet cannot be exported
            alone = (0, 1, 3) if args[0] in ("nightly", "gc") else (0, 1, 2) if args[0] in ("queue", "mail") else (0, 1)
            assert child.returncode in alone, told
            assert child.returncode != 3 or b"already running" in err, told
        with Results(self.world.top / "state" / "results.sqlite") as results, \
                Git(self.world.top / "cache" / "store.git") as store:
            assert not store.run("fsck", "--no-dangling", ok=()).code
            for run in results.runs():
                for cell in results.cells(run):
                    assert cell.apply not in ("error", "no-tree"), cell
                    assert cell.build != "error", cell
                    if cell.tree == "fake-9.1.y":
                        ours = {other} if run.manifest.endswith("/other.yaml") else heads
                        assert cell.base_commit in ours, (run.manifest, cell)
                        tree = {one.name: one.commit for one in run.trees}[cell.tree]
                        assert cell.base_commit == tree, (cell, tree)
        done = self.world.backport("run", "--force", "--offline", "--manifest", "other.yaml")
        assert done.code in (0, 1, 3), done
        assert {cell[-1] for place, cell in self.world.cells().items() if place[1] == "fake-9.1.y"} <= {other, ""}
        done = self.world.backport("run", "--force", "--update")
        assert done.code in (0, 1), done
        crowded = self.world.cells()
        assert {cell[-1] for place, cell in crowded.items() if place[1] == "fake-9.1.y"} == {
            git(moving, "rev-parse", "HEAD")}
        assert not self.world.litter(), self.world.litter()

    def close(self) -> None:
        self.world.remove()
