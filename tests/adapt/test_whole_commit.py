"""What one part of a commit tells about the others: parts left out, code followed, helpers and headers of this tree."""

from __future__ import annotations

from collections.abc import Mapping

from backport.adapt import header_names
from backport.adapt.changelog import changelog
from backport.adapt.checks.base import Names
from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.csource.functions import functions
from backport.csource.oneliner import definition, written_out
from backport.csource.tokens import identifiers
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure
from tests.support.adapting import patch_of, result


class Index:
    """Every name of a few files."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def contains(self, identifier: str) -> bool:
        return any(identifier.encode() in identifiers(data) for data in self.files.values())

    def defines(self, name: str) -> bool:
        return bool(self.functions(name) or self.macros(name))

    def functions(self, name: str) -> list[str]:
        return [path for path, data in sorted(self.files.items()) if any(f.name == name for f in functions(data))]

    def macros(self, name: str, lists: bool = True) -> list[str]:
        return [path for path, data in sorted(self.files.items()) if b"#define " + name.encode() + b"(" in data]


class Tree(MemoryView):
    def __init__(self, name: str, files: Mapping[str, bytes]) -> None:
        super().__init__(name, files)
        self.index = Index(files)


def carried(changed: Mapping[str, tuple[bytes, bytes]], tree: Mapping[str, bytes],
            upstream: Mapping[str, bytes] | None = None) -> Adaptation:
    before = {path: old for path, (old, _new) in changed.items()}
    return adapt(patch_of(changed), Tree("tree", tree), preimages=before,
                 upstream=Tree("upstream", {**before, **(upstream or {})}))


def mailed(changed: Mapping[str, tuple[bytes, bytes]], answer: Adaptation) -> str:
    assert answer.patch is not None, answer.reason
    return "; ".join(changelog(patch_of(changed), answer.patch.files, answer.hunks))


def paths(answer: Adaptation) -> set[str]:
    assert answer.patch is not None, answer.reason
    return {file.path for file in answer.patch.files}


def driver(name: str) -> bytes:
    return "".join(f"static int {name}_{verb}(struct {name} *dev)\n{{\n\tdev->{verb} = true;\n\twritel({n}, "
                   f"dev->{name}_base);\n\treturn {name}_wait(dev, {n});\n}}\n\n"
                   for n, verb in enumerate(("reset", "start", "halt", "probe"))).encode()


def changed(source: bytes, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    assert source.count(old) == 1
    return source, source.replace(old, new)


GEN3 = changed(driver("gen3"), b"gen3_wait(dev, 2)", b"gen3_wait_idle(dev, 2)")
GEN4 = changed(driver("gen4"), b"gen4_wait(dev, 2)", b"gen4_wait_idle(dev, 2)")
SCRIPT = changed(b"#!/bin/sh\nsetup_namespaces\nrun_the_test ipv4 gateway\nrun_the_test ipv6 gateway\nclean_up\n",
                 b"ipv6 gateway", b"ipv6 router")


# ---- parts whose subject is not in the tree

def test_the_generation_of_a_driver_and_the_test_that_are_not_here_are_left_out_and_named() -> None:
    patch = {"drivers/a/gen3.c": GEN3, "drivers/a/gen4.c": GEN4, "tools/testing/selftests/net/gateway.sh": SCRIPT}
    answer = carried(patch, {"drivers/a/gen3.c": GEN3[0]})
    assert paths(answer) == {"drivers/a/gen3.c"}
    assert answer.sure is Sure.REVIEW
    said = mailed(patch, answer)
    assert "left out the change to drivers/a/gen4.c, which this tree does not have" in said
    assert "left out the change to tools/testing/selftests/net/gateway.sh, which this tree does not have" in said


def test_a_test_that_stands_elsewhere_is_not_left_out() -> None:
    patch = {"drivers/a/gen3.c": GEN3, "tools/testing/selftests/net/gateway.sh": SCRIPT}
    answer = carried(patch, {"drivers/a/gen3.c": GEN3[0], "tools/testing/selftests/net/old/gateway.sh": SCRIPT[0]})
    assert answer.patch is None or "tools/testing/selftests/net/old/gateway.sh" in paths(answer)


def test_a_driver_under_another_name_is_not_left_out() -> None:
    """Its functions are here: it was renamed, or put together with another one."""
    patch = {"drivers/a/gen3.c": GEN3, "drivers/a/gen4.c": GEN4}
    other = GEN4[0].replace(b"dev->gen4_base", b"gen4_io(dev)").replace(b"halt = true", b"state = HALTED")
    answer = carried(patch, {"drivers/a/gen3.c": GEN3[0], "drivers/b/next.c": other})
    assert answer.patch is None or "drivers/b/next.c" in paths(answer)


def slots(name: str, of: str) -> bytes:
    return "".join(
        f"int {name}_{verb}(struct {name} *{of}, const struct blk_key *key)\n{{\n"
        f"\tif ({of}->slot_refs[{n}])\n\t\treturn {name}_busy({of}, {n});\n"
        f"\t{of}->ll_ops.keyslot_{verb}({of}, key, {of}->hash_node);\n"
        f"\treturn {name}_idle({of}, {of}->slot_mem, {n});\n}}\n\n"
        for n, verb in enumerate(("evict", "program", "find"))).encode()


def test_a_file_that_was_renamed_with_every_function_in_it_is_not_left_out() -> None:
    """block/keyslot-manager.c became blk-crypto-profile.c: the heart of a fix was left out, and the rest was made."""
    profile = changed(slots("crypto_profile", "profile"), b"crypto_profile_busy(profile, 0)", b"-EBUSY")
    patch = {"drivers/a/gen3.c": GEN3, "drivers/a/profile.c": profile}
    tree = {"drivers/a/gen3.c": GEN3[0], **{f"drivers/a/x{n}.c": driver(f"x{n}") for n in range(3)}}
    assert carried(patch, tree).outcome.good
    answer = carried(patch, {**tree, "drivers/a/manager.c": slots("ksm", "ksm")})
    assert answer.outcome is Apply.CONFLICT
    # upstream has that file as well: it is another thing
    both = {"drivers/a/manager.c": slots("ksm", "ksm")}
    assert carried(patch, {**tree, **both}, both).outcome.good


def test_a_makefile_of_a_directory_that_is_here_under_another_path_is_not_left_out() -> None:
    make = changed(b"obj-y += a.o\nobj-y += b.o\nobj-$(CONFIG_X) += gen3.o\n", b"+= b.o", b"+= b.o c.o")
    answer = carried({"drivers/a/gen3.c": GEN3, "drivers/new/thing/Makefile": make},
                     {"drivers/a/gen3.c": GEN3[0], "drivers/old/thing/Makefile": b"obj-m := q.o\n"})
    assert answer.outcome is Apply.CONFLICT


def test_a_fix_of_which_only_the_document_would_be_left_is_none() -> None:
    text = changed(b"Gateways\n========\n\nThe gateway answers within one second.\n", b"one second", b"two seconds")
    answer = carried({"drivers/a/gen4.c": GEN4, "Documentation/gateway.rst": text},
                     {"Documentation/gateway.rst": text[0]})
    assert answer.outcome is Apply.CONFLICT
    assert "only tests and documents would be left" in answer.reason


# ---- a helper of one expression that this tree lacks

CMP = b"#define cmp_num(l, r) (((l) > (r)) - ((l) < (r)))\n"
SORT = (b"int compare_owner(const struct item *a, const struct item *b)\n{\n\tstruct entry *x = entry_of(a);\n"
        b"\tstruct entry *y = entry_of(b);\n\n\treturn x->number - y->number;\n}\n")
SORTED = SORT.replace(b"x->number - y->number", b"cmp_num(x->number, y->number)")
OLDER = SORT.replace(b"= entry_of(a);\n", b"= container_of(a, struct entry, item);\n")


def test_a_macro_that_is_not_here_is_written_out_from_upstreams_own_definition() -> None:
    answer = carried({"fs/sort.c": (SORT, SORTED)}, {"fs/sort.c": OLDER}, {"include/linux/cmp.h": CMP})
    assert b"\treturn (x->number > y->number) - (x->number < y->number);\n" in result(answer, OLDER, "fs/sort.c")
    assert answer.sure is Sure.REVIEW
    assert mailed({"fs/sort.c": (SORT, SORTED)}, answer) == "open-coded cmp_num(), which this tree does not have"


def test_a_macro_that_upstream_has_twice_is_not_written_out() -> None:
    other = b"#define cmp_num(l, r) ((l) - (r))\n"
    answer = carried({"fs/sort.c": (SORT, SORTED)}, {"fs/sort.c": OLDER},
                     {"include/linux/cmp.h": CMP, "include/linux/number.h": other})
    assert answer.outcome is Apply.CONFLICT


def test_a_macro_whose_words_are_not_here_either_is_not_written_out() -> None:
    deep = b"#define cmp_num(l, r) three_way((l), (r))\n"
    answer = carried({"fs/sort.c": (SORT, SORTED)}, {"fs/sort.c": OLDER}, {
        "include/linux/cmp.h": deep, "include/linux/three.h": b"static inline int three_way(int a, int b)\n{\n}\n"})
    assert answer.outcome is Apply.CONFLICT


def test_what_would_be_evaluated_twice_is_not_written_out() -> None:
    one = definition(CMP, "cmp_num")
    assert one is not None
    assert written_out(b"\treturn cmp_num(next(a), b);\n", one) is None
    assert written_out(b"\treturn cmp_num(a++, b);\n", one) is None
    assert written_out(b"\tx = 2 * cmp_num(a, b);\n", one) == b"\tx = 2 * ((a > b) - (a < b));\n"
    assert written_out(b"\tx = cmp_num(a & 1, b);\n", one) == b"\tx = ((a & 1) > b) - ((a & 1) < b);\n"
    assert written_out(b"\treturn cmp_num(first->owner->inode->number, second->owner->inode->number);\n", one) == (
        b"\treturn (first->owner->inode->number > second->owner->inode->number) -\n"
        b"\t\t(first->owner->inode->number < second->owner->inode->number);\n")


def test_a_macro_of_statements_is_no_expression() -> None:
    assert definition(b"#define swap_them(a, b) do { t = a; a = b; b = t; } while (0)\n", "swap_them") is None
    assert definition(b"#define cmp_num(l, r) ({ int x = (l); x - (r); })\n", "cmp_num") is None


# ---- code that several functions have here, and the header of another name

MD5 = (b"#include <net/tcp.h>\n#include <linux/slab.h>\n\nint inbound(struct sock *sk, u8 *hash, u8 *seen)\n{\n"
       b"\tint ret = 0;\n\n\tcalculate_for_family(sk, seen);\n\tif (memcmp(hash, seen, 16) != 0) {\n"
       b"\t\tcount_failure(sk, TCPMD5FAILURE);\n\t\tret = REASON_FAILURE;\n\t}\n\treturn ret;\n}\n")
MD5_AFTER = (MD5.replace(b"memcmp(hash, seen, 16) != 0", b"safe_memneq(hash, seen, 16)")
             .replace(b"#include <net/tcp.h>\n", b"#include <crypto/utils.h>\n#include <net/tcp.h>\n"))
SEND = (b"#include <crypto/hash.h>\n\nvoid send_reset%s(struct sock *sk, u8 *mine, u8 *seen)\n{\n"
        b"\tlook_up_key(sk, mine);\n\tif (memcmp(mine, seen, 16) != 0)\n\t\treturn;\n\tsend_it%s(sk);\n}\n")
UTILS = b"static inline int safe_memneq(const void *a, const void *b, int n)\n{\n\treturn 0;\n}\n"


def family(n: bytes, beside: bytes = b"\t\tcount_failure(sk, TCPMD5FAILURE);\n") -> bytes:
    return (SEND % (n, n) + b"\nbool inbound_v%s(struct sock *sk, u8 *hash, u8 *seen)\n{\n\tbool bad;\n\n"
            b"\tbad = hash_packet_v%s(sk, seen);\n\tif (bad || memcmp(hash, seen, 16) != 0) {\n" % (n, n) + beside
            + b"\t\treturn true;\n\t}\n\treturn false;\n}\n")


def sent(n: bytes) -> tuple[bytes, bytes]:
    old = SEND % (n, n)
    return old, (old.replace(b"memcmp(mine, seen, 16) != 0", b"safe_memneq(mine, seen, 16)")
                 .replace(b"#include <crypto/hash.h>\n", b"#include <crypto/hash.h>\n#include <crypto/utils.h>\n"))


PATCH = {"net/tcp.c": (MD5, MD5_AFTER), "net/v4.c": sent(b"4"), "net/v6.c": sent(b"6")}
TREE = {"net/tcp.c": b"#include <net/tcp.h>\n#include <linux/slab.h>\n\nint other(void)\n{\n\treturn 0;\n}\n",
        "net/v4.c": family(b"4"), "net/v6.c": family(b"6"), "include/crypto/algapi.h": UTILS}
UPSTREAM = {"include/crypto/utils.h": UTILS}


def test_code_that_was_put_together_upstream_is_changed_in_both_functions_here() -> None:
    answer = carried(PATCH, TREE, UPSTREAM)
    assert paths(answer) == {"net/v4.c", "net/v6.c"}
    for path in ("net/v4.c", "net/v6.c"):
        got = result(answer, TREE[path], path)
        assert b"memcmp" not in got
        assert b"if (bad || safe_memneq(hash, seen, 16)) {\n" in got
        assert b"#include <crypto/algapi.h>\n" in got
    assert answer.sure is Sure.REVIEW
    said = mailed(PATCH, answer)
    assert "the change to inbound() is made in inbound_v4() of net/v4.c and inbound_v6() of net/v6.c" in said
    assert "include <crypto/algapi.h> instead of <crypto/utils.h>" in said


def test_the_same_expression_beside_other_lines_is_left_to_a_person() -> None:
    tree = {**TREE, "net/v6.c": family(b"6", b"\t\tlog_something_else(sk);\n")}
    answer = carried(PATCH, tree, UPSTREAM)
    assert answer.outcome is Apply.CONFLICT
    assert "inbound_v6 of net/v6.c" in answer.reason


def test_a_header_that_the_commit_brings_itself_is_included_by_its_own_name() -> None:
    tree, upstream = Tree("tree", TREE), Tree("upstream", UPSTREAM)
    (file,) = patch_of({"net/v4.c": PATCH["net/v4.c"]}).files
    names = Names(tree.index, upstream.index, frozenset(), upstream)
    assert header_names.with_headers(file, tree, names)[1]
    assert header_names.with_headers(file, tree, names, ["include/crypto/utils.h"]) == (file, ())


def test_a_header_for_whose_names_two_stand_is_not_swapped() -> None:
    tree = {**TREE, "include/crypto/other.h": UTILS}
    answer = carried({"net/v4.c": PATCH["net/v4.c"]}, tree, UPSTREAM)
    assert answer.patch is None or b"crypto/algapi.h" not in answer.patch.diff


def test_a_header_that_the_file_includes_already_is_not_included_twice() -> None:
    old, new = PATCH["net/v4.c"]
    tree = {**TREE, "net/v4.c": b"#include <crypto/algapi.h>\n" + family(b"4")}
    answer = carried({"net/v4.c": (old, new)}, tree, UPSTREAM)
    if answer.patch is not None:
        assert result(answer, tree["net/v4.c"], "net/v4.c").count(b"crypto/algapi.h") == 1


# ---- a parameter that the function has upstream, and not here

EVENTS = b"""\
static __init int memory_setup(void)
{
	return 0;
}

__init void
enable_all(struct array *tr, char *buf, bool stop_first)
{
	char *token;
	int ret;

	while (true) {
		token = strsep(&buf, ",");
		if (!token)
			break;
		if (stop_first)
			set_event(tr, token, 0);
		ret = set_event(tr, token, 1);
		if (ret)
			pr_warn("failed");
		put_comma_back(buf);
	}
}

static __init int trace_enable(void)
{
	return 1;
}
"""
EVENTS_AFTER = (
    EVENTS.replace(b"__init void\nenable_all(struct array *tr, char *buf, bool stop_first)",
                   b"static __init void set_events(struct array *tr, char *buf, bool on)")
    .replace(b"\tint ret;\n", b"")
    .replace(b"\t\tif (stop_first)\n\t\t\tset_event(tr, token, 0);\n\t\tret = set_event(tr, token, 1);\n\t\tif (ret)\n",
             b"\t\tif (set_event(tr, token, on))\n")
    .replace(b"\nstatic __init int trace_enable", b"""
/**
 * enable_all - enable events
 * @tr: the array
 * @buf: the list of events
 * @stop_first: disable all events in @buf before
 */
__init void
enable_all(struct array *tr, char *buf, bool stop_first)
{
	if (stop_first)
		set_events(tr, buf, false);

	set_events(tr, buf, true);
}

static __init int trace_enable"""))
HERE = (EVENTS.replace(b"__init void\nenable_all(", b"static __init void\nenable_all(")
        .replace(b"tr, char *buf, bool stop_first)\n{\n", b"tr, bool stop_first)\n{\n\tchar *buf = boot_buf;\n"))
EVENTS_PATCH = {"trace.c": (EVENTS, EVENTS_AFTER)}


def test_a_parameter_that_the_function_lacks_here_is_left_out_of_its_helper_its_calls_and_its_comment() -> None:
    answer = carried(EVENTS_PATCH, {"trace.c": HERE})
    got = result(answer, HERE, "trace.c")
    assert b"static __init void set_events(struct array *tr, bool on)\n{\n\tchar *buf = boot_buf;\n" in got
    assert b"static __init void\nenable_all(struct array *tr, bool stop_first)\n{\n\tif (stop_first)\n" in got
    assert b"\t\tset_events(tr, false);\n\n\tset_events(tr, true);\n" in got
    assert b"@buf" not in got
    assert b" * @stop_first: disable all events before\n" in got
    assert answer.sure is Sure.REVIEW
    said = mailed(EVENTS_PATCH, answer)
    assert said.startswith("enable_all() has no parameter `buf` in this tree, so set_events() takes none")
    assert "left out" not in said


def test_a_variable_whose_value_comes_from_another_parameter_keeps_the_patch_away() -> None:
    there = HERE.replace(b"char *buf = boot_buf;", b"char *buf = stop_first ? boot_buf : NULL;")
    answer = carried(EVENTS_PATCH, {"trace.c": there})
    assert answer.patch is None or b"set_events(struct array *tr, bool on)" not in answer.patch.diff


def test_a_parameter_without_a_variable_in_its_place_is_not_left_out() -> None:
    there = HERE.replace(b"\tchar *buf = boot_buf;\n", b"").replace(b"buf", b"boot_buf")
    answer = carried(EVENTS_PATCH, {"trace.c": there})
    assert answer.patch is None or b"set_events(struct array *tr, bool on)" not in answer.patch.diff


def test_a_function_that_differs_in_more_than_the_parameter_is_left_alone() -> None:
    there = HERE.replace(b"enable_all(struct array *tr, bool", b"enable_all(struct list *tr, bool")
    answer = carried(EVENTS_PATCH, {"trace.c": there})
    assert answer.patch is None or b"set_events(struct array *tr, bool on)" not in answer.patch.diff


# ---- what an added comment speaks of

QUIET = b"int stop(struct unit *u)\n{\n\tclaim(u);\n\tu->state = 1;\n\treturn release(u);\n}\n"


def commented(text: bytes, upstream: bytes) -> Adaptation:
    """An added comment, carried to a tree that differs beside it; `upstream` is another file of upstream's."""
    after = QUIET.replace(b"\tu->state", b"\t/* %s */\n\tu->state" % text)
    return carried({"a.c": (QUIET, after)}, {"a.c": QUIET.replace(b"\treturn release(u);", b"\treturn let_go(u);")},
                   {"b.c": upstream})


def test_a_comment_about_a_function_that_is_not_here_is_for_review() -> None:
    answer = commented(b"unit_quiesce() waits", b"int unit_quiesce(void)\n{\n\treturn 0;\n}\n")
    assert any("`unit_quiesce`" in note for note in answer.notes)


def test_a_comment_about_a_name_that_no_code_defines_is_no_doubt() -> None:
    answer = commented(b"the limit R_OSRC_Lmt is 7", b"int x = R_OSRC_Lmt;\n")
    assert not any("R_OSRC_Lmt" in note for note in answer.notes)
