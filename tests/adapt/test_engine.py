from __future__ import annotations

from backport.verdict import Apply, Sure
from tests.support.adapting import result, run, unopposed

UPSTREAM = b"""\
int unrelated(void)
{
	return 1;
}

int set_guest_debug(struct vcpu *vcpu, struct guest_debug *dbg)
{
	int r;

	vcpu_load(vcpu);

	if (dbg->control & (INJECT_DB | INJECT_BP)) {
		r = -EBUSY;
		if (is_exception_pending(vcpu))
			goto out;
		if (dbg->control & INJECT_DB)
			queue_exception(vcpu, DB_VECTOR);
	}
	r = 0;
out:
	vcpu_put(vcpu);
	return r;
}
"""
FIXED = UPSTREAM.replace(b"is_exception_pending(vcpu))",
                         b"is_exception_pending(vcpu) || vcpu->arch.exception.injected)")
OLDER = (UPSTREAM.replace(b"is_exception_pending(vcpu))", b"vcpu->arch.exception.pending)")
         .replace(b"\treturn 1;\n", b"\tint a = 3;\n\n\treturn a;\n"))
OLDER_FIXED = OLDER.replace(b"exception.pending)", b"exception.pending || vcpu->arch.exception.injected)")


def test_both_changes_of_one_line_survive_without_any_rule() -> None:
    answer = run(UPSTREAM, FIXED, OLDER)
    assert answer.outcome is Apply.MERGED
    assert result(answer, OLDER) == OLDER_FIXED
    assert answer.sure is Sure.REVIEW            # the added line is not upstream's
    assert answer.patch is not None
    assert answer.patch.head.startswith(b"From: A <a@example.org>")
    story = answer.hunks[0]
    assert story.touches_added
    assert story.function == story.upstream_function == "set_guest_debug"
    assert story.changed == (("\t\tif (is_exception_pending(vcpu) || vcpu->arch.exception.injected)",
                              "\t\tif (vcpu->arch.exception.pending || vcpu->arch.exception.injected)"),)


def test_a_tree_that_has_it_in_its_own_words_does_not_get_it_twice() -> None:
    assert run(UPSTREAM, FIXED, OLDER_FIXED).outcome is Apply.ALREADY
    assert run(UPSTREAM, FIXED, FIXED).outcome is Apply.ALREADY


def test_the_very_tree_gets_the_patch_unchanged() -> None:
    answer = run(UPSTREAM, FIXED, UPSTREAM)
    assert answer.outcome is Apply.CLEAN
    assert answer.sure is Sure.CERTAIN
    shifted = b"/* head */\n" + UPSTREAM
    moved = run(UPSTREAM, FIXED, shifted)
    assert moved.outcome is Apply.OFFSET
    assert moved.hunks[0].offset == 1
    assert moved.patch is not None
    assert answer.patch is not None
    (here,), (there,) = moved.patch.files[0].hunks, answer.patch.files[0].hunks
    assert here.lines == there.lines
    assert (here.old_start, here.new_start) == (there.old_start + 1, there.new_start + 1)


def test_context_that_moved_on_does_not_stop_a_hunk() -> None:
    target = UPSTREAM.replace(b"\t\tr = -EBUSY;\n", b"\t\tr = -EAGAIN;\n")
    answer = run(UPSTREAM, FIXED, target)
    assert answer.outcome is Apply.MERGED
    assert result(answer, target) == FIXED.replace(b"\t\tr = -EBUSY;\n", b"\t\tr = -EAGAIN;\n")
    assert unopposed(answer)
    assert "merge3" in answer.hunks[0].strategies


def test_without_a_preimage_the_hunk_finds_its_place_on_its_own_lines() -> None:
    target = UPSTREAM.replace(b"\t\tr = -EBUSY;\n", b"\t\tr = -EAGAIN;\n")
    answer = run(UPSTREAM, FIXED, target, preimage=False)
    assert answer.outcome is Apply.MERGED
    assert answer.sure is Sure.REVIEW            # one voice alone
    assert result(answer, target) == FIXED.replace(b"\t\tr = -EBUSY;\n", b"\t\tr = -EAGAIN;\n")


def test_a_conflict_shows_what_the_tree_has_there() -> None:
    target = UPSTREAM.replace(b"\t\tif (is_exception_pending(vcpu))\n\t\t\tgoto out;\n", b"")
    answer = run(UPSTREAM, FIXED, target)
    assert answer.outcome is Apply.CONFLICT
    assert answer.patch is None
    assert "this tree has at line" in answer.evidence[0]
    assert "queue_exception(vcpu, DB_VECTOR);" in answer.evidence[0]
