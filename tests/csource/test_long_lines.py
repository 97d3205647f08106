"""What stands in a file is a stranger's to decide: a long line is read once, not once for each of its bytes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from backport.csource.declarations import at_file_level
from backport.csource.source import Source

LENGTH = 30_000          # bytes: what grows with the square takes a minute of the processor, what does not seconds
AGAIN = (b"M", b" ", b"\\\"", b"\"\\", b"'", b"(", b"x=f(", b"a ", b"a.", b"->", b" *", b"Aa1", b"[", b"{",
         b"/*")
BEGIN = (b"", b"f(", b"static int ")


@pytest.fixture
def _alarm() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise AssertionError("one line takes too long")
    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, 20)         # of this process alone: a busy machine does not count
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.mark.usefixtures("_alarm")
@pytest.mark.parametrize("again", AGAIN)
def test_a_long_line_is_read_once(again: bytes) -> None:
    read = Source(b"".join(begin + again * (LENGTH // len(again)) + b"\n" for begin in BEGIN))
    for _at, piece in read.pieces:
        for fact in ("words", "names", "functions", "blocks", "calls", "members", "of_members", "checked", "macros",
                     "variables", "conditionals"):
            getattr(piece, fact)
    at_file_level(read.data)


def test_a_name_at_the_margin_is_whole() -> None:
    assert at_file_level(b"MODULE_LICENSE(\"GPL\");\nint *f (void);\ng(x)\n\tnot_this(1);\n") == {
        b"MODULE_LICENSE", b"f", b"g"}
