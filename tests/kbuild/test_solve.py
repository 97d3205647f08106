"""What to set so that an option is on, by made-up Kconfig files."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.kbuild import kconfig
from backport.kbuild.solve import Unsolved, wishes

FILES = {
    "Kconfig": 'mainmenu "Kernel"\nsource "arch/$(SRCARCH)/Kconfig"\nsource "mm/Kconfig"\nsource "not/there"\n'
               'source "../outside"\n',
    "arch/x86/Kconfig": 'config 64BIT\n\tbool "64-bit" if "$(ARCH)" = "x86"\n\tdefault "$(ARCH)" != "i386"\n'
                        'config MMU\n\tdef_bool y\n'
                        'config SMP\n\tbool "Processors"\n'
                        '\thelp\n\t  config NOT_THIS_ONE\n\t  if there are\n\n\t  many\n'
                        'config HAVE_RT\n\tbool\n',
    "mm/Kconfig": 'menu "Memory"\n\tdepends on MMU\n'
                  'config KM\n\tdepends on !SMP || !MMU\n\tbool\n\tdefault y\n'
                  'if 64BIT && \\\n\tMMU\nconfig DEEP\n\ttristate "Deep" if SMP\n\tdepends on KM=y && FROM\nendif\n'
                  'endmenu\n'
                  'config FROM\n\tbool\n'
                  'config CHOSEN\n\tbool "Selects" \n\tselect FROM if SMP\n'
                  'config BROKEN\n\tbool\n'
                  'config SME\n\tbool "SME"\n\tdepends on BROKEN\n'
                  'config RT\n\tbool "RT"\n\tdepends on HAVE_RT\n'
                  'config CLANG\n\tdef_bool $(success,cc --version | grep clang)\n'
                  'choice\n\tprompt "One of"\nconfig FIRST\n\tbool "first"\nconfig SECOND\n\tbool "second"\n'
                  '\tdepends on !RT if SMP\nendchoice\n',
}
ON = {"CONFIG_64BIT": "y", "CONFIG_MMU": "y", "CONFIG_SMP": "y", "CONFIG_FIRST": "y"}


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> kconfig.OptionTable:
    top = tmp_path_factory.mktemp("tree")
    (top / "outside").mkdir()
    for name, text in FILES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return kconfig.read(top, "x86_64", "x86")


def test_every_option_is_read_and_a_help_text_is_none(options: kconfig.OptionTable) -> None:
    assert set(options.defined) == {"64BIT", "MMU", "SMP", "HAVE_RT", "KM", "DEEP", "FROM", "CHOSEN", "BROKEN", "SME",
                                    "RT", "CLANG", "FIRST", "SECOND"}


@pytest.mark.parametrize(("condition", "found"), [
    ("CONFIG_KM", {"CONFIG_SMP": "n"}),                                    # on by itself where processors are off
    ("!CONFIG_SMP", {"CONFIG_SMP": "n"}),
    ("#ifndef CONFIG_SMP", {"CONFIG_SMP": "n"}),
    ("#else of #ifdef CONFIG_SMP", {"CONFIG_SMP": "n"}),
    ("#elif defined(CONFIG_CHOSEN) of #if IS_ENABLED(CONFIG_KM)", {"CONFIG_CHOSEN": "y"}),
    ("#if defined CONFIG_KM && IS_ENABLED(CONFIG_CHOSEN)", {"CONFIG_SMP": "n", "CONFIG_CHOSEN": "y"}),
    ("CONFIG_FROM", {"CONFIG_CHOSEN": "y"}),                               # by who selects it
    ("CONFIG_SECOND", {"CONFIG_SECOND": "y"}),
])
def test_the_fewest_options_that_make_it_hold(options: kconfig.OptionTable, condition: str,
                                              found: dict[str, str]) -> None:
    assert wishes(options, ON, [condition], {}) == found


@pytest.mark.parametrize(("condition", "why"), [
    ("CONFIG_SME", "SME cannot be on: nothing sets BROKEN"),
    ("CONFIG_RT", "RT cannot be on: nothing sets HAVE_RT"),
    ("!CONFIG_MMU", "MMU cannot be off"),
    ("!CONFIG_64BIT", "64BIT cannot be off"),                              # no prompt for this ARCH
    ("CONFIG_DEEP", "SMP"),                                                # wants processors and wants none
    ("CONFIG_ARM", "no Kconfig file of this architecture has ARM"),
    ("CONFIG_CLANG", "nothing is known to set"),                           # the compiler's own
    ("#if BITS_PER_LONG == 32", "names no option"),
    ("#if 0", "names no option"),
])
def test_what_no_setting_gives_is_declined_with_the_reason(options: kconfig.OptionTable, condition: str,
                                                           why: str) -> None:
    with pytest.raises(Unsolved, match=why):
        wishes(options, ON, [condition], {})


def test_a_later_wish_keeps_the_earlier_ones(options: kconfig.OptionTable) -> None:
    first = wishes(options, ON, ["CONFIG_CHOSEN"], {})
    assert wishes(options, ON, ["!CONFIG_SMP"], first) == {"CONFIG_CHOSEN": "y", "CONFIG_SMP": "n"}
    with pytest.raises(Unsolved):
        wishes(options, ON, ["!CONFIG_CHOSEN"], first)


@given(st.text("AB!&|=()$\" \\\n#", max_size=60))
def test_any_text_is_an_expression_or_unknown(text: str) -> None:
    assert kconfig.parse(text)
    options = kconfig.OptionTable()
    options.defined["A"].append(kconfig.OptionEntry([kconfig.parse(text)], kconfig.parse(text)))
    with contextlib.suppress(Unsolved):
        assert wishes(options, {}, ["CONFIG_A"], {})


@pytest.mark.parametrize("files", [
    {"Kconfig": 'source "Kconfig"\nsource "Kconfig"\n'},
    {"Kconfig": 'source "0"\n', **{str(number): f'source "{number + 1}"\n' * 2 for number in range(30)}},
    {"Kconfig": "if A\n" * 20_000 + 'config X\n\tbool "x"\n' * 20_000},
], ids=["itself", "twice each", "nested"])
def test_files_that_never_end_are_no_kernels(tmp_path: Path, files: dict[str, str]) -> None:
    """A patch may change Kconfig files, and they are read outside the sandbox and without its limit of time."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Unsolved, match="without an end"):
        kconfig.read(tmp_path, "x86", "x86")


@pytest.mark.parametrize("text", [
    "config A \\\n" + "x \\\n" * 300_000,                                   # one line of many
    "config A\n\tbool " + "$()" * 900 + '"\n',                              # all ways to cut it were tried
    "config A\n\tbool \"a\"\n\tdepends on " + "$(x y)" * 500 + '"\n',
], ids=["goes on", "macros", "depends"])
def test_a_line_that_took_for_ever_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "Kconfig").write_text(text + '\nconfig LAST\n\tbool "last"\n')
    assert "LAST" in kconfig.read(tmp_path, "x86", "x86").defined


def test_a_thousand_conditions_of_one_option_are_walked(tmp_path: Path) -> None:
    """Each was one level deeper for the interpreter, which ended the build with an error of its own."""
    (tmp_path / "Kconfig").write_text(
        'config A\n\tbool "a"\n\tdepends on ' + "||".join(["B"] * 1300) + '\nconfig B\n\tbool "b"\n'
        "config C\n\tdef_bool y\n" + "\tdepends on B\n" * 5000)
    options = kconfig.read(tmp_path, "x86", "x86")
    assert wishes(options, {}, ["CONFIG_A"], {}) == {"CONFIG_A": "y", "CONFIG_B": "y"}
    assert wishes(options, {"CONFIG_B": "y", "CONFIG_C": "y"}, ["!CONFIG_C"], {}) == {"CONFIG_B": "n"}
    deep = "#else of " * 2000 + "#ifdef CONFIG_A"
    with pytest.raises(Unsolved, match="nested too deep"):
        wishes(options, {}, [deep], {})


def test_nothing_outside_the_tree_is_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/Kconfig").write_text('config OUTSIDE\n\tbool "o"\n')
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "tree/fifo")
    (tmp_path / "tree/huge").write_text("config HUGE\n" + " " * (5 << 20))
    (tmp_path / "tree/Kconfig").write_text("".join(f'source "{name}"\n' for name in (
        "link/Kconfig", "fifo", "huge", "a\0b", "d/" * 5000)) + 'config INSIDE\n\tbool "i"\n')
    assert set(kconfig.read(tmp_path / "tree", "x86", "x86").defined) == {"INSIDE"}
