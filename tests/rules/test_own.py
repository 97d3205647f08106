"""Rules of the user's own, in rules/ beside the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.rules import command
from backport.context import Context, Options
from backport.errors import RuleError
from backport.job import job_of
from backport.manifest import Tree
from backport.rules.load import HOME, load_rules
from backport.trees.store import Head
from tests.support.queues import CODE, mail, tree

# the one that docs/rules.md shows
RULE = (HOME.parents[1] / "docs" / "rules.md").read_text().split("```yaml\n")[1].split("```")[0]


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "my-drift.yaml").write_text(RULE)
    (tmp_path / "trees.yaml").write_text("trees: []\n")
    load_rules.cache_clear()
    return tmp_path


def test_they_are_read_with_those_that_ship(beside: Path) -> None:
    names = [rule.id for rule in load_rules(beside)]
    assert names == sorted([*(rule.id for rule in load_rules()), "my-drift"])
    assert load_rules(beside / "nowhere") == load_rules()


def test_an_id_that_ships_is_refused(beside: Path) -> None:
    shipped = next(HOME.glob("*.yaml"))
    (beside / "rules" / shipped.name).write_bytes(shipped.read_bytes())
    with pytest.raises(RuleError, match=f"rule {shipped.stem} is in .*already"):
        load_rules(beside)


def test_the_command_lists_and_runs_them(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPORT_MANIFEST", str(beside / "trees.yaml"))
    monkeypatch.chdir(beside)
    listed = CliRunner().invoke(command, [], standalone_mode=False)
    assert "my-drift" in listed.output
    checked = CliRunner().invoke(command, ["check"], standalone_mode=False)
    assert checked.output.endswith(", 0 wrong\n"), checked.output


def test_a_change_of_one_is_another_key(beside: Path) -> None:
    repo, base = tree(beside / "store.git")
    patch = mail(repo, base, {"kvm/x.c": CODE.replace("r = 1", "r = 9")}, "x: one")
    head = Head("linux-6.1.y", base, "6.1.1", "test", 0.0)

    def key(place: Path | None) -> str:
        context = Context(beside, (), None, Options(build=False), beside=place)
        try:
            return job_of(context, patch, Tree("linux-6.1.y", "6.1", ()), head).key
        finally:
            context.close()

    with repo.git:
        none, own = key(None), key(beside)
        assert key(beside / "nowhere") == none
        (beside / "rules" / "my-drift.yaml").write_text(RULE.replace("the raw field", "the bare field"))
        assert len({none, own, key(beside)}) == 3
