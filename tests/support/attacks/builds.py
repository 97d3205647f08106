"""kill -9 in real builds: work tree, baseline and build directory are good, or the next run makes them good."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.attacks.world import endless
from tests.support.patience import until

_TOP = Path(__file__).resolve().parents[3]
_KILLS = 4                           # before each run that is left to come to its end


class Builds:
    """kill -9 of a run that builds, four times, then one that is left alone; builds:6.1 names the tree.

    It works in the cache of whoever calls it: set XDG_CACHE_HOME for one that may be damaged.
    """

    def __init__(self, seed: int, words: tuple[str, ...] = ()) -> None:
        self.seed = seed
        self.tree = next(iter(words), "6.1")
        self.top = Path(tempfile.mkdtemp(prefix="torture-builds-"))
        (self.top / "tmp").mkdir()
        self.environment = {**os.environ, "BACKPORT_STATE": str(self.top / "state"), "TMPDIR": str(self.top / "tmp")}
        self.kills = 0
        self._left()                                 # the baseline is made, and may take minutes
        began = time.monotonic()
        self.good = self._left()
        self.seconds = time.monotonic() - began

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "backport", "run", "--offline", "--force", "--tree", self.tree, "-f", "json",
             "patches"], cwd=_TOP, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)

    def _left(self) -> list[tuple[object, ...]]:
        """What a run says that nobody kills."""
        child = self._start()
        out, err = child.communicate(timeout=3600)
        assert child.returncode in (0, 1), err.decode()
        assert b"Traceback" not in err, err.decode()
        return [tuple(str(cell[name]) for name in ("patch", "tree", "apply", "build", "sure", "reason", "base_commit"))
                for cell in json.loads(out)["cells"]]

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        return endless(self.once, self.seed)

    def once(self, rng: random.Random) -> None:
        """Raises AssertionError for another answer after the kills, and for what they left."""
        at = []
        for _ in range(_KILLS):
            child = self._start()
            at.append(rng.uniform(0.5, self.seconds))
            time.sleep(at[-1])
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            self.kills += 1
        told = f"killed after {', '.join(f'{seconds:.1f} s' for seconds in at)}"
        now = self._left()
        assert now == self.good, f"{told}: {now} and not {self.good}"
        assert not list((self.top / "tmp").iterdir()), f"{told}: left {list((self.top / 'tmp').iterdir())}"
        assert until(lambda: str(self.top) not in self._processes()), f"{told}: a process is left"

    def _processes(self) -> str:
        return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

    def close(self) -> None:
        """Say how often it was killed."""
        print(f"builds: {self.kills} kills of a run of {self.seconds:.0f} s", file=sys.stderr)
