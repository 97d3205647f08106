from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.report.sidebyside import DiffSide, rows
from tests.support.cells import ADAPTED_HUNK, UPSTREAM_HUNK


def _marked(side: DiffSide) -> list[str]:
    return [text for text, marked in side.spans if marked]


def test_the_tokens_that_differ_are_marked_and_nothing_else() -> None:
    made = rows(UPSTREAM_HUNK, ADAPTED_HUNK)
    assert [row.left.kind + row.right.kind for row in made] == ["@@", "  ", "  ", "--", "++", "  ", "  ", "  "]
    assert _marked(made[3].left) == ["toy_is_busy(", ")"]
    assert _marked(made[3].right) == ["->busy"]
    assert [row for number, row in enumerate(made) if row.differs and number not in (0, 3, 4)] == []


def test_a_name_that_differs_by_a_letter_is_marked_whole() -> None:
    row = rows("@@ -1 +1 @@\n-\tcount1 = 2;\n", "@@ -1 +1 @@\n-\tcount2 = 2;\n")[1]
    assert (_marked(row.left), _marked(row.right)) == (["count1"], ["count2"])


def test_a_line_without_partner_stands_alone() -> None:
    made = rows("@@ @@\n a();\n-b(one);\n c();\n", "@@ @@\n a();\n-b(one);\n-if (!zz)\n c();\n")
    alone = [row for row in made if row.left.kind == ""]
    assert [row.right.text for row in alone] == ["if (!zz)"]


def test_removed_and_added_lines_are_never_paired() -> None:
    made = rows("@@ @@\n-same(text);\n", "@@ @@\n+same(text);\n")
    assert [(row.left.kind, row.right.kind) for row in made[1:]] == [("-", ""), ("", "+")]


LINE = st.builds(lambda kind, text: kind + text, st.sampled_from("+- "), st.text("ab(){} \t;->", max_size=12))


@given(st.lists(LINE, max_size=12), st.lists(LINE, max_size=12))
def test_no_line_is_lost_or_reordered(left: list[str], right: list[str]) -> None:
    made = rows("".join(f"{line}\n" for line in left), "".join(f"{line}\n" for line in right))
    assert [row.left.kind + row.left.text for row in made if row.left.kind] == left
    assert [row.right.kind + row.right.text for row in made if row.right.kind] == right


def test_a_huge_hunk_takes_no_time() -> None:
    one = "".join(f"-line {number} old\n" for number in range(3000))
    two = "".join(f"-line {number} new\n" for number in range(3000))
    assert len(rows(one, two)) == 3000
