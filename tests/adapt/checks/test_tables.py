"""Checks of tables, enums, constants and `switch`, asked of whole adaptations."""

from __future__ import annotations

import pytest

from tests.support.adapting import body, declined, run, told, unopposed

TABLE = (b"static const struct usb_device_id ids[] = {\n\t{ USB_DEVICE(0x1234, 0x0001) },\n"
         b"\t{ USB_DEVICE(0x1234, 0x0002), .driver_info = A },\n\t{ USB_DEVICE(0x1234, 0x0009) },\n\t{ }\n};\n")


ENTRY = b"\t{ USB_DEVICE(0x1234, 0x5678), .driver_info = A },\n"


@pytest.mark.parametrize("own", [b"\t{ USB_DEVICE(0x1234, 0x5678), .driver_info = B },\n",
                                 b"\t{\n\t\tUSB_DEVICE(0x1234, 0x5678),\n\t\t.driver_info = B,\n\t},\n",
                                 b"\t{ USB_DEVICE(0x1234,0x5678) },\t/* ours */\n"])
def test_a_table_gets_no_second_entry_for_the_same_thing(own: bytes) -> None:
    first = b"\t{ USB_DEVICE(0x1234, 0x0001) },\n"
    fixed = TABLE.replace(b"\t{ USB_DEVICE(0x1234, 0x0009) },\n", ENTRY + b"\t{ USB_DEVICE(0x1234, 0x0009) },\n")
    more = b"".join(b"\t{ USB_DEVICE(0x99, 0x%x) },\n" % n for n in range(20))
    older = TABLE.replace(first, own + more + first)
    assert declined(run(TABLE, fixed, older), "USB_DEVICE(0x1234,0x5678)", "at line 2 with other values")
    assert unopposed(run(TABLE, fixed, TABLE.replace(first, more + first)))


def test_a_first_word_that_upstreams_entries_share_is_no_key() -> None:
    rows = "".join(f'\t{{ INTEL, {n}, "{n}" }},\n' for n in ("0x1", "0x2", "0x3"))
    table = b"static struct id ids[] = {\n" + rows.encode() + b"};\n"
    fixed = table.replace(b"\t{ INTEL, 0x3", b"\t{ INTEL, 0x9, \"n\" },\n\t{ INTEL, 0x3")
    assert unopposed(run(table, fixed, table.replace(b"0x1,", b"0x7,")))
    assert declined(run(table, fixed, table.replace(b"0x1, \"0x1\"", b"0x9, \"old\"")), "INTEL, 0x9", "line 2")


SWITCH = ["switch (c) {", "case A:", "\tdo_a();", "\tbreak;", "case B:", "\tdo_b();", "\tbreak;", "}"]


def test_a_switch_has_each_case_once_and_the_line_of_the_other_is_told() -> None:
    upstream, fixed = body(*SWITCH), body(*SWITCH[:4], "case N:", "\tdo_n();", "\tbreak;", *SWITCH[4:])
    twice = body(SWITCH[0], "case M: case N:", *SWITCH[1:])
    assert told(run(upstream, fixed, twice), "`N` would be there twice", "line 6")
    other = body("switch (d) {", "case N:", "\tx();", "\tbreak;", "}", *SWITCH)
    assert unopposed(run(upstream, fixed, other))


def test_a_designator_that_stands_twice_is_told_with_its_line() -> None:
    upstream = b"static const char *const names[] = {\n\t[A] = \"a\",\n\t[B] = \"b\",\n\t[C] = \"c\",\n};\n"
    fixed, older = upstream.replace(b"\t[C]", b"\t[FOO] = \"foo\",\n\t[C]"), upstream.replace(
        b"\t[A]", b"\t[FOO] = \"old\",\n\t[A]")
    assert declined(run(upstream, fixed, older), "`[FOO]`", "line 2")


ENUM = b"enum flags {\n\tFLAG_A = BIT(0),\n\tFLAG_B = BIT(1),\n\tFLAG_D = BIT(3),\n};\n"


@pytest.mark.parametrize("own", [b"FLAG_OLD = BIT(2),", b"FLAG_OLD = 1 << 2,", b"FLAG_OLD = 0x4U,"])
def test_the_bit_of_an_added_flag_is_free(own: bytes) -> None:
    fixed, older = ENUM.replace(b"\tFLAG_D", b"\tFLAG_C = BIT(2),\n\tFLAG_D"), ENUM.replace(
        b"\tFLAG_A", b"\t" + own + b"\n\tFLAG_A")
    assert told(run(ENUM, fixed, older), "`FLAG_C` is 0x4", "`FLAG_OLD`", "line 2")
    alias = fixed.replace(b"\tFLAG_A", b"\t" + own + b"\n\tFLAG_A")
    assert unopposed(run(older, alias, older + b"\nint q;\n"))


def test_the_value_of_an_added_define_is_free_among_those_that_begin_alike() -> None:
    upstream = b"#define X_A\t0x1\n#define X_B\t0x2\n#define X_D\t0x8\n\nint a;\n"
    fixed = upstream.replace(b"#define X_D", b"#define X_FLAG\t0x4\n#define X_D")
    for own in (b"#define X_OLD\t0x4\n", b"#define X_OLD\tBIT(2)\n"):
        assert told(run(upstream, fixed, upstream.replace(b"#define X_A", own + b"#define X_A")), "`X_OLD`", "line 1")
    other = upstream.replace(b"#define X_A", b"#define OTHER_REG\t0x4\n#define X_A")
    assert unopposed(run(upstream, fixed, other))


def test_user_space_knows_one_value_of_a_name() -> None:
    upstream = b"enum k {\n\tA,\n\tB,\n\tC,\n\tMAX,\n};\n"
    fixed, older = upstream.replace(b"\tMAX", b"\tN,\n\tMAX"), upstream.replace(b"\tB,\n", b"")
    assert told(run(upstream, fixed, older, path="include/uapi/linux/k.h"), "`N` is 2", "3 upstream")
    assert not told(run(upstream, fixed, older, path="include/linux/k.h"), "user space")
    middle = upstream.replace(b"\tB,\n", b"\tB,\n\tN,\n")
    assert not told(run(upstream, middle, upstream, path="include/uapi/linux/k.h"), "`C`")
    own = upstream.replace(b"\tC,\n", b"\tOWN,\n\tC,\n")
    assert told(run(upstream, middle, own, path="include/uapi/linux/k.h"), "`OWN` becomes 3 and was 2")


def test_an_entry_is_in_its_table_once_and_behind_a_comma() -> None:
    upstream = b"static struct ops o = {\n\t.first = fa,\n\t.second = fb,\n};\n"
    fixed = upstream.replace(b"fb,\n", b"fb,\n\t.third = fc,\n")
    assert declined(run(upstream, fixed, upstream.replace(b"fb,", b"fb")), "comma")
    older = upstream.replace(b"{\n", b"{\n\t.third = old,\n").replace(b"fb", b"fq")
    assert declined(run(upstream, fixed, older), ".third")
