"""apply_rules on hunks and trees that nobody laid out by hand."""

from __future__ import annotations

import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backport.patch.model import FileDiff, Hunk, Line
from backport.rules.engine import applied_form, apply_rules
from backport.rules.load import read_rule
from backport.treeview import MemoryView
from tests.csource.test_tokens import FRAGMENTS
from tests.rules.test_engine import HOST, HOST_5, X86
from tests.rules.test_load import RULES

PENDING = tuple(rule for rule in RULES if rule.id == "kvm-is-exception-pending")
WORDS = re.compile(rb"\w+|->|[^\s\w]")


def file(lines: list[tuple[bytes, bytes]]) -> FileDiff:
    raw = X86.encode()
    return FileDiff(b"--- a/%s\n+++ b/%s\n" % (raw, raw), X86, X86,
                    (Hunk(3, 3, tuple(Line(kind, text) for kind, text in lines)),))


LINES = st.lists(st.tuples(st.sampled_from([b" ", b"-", b"+"]), FRAGMENTS.map(
    lambda text: text.replace(b"\n", b" ") + b"\n")), min_size=1, max_size=6)
CALLS = st.sampled_from([b"\tkvm_is_exception_pending(vcpu);\n", b"\tif (kvm_is_exception_pending(\n",
                         b"\t\t&svm->vcpu))\n", b"/* kvm_is_exception_pending(vcpu)\n", b"\n", b"\t */\n",
                         b"\tx = 1;\n"])
MIXED = st.lists(st.tuples(st.sampled_from([b" ", b"-", b"+"]), CALLS), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(LINES | MIXED, st.binary(max_size=60))
def test_no_hunk_and_no_target_make_it_raise(lines: list[tuple[bytes, bytes]], target: bytes) -> None:
    view = MemoryView("old", {HOST: HOST_5, X86: target})
    result = apply_rules(file(lines), view, RULES)
    applied_form(file(lines), view, RULES)
    for hunk in result.hunks:
        if not hunk.rewritten:
            assert tuple((line.kind, line.text) for line in hunk.hunk.lines) == tuple(lines)


@settings(max_examples=60, deadline=None)
@given(MIXED)
def test_every_word_outside_of_calls_survives_in_order(lines: list[tuple[bytes, bytes]]) -> None:
    """Old and new side: what is left when the two forms are taken out is the same."""
    # a call inside the open call of the line before is no C, and `plain` knows the two arguments only
    for skipped in (b"-", b"+"):
        side = b"".join(text for kind, text in lines if kind != skipped)
        assume(not re.search(rb"pending\([^()]*if \(kvm_is", side))
    result = apply_rules(file(lines), MemoryView("old", {HOST: HOST_5, X86: b""}), PENDING).hunks[0].hunk
    for before, after in ((file(lines).hunks[0].old, result.old), (file(lines).hunks[0].new, result.new)):
        def plain(parts: tuple[bytes, ...]) -> list[bytes]:
            text = b" ".join(WORDS.findall(b"".join(parts)))
            for new, old in ((rb"& svm -> vcpu", rb"svm -> vcpu \."), (rb"vcpu", rb"vcpu ->")):
                text = re.sub(rb"kvm_is_exception_pending \( %s \)|%s arch \. exception \. pending" % (new, old),
                              b"P", text)
            return text.split()
        assert plain(before) == plain(after)


GAPS = st.lists(st.sampled_from([b" ", b"\n\t\t", b"  ", b"\t"]), min_size=60, max_size=60)
UPSTREAM = [(b" ", b"\tr = -EBUSY;\n"), (b"-", b"\tif (kvm_is_exception_pending(vcpu))\n"),
            (b"+", b"\tif (kvm_is_exception_pending(vcpu) || vcpu->arch.exception.injected)\n"),
            (b" ", b"\t\tgoto out;\n"), (b" ", b"\tx = kvm_is_exception_pending(&svm->vcpu);\n")]


@settings(max_examples=60, deadline=None)
@given(GAPS, st.booleans())
def test_whatever_the_target_s_white_space_its_own_bytes_are_used(gaps: list[bytes], patched: bool) -> None:
    want = (b"r = -EBUSY ; if ( vcpu -> arch . exception . pending ) goto out ; "
            b"x = svm -> vcpu . arch . exception . pending ;")
    if patched:
        want = want.replace(b"pending )", b"pending || vcpu -> arch . exception . injected )")
    words = want.split(b" ")
    text = b"\t" + b"".join(word + gap for word, gap in zip(words[:-1], gaps, strict=False)) + words[-1]
    target = b"int f(void)\n{\n" + text + b"\n}\n"
    view = MemoryView("old", {HOST: HOST_5, X86: target})
    forward, back = apply_rules(file(UPSTREAM), view, PENDING), applied_form(file(UPSTREAM), view, PENDING)
    assert forward.anchored is not patched
    assert back.anchored is patched
    hunk = (back if patched else forward).hunks[0].hunk
    old = b"".join(hunk.old)
    lines = target.split(b"\n")
    assert b"\n".join(lines[hunk.old_start - 1:hunk.old_start - 1 + old.count(b"\n")]) + b"\n" == old
    new = WORDS.findall(b"".join(hunk.new))
    assert (b"injected" in new) is not patched


def test_the_same_rule_twice_is_harmless() -> None:
    text = PENDING[0].source.replace(b"id: kvm-is-exception-pending", b"id: again")
    twice = (*PENDING, read_rule(text, "again.yaml", "again"))
    view = MemoryView("old", {HOST: HOST_5, X86: b""})
    assert apply_rules(file(UPSTREAM), view, twice).file == apply_rules(file(UPSTREAM), view, PENDING).file
