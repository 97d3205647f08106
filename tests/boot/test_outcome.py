"""The table of verdicts: which runs without and with the patch make which word."""

from __future__ import annotations

import pytest

from backport.boot.outcome import BootEnd, BootRun, Side, classify, judge, judge_smoke
from backport.boot.tap import parse
from backport.verdict import Behaves
from tests.support import boot_logs as logs

HUNG = ("hung", logs.HALF)


def run(log: bytes | tuple[str, bytes]) -> BootRun:
    timed_out = isinstance(log, tuple)
    transcript = parse(log[1] if isinstance(log, tuple) else log)
    ended, why = classify(transcript, timed_out=timed_out)
    return BootRun(ended, transcript, why=why)


def side(*log: bytes | tuple[str, bytes]) -> Side:
    return Side(tuple(run(one) for one in (log * 3 if len(log) == 1 else log)))


WARNED = logs.answered((True, "control: nothing injected"), (True, "#DB is EBUSY"), more=[logs.WARNING])
SKIPPED = logs.BUG.replace(b"not ok 2 - #DB is EBUSY", b"ok 2 - #DB is EBUSY # SKIP not today").replace(
    b"fail:1 xfail:0 xpass:0 skip:0", b"fail:0 xfail:0 xpass:0 skip:1")
HALF_MENDED_BEFORE = logs.answered((False, "a"), (False, "b"))
HALF_MENDED = logs.answered((True, "a"), (False, "b"))


@pytest.mark.parametrize(("before", "after", "verdict", "says"), [
    (logs.BUG, logs.FINE, "proved", "#DB is EBUSY"),
    (logs.CRASH, logs.FINE, "proved", "the kernel dies: kernel BUG at virt/kvm/eventfd.c:728!"),
    (logs.BUG, logs.BUG, "no effect", "with the patch as well: #DB is EBUSY"),
    (logs.CRASH, logs.CRASH, "no effect", "dies with the patch as well"),
    (HALF_MENDED_BEFORE, HALF_MENDED, "no effect", "1 of 2 checks fixed, but"),
    (logs.FINE, logs.FINE, "not shown", "every check holds without"),
    (logs.BUG, logs.OVERDONE, "broke", "nothing injected"),
    (logs.FINE, logs.BUG, "broke", "#DB is EBUSY"),
    (logs.BUG, logs.CRASH, "broke", "the kernel dies with the patch"),
    (logs.FINE, logs.CRASH, "broke", "the kernel dies with the patch"),
    (logs.BUG, logs.NO_BOOT, "broke", "no longer boots"),
    (logs.BUG, WARNED, "broke", "complains only with the patch: WARNING"),
    (logs.BUG, HUNG, "broke", "did not end within its limit"),
    (logs.BUG, logs.SKIP, "broke", "cannot run any more"),
    (logs.BUG, logs.BAIL, "error", "KVM_CREATE_VM"),
    (HUNG, logs.FINE, "error", "did not end within its limit"),
    (logs.BAIL, logs.FINE, "error", "KVM_CREATE_VM"),
    (logs.NO_BOOT, logs.FINE, "error", "does not boot without the patch either"),
    (logs.OVERDONE, logs.FINE, "error", "a control fails without the patch: nothing injected"),
    (logs.OVERDONE, logs.CRASH, "broke", "the kernel dies with the patch"),      # although the reproducer is no good
    (logs.SKIP, logs.FINE, "not testable here", "KVM does not offer SVM"),
    (logs.BUG, logs.answered((True, "one")), "error", "cannot be compared"),
    (logs.BUG, SKIPPED, "error", "this check is skipped"),
])
def test_verdicts(before, after, verdict, says):
    word, reason = judge(side(before), side(after))
    assert word == verdict
    assert says in reason


def test_one_run_that_disagrees_is_no_verdict():
    assert judge(side(logs.BUG), side(logs.FINE, logs.FINE, logs.BUG))[0] == "error"
    assert judge(side(logs.BUG, logs.BUG, logs.FINE), side(logs.FINE))[0] == "error"
    word, reason = judge(side(logs.BUG), side(logs.FINE, logs.FINE))
    assert word == "error"
    assert "2 of 2 runs agree" in reason


def test_repeated_flakes_do_not_hide_and_do_not_decide():
    flaky = side(logs.NO_BOOT, logs.FINE, logs.FINE, logs.FINE)
    assert flaky.settled
    assert flaky.flakes == 1
    assert "1 repeated (no boot" in flaky.sentence
    assert judge(side(logs.BUG), flaky)[0] == "proved"


def test_a_kernel_that_never_boots_is_an_answer():
    assert side(logs.NO_BOOT).settled
    assert side(logs.NO_BOOT).flakes == 0


@pytest.mark.parametrize(("before", "after", "verdict"), [
    (logs.FINE, logs.FINE, "not asked"), (logs.FINE, logs.BUG, "broke"), (logs.FINE, logs.NO_BOOT, "broke"),
    (logs.BUG, logs.FINE, "error"), (logs.SKIP, logs.FINE, "not testable here"),
])
def test_smoke(before, after, verdict):
    assert judge_smoke(side(before), side(after))[0] == verdict


def test_every_word_has_a_legend_and_a_cut_log_is_no_answer():
    assert all(word.legend for word in Behaves)
    assert run(logs.HALF).ended is BootEnd.LOST
    assert run(("hung", logs.BOOT[0].encode())).ended is BootEnd.NO_BOOT
