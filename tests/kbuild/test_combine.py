"""One patch built in two configurations: what is compiled by either is compiled, and what neither compiles is told."""

from __future__ import annotations

from backport.kbuild.combine import again, together
from backport.kbuild.result import BuildResult, Diagnostic, Uncompiled
from backport.verdict import Build

ALL = ("a.c", "b.c")


def result(verdict: Build, *uncompiled: Uncompiled, objects: tuple[str, ...] = (), **more: object) -> BuildResult:
    return BuildResult(verdict, str(verdict), uncompiled=uncompiled, objects=objects, **more)  # type: ignore[arg-type]


def lost(path: str, line: int = 0, why: str = "off") -> Uncompiled:
    return Uncompiled(path, line, "", why)


def test_a_line_that_only_the_first_configuration_has_is_compiled() -> None:
    """The #else of an option: the first has line 9 and lacks line 5, the second the other way round."""
    both = again(result(Build.NOT_COMPILED, lost("a.c", 5), objects=("a.o",)),
                 result(Build.NOT_COMPILED, lost("a.c", 9), objects=("a.o",)), ALL)
    assert (both.verdict, both.uncompiled, both.reason) == (Build.PASS, (), "1 fresh object: a.o")


def test_a_line_that_neither_has_stays_uncompiled() -> None:
    both = again(result(Build.NOT_COMPILED, lost("a.c", 5), lost("a.c", 7)),
                 result(Build.NOT_COMPILED, lost("a.c", 7), lost("b.c")), ALL)
    assert both.verdict is Build.NOT_COMPILED
    assert [(one.path, one.line) for one in both.uncompiled] == [("a.c", 7)]


def test_a_file_that_only_the_second_builds_has_the_seconds_lines() -> None:
    both = again(result(Build.NOT_COMPILED, lost("a.c"), lost("b.c")), result(Build.NOT_COMPILED, lost("a.c", 3)),
                 ALL)
    assert [(one.path, one.line) for one in both.uncompiled] == [("a.c", 3)]


def test_what_the_second_was_not_asked_about_stays_uncompiled() -> None:
    both = again(result(Build.NOT_COMPILED, lost("a.c", 5), lost("b.c")), result(Build.PASS, objects=("b.o",)), ["b.c"])
    assert both.verdict is Build.NOT_COMPILED
    assert [(one.path, one.line) for one in both.uncompiled] == [("a.c", 5)]


def test_a_file_that_neither_builds_says_what_each_found() -> None:
    both = again(result(Build.NOT_COMPILED, lost("a.c", why="one")), result(Build.NOT_COMPILED, lost("a.c", why="two")),
                 ALL)
    assert both.reason == "a.c: one; two"


def test_a_warning_of_the_first_is_not_lost_where_the_second_compiles_the_rest() -> None:
    warning = Diagnostic("a.c", 1, "warning", "unused")
    both = again(result(Build.NOT_COMPILED, lost("b.c"), objects=("a.o",), new=(warning,)),
                 result(Build.PASS, objects=("b.o",)), ALL)
    assert (both.verdict, both.objects) == (Build.WARN, ("a.o", "b.o"))
    assert "unused" in both.reason


def test_the_worst_part_is_the_verdict() -> None:
    assert together([result(Build.PASS), result(Build.FAIL), result(Build.WARN)]).verdict is Build.FAIL
    assert together([result(Build.FAIL), result(Build.ERROR)]).verdict is Build.ERROR
    lost_code = result(Build.NOT_COMPILED, lost("a.c"))
    assert again(lost_code, result(Build.BASELINE_BROKEN), ALL).verdict is Build.BASELINE_BROKEN
