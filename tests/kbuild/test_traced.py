"""The reader of what `make --trace` prints."""

from __future__ import annotations

from pathlib import Path

from backport.kbuild import traced

SOURCE, BUILD = Path("/src"), Path("/build")


def read(text: str) -> traced.Trace:
    return traced.read(text.encode(), SOURCE, BUILD)


def test_a_command_is_read_with_its_directory_and_what_it_said() -> None:
    trace = read("make: Entering directory '/src/tools/testing/selftests/x'\n"
                 "../lib.mk:1: update target '/build/kselftest/x/a' due to: a.c\n"
                 "gcc -I.. -include ../y.h -DNAME='\"x\"' -isystem /build/usr/include a.c b.c -MD -lrt \\\n"
                 "  -o /build/kselftest/x/a\n"
                 "a.c: In function 'main':\n"
                 "a.c:3:7: warning: unused variable 'q' [-Wunused-variable]\n"
                 "../lib/z.h:1:1: error: broken\n"
                 "make: *** [../lib.mk:1: /build/kselftest/x/a] Error 1\n"
                 "make: Leaving directory '/src/tools/testing/selftests/x'\n"
                 "b.c:1:1: warning: from the top\n")
    assert [(unit.target, unit.source) for unit in trace.units] == [
        ("kselftest/x/a", "tools/testing/selftests/x/a.c"), ("kselftest/x/a", "tools/testing/selftests/x/b.c")]
    assert trace.units[0].argv == (
        "gcc", "-I", "/src/tools/testing/selftests", "-include", "/src/tools/testing/selftests/y.h", '-DNAME="x"',
        "-isystem", "/build/usr/include", "-lrt", "/src/tools/testing/selftests/x/a.c")
    assert [(item.path, item.line, item.level, item.object) for item in trace.diagnostics] == [
        ("tools/testing/selftests/x/a.c", 3, "warning", "kselftest/x/a"),
        ("tools/testing/selftests/lib/z.h", 1, "error", "kselftest/x/a"), ("b.c", 1, "warning", "")]
    assert trace.stops == ("[../lib.mk:1: kselftest/x/a] Error 1",)
    assert [item.text for item in trace.of("kselftest/x/a")] == ["broken"]


def test_what_is_no_command_of_a_compiler_is_none() -> None:
    trace = read("set -e; gcc a.c -o /build/a\necho gcc a.c -o /build/a\ncd x && gcc a.c -o /build/a\n"
                 "gcc.sh a.c -o /build/a\ngcc `x` a.c -o /build/a\nmy-gcc-12 -c /src/a.S -o /build/a.o\n"
                 "gcc a.o -lcap -o /build/prog\n/usr/bin/ld: cannot find -lcap: No such file or directory\n"
                 "gcc c.c -o /elsewhere/c\n")
    assert [(unit.target, unit.source) for unit in trace.units] == [("a.o", "a.S"), ("", "c.c")]
    assert trace.targets == ("a.o", "prog")
    assert [(item.text, item.object) for item in trace.diagnostics] == [("cannot find -lcap", "prog")]


def test_a_file_that_the_compiler_makes_up_has_the_same_name_in_every_run() -> None:
    one, two = (read(f"gcc a.c -o /build/a\n/tmp/{name}.s:3: Error: no such instruction\n")
                for name in ("ccAbcdef", "ccZ12345"))
    assert one.diagnostics == two.diagnostics
    assert [item.level for item in one.diagnostics] == ["error"]


def test_what_make_and_the_shell_could_not_do_is_kept() -> None:
    trace = read("/bin/sh: 1: rst2man: not found\nMakefile:76: *** \"no man pages\".  Stop.\n"
                 "make[1]: *** [Makefile:3: docs] Error 2\n")
    assert trace.stops == ("rst2man is not installed", '"no man pages".  Stop.', "[Makefile:3: docs] Error 2")


def test_a_line_without_end_takes_no_time() -> None:
    trace = read("gcc " + "a-" * 200_000 + "\n" + "/tmp/" + "a" * 200_000 + "\ngcc-" * 50_000)
    assert trace.units == ()
