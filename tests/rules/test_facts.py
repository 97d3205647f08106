# ruff: noqa: E101
from __future__ import annotations

import pytest

from backport.rules.facts import Facts, glob_regex, members, parameter_counts
from backport.rules.probe import ProbeError, build
from backport.treeview import MemoryView

HEADER = b"""
/* old_name(x) */
#define MACRO(a, b) ((a) + (b))
struct __attribute__ ((__packed__)) area {
	u32 plain;
	struct {
		u8 inner;
	} sub;
	u64 array[4];
	u32 bits:3;
	int (*op)(struct kvm_vcpu *vcpu, int reg);
};
struct user { struct area *area; };
struct page *find(struct kvm *kvm, int a,
		  int b);
static inline int none(void)
{
	return find(a, b, c) * find(1);
}
"""


def test_members_of_a_structure_with_attributes_and_inner_structures() -> None:
    assert members(HEADER, "area") >= {b"plain", b"inner", b"array", b"bits", b"op"}
    assert b"area" not in members(HEADER, "area")
    assert members(HEADER, "missing") == frozenset()


def test_parameters_are_those_of_declarations_and_not_of_calls() -> None:
    assert parameter_counts(HEADER, "find") == {3}
    assert parameter_counts(HEADER, "none") == {0}
    assert parameter_counts(HEADER, "MACRO") == {2}


def test_globs() -> None:
    assert glob_regex("arch/x86/kvm/**").match("arch/x86/kvm/svm/svm.c")
    assert not glob_regex("arch/x86/kvm/*").match("arch/x86/kvm/svm/svm.c")
    assert glob_regex("**/*.c").match("a/b/c.c")
    assert glob_regex("**/*.c").match("c.c")
    assert not glob_regex("a.c").match("aXc")


VIEW = MemoryView("old", {"include/a.h": HEADER, "arch/b.c": b"x = old_name;\n", "z/doc.txt": b"old_name"})


@pytest.mark.parametrize(("probe", "holds"), [
    ({"present": {"identifier": "old_name", "in": "arch/**"}}, True),
    ({"absent": {"identifier": "old_name", "in": "include/**"}}, True),      # only a comment has it
    ({"absent": {"identifier": "old_nam", "in": "arch/**"}}, True),          # whole names
    ({"present": {"function": "none", "in": "include/**"}}, True),
    ({"absent": {"function": "find", "in": "include/**"}}, True),            # only declared
    ({"present": {"macro": "MACRO", "in": "**"}}, True),
    ({"present": {"field": "area.sub", "in": "include/a.h"}}, True),
    ({"present": {"parameters": "find", "count": 3, "in": "**"}}, True),
    ({"absent": {"parameters": "find", "count": 1, "in": "**"}}, True),
    ({"present": {"file": "z/doc.txt"}}, True),
    ({"absent": {"file": "z/none.c"}}, True),
    ({"present": {"regexp": "^x = ", "in": "arch/b.c"}}, True),
    ({"all": [{"present": {"file": "z/doc.txt"}}, {"not": {"present": {"file": "arch/b.c"}}}]}, False),
    ({"any": [{"present": {"file": "none"}}, {"present": {"file": "arch/b.c"}}]}, True),
])
def test_probes_ask_the_tree_and_say_what_they_found(probe: object, holds: bool) -> None:
    answer = build(probe, ("**",)).ask(Facts(VIEW), {})
    assert answer.holds is holds
    assert answer.because


@pytest.mark.parametrize("bad", [
    {}, {"version": "5.10"}, {"all": []}, {"present": "x"}, {"present": {"identifier": "a", "macro": "b"}},
    {"present": {"field": "nodot"}}, {"present": {"regexp": "("}}, {"present": {"parameters": "f"}},
    {"present": {"bound": "X"}}, {"present": {"identifier": ""}}, {"present": {"identifier": "a", "at": "b"}},
])
def test_bad_probes(bad: object) -> None:
    with pytest.raises(ProbeError):
        build(bad, ("**",))


def test_a_probe_of_one_match_sees_what_was_bound() -> None:
    probe = build({"present": {"identifier": "old_${X}", "in": "arch/**"}}, ("**",))
    assert probe.ask(Facts(VIEW), {"X": b"name"}).holds
    assert not probe.ask(Facts(VIEW), {"X": b"other"}).holds
