"""Names that an older tree spells otherwise throughout: counted, and offered as rules that load and hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.rules import command
from backport.proving.examples import run_examples
from backport.proving.mined import mine, rule_text
from backport.rules.load import load_directory
from tests.support.gitrepo import TestRepo

Pair = tuple[str, bytes, bytes]


def source(name: str, *calls: str) -> bytes:
    return f"int {name}(struct unit *u)\n{{\n".encode() + b"".join(f"\t{call}\n".encode() for call in calls) + b"}\n"


def pair(name: str, newer: str, older: str, path: str = "") -> Pair:
    new, old = (source(name, "first(u);", line, "last(u);") for line in (newer, older))
    return path or f"{name}.c", new, old


RENAMED = [pair(name, f"timer_drop(&u->{name});", f"drop_timer(&u->{name});") for name in ("one", "two", "three")]


def test_a_name_that_is_another_one_everywhere_is_learned() -> None:
    (found,) = mine(RENAMED)
    assert found.evidence == "timer_drop( is drop_timer( in 3 of 3 places, 3 functions, 3 files"
    assert (found.call, found.pure) == (1, True)
    assert found.examples[0] == ("one.c", "timer_drop(&u->one);", "drop_timer(&u->one);")


@pytest.mark.parametrize("against", [
    pair("four", "timer_drop(u);", "timer_drop(u);"),                       # the older tree has the name as well
    pair("four", "timer_drop(&u->four);", "timer_halt(&u->four);"),         # or writes something else for it
])
def test_one_place_against_it_and_nothing_is_said(against: Pair) -> None:
    assert mine([*RENAMED, against]) == ()


def test_what_only_one_function_says_is_a_variable_of_its_own() -> None:
    lines = [f"call_{n}(%s);" for n in range(4)]
    assert mine([("a.c", source("f", *(line % "dentry" for line in lines)),
                  source("f", *(line % "direntry" for line in lines)))]) == ()


def test_a_wrapper_of_what_stays_is_no_renamed_name() -> None:
    wrapped = [pair(name, f"unit_free({name});", f"kfree({name});") for name in ("one", "two", "three")]
    (found,) = mine([*wrapped, pair("four", "kfree(four);", "kfree(four); ")])
    assert (found.still, found.pure) == (1, False)
    assert "; kfree also stands 1 times in the newer tree" in found.evidence
    assert rule_text(found, "6.18.1", "5.10.1") == ""


def test_two_new_names_for_one_old_one_are_told() -> None:
    more = [pair(name, f"timer_halt(&u->{name});", f"drop_timer(&u->{name});") for name in ("five", "six", "seven")]
    found = {one.new: one for one in mine([*RENAMED, *more])}
    assert found["timer_drop"].also == ("timer_halt",)
    assert "drop_timer is timer_halt elsewhere" in found["timer_drop"].evidence
    assert not found["timer_halt"].pure


def test_members_and_macros_are_told_and_make_no_rule() -> None:
    found = mine([pair(name, f"put(u->new_count, {name});", f"put(u->old_count, {name});")
                  for name in ("one", "two", "six")])
    assert [(one.kind, one.new, rule_text(one, "6.1.1", "5.1.1")) for one in found] == [("member", "new_count", "")]


def test_the_rule_files_load_and_their_examples_hold(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "store.git")
    older = repo.commit({path: old for path, _new, old in RENAMED})
    newer = repo.commit({path: new for path, new, _old in RENAMED})
    repo.git.run("update-ref", "refs/releases/6.18.1", newer)
    repo.git.run("update-ref", "refs/releases/5.10.1", older)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "store.git").symlink_to(repo.path / ".git")
    words = ["mine", "--from", "6.18.1", "--to", "5.10.1", "--write", str(tmp_path / "rules")]
    done = CliRunner().invoke(command, [*words, "--cache", str(tmp_path / "cache")], standalone_mode=False)
    assert done.exception is None
    assert "timer_drop( is drop_timer( in 3 of 3 places" in done.output
    (rule,) = load_directory(tmp_path / "rules")
    assert (rule.id, rule.equivalent) == ("mined-timer-drop", False)
    assert [outcome.problem for outcome in run_examples(rule)] == ["", ""]
