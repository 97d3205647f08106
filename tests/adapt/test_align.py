"""Which line of one file is which line of the other."""

from hypothesis import given
from hypothesis import strategies as st

from backport.adapt.align import align, line_key, weak

LINES = st.lists(st.sampled_from([b"}\n", b"\n", b"\treturn 0;\n", b"one();\n", b"two();\n", b"\ttwo();\n", b"six();\n",
                                  b"seven(a);\n", b"eight(a);\n", b"nine(a);\n"]), max_size=90)


@given(LINES, LINES)
def test_a_pair_is_one_line_and_no_two_pairs_cross(base, target):
    partner = align(base, target)
    assert len(partner) == len(base)
    found = [j for j in partner if j >= 0]
    assert found == sorted(set(found))
    assert all(line_key(base[i]) == line_key(target[j]) for i, j in enumerate(partner) if j >= 0)


@given(LINES)
def test_a_file_is_itself(base):
    assert align(base, base) == list(range(len(base)))


@given(LINES, st.data())
def test_a_line_that_is_new_changes_no_other_pair(base, data):
    at = data.draw(st.integers(0, len(base)))
    target = [*base[:at], b"brought(new);\n", *base[at:]]
    partner = align(base, target)
    assert [target[j] for j in partner if j >= 0] == [line for line, j in zip(base, partner, strict=True) if j >= 0]
    assert all(weak(line_key(line)) for line, j in zip(base, partner, strict=True) if j < 0)


def test_of_what_was_moved_the_longer_part_stays():
    base = [b"one(a);\n", b"two(a);\n", b"six(a);\n", b"ten(a);\n"]
    assert align(base, [base[3], *base[:3]]) == [1, 2, 3, -1]
    assert align(base, [*base[2:], *base[:2]]) in ([2, 3, -1, -1], [-1, -1, 0, 1])


def test_a_brace_alone_among_strangers_is_no_pair():
    base = [b"one(a);\n", b"two(a);\n", b"}\n", b"six(a);\n", b"end(a);\n"]
    target = [b"one(a);\n", b"ten(a);\n", b"}\n", b"nil(a);\n", b"end(a);\n"]
    assert align(base, target) == [0, -1, -1, -1, 4]
