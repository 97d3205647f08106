"""What to set so that an option is on, by made-up Kconfig files."""

from __future__ import annotations

import contextlib

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
