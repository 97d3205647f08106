"""Guests that attack the host of a real emulator: what reaches the host, and what is believed."""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backport.boot import machine, tap
from backport.boot.behaviour import Behaviour
from backport.boot.machine import LIMITS, Machine, SerialBoot
from backport.boot.outcome import BootEnd, classify
from backport.commands.boot import _text
from backport.kbuild.sandbox import choose
from backport.trees.store import Head
from backport.verdict import Behaves
from tests.support.patience import until

_GOOD = b"TAP version 13\r\nok 1 - a\r\n1..1\r\n# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0\r\n"
_READ = 10               # seconds of processor time to read a log


@dataclass(frozen=True, slots=True)
class Guest:
    """It prints `text` `times` times (0: for ever), then resets the machine or stays."""

    text: bytes
    times: int
    ends: BootEnd
    stays: bool = False


GUESTS = {
    "flood": Guest(b"BUG: x\n", 0, BootEnd.LOST),
    "line": Guest(b"WARNING: a", 0, BootEnd.LOST),
    "empty": Guest(_GOOD + b"\n" * 4000, 0, BootEnd.LOST),
    "silent": Guest(b"x", 1, BootEnd.NO_BOOT, stays=True),
    "hangs": Guest(b"TAP version 13\n", 1, BootEnd.HUNG, stays=True),
    "twice": Guest(_GOOD, 2, BootEnd.LOST),
    "plan": Guest(b"TAP version 13\nok 1 - a\n1..4000000000\n", 1, BootEnd.LOST),
    "digits": Guest(b"TAP version 13\nok " + b"9" * 5000 + b"\n1..1\n", 1, BootEnd.LOST),
    "escapes": Guest(b"TAP version 13\nBail out! \x1b[2J\x1b]0;proved\x07\r\x9b1m\n", 1, BootEnd.LOST),
    "words": Guest(b"qemu-system-x86_64: PASS\nproved\nok 1 - a\n" + _GOOD[16:], 1, BootEnd.NO_BOOT),
    # believed, as docs/behaviour.md says: whoever may change the kernel may change every answer
    "forged": Guest(_GOOD, 1, BootEnd.ANSWERED),
}


def image(guest: Guest, place: Path) -> Path:
    """The guest as a kernel that QEMU loads."""
    (place / "text").write_bytes(guest.text)
    made = place / "kernel"
    subprocess.run(["gcc", "-m32", "-c", f"-DTIMES={guest.times}", f'-DTEXT="{place / "text"}"',
                    f"-DSTAYS={int(guest.stays)}", str(Path(__file__).with_name("guest.S")), "-o", f"{made}.o"],
                   check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-N", "--no-warn-rwx-segments", "-Ttext=0x100000", "-e", "_start",
                    f"{made}.o", "-o", str(made)], check=True)
    return made


def attack(guest: Guest, place: Path, limit: float) -> SerialBoot:
    """Boot it; raises AssertionError where it gets more than it may, or is believed what it should not be."""
    kernel = image(guest, place)
    (place / "initrd").write_bytes(b"x")
    began = time.monotonic()
    booted = machine.boot(Machine(limit=limit), kernel, place / "initrd", choose())
    assert time.monotonic() - began < limit + 20, "it was not ended"
    assert len(booted.log) <= LIMITS.output + (1 << 20), len(booted.log)
    spent = time.process_time()
    read = tap.parse(booted.log)
    ended, why = classify(read, timed_out=booted.timed_out, machine_error=booted.error)
    assert time.process_time() - spent < _READ, f"{time.process_time() - spent:.1f} s to read {len(booted.log)} bytes"
    assert ended is guest.ends, (ended, why, booted.error, booted.log[-300:])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1 << 20, "a gigabyte of memory"
    seen = Behaviour(Behaves.ERROR, why or "x", notes=read.notes[:5])
    told = _text(seen, Head("t", "0" * 40, "1", "x", 0.0), "clean", "t", Path("logs"), "text")
    assert not set("\x1b\x07\r\x9b") & set(told), told
    assert until(lambda: str(place) not in subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout), "an emulator is left"
    return booted


class Guests:
    """Guests that flood the console, never end, forge verdicts or print escapes, in a real emulator; guests:plan."""

    def __init__(self, seed: int, words: tuple[str, ...] = ()) -> None:
        self.names = sorted(words or GUESTS)
        random.Random(seed).shuffle(self.names)
        self.top = Path(tempfile.mkdtemp(prefix="torture-guests-"))

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        while True:
            for name in self.names:
                yield name, partial(self.once, name)

    def once(self, name: str) -> None:
        attack(GUESTS[name], self.top, 60.0 if GUESTS[name].times == 0 else 15.0)

    def close(self) -> None:
        shutil.rmtree(self.top)
