"""Every command goes the way of Ctrl-C when it is asked to end: one word, 130, and no scratch directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import until

# a command that holds a scratch directory, as most do, and waits
_COMMAND = """
import time
import click
from backport import cli
from backport.temporary import temporary_directory

@click.command()
def command():
    with temporary_directory("index") as name:
        print(name, flush=True)
        time.sleep(600)

cli.COMMANDS["wait"] = "wait"
cli.importlib.import_module = lambda name: type("wait", (), {"command": command})
cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_command_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    def reset() -> None:
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)

    child = subprocess.Popen([sys.executable, "-c", _COMMAND, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, env={**os.environ, "TMPDIR": str(tmp_path)}, preexec_fn=reset)
    assert child.stdout is not None
    place = Path(child.stdout.readline().strip())
    assert place.is_dir()
    child.send_signal(number)
    _out, err = child.communicate(timeout=60)
    told = "interrupted" if number == signal.SIGINT else f"stopped by {number.name}"
    assert (child.returncode, err.strip()) == (130, f"{told}; everything on disk was restored")
    until(lambda: not list(tmp_path.iterdir()))
