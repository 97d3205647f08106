"""Where an added `#include` goes."""

from __future__ import annotations

import pytest

from backport.csource.includes import top
from backport.patch.parse import split_lines
from backport.verdict import Apply
from tests.support.adapting import result, run

UPSTREAM = b"""// SPDX
#include <linux/a.h>
#include <linux/b.h>
#include "own.h"

struct unit {
\tint count;
};

static int start(struct unit *u)
{
\treturn u->count;
}
"""
OTHER = b"struct other {\n\tint level;\n};\n\n"


def added(source: bytes, behind: bytes, line: bytes = b"#include <linux/new.h>\n") -> bytes:
    at = source.index(behind) + len(behind)
    return source[:at] + line + source[at:]


@pytest.mark.parametrize("tree", [
    UPSTREAM.replace(b'#include "own.h"\n', b"").replace(b"struct unit {", OTHER + b"struct unit {"),
    UPSTREAM.replace(b'#include "own.h"\n\n', b"#include <linux/z.h>\n\n" + OTHER),
    UPSTREAM.replace(b'#include "own.h"\n', b"").replace(b"struct unit {", b"static int level;\n\nstruct unit {"),
    UPSTREAM.replace(b'#include "own.h"\n', b"#define LEVEL 3\n").replace(b"struct unit {", OTHER + b"struct unit {"),
    UPSTREAM.replace(b'"own.h"', b'"mine.h"').replace(b"linux/", b"asm/").replace(b"struct unit {",
                                                                                 OTHER + b"struct unit {"),
])
def test_no_include_lands_below_a_declaration(tree: bytes) -> None:
    answer = run(UPSTREAM, added(UPSTREAM, b'"own.h"\n'), tree)
    if answer.patch is None:
        assert answer.outcome is Apply.CONFLICT
        return
    lines = split_lines(result(answer, tree))
    at = lines.index(b"#include <linux/new.h>\n")
    assert at in top(lines).includes
    assert lines[at - 1].startswith(b"#include")


def test_an_include_goes_behind_the_neighbour_that_is_here() -> None:
    tree = UPSTREAM.replace(b'#include "own.h"\n\n', b"#include <linux/z.h>\n\n" + OTHER)
    there = result(run(UPSTREAM, added(UPSTREAM, b'"own.h"\n'), tree), tree)
    assert b"#include <linux/b.h>\n#include <linux/new.h>\n#include <linux/z.h>\n" in there


def test_an_include_does_not_go_under_a_condition() -> None:
    tree = UPSTREAM.replace(b'#include <linux/b.h>\n#include "own.h"\n\n',
                            b"#ifdef CONFIG_Z\n#include <linux/b.h>\n#endif\n\n" + OTHER)
    there = result(run(UPSTREAM, added(UPSTREAM, b'"own.h"\n'), tree), tree)
    assert b"#include <linux/a.h>\n#include <linux/new.h>\n#ifdef" in there


def test_what_upstream_includes_below_declarations_stays_there() -> None:
    upstream = UPSTREAM + b"\n#include \"late.h\"\n"
    tree = upstream.replace(b"int count;", b"long count;")
    there = result(run(upstream, added(upstream, b'"late.h"\n', b"#include \"later.h\"\n"), tree), tree)
    assert there.endswith(b"#include \"late.h\"\n#include \"later.h\"\n")


def test_the_guard_of_a_header_is_no_condition() -> None:
    guard = b"#ifndef UNIT_H\n#define UNIT_H\n"
    upstream, end = guard + UPSTREAM, b"#endif\n"
    tree = upstream.replace(b'#include "own.h"\n\n', b"#include <linux/z.h>\n\n" + OTHER) + end
    there = result(run(upstream + end, added(upstream, b'"own.h"\n') + end, tree), tree)
    assert b"#include <linux/b.h>\n#include <linux/new.h>\n" in there


def test_an_include_that_the_file_has_is_not_made_a_second_time() -> None:
    fixed = added(UPSTREAM, b'"own.h"\n').replace(b"return u->count", b"return get_count(u)")
    tree = UPSTREAM.replace(b"#include <linux/a.h>\n", b"#include <linux/new.h>\n").replace(
        b'#include <linux/b.h>\n#include "own.h"\n', b"#include <linux/c.h>\n")
    answer = run(UPSTREAM, fixed, tree)
    assert result(answer, tree) == tree.replace(b"return u->count", b"return get_count(u)")
    assert any("hunk 1 left out, in this tree already" in note for note in answer.notes)
