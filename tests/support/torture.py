"""Attacks by name, as often as one likes: what it prints is the evidence of docs/reliability.md.

Each part raises on the first answer that it should not get, and prints the round and the seed that repeat it.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from functools import partial
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from backport.errors import BackportError
from backport.kbuild import diagnostics
from backport.patch.intake.raw import Raw
from backport.patch.intake.single import Surroundings, read
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.yaml_nodes import compose
from tests.support.attacks.builds import Builds
from tests.support.attacks.clock import Clock
from tests.support.attacks.damage import Damage
from tests.support.attacks.disk import Disk, Kill
from tests.support.attacks.fuzz import Fuzz
from tests.support.attacks.guests import Guests
from tests.support.attacks.nights import Nights
from tests.support.attacks.patterns import Patterns
from tests.support.attacks.picks import Picks
from tests.support.attacks.resolves import Resolves
from tests.support.attacks.together import Together
from tests.support.attacks.world import Attack

_MAIL = b"""From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: =?utf-8?q?A_B?= <a@example.org>
Date: Mon, 1 Jan 2024 00:00:00 +0000
Subject: [PATCH 1/2] =?iso-8859-1?b?eDogeQ==?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"; charset=utf-8

--b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Text.=20

Signed-off-by: A B <a@example.org>
---
 f.c | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/f.c b/f.c
index 1111111..2222222 100644
--- a/f.c
+++ b/f.c
@@ -1,3 +1,3 @@
 a
-b
+c
 d
--b1--
"""
_WORDS = (b"undefined", b"idna", b"punycode", b"utf-7", b"\0", b"\r", b"=?x?q?y?=", b"=?utf-8?b?//8=?=", b"--b1",
          b"\xff", b"boundary*=\0''x", b"charset*0*=x", b"filename*=utf-9''%ff", b"base64", b"\n\n", b":(top)x",
          b"a/" * 3000,
          b"999999999999999999999", b"GIT binary patch\nliteral 5\n", b"-- \n", b"@@ -0,0 +1 @@\n",
          b"\xe2\x80\xa8", b"\f")


def mutated(rng: random.Random, data: bytes) -> bytes:
    """`data` with some pieces put in, taken away, doubled or replaced."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(made) + 1)
        end = min(len(made), at + rng.choice((0, 1, 1, 4, 20, 200)))
        made[at:end] = rng.choice((rng.choice(_WORDS), bytes([rng.randrange(256)]), bytes(made[at:end]) * 2, b""))
    return bytes(made)


def intake(rng: random.Random) -> None:
    """A mail that somebody damaged is a patch that writes out as it is read, or is refused with a reason."""
    answer = read(Raw(mutated(rng, _MAIL), "mail"), Surroundings())
    if isinstance(answer, Patch):
        read_mail(answer)
        assert answer.render()
    else:
        assert answer.reason


def messages(rng: random.Random) -> None:
    """Output of a compiler with hostile lines is read in a time that grows with its length."""
    piece = rng.choice((b"as", b"a.c:1:1: warning: ", b": ", b"(", b" | ", b"../", b"'", b"[-W",
                        b"In file included from "))
    line = b"f.c:1:2: warning: #warning " * rng.randint(0, 2) + piece * (1_000_000 // len(piece))
    began = time.process_time()
    diagnostics.parse(line + b"\n", diagnostics.Paths(Path("/source"), Path("/build")))
    assert time.process_time() - began < 10, piece


def manifest(rng: random.Random) -> None:
    """A manifest that somebody damaged is read, or refused with its line."""
    text = b"trees:\n  - name: linux-6.1.y\n    sources:\n      - debian: {suite: bookworm}\n    fragments: [a, b]\n"
    try:
        compose(mutated(rng, text), lambda line, said, hint: BackportError(f"{line}: {said}", hint=hint))
    except BackportError as error:
        if not str(error).split(":")[0].isdigit():
            raise AssertionError(f"no line: {error}") from error


def run(rng: random.Random) -> None:
    """kill -9 of a run at any moment: the store of results opens, and the next run comes to its end."""
    state = Path(tempfile.gettempdir()) / f"torture-state-{os.getpid()}"
    scratch = state / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "BACKPORT_STATE": str(state), "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "backport", "run", "--no-build", "--offline", "--force", "--tree", "6.1"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.05, 3))
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    with sqlite3.connect(state / "results.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert not list(scratch.iterdir()), list(scratch.iterdir())


PARTS: dict[str, Callable[[random.Random], None]] = {
    "intake": intake, "messages": messages, "manifest": manifest, "run": run}
# with a place of their own; their rounds come in an order that the seed decides
PLACES: dict[str, Callable[[int, tuple[str, ...]], Attack]] = {
    "builds": Builds, "clock": Clock, "damage": Damage, "disk": Disk, "fuzz": Fuzz, "guests": Guests, "kill": Kill,
    "nights": Nights, "patterns": Patterns, "picks": Picks, "resolves": Resolves, "together": Together}


_QUIET = 5.0                         # seconds between two lines of progress, at least


class Stopped(BaseException):
    """Somebody sent SIGINT or SIGTERM: what was done until then is told."""


def attack(part: str, rounds: int, seed: int, first: int = 0) -> str:
    """Run the rounds `first` to `rounds` of one part; returns the line that says what was done, also where somebody
    stopped it. Raises whatever the attack found."""
    began = told = time.monotonic()
    name, _, some = part.partition(":")
    done, how = 0, "nothing found"
    todo = each(name, some, first, rounds, seed)
    try:
        for what, once in todo:
            try:
                once()
            except Stopped:
                raise
            except BaseException:
                print(f"{part}: round {first + done} of seed {seed}{what and ': '}{what}", file=sys.stderr)
                raise
            done += 1
            if time.monotonic() - told > _QUIET:
                told = time.monotonic()
                print(f"{part}: round {first + done - 1} is good{what and ': '}{what}; {told - began:.0f} s",
                      file=sys.stderr, flush=True)
    except Stopped:
        how = "stopped, nothing found until then"
    finally:
        todo.close()
    which = f" from round {first}" if first else ""
    return f"{part}: {done} rounds{which}, seed {seed}, {time.monotonic() - began:.0f} s, {how}"


def each(name: str, some: str, first: int, end: int, seed: int
         ) -> Generator[tuple[str, Callable[[], None]], None, None]:
    """(what is attacked, the attack) from round `first` up to `end`; `some` are words that a part knows, separated by
    commas."""
    if name in PARTS:
        for number in range(first, end):
            yield "", partial(PARTS[name], random.Random(f"{seed} {number}"))
        return
    place = PLACES[name](seed, tuple(filter(None, some.split(","))))
    try:
        yield from islice(place.rounds(), first, end)
    finally:
        place.close()


def _stop(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):       # timeout(1) sends it twice, into the removal of the place
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def main(words: list[str]) -> None:
    known = {**PARTS, **PLACES}
    if not words or words[0].partition(":")[0] not in known:
        sys.exit("\n".join(f"{name:10} {(one.__doc__ or '').splitlines()[0]}" for name, one in known.items()))
    which, seed = (*words[1:3], *("1000", "1")[len(words[1:3]):])
    first, _, end = which.rpartition("-")            # 500-1000: go on where another call ended
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    print(attack(words[0], int(end), int(seed), int(first or 0)))


if __name__ == "__main__":
    main(sys.argv[1:])
