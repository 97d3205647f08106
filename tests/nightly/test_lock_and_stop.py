from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.nightly.lock import Held, only_one
from backport.stop import Stopped, stoppable

HOLD = ("import sys, time; from pathlib import Path; from backport.nightly.lock import only_one\n"
        "with only_one(Path(sys.argv[1]), 'a night'):\n    print('held', flush=True); time.sleep(60)\n")


def test_the_second_one_says_who_holds_it_and_leaves(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "nightly.lock"
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(Held, match=rf"a night is already running: pid {child.pid} on \S+ since \d{{4}}-") as caught, \
            only_one(lock, "a night"):
        raise AssertionError("two at once")
    assert caught.value.exit_code == 3
    child.kill()                     # kill -9: the kernel gives the lock back
    child.wait()
    child.stdout.close()
    with only_one(lock, "a night"):
        assert str(os.getpid()) in lock.with_suffix(".holder").read_text()
    assert not lock.with_suffix(".holder").exists()


@pytest.fixture
def as_usual() -> Iterator[None]:
    """The signals as a shell leaves them, also where the tests themselves were started with nohup."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_hang_up_that_nohup_ignores_stays_ignored(as_usual: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable():
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.01)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_goes_the_way_of_ctrl_c(number: signal.Signals, as_usual: None) -> None:
    cleaned = []

    def work() -> None:
        try:
            try:
                os.kill(os.getpid(), number)
                time.sleep(5)
            except Exception:        # what a run does with a failing cell
                pytest.fail("swallowed")
        finally:
            os.kill(os.getpid(), number)  # a second one does not break the clean-up
            time.sleep(0.01)
            cleaned.append(True)

    with pytest.raises(Stopped, match=number.name) as caught, stoppable():
        work()
    assert isinstance(caught.value, KeyboardInterrupt)
    assert cleaned
    assert signal.getsignal(number) is signal.SIG_DFL


def test_the_time_limit() -> None:
    with pytest.raises(Stopped, match=r"time limit of 0\.05 s") as caught, stoppable(0.05):
        time.sleep(300)
    assert caught.value.timed_out
    with stoppable(300):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)       # no alarm goes off behind it
