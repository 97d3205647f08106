from __future__ import annotations

from backport.rewrite.explain import rows, text
from tests.rewrite.support import run
from tests.rewrite.test_adapt import FIXED, OLDER, UPSTREAM


def test_the_differing_tokens_are_marked_on_both_sides() -> None:
    answer = run(UPSTREAM, FIXED, OLDER)
    shown = text(answer.hunks)
    added = next(line for line in shown.split("\n") if line.startswith("+"))
    after = shown.split("\n")[shown.split("\n").index(added):][:2]
    assert "⟦is_exception_pending(" in "".join(after)
    assert "arch.exception.pending" in "".join(after)
    row = next(row for row in rows(answer.hunks[0]) if row.upstream.startswith("+"))
    assert any("is_exception_pending" in row.upstream[a:b] for a, b in row.upstream_spans)
    assert row.as_dict()["adapted"] == "+\t\tif (vcpu->arch.exception.pending || vcpu->arch.exception.injected)"


def test_context_that_is_the_same_carries_no_mark() -> None:
    answer = run(UPSTREAM, FIXED, OLDER)
    assert all(not row.upstream_spans for row in rows(answer.hunks[0]) if row.upstream == row.adapted)
