"""Waiting for something that comes, however busy the machine is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

LONG = 300.0             # seconds; on a quiet machine nothing here takes one


def until(done: Callable[[], bool]) -> bool:
    """Whether `done` became true: asked at once, then again and again."""
    limit = time.monotonic() + LONG
    while not done():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def runs(command: str) -> bool:
    """Whether a process with these words is there; one that was killed may need its time to go."""
    return command in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
