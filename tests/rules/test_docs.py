from __future__ import annotations

import re
from pathlib import Path

from backport.proving.examples import run_examples
from backport.rules.load import load_directory, load_rules

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_rule_in_the_documentation_is_picked_up_and_works(tmp_path: Path) -> None:
    text = re.search(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert text is not None
    (tmp_path / "my-drift.yaml").write_text(text[1])
    rules = load_directory(tmp_path)
    assert [rule.id for rule in rules] == ["my-drift"]
    assert [outcome.problem for outcome in run_examples(rules[0])] == ["", ""]


def test_rules_that_the_documentation_names_exist() -> None:
    names = {rule.id for rule in load_rules()}
    assert {"kvm-x86-ops", "timer-delete", "vmemdup-array-user"} <= names
