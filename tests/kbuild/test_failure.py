"""What make printed when the environment failed, and what only looks like it."""

from __future__ import annotations

import pytest

from backport.kbuild.failure import trouble
from backport.kbuild.make import Exited


def ended(*lines: str, code: int = 2) -> Exited:
    return Exited(code, "\n".join([*lines, ""]).encode(), 1.0)


@pytest.mark.parametrize(("lines", "words"), [
    (("gcc: fatal error: Killed signal terminated program cc1", "compilation terminated."), "killed by a signal"),
    (("make[4]: *** [scripts/Makefile.build:250: arch/x86/kvm/x86.o] Error 137",), "killed by a signal"),
    (("make[4]: *** [scripts/Makefile.build:250: arch/x86/kvm/x86.o] Error 135",), "killed by a signal"),
    (("make[4]: *** [scripts/Makefile.build:250: arch/x86/kvm/x86.o] Killed",), "killed by a signal"),
    (("gcc: internal compiler error: Killed (program cc1)", "Please submit a full bug report,"), "killed by a signal"),
    (("gcc: internal compiler error: File size limit exceeded signal terminated program cc1",
      "Please submit a full bug report,"), "grew over the limit"),
    (("gcc: internal compiler error: Segmentation fault signal terminated program cc1",), "compiler crashed"),
    (("clang: error: unable to execute command: Killed",), "compiler crashed"),
    (("terminate called after throwing an instance of 'std::bad_alloc'", "  what():  std::bad_alloc"), "out of memory"),
    (("virtual memory exhausted: Cannot allocate memory",), "out of memory"),
    (("***", "*** Compiler is too old.", "***   Your Clang version:    14.0.6", "***   Minimum Clang version: 15.0.0",
      "***", "scripts/Kconfig.include:45: Sorry, this compiler is not supported."), "needs a newer tool"),
    (("*** C compiler is too old.", "***   Your Clang version:    14.0.6"), "needs a newer tool"),
])
def test_the_environment(lines: tuple[str, ...], words: str) -> None:
    found = trouble(ended(*lines))
    assert found is not None
    assert words in found.what
    assert found.hint


@pytest.mark.parametrize("code", [-9, 137, 143])
def test_a_make_that_a_signal_ended_says_so_without_a_word(code: int) -> None:
    found = trouble(ended(code=code))
    assert found is not None
    assert found.what == f"make was ended by signal {-code if code < 0 else code - 128}"


@pytest.mark.parametrize("code", [0, 1, 2])
def test_an_exit_code_of_makes_own_is_no_trouble(code: int) -> None:
    assert trouble(ended(code=code)) is None


@pytest.mark.parametrize("line", [
    "arch/x86/kvm/x86.c:1:2: error: #error *** Compiler is too old.",
    "arch/x86/kvm/x86.c:12:2: error: 'Killed' undeclared (first use in this function)",
    "make[4]: *** [scripts/Makefile.build:250: arch/x86/kvm/x86.o] Error 1",
    "   12 |         pr_err(\"*** Compiler is too old.\");",
])
def test_the_code(line: str) -> None:
    assert trouble(ended(line)) is None
