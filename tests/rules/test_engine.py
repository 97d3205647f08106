# ruff: noqa: E101, E501
from __future__ import annotations

from backport.patch.model import FileDiff
from backport.patch.parse import parse
from backport.rules.engine import applied_form, apply_rules
from backport.rules.load import load_rules, read_rule
from backport.treeview import MemoryView
from backport.verdict import Sure

X86 = "arch/x86/kvm/x86.c"
HOST = "arch/x86/include/asm/kvm_host.h"
HOST_5 = b"struct kvm_vcpu_arch {\n\tstruct kvm_queued_exception {\n\t\tbool pending;\n\t\tbool injected;\n\t} exception;\n};\n"

HEAD = """diff --git a/arch/x86/kvm/x86.c b/arch/x86/kvm/x86.c
index fd1c4a36b5936..58f7247814e06 100644
--- a/arch/x86/kvm/x86.c
+++ b/arch/x86/kvm/x86.c
"""
BUNDLED = HEAD + """@@ -12529,7 +12529,7 @@ int kvm_arch_vcpu_ioctl_set_guest_debug(struct kvm_vcpu *vcpu,
\x20
 	if (dbg->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
 		r = -EBUSY;
-		if (kvm_is_exception_pending(vcpu))
+		if (kvm_is_exception_pending(vcpu) || vcpu->arch.exception.injected)
 			goto out;
 		if (dbg->control & KVM_GUESTDBG_INJECT_DB)
 			kvm_queue_exception(vcpu, DB_VECTOR);
"""
FUNCTION_5 = """int kvm_arch_vcpu_ioctl_set_guest_debug(struct kvm_vcpu *vcpu,
					struct kvm_guest_debug *dbg)
{
	vcpu_load(vcpu);

	if (dbg->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		r = -EBUSY;
		if (vcpu->arch.exception.pending)
			goto out;
		if (dbg->control & KVM_GUESTDBG_INJECT_DB)
			kvm_queue_exception(vcpu, DB_VECTOR);
		else
			kvm_queue_exception(vcpu, BP_VECTOR);
	}
"""


def diff(text: str) -> FileDiff:
    return parse(text.encode()).files[0]


def tree(x86: str) -> MemoryView:
    return MemoryView("old", {HOST: HOST_5, X86: x86.encode()})


def test_the_bundled_fix_on_a_tree_with_the_raw_field() -> None:
    result = apply_rules(diff(BUNDLED), tree(FUNCTION_5), load_rules())
    assert result.file.hunks[0].render().decode() == """@@ -5,7 +5,7 @@ int kvm_arch_vcpu_ioctl_set_guest_debug(struct kvm_vcpu *vcpu,
\x20
 	if (dbg->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
 		r = -EBUSY;
-		if (vcpu->arch.exception.pending)
+		if (vcpu->arch.exception.pending || vcpu->arch.exception.injected)
 			goto out;
 		if (dbg->control & KVM_GUESTDBG_INJECT_DB)
 			kvm_queue_exception(vcpu, DB_VECTOR);
"""
    assert result.sure is Sure.REVIEW
    assert result.touches_added
    assert not result.equivalent
    assert "KVM_REQ_TRIPLE_FAULT" in result.notes[0]
    assert result.rules == ("kvm-is-exception-pending",)
    assert any("nowhere" in sentence for sentence in result.hunks[0].because)


def test_a_tree_with_the_helper_is_left_alone_byte_for_byte() -> None:
    x86 = FUNCTION_5.replace("vcpu->arch.exception.pending", "kvm_is_exception_pending(vcpu)")
    result = apply_rules(diff(BUNDLED), tree(x86), load_rules())
    assert result.file.render() == BUNDLED.encode()
    assert not result.changed
    assert result.anchored


def test_in_adapted_form_it_is_there_already() -> None:
    patched = FUNCTION_5.replace("exception.pending)", "exception.pending ||\n\t\t    vcpu->arch.exception.injected)")
    assert applied_form(diff(BUNDLED), tree(patched), load_rules()).anchored
    assert not apply_rules(diff(BUNDLED), tree(patched), load_rules()).anchored
    assert not applied_form(diff(BUNDLED), tree(FUNCTION_5), load_rules()).anchored


def test_the_target_s_own_line_breaks_are_used_on_every_line() -> None:
    odd = FUNCTION_5.replace("if (vcpu->arch.exception.pending)", "if ( vcpu->arch.\n\t\t\texception.pending )")
    result = apply_rules(diff(BUNDLED), tree(odd), load_rules())
    body = result.file.hunks[0]
    assert b"\t\tif ( vcpu->arch.\n" in body.old
    assert b"\t\t\texception.pending )\n" in body.removed
    assert b"\t\t\texception.pending || vcpu->arch.exception.injected)\n" in body.added
    assert b"".join(body.old) in odd.encode()


def test_context_only_is_certain() -> None:
    text = HEAD + """@@ -1,3 +1,3 @@
 		if (kvm_is_exception_pending(vcpu))
-			goto out;
+			goto fail;
 		if (dbg->control & KVM_GUESTDBG_INJECT_DB)
"""
    result = apply_rules(diff(text), tree(FUNCTION_5), load_rules())
    assert result.sure is Sure.CERTAIN
    assert not result.touches_added
    assert [line.kind for line in result.file.hunks[0].lines] == [b" ", b"-", b"+", b" "]
    assert "context adjusted" in result.notes[0]


def test_a_call_over_a_context_line_and_a_changed_line() -> None:
    text = HEAD + """@@ -1,3 +1,3 @@
 	r = kvm_is_exception_pending(
-			old);
+			new);
 	return r;
"""
    result = apply_rules(diff(text), tree("\tr = old->arch.exception.pending;\n\treturn r;\n"), load_rules())
    assert [line.kind + line.text for line in result.file.hunks[0].lines] == [
        b"-\tr = old->arch.exception.pending;\n", b"+\tr = new->arch.exception.pending;\n", b" \treturn r;\n"]


def test_a_line_that_only_changes_its_dialect_is_context_in_the_target() -> None:
    text = HEAD + """@@ -1,2 +1,2 @@
-	r = vcpu->arch.exception.pending;
-	return r;
+	r = kvm_is_exception_pending(vcpu);
+	return !r;
"""
    result = apply_rules(diff(text), tree("\tr = vcpu->arch.exception.pending;\n\treturn r;\n"), load_rules())
    assert [line.kind + line.text for line in result.file.hunks[0].lines] == [
        b" \tr = vcpu->arch.exception.pending;\n", b"-\treturn r;\n", b"+\treturn !r;\n"]


def test_two_places_with_the_same_bytes_keep_the_header_s_lines() -> None:
    text = HEAD + """@@ -7,2 +7,2 @@
 	if (kvm_is_exception_pending(vcpu))
-		return 1;
+		return 2;
"""
    there = "\tif (vcpu->arch.exception.pending)\n\t\treturn 1;\n"
    result = apply_rules(diff(text), tree(there + "x;\n" + there), load_rules())
    assert result.hunks[0].places == (1, 4)
    assert not result.anchored
    assert result.file.hunks[0].old_start == 7


def test_a_missing_empty_context_line_is_left_out_on_both_sides() -> None:
    x86 = FUNCTION_5.replace("\tvcpu_load(vcpu);\n\n", "\tvcpu_load(vcpu);\n")
    result = apply_rules(diff(BUNDLED), tree(x86), load_rules())
    hunk = result.file.hunks[0]
    assert hunk.old[0] != b"\n"
    assert b"".join(hunk.old) in x86.encode()
    assert len(hunk.old) == len(hunk.new) == 6


def test_a_hunk_inside_a_comment_that_the_preimage_shows() -> None:
    text = HEAD + """@@ -2,3 +2,3 @@
   nobody may call kvm_is_exception_pending(vcpu)
-  before
+  after
   kvm_is_exception_pending(vcpu) was called
"""
    preimage = (b"/*\n  nobody may call kvm_is_exception_pending(vcpu)\n  before\n"
                b"  kvm_is_exception_pending(vcpu) was called\n */\n")
    assert not apply_rules(diff(text), tree(""), load_rules(), preimage=preimage).changed


def test_rules_that_feed_each_other_forever_change_nothing() -> None:
    body = """id: {id}
title: t
appeared: made up
applies_to: ["**"]
probe:
  absent: {{file: never}}
rewrite:
  - {{match: "{a}", replace: "{b}"}}
equivalent: true
note: n
examples:
  - {{name: one, path: a.c, tree: {{}}, before: "-{a}", after: "-{b}"}}
  - {{name: two, path: a.c, tree: {{}}, before: "-x", unchanged: true}}
"""
    rules = [read_rule(body.format(id=i, a=a, b=b).encode(), i, i) for i, a, b in (("p", "foo", "bar"), ("q", "bar", "foo"))]
    file = diff(HEAD + "@@ -1 +1 @@\n-\tfoo;\n+\tbaz;\n")
    result = apply_rules(file, tree(""), rules)
    assert result.file.render() == file.render()
    assert "rewrite each other for ever" in result.unresolved[0]
