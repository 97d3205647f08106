"""What a compiler prints is a patch's to decide: one long line costs what many short ones do, and is kept short."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.kbuild.delta import Delta, file_delta
from backport.kbuild.diagnostics import Paths, compare, parse
from backport.kbuild.failure import trouble
from backport.kbuild.make import Exited, Runner
from backport.kbuild.sandbox import Limits, Sandbox
from backport.verdict import Build
from tests.kbuild.conftest import Bench

PATHS = Paths(Path("/s/tree"), Path("/b/build"))
X86 = "arch/x86/kvm/x86.c"
LENGTH = 100_000         # characters: what grows with the square takes minutes of the processor, what does not none

# what an expression may try to begin again and again: names of tools, colons, endings of files, control sequences
AGAIN = ("as", "-ld", "clang", "gcc ", "Kconfig", "Makefile", ".o", ": ", "::", "*** ", "Killed", "memory exhausted",
         "\x1b]", "\x1b[1", "error: call to ", "make[1]: ", "1:", "File has modification time ", "(", "'", "\\\"",
         "undefined reference to ", "a/../", "signal terminated program ", "No space left on device ")
BEGIN = ("", "x.c:1: error: ", "make[1]: *** ", "gcc: error: ", "ld: ", "make[1]: warning:  File ", "  CC ")


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
def test_a_long_line_is_read_once(again: str) -> None:
    text = "\n".join(begin + again * (LENGTH // len(again)) for begin in BEGIN).encode()
    found = parse(text, PATHS)
    assert max([len(item.text) for item in found] or [0]) < 3000
    trouble(Exited(2, text, 1.0))


def test_what_is_cut_off_still_tells_two_messages_apart() -> None:
    """A warning that is in the baseline hides no other that begins with the same 2,000 characters."""
    def one(tail: str) -> bytes:
        return f"  CC      x.o\nx.c:1:2: warning: {'a' * 100_000}{tail}\n{'excerpt ' * 5000}\n".encode()
    delta = Delta({})
    old, same, other = parse(one("1"), PATHS), parse(one("1"), PATHS), parse(one("2"), PATHS)
    assert compare(old, same, delta, rebuilt=frozenset({"x.o"})) == ((), ())
    new, fixed = compare(old, other, delta, rebuilt=frozenset({"x.o"}))
    assert (len(new), len(fixed)) == (1, 1)
    assert len(new[0].text) + sum(map(len, new[0].detail)) < 4000
    assert "more characters" in new[0].text


def test_many_lines_beside_one_message_are_kept_in_part() -> None:
    output = "x.c:1:2: warning: many\n" + "".join(f"line {number}\n" for number in range(100_000))
    (found,) = parse(output.encode(), PATHS)
    assert found.detail[0] == "line 0"
    assert found.detail[-1].endswith("more lines)")
    assert len(found.detail) < 100


def test_a_line_number_is_one_that_a_file_can_have() -> None:
    assert parse(b"x.c:" + b"1" * 5000 + b": error: far away\n", PATHS) == ()
    assert [item.line for item in parse(b"x.c:123456: error: far\n", PATHS)] == [123456]


@pytest.mark.usefixtures("_alarm")
def test_a_hunk_whose_header_names_no_line_of_the_file_is_found_all_the_same() -> None:
    from backport.patch.parse import parse as read
    patch = read(b"diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -900000000,1 +900000000,2 @@\n a\n+b\n")
    delta = file_delta("x.c", b"a\n", b"a\nb\n", patch.files[0].hunks)
    assert [(block.old, block.added) for block in delta.blocks] == [(1, 1)]


@pytest.mark.usefixtures("_alarm")
def test_a_long_warning_warns_and_the_cell_stays_small(bench: Bench) -> None:
    text = "asas" * 50_000
    result = bench.build(bench.edit(X86, "int kvm_has_xen", f"#warning {text}\nint kvm_has_xen"), compared=False)
    assert result.verdict is Build.WARN, result.reason
    assert result.reason.startswith(f"{X86}:4:2: warning: #warning asas")
    assert len(json.dumps(result.as_dict())) < 30_000


def test_a_thousand_warnings_are_counted_and_not_all_kept(bench: Bench) -> None:
    many = "".join(f"#warning number {number}\n" for number in range(1000))
    result = bench.build(bench.edit(X86, "int kvm_has_xen", f"{many}int kvm_has_xen"), compared=False)
    assert result.verdict is Build.WARN
    assert "(and 999 more)" in result.reason
    assert len(result.new) < 1000
    assert any(note.startswith("1000 new diagnostics") for note in result.notes)
    assert Path(result.log).read_text().count("warning: #warning number") == 1000


def test_the_log_of_several_calls_has_one_limit(tmp_path: Path) -> None:
    log = tmp_path / "log"
    runner = Runner(Sandbox("none"), Limits(output=100_000))
    for _call in range(5):
        ended = runner.run(["head", "-c", "60000", "/dev/zero"], cwd=tmp_path, log=log)
        assert len(ended.output) == 60_000
    assert log.stat().st_size < 102_000
    assert b"the log is full: 20" in log.read_bytes()
    assert log.read_bytes().count(b"$ head") == 5


@pytest.mark.usefixtures("_alarm")
def test_a_source_line_of_quotes_is_compared(bench: Bench) -> None:
    odd = "#if 0\n" + "\\\"" * 300_000 + "\n" + "x \\\"" * 100_000 + "\n#endif\n"
    result = bench.build(bench.edit(X86, "int kvm_has_xen", f"{odd}int kvm_has_xen"))
    assert result.verdict is Build.NOT_COMPILED, result.reason
