"""A change stays in the section that upstream changed, in files that are not C as in C."""

from __future__ import annotations

import pytest

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.patch.parse import parse
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure
from tests.support.adapting import Index, result, run, unopposed

HEAD = b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"


def kconfig(name: str, needs: str) -> bytes:
    return (f"config {name}\n\ttristate \"Support for widgets\"\n\tdepends on {needs}\n\tselect HELPER\n\thelp\n"
            f"\t  Say Y here.\n\n").encode()


def routine(name: str, register: str) -> bytes:
    return (f"SYM_FUNC_START({name})\n\tpush %rbp\n\tmov %rsp, %rbp\n\txor %{register}, %{register}\n\tpop %rbp\n"
            f"\tRET\nSYM_FUNC_END({name})\n\n").encode()


def entry(title: str, path: str) -> bytes:
    return f"{title}\nM:\tA <a@example.org>\nL:\tlist@example.org\nS:\tMaintained\nF:\t{path}\n\n".encode()


def node(name: str, status: str) -> bytes:
    return f"&{name} {{\n\tpinctrl-0 = <&pins>;\n\tstatus = \"{status}\";\n\tclocks = <&clk>;\n}};\n\n".encode()


def recipe(name: str, command: str) -> bytes:
    return f"{name}: FORCE\n\t@mkdir -p $(dir $@)\n\t{command}\n\t@touch $@\n\n".encode()


def chapter(name: str, word: str) -> bytes:
    line = "-" * len(name)
    return f"{name}\n{line}\n\nThe widget is turned by hand.\nIt is {word} then.\nSee the manual.\n\n".encode()


# what makes a section of a name and a word in it, the path, what it is called
KINDS = [
    pytest.param(kconfig, "drivers/Kconfig", ("FIRST", "SECOND", "THIRD"), ("BUS", "BUS && PCI"), id="kconfig"),
    pytest.param(routine, "arch/x86/lib/a.S", ("first", "second", "third"), ("eax", "ebx"), id="assembly"),
    pytest.param(entry, "MAINTAINERS", ("FIRST WIDGET", "SECOND WIDGET", "THIRD WIDGET"), ("drivers/a/", "drivers/b/"),
                 id="maintainers"),
    pytest.param(node, "arch/arm/boot/dts/a.dts", ("i2c0", "i2c1", "i2c2"), ("disabled", "okay"), id="node"),
    pytest.param(recipe, "drivers/Makefile", ("first.o", "second.o", "third.o"), ("$(CC) -O1", "$(CC) -O2"),
                 id="rule"),
    pytest.param(chapter, "Documentation/a.rst", ("First thing", "Second thing", "Third thing"), ("blue", "green"),
                 id="chapter"),
]


def without_preimage(before: bytes, after: bytes, target: bytes, path: str, width: int = 3) -> Adaptation:
    """As from a mail whose file nobody here has: the hunk and its header are all that is known."""
    from tests.support.adapting import file_diff
    diff = file_diff(path, before, after)
    return adapt(parse(HEAD + diff), MemoryView("tree", {path: target}))


@pytest.mark.parametrize(("make", "path", "names", "words"), KINDS)
@pytest.mark.parametrize("known", [True, False])
def test_a_section_that_is_not_here_is_nowhere(make, path, names, words, known) -> None:  # type: ignore[no-untyped-def]
    first, second, third = names
    old, new = words
    filler = b"# a line of its own\n" * 3 if path != "Documentation/a.rst" else b""
    before = filler + make(first, new) + make(second, old)
    after = filler + make(first, new) + make(second, new)
    for target in (filler + make(first, old) + make(third, new),         # another one reads as upstream's did
                   filler + make(first, new) + make(third, new)):        # and all of them as upstream leaves it
        answer = run(before, after, target, path=path) if known else without_preimage(before, after, target, path)
        # git apply may take the hunk in the section beside it: that is suspect
        assert answer.outcome in (Apply.CONFLICT, Apply.SUSPECT), answer


@pytest.mark.parametrize(("make", "path", "names", "words"), KINDS)
def test_where_it_stands_elsewhere_in_the_file_it_is_never_put_into_another(make, path, names, words) -> None:  # type: ignore[no-untyped-def]
    first, second, third = names
    old, new = words
    before, after = make(first, old) + make(second, old), make(first, old) + make(second, new)
    target = make(third, old) + make(second, old) + make(third + "x", old) + make(first, old)
    answer = run(before, after, target, path=path)
    right = make(third, old) + make(second, new) + make(third + "x", old) + make(first, old)
    if answer.outcome is not Apply.SUSPECT:          # where git apply puts it elsewhere, a person has to look
        assert answer.outcome.good, answer.reason
        assert result(answer, target, path) == right


@pytest.mark.parametrize(("make", "path", "names", "words"), KINDS)
def test_what_is_there_is_there(make, path, names, words) -> None:  # type: ignore[no-untyped-def]
    first, second, third = names
    old, new = words
    before, after = make(first, old) + make(second, old), make(first, old) + make(second, new)
    target = make(third, old) + make(first, old) + make(second, new)
    answer = run(before, after, target, path=path)
    if answer.outcome is not Apply.SUSPECT:          # it fits forward in the first one as well
        assert (answer.outcome, answer.sure) == (Apply.ALREADY, Sure.CERTAIN)
    # in the other one only it is not
    other = make(first, new) + make(second, "else" + old)
    assert run(before, after, other, path=path).outcome is not Apply.ALREADY


def test_a_conflict_says_which_section_is_meant() -> None:
    before = kconfig("FIRST", "BUS") + kconfig("SECOND", "BUS")
    after = kconfig("FIRST", "BUS") + kconfig("SECOND", "BUS && PCI")
    answer = run(before, after, kconfig("FIRST", "BUS") + kconfig("THIRD", "BUS"), path="drivers/Kconfig")
    assert "upstream changed `config SECOND`, which this tree does not have here" in answer.reason


def test_a_condition_around_a_list_is_upstreams() -> None:
    before = b"ifdef CONFIG_A\nobj-y += one.o \\\n\ttwo.o \\\n\tfour.o\nendif\n\nifdef CONFIG_B\nobj-y += one.o \\\n" \
             b"\ttwo.o \\\n\tfour.o\nendif\n"
    after = before[:60] + before[60:].replace(b"\ttwo.o \\\n", b"\ttwo.o \\\n\tthree.o \\\n")
    assert before != after
    target = before.replace(b"ifdef CONFIG_B", b"ifdef CONFIG_C")
    answer = run(before, after, target, path="drivers/Makefile")
    assert answer.outcome is Apply.CONFLICT
    same = before.replace(b"ifdef CONFIG_B", b"ifeq ($(CONFIG_B),y)")
    answer = run(before, after, same, path="drivers/Makefile")
    assert result(answer, same, "drivers/Makefile") == after.replace(b"ifdef CONFIG_B", b"ifeq ($(CONFIG_B),y)")


C = b"int %b(struct unit *u)\n{\n\tint ret = prepare(u);\n\n\tlog_start(u, ret);\n\twait_for(u);\n\treturn %b;\n}\n\n"


def test_a_function_of_c_that_a_hunk_names_is_not_another_one() -> None:
    """Without upstream's file: the context opens the function, and this tree has it not; or the header names one that
    this tree has."""
    diff = (b"--- a/a.c\n+++ b/a.c\n@@ -90,5 +90,5 @@ int far(struct unit *u)\n int gone(struct unit *u)\n {\n"
            b" \tint ret = prepare(u);\n \n-\tlog_start(u, ret);\n+\tlog_start(u, 0);\n")
    answer = adapt(parse(HEAD + diff), MemoryView("tree", {"a.c": C % (b"here", b"0") + C % (b"too", b"1")}))
    assert answer.outcome is Apply.CONFLICT
    diff = (b"--- a/a.c\n+++ b/a.c\n@@ -90,4 +90,4 @@ int too(struct unit *u)\n \n \tlog_start(u, ret);\n"
            b"-\twait_for(u);\n+\twait_for(u, 1);\n \treturn 2;\n")
    target = C % (b"here", b"0") + (C % (b"too", b"1")).replace(b"wait_for(u)", b"await_for(u)")
    answer = adapt(parse(HEAD + diff), MemoryView("tree", {"a.c": target}))
    assert answer.outcome is Apply.CONFLICT


def test_a_change_of_c_that_stands_in_another_function_is_not_there() -> None:
    body = C % (b"one", b"0")
    two = (C % (b"two", b"0"))
    fixed = two.replace(b"\twait_for(u);\n", b"\tif (ret)\n\t\twait_for(u);\n")
    answer = run(body + two, body + fixed,
                 body.replace(b"\twait_for(u);\n", b"\tif (ret)\n\t\twait_for(u);\n")
                 + two.replace(b"wait_for(u)", b"pause(u, 3, 4)"))
    assert answer.outcome is not Apply.ALREADY


def test_a_list_of_one_line_stands_in_what_is_around_it() -> None:
    rest = b"obj-y += a.o\nobj-y += b.o\n\n"
    before = rest + b"# what is tested\nTESTS := one two three\n\ntested: $(TESTS)\n\t$(call tests)\n"
    after = rest + b"subdir-$(CONFIG_TESTS) += tests\n"
    answer = run(before, after, b"obj-y += c.o\n" + rest + b"obj-y += d.o\nsubdir-$(CONFIG_TESTS) += tests\n",
                 path="drivers/Makefile")
    assert answer.outcome is Apply.ALREADY


def test_where_git_apply_alone_is_asked_another_section_is_suspect() -> None:
    before = entry("FIRST", "drivers/a/") + entry("SECOND", "drivers/b/")
    after = entry("FIRST", "drivers/a/") + entry("SECOND", "drivers/c/")
    answer = run(before, after, entry("FIRST", "drivers/a/") + entry("THIRD", "drivers/b/"), path="MAINTAINERS",
                 strategies=("as-is",))
    assert answer.outcome is Apply.SUSPECT or answer.sure is Sure.REVIEW
    other = entry("FIRST", "drivers/a/") + "\n".join(["THIRD", *(f"R:\tR{n} <r{n}@example.org>" for n in range(9)), ""]
                                                    ).encode() + entry("", "drivers/b/")[1:]
    assert run(before, after, other, path="MAINTAINERS", strategies=("as-is",)).outcome is Apply.SUSPECT


def test_a_title_that_reads_differently_is_for_review() -> None:
    own = b"R:\tB <b@example.org>\nW:\thttps://example.org/w\nF:\tdrivers/b/\n\n"
    before = entry("FIRST", "drivers/a/") + entry("SECOND", "x/")[:-1] + own
    after = before.replace(b"F:\tdrivers/b/\n", b"F:\tdrivers/b/\nF:\tdrivers/c/\n")
    answer = run(before, after, before.replace(b"SECOND", b"SECOND (AND MORE)"), path="MAINTAINERS")
    assert (answer.outcome, answer.sure) == (Apply.CLEAN, Sure.REVIEW)
    assert any("upstream changed SECOND, which this tree does not have" in note for note in answer.notes)


def test_a_line_at_the_end_of_an_entry_goes_to_the_end_of_that_entry() -> None:
    large = entry("FIRST", "\nF:\t".join(f"drivers/a{n}/" for n in range(12)))
    before = large + entry("SECOND", "drivers/b/")
    after = before.replace(b"F:\tdrivers/b/\n", b"F:\tdrivers/b/\nF:\tinclude/b.h\n")
    target = entry("SECOND", "drivers/b/").replace(b"Maintained", b"Odd Fixes") + large + entry("THIRD", "drivers/d/")
    answer = run(before, after, target, path="MAINTAINERS")
    assert answer.outcome is Apply.MERGED, answer.reason
    assert "merge3" in answer.hunks[0].strategies
    assert result(answer, target, "MAINTAINERS") == target.replace(b"F:\tdrivers/b/\n",
                                                                   b"F:\tdrivers/b/\nF:\tinclude/b.h\n")


def test_a_line_that_is_there_in_other_surroundings_is_there() -> None:
    before = b"config CONSOLE\n\tbool\n\tdefault ARCH_A || H8\n\nconfig DMA\n\tbool \"DMA support\" if EXPERT\n" \
             b"\tdepends on SCI && ENGINE\n\tdefault ARCH_A\n\nconfig LAST\n\tbool\n"
    after = before.replace(b"\"DMA support\"", b"\"Support for DMA on SCI(F)\"")
    target = after.replace(b" || H8", b"").replace(b"\tdefault ARCH_A\n\nconfig L", b"\tdefault ARCH_B\n\nconfig L")
    assert run(before, after, target, path="drivers/Kconfig").outcome is Apply.ALREADY
    first = before.replace(b"config CONSOLE\n", b"config CONSOLE\n\tbool \"Support for DMA on SCI(F)\" if EXPERT\n")
    assert run(before, after, first.replace(b"\tbool \"DMA", b"\tbool \"No"),
               path="drivers/Kconfig").outcome is not Apply.ALREADY


def test_nothing_is_proved_absent_by_an_index_that_does_not_know_the_kind_of_file() -> None:
    script = b"".join(b"step_%d()\n{\n\tfirst_thing_%d\n\tsecond_thing_%d\n\tthird_thing_%d\n}\n\n" % ((n,) * 4)
                      for n in range(3))
    after = script.replace(b"\tsecond_thing_2\n", b"\tsecond_thing_2\n\tadded_2\n")
    answer = run(script, after, script[:script.index(b"step_2")], path="tools/a.sh")
    assert answer.outcome is Apply.CONFLICT


RATE = (b"static long round_rate(struct hw *hw, unsigned long rate)\n{\n\tu64 ftmp;\n\n\tftmp = rate - hw->min;\n"
        b"\tftmp += hw->step - 1;\n\tdo_div(ftmp, hw->step);\n\n\treturn ftmp * hw->step + hw->min;\n}\n\n")
STUB = b"static int determine_rate(struct hw *hw, struct request *req)\n{\n\treturn 0;\n}\n\n"
DETERMINE = (b"static int determine_rate(struct hw *hw, struct request *req)\n{\n\tu64 ftmp;\n\n"
             b"\tftmp = req->rate - hw->min;\n\tftmp += hw->step - 1;\n"
             b"\tdo_div(ftmp, hw->step);\n\n\treq->rate = ftmp * hw->step + hw->min;\n"
             b"\treturn 0;\n}\n\n")
FIXED = (b"do_div(ftmp, hw->step);", b"ftmp = div64_ul(ftmp, hw->step);")


def test_code_that_upstream_has_in_another_function_is_followed_there_for_review() -> None:
    """The function of upstream's name is here as well, and has none of the lines that go."""
    target = RATE + STUB
    answer = run(DETERMINE, DETERMINE.replace(*FIXED), target)
    assert result(answer, target) == target.replace(*FIXED)
    assert answer.sure is Sure.REVIEW
    assert any("lands in round_rate(), which has the removed lines here; upstream changed determine_rate()" in note
               for note in answer.notes)


def test_code_that_upstream_has_in_both_functions_is_not_followed_into_the_other() -> None:
    for target in (RATE + STUB.replace(b"return 0;", b"return check(req);"),       # upstream has round_rate() too
                   RATE + STUB):
        before = RATE + DETERMINE
        after = RATE + DETERMINE.replace(*FIXED)
        assert run(before, after, target).outcome is Apply.CONFLICT


def test_a_voice_for_the_next_function_does_not_oppose_git_apply_in_upstreams() -> None:
    def copies(*, bound: bool, size: bytes = b"") -> bytes:
        check = b"\t/* The window can exceed the buffer. */\n\tif (*ppos >= size)\n\t\treturn 0;\n\n" if bound else b""
        return size + b"".join(
            b"static ssize_t buffer_%s(unsigned int minor, char __user *buf,\n\t\t\t\tsize_t count, loff_t *ppos)\n{\n"
            b"\tvoid *image_ptr;\n\n%s\timage_ptr = image[minor].kern_buf + *ppos;\n\tif (copy_%s(image_ptr, buf))\n"
            b"\t\treturn -EFAULT;\n\n\treturn count;\n}\n\n" % (way, check, way) for way in (b"to_user", b"from_user"))
    target = copies(bound=False, size=b"int size;\nint other;\n\n")
    answer = run(copies(bound=False), copies(bound=True), target)
    assert answer.outcome is Apply.OFFSET
    assert unopposed(answer)


def test_a_new_section_stays_on_its_side_of_upstreams_neighbours() -> None:
    new = kconfig("NEW", "BUS")
    before = b"# widgets\n\n" + kconfig("FIRST", "BUS") + kconfig("SECOND", "BUS && PCI") + kconfig("LATER", "BUS")
    after = before.replace(b"config LATER", new + b"config LATER")
    # SECOND is here, and ends in other words than upstream's; FIRST ends as upstream's SECOND does
    target = b"# widgets\n\n" + kconfig("FIRST", "BUS && PCI") + b"config OWN\n\tbool\n\n" \
        + kconfig("SECOND", "BUS").replace(b"Say Y here", b"Say N here") + b"config LAST\n\tbool\n"
    answer = run(before, after, target, path="drivers/Kconfig")
    if answer.outcome.good:
        made = result(answer, target, "drivers/Kconfig")
        assert made.index(b"config SECOND") < made.index(b"config NEW")
    else:
        assert "`config NEW` would stand above `config SECOND`, which upstream has above it" in answer.reason


@pytest.mark.parametrize(("path", "before", "line", "declines"), [
    ("drivers/Kconfig", kconfig("FIRST", "BUS"), b"\t  It allocates a buffer.\n", False),
    ("arch/arm/boot/dts/a.dts", node("i2c0", "okay"), b"\tstep = <MODE_HIGH>;\n", True),
    ("arch/arm/boot/dts/a.dts", node("i2c0", "okay"), b"\tled: ldo23 { };\n", False),
    ("drivers/Makefile", b"obj-$(CONFIG_BUS) += a.o\nobj-y += b.o\n\n", b"obj-$(CONFIG_NEW) += allocates.o\n", True),
    ("drivers/Makefile", b"obj-$(CONFIG_BUS) += a.o\nobj-y += b.o\n\n", b"obj-y += allocates.o\n", False),
])
def test_an_index_of_c_is_asked_for_names_of_c(path: str, before: bytes, line: bytes, declines: bool) -> None:
    """Words of a help text and names of nodes stand in no C file of any tree."""
    lines = before.splitlines(True)
    after = b"".join([*lines[:-2], line, *lines[-2:]])
    target = before.replace(b"&pins", b"&more").replace(b"BUS", b"PCI").replace(b"select HELPER", b"select HELPS") \
        .replace(b" a.o", b" own.o")
    lacks = Index({"allocates", "MODE_HIGH", "ldo23", "led", "CONFIG_NEW"})
    answer = run(before, after, target, path=path, symbols=lacks)
    assert ("is not in this tree" in answer.reason) is declines


def test_what_git_apply_puts_into_the_next_function_goes_into_upstreams_for_review() -> None:
    """A hunk of 6.12.101 is in send_set_info(); upstream's is in SMB2_query_directory(), whose lines read otherwise."""
    def request(name: bytes, first: bytes, cleared: bytes = b"") -> bytes:
        return (b"int %s(struct ses *ses)\n{\n\tint flags;\n\tstruct server *server;\n\n%s\nreplay_again:\n"
                b"\t/* reinitialize for possible replay */\n%s\tflags = 0;\n\tserver = pick_channel(ses);\n\n"
                b"\tif (!server)\n\t\treturn -EIO;\n\treturn send(server, flags);\n}\n\n" % (name, first, cleared))
    # this tree has a line of its own in the first function, so that git finds the hunk's lines in the second
    query, info = b"\tint rc = query_init(ses);\n", b"\tint rc = info_init(ses);\n"
    before = request(b"query", query) + request(b"info", info)
    after = request(b"query", query, b"\tmemset(&iov, 0, sizeof(iov));\n") + request(b"info", info)
    own = request(b"query", query).replace(b"\tflags = 0;\n", b"\tflags = 0;\n\tretries++;\n")
    target = own + request(b"info", info)
    answer = run(before, after, target)
    right = target.replace(b"possible replay */\n", b"possible replay */\n\tmemset(&iov, 0, sizeof(iov));\n", 1)
    assert answer.outcome is Apply.MERGED
    assert result(answer, target) == right
    assert answer.sure is Sure.REVIEW
    assert any("git apply would put hunk 1 into info()" in note for note in answer.notes)
