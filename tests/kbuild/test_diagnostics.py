"""Diagnostics of gcc, clang, objtool, modpost and make, and the difference of two sets of them."""

from __future__ import annotations

from pathlib import Path

from backport.kbuild.delta import Delta, file_delta
from backport.kbuild.diagnostics import Paths, compare, parse
from backport.kbuild.result import Diagnostic

PATHS = Paths(Path("/s/tree"), Path("/b/build"))

GCC = b"""  CC      arch/x86/kvm/x86.o
In file included from /s/tree/include/linux/kvm_host.h:7,
                 from /s/tree/arch/x86/kvm/x86.c:20:
/s/tree/include/linux/kvm_host.h: In function 'kvm_make_request':
/s/tree/include/linux/kvm_host.h:90:13: warning: unused variable 'x' [-Wunused-variable]
   90 |         int x;
      |             ^
/s/tree/arch/x86/kvm/x86.c: In function \xe2\x80\x98f\xe2\x80\x99:
/s/tree/arch/x86/kvm/x86.c:12:2: error: implicit declaration of function \xe2\x80\x98g\xe2\x80\x99
   12 |  g();
      |  ^
/s/tree/arch/x86/kvm/x86.c:9:5: note: did you mean 'h'?
  CC      arch/x86/kvm/../../../virt/kvm/kvm_main.o
arch/x86/kvm/../../../virt/kvm/kvm_main.c:5:1: warning: first
make[3]: *** [scripts/Makefile.build:250: arch/x86/kvm/x86.o] Error 1
arch/x86/kvm/x86.o: warning: objtool: f()+0x12: unreachable instruction
ERROR: modpost: "kvm_x" [arch/x86/kvm/kvm-intel.ko] undefined!
arch/x86/kvm/Makefile:88: *** missing separator.  Stop.
arch/x86/kvm/Kconfig:12: syntax error
"""

CLANG = b"""  CC      arch/x86/kvm/x86.o
In file included from arch/x86/kvm/x86.c:20:
./include/linux/kvm_host.h:90:13: warning: unused variable 'x' [-Wunused-variable]
        int x;
            ^
arch/x86/kvm/x86.c:12:2: error: call to undeclared function 'g' [-Wimplicit-function-declaration]
        g();
        ^
arch/x86/kvm/x86.c:9:5: note: 'h' declared here
1 warning and 1 error generated.
"""


def test_gcc_with_what_belongs_to_each_message() -> None:
    found = parse(GCC, PATHS)
    assert [str(item) for item in found] == [
        "include/linux/kvm_host.h:90:13: warning: unused variable 'x' [-Wunused-variable]",
        "arch/x86/kvm/x86.c:12:2: error: implicit declaration of function 'g'",
        "virt/kvm/kvm_main.c:5:1: warning: first",
        "arch/x86/kvm/x86.o: warning: objtool: f()+0x12: unreachable instruction",
        'error: modpost: "kvm_x" [arch/x86/kvm/kvm-intel.ko] undefined!',
        "arch/x86/kvm/Makefile:88: error: missing separator.  Stop.",
    ]
    assert found[0].detail[0].startswith("In file included from include/linux/kvm_host.h:7")
    assert found[1].detail[-1] == "arch/x86/kvm/x86.c:9:5: note: did you mean 'h'?"
    assert [item.object for item in found[:3]] == ["arch/x86/kvm/x86.o"] * 2 + ["virt/kvm/kvm_main.o"]


def test_clang_says_the_same_in_its_own_words() -> None:
    found = parse(CLANG, PATHS)
    assert [(item.path, item.line, item.level) for item in found] == [
        ("include/linux/kvm_host.h", 90, "warning"), ("arch/x86/kvm/x86.c", 12, "error")]
    assert any("'h' declared here" in line for line in found[1].detail)


def test_terminal_escapes_in_a_message_do_not_reach_a_report() -> None:
    (found,) = parse(b"  CC      a.o\na.c:1:1: warning: \x1b[31mred\x1b[0m\x07 [-Wx]\n", PATHS)
    assert found.text == "red [-Wx]"


def warning(line: int, text: str = "w", path: str = "a.c", target: str = "a.o") -> Diagnostic:
    return Diagnostic(path, line, "warning", text, object=target)


def moved(old: bytes, new: bytes) -> Delta:
    return Delta({"a.c": file_delta("a.c", old, new)})


def test_a_moved_warning_is_not_new_and_a_second_one_like_it_is() -> None:
    delta = moved(b"1\n2\n3\n", b"0\n1\n2\n3\n")
    assert compare([warning(2)], [warning(3)], delta, rebuilt=frozenset({"a.o"})) == ((), ())
    new, fixed = compare([warning(2)], [warning(3), warning(4)], delta, rebuilt=frozenset({"a.o"}))
    assert (new, fixed) == ((warning(4),), ())


def test_a_warning_on_a_line_that_the_patch_rewrites_is_new() -> None:
    delta = moved(b"1\n2\n3\n", b"1\nx\n3\n")
    new, fixed = compare([warning(2)], [warning(2)], delta, rebuilt=frozenset({"a.o"}))
    assert new == (warning(2),)
    assert [item.text for item in fixed] == ["w"]


def test_only_objects_that_were_made_again_can_have_mended_anything() -> None:
    none = Delta({})
    assert compare([warning(1)], [], none, rebuilt=frozenset()) == ((), ())
    assert compare([warning(1)], [], none, rebuilt=frozenset({"a.o"})) == ((), (warning(1),))


def test_a_headers_warning_counts_once_and_not_once_for_each_user() -> None:
    users = [warning(7, path="a.h", target=f"{name}.o") for name in "abc"]
    assert compare([], users, Delta({}), rebuilt=frozenset())[0] == (users[0],)


def test_a_message_that_disappears_in_one_object_is_not_hidden_by_another() -> None:
    """The counts are kept for each object: a warning of b.o cannot pay for a new one in a.o."""
    base = [warning(7, path="a.h", target="b.o")]
    new, _fixed = compare(base, [warning(7, path="a.h", target="a.o")], Delta({}), rebuilt=frozenset({"a.o"}))
    assert len(new) == 1


def test_objtool_offsets_are_no_difference() -> None:
    old = Diagnostic("a.o", 0, "warning", "objtool: f()+0x12: odd", object="a.o")
    new = Diagnostic("a.o", 0, "warning", "objtool: f()+0x38: odd", object="a.o")
    assert compare([old], [new], Delta({}), rebuilt=frozenset({"a.o"})) == ((), ())


def test_clangs_count_of_messages_belongs_to_none_of_them() -> None:
    assert all("generated" not in line for item in parse(CLANG, PATHS) for line in item.detail)


FORTIFY = b"""  CC      arch/x86/kvm/x86.o
/s/tree/arch/x86/kvm/x86.c:3:1: warning: other
In function \xe2\x80\x98fortify_memcpy_chk\xe2\x80\x99,
    inlined from \xe2\x80\x98f\xe2\x80\x99 at /s/tree/arch/x86/kvm/x86.c:12:2:
/s/tree/include/linux/fortify-string.h:500:25: warning: call to '__read_overflow2' declared with attribute warning
"""


def test_where_a_message_was_inlined_from_stays_with_it() -> None:
    other, found = parse(FORTIFY, PATHS)
    assert other.detail == ()
    assert found.detail == ("In function 'fortify_memcpy_chk',", "    inlined from 'f' at arch/x86/kvm/x86.c:12:2:")


OLD = b"int f(void)\n{\n\tint x;\n\n\treturn 0;\n}\n\nint g(void)\n{\n\treturn 1;\n}\n"


def test_a_line_that_is_indented_or_moved_with_its_function_keeps_its_warning() -> None:
    deeper = OLD.replace(b"\tint x;\n\n", b"\tif (1) {\n\t\tint x;\n\t}\n")
    assert compare([warning(3)], [warning(4)], moved(OLD, deeper), rebuilt=frozenset({"a.o"})) == ((), ())
    head, _, tail = OLD.partition(b"int g(")
    behind = b"int g(" + tail + b"\n" + head
    assert compare([warning(3)], [warning(8)], moved(OLD, behind), rebuilt=frozenset({"a.o"})) == ((), ())


def test_the_same_words_in_another_function_are_a_new_warning_and_the_old_one_is_mended() -> None:
    other = OLD.replace(b"\tint x;\n\n", b"").replace(b"\treturn 1;", b"\tint x;\n\n\treturn 1;")
    new, fixed = compare([warning(3)], [warning(8)], moved(OLD, other), rebuilt=frozenset({"a.o"}))
    assert new == (warning(8),)
    assert len(fixed) == 1


def test_a_renamed_source_keeps_its_warnings() -> None:
    delta = Delta({"b.c": file_delta("b.c", OLD, OLD)}, {"a.c": "b.c"})
    new, fixed = compare([warning(3)], [warning(3, path="b.c", target="b.o")], delta, rebuilt=frozenset({"b.o"}))
    assert (new, fixed) == ((), ())


def test_a_new_object_is_not_blamed_for_the_headers_that_it_reads() -> None:
    base = [warning(7, path="a.h", target="b.o")]
    found = [warning(7, path="a.h", target="new.o"), warning(3, path="new.c", target="new.o")]
    new, _fixed = compare(base, found, Delta({}), rebuilt=frozenset({"new.o"}), existed={"a.o", "b.o"}.__contains__)
    assert new == (found[1],)


def test_the_same_message_twice_on_one_line_is_not_hidden_by_one_of_the_baseline() -> None:
    """A macro that is used once more on the line warns once more, in the same words."""
    one = Diagnostic("x.c", 3, "warning", "comparison of integers", object="x.o")
    new, fixed = compare([one], [one, one], Delta({}), rebuilt=frozenset({"x.o"}))
    assert (new, fixed) == ((one,), ())
    assert compare([one, one], [one], Delta({}), rebuilt=frozenset({"x.o"})) == ((), (one,))


def test_dtc_says_where() -> None:
    output = (b"  DTC     arch/arm64/boot/dts/rockchip/x.dtb\n"
              b"/tree/arch/arm64/boot/dts/rockchip/x.dts:12.8-20.4: Warning (unit_address_vs_reg): /soc: no unit name\n"
              b"Error: /tree/arch/arm64/boot/dts/rockchip/x.dts:31.1-7 syntax error\n"
              b"FATAL ERROR: Unable to parse input tree\n")
    found = parse(output, Paths(Path("/tree"), Path("/build")))
    where = "arch/arm64/boot/dts/rockchip/x.dts"
    assert [(one.path, one.line, one.level) for one in found] == [(where, 12, "warning"), (where, 31, "error")]
    assert found[1].object == "arch/arm64/boot/dts/rockchip/x.dtb"
