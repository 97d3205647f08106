"""Which checks are asked: what speaks of functions alone is not asked of a function that is upstream's."""

from __future__ import annotations

import pytest

from backport.adapt.checks import registry
from backport.adapt.checks.base import Check, Context
from tests.support.adapting import body, run

UP = ["ret = prepare(u);", "if (ret)", "\treturn ret;", "wait_for(u);"]
FIXED = [*UP[:3], "u->owner = -1;", *UP[3:]]
ABOVE = b"int other(void)\n{\n\treturn 1;\n}\n\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each answer that was looked at, whether every check was asked."""
    seen: list[bool] = []
    real = registry.asked

    def spy(context: Context) -> tuple[Check, ...]:
        found = tuple(real(context))
        seen.append(found == registry.CHECKS)
        return found
    monkeypatch.setattr(registry, "asked", spy)
    return seen


def test_a_function_that_is_upstreams_is_asked_what_lies_outside_it(asked: list[bool]) -> None:
    run(body(*UP), body(*FIXED), ABOVE + body(*UP))
    assert asked
    assert not any(asked)


@pytest.mark.parametrize("here", [
    ["ret = prepare(u, 0);", *UP[1:]],                       # another call above the change
    [*UP[:2], "\treturn -EIO;", *UP[3:]],
    [*UP, "log(u);"],
])
def test_any_difference_in_the_function_asks_them_all(asked: list[bool], here: list[str]) -> None:
    run(body(*UP), body(*FIXED), body(*here))
    assert asked
    assert all(asked)


def test_two_functions_of_one_name_ask_them_all(asked: list[bool]) -> None:
    twice = b"#ifdef A\n" + body(*UP) + b"#else\n" + body("return 0;") + b"#endif\n"
    run(body(*UP), body(*FIXED), twice)
    assert asked
    assert all(asked)


def test_what_looks_into_the_file_or_the_tree_is_never_local() -> None:
    """Names, members and values: a function word for word may mean other things by them in another tree."""
    outside = {"name_binding", "unknown_symbol", "unknown_member", "call_arity", "scope", "operand_type",
               "redefinition", "constant_value", "missed_site", "pp_condition", "removed_line",
               "placement"}          # the other hunk of the patch may have made the function here upstream's
    assert outside <= {check.id for check in registry.CHECKS if not check.local}
