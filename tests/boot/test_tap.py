"""Verdict lines between kernel messages: what a log says is believed only where it adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.boot.tap import parse
from tests.support import boot_logs as logs

results = st.lists(st.tuples(st.booleans(), st.sampled_from(["control: x", "a # b", "not ok 2 - y", "1..3"])),
                   min_size=1, max_size=6)
noise = st.sampled_from(["[    0.7] tsc: Refined TSC", logs.WARNING, "[    1.0] kvm: ok 3 - not a verdict", "",
                         "[    2.0] 1..9", "ok then"])


def verdicts(log: bytes) -> list[tuple[bool, str]]:
    return [(point.ok, point.name) for point in parse(log).points]


def test_a_whole_log():
    seen = parse(logs.BUG)
    assert seen.started
    assert seen.complete
    assert verdicts(logs.BUG) == [(True, "control: nothing injected"), (False, "#DB is EBUSY")]
    assert [point.control for point in seen.points] == [True, False]
    assert seen.complaints == ()


@given(results, st.data())
def test_kernel_lines_between_ours_change_nothing(wanted, data):
    lines = [*logs.BOOT]
    for line in logs.tap(wanted):
        lines += [*data.draw(st.lists(noise, max_size=2)), line]
    seen = parse(logs.log(lines, logs.END))
    assert seen.complete
    assert [(point.ok, point.name) for point in seen.points] == wanted


@given(results, st.data())
def test_a_kernel_message_in_the_middle_of_a_line_never_turns_a_verdict(wanted, data):
    """"not " + message + "ok 1": either the log is refused, or every verdict is as the reproducer gave it."""
    whole = logs.log(logs.tap(wanted)).decode()
    at = data.draw(st.integers(0, len(whole)))
    message = data.draw(st.sampled_from(
        ["[    0.7] a message\r\n", "\r\n[    0.7] a message\r\n", "\r\n", "[    0.7] "]))
    seen = parse((whole[:at] + message + whole[at:]).encode())
    if seen.complete:
        assert [point.ok for point in seen.points] == [ok for ok, _name in wanted]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_exception(data):
    assert not parse(data).complete or data.count(b"ok ") > 0


@pytest.mark.parametrize("change", [
    lambda t: t.replace("not ok 2", "ok 2"),                       # the totals disagree
    lambda t: t.replace("1..2", "1..3"),
    lambda t: t.replace("1..2\r\n", ""),
    lambda t: t.replace("ok 1 - control: nothing injected\r\n", ""),
    lambda t: t.replace("# Totals", "# totals"),
    lambda t: t + "ok 3 - one too many\r\n",
    lambda t: t + "1..2\r\n",
])
def test_what_does_not_add_up_is_not_complete(change):
    seen = parse(change(logs.BUG.decode()).encode())
    assert not seen.complete
    assert seen.trouble


def test_verdicts_before_the_version_line_are_boot_messages():
    log = logs.log(["ok 1 - a boot message", "1..1", "# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0"])
    assert not parse(log).started
    assert parse(log).points == ()


def test_a_panic_is_never_complete_and_says_its_last_words():
    seen = parse(logs.FINE + logs.log(logs.PANIC))
    assert not seen.complete
    assert seen.panic == "Kernel panic - not syncing: Fatal exception"
    assert seen.complaints[0] == "kernel BUG at virt/kvm/eventfd.c:728!"


def test_skip_and_bail_out_give_their_reasons():
    assert parse(logs.SKIP).skip == "KVM does not offer SVM to its guests here"
    assert parse(logs.BAIL).bail == "KVM_CREATE_VM: No such device"
    assert not parse(logs.BAIL).complete


_TOTALS = "# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0"


@pytest.mark.parametrize("lines", [
    ["ok 1 - a", "1..4000000000", _TOTALS],                        # was counted through, in memory
    ["ok " + "9" * 5000, "1..1", _TOTALS],                         # more digits than Python reads
    ["ok 1 - a", "1..1", _TOTALS.replace("pass:1", "pass:" + "1" * 5000)],
    [f"ok {number}" for number in range(1, 2000)] + ["1..1999", _TOTALS.replace("pass:1", "pass:1999")],
    ["", *[""] * 300_000, "ok 1 - a", "1..1", _TOTALS],
], ids=["plan", "number", "totals", "many", "lines"])
def test_what_no_reproducer_prints_is_never_complete(lines):
    seen = parse(("\n".join(["TAP version 13", *lines]) + "\n").encode())
    assert not seen.complete
    assert seen.trouble
    assert len(seen.trouble) < 200


@pytest.mark.parametrize("piece", ["a", "WARNING: a ", "at", " "])
def test_one_line_of_megabytes_is_read_in_linear_time(piece):
    """Where a warning has its place was looked for from each letter on: 8 MB took hours."""
    seen = parse(f"TAP version 13\nWARNING: {piece * (4_000_000 // len(piece))}\n1..0\n".encode())
    assert not seen.complete


def test_a_flood_of_complaints_is_kept_in_part_and_its_panic_is_seen():
    flood = "TAP version 13\n" + "BUG: x\n" * 50_000 + "y" * 9000 + "Kernel panic - not syncing: " + "z" * 9000 + "\n"
    seen = parse(flood.encode())
    assert seen.panic.startswith("Kernel panic - not syncing: z")
    assert len(seen.complaints) == 100
    assert len(seen.panic) == 500
