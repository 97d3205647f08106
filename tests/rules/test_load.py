from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from backport.errors import RuleError
from backport.proving.examples import run_example
from backport.rules.load import HOME, load_directory, load_rules, read_rule
from backport.rules.model import Example, Rule

GOOD = """\
id: my-rule
title: old_name() is called new_name() today
appeared: unknown, between v5.10 and v6.1
applies_to: ["arch/x86/kvm/**"]
probe:
  absent: {identifier: new_name}
rewrite:
  - match: new_name($A)
    replace: old_name($A)
equivalent: true
note: $FROM is $TO here
examples:
  - name: a call
    path: arch/x86/kvm/x86.c
    tree: {arch/x86/kvm/x86.c: "\\told_name(a);\\n"}
    before: |
      @@
      -\tnew_name(a);
    after: |
      @@
      -\told_name(a);
  - name: another name
    path: arch/x86/kvm/x86.c
    tree: {arch/x86/kvm/x86.c: ""}
    before: "-\\trenew_name(a);"
    unchanged: true
"""


def read(text: str) -> Rule:
    return read_rule(text.encode(), "rules/my-rule.yaml", "my-rule")


def test_a_good_rule_loads() -> None:
    rule = read(GOOD)
    assert rule.id == "my-rule"
    assert rule.appeared == "unknown, between v5.10 and v6.1"
    assert rule.examples[0].before == (b"-\tnew_name(a);\n",)


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("id: my-rule", "id: other", 1, "must be the file's name"),
    ("title: old_name() is called new_name() today", "title: 7", 2, "must be text"),
    ("appeared: unknown, between v5.10 and v6.1", "", 1, "`appeared` is missing"),
    ("absent: {identifier: new_name}", "absent: {identifer: new_name}", 5, "unknown: identifer"),
    ("absent: {identifier: new_name}", "absent: {identifier: new_name, in: [{a: b}]}", 5, "`in` is a pattern"),
    ("absent: {identifier: new_name}", "absent: {identifier: new_name, in: 7}", 5, "`in` is a pattern"),
    ("absent: {identifier: new_name}", "absent: {identifier: new_name, 7: x}", 5, "unknown: 7"),
    ("absent: {identifier: new_name}", "absent: {bound: A, like: '('}", 5, "`like` cannot be read"),
    ("probe:\n  absent: {identifier: new_name}\n", "", 1, "`probe` is missing"),
    ("absent: {identifier: new_name}", "version: 5.10", 5, "unknown probe `version`"),
    ("match: new_name($A)", "match: new_name($A", 8, "nothing says where"),
    ("replace: old_name($A)", "replace: old_name($B)", 8, r"\$B"),
    ("equivalent: true", "equivalent: false", 1, "`differs` is missing"),
    ("equivalent: true", "equivalent: yep", 10, "true or false"),
    ("note: $FROM is $TO here", "note: $VCPU", 11, r"\$VCPU"),
    ("unchanged: true", "after: '-x'", 12, "`unchanged: true`"),
    ("title:", "titel:", 2, "unknown key `titel`"),
    ("      -\told_name(a);\n", "      old_name(a);\n", 13, "begins with neither"),
    ("appeared: unknown, between v5.10 and v6.1", "upstream: {commit: 7709aba8f716}", 3, "read_in"),
    ("appeared: unknown, between v5.10 and v6.1", "upstream: {commit: xyz, read_in: a mail}", 3, "hex digits"),
    ("probe:\n", "probe: [\n", 7, "expected"),
])
def test_a_mistake_is_named_with_file_and_line(old: str, new: str, line: int, message: str) -> None:
    assert old in GOOD
    with pytest.raises(RuleError, match=message) as caught:
        read(GOOD.replace(old, new, 1))
    assert f"rules/my-rule.yaml:{line}: " in str(caught.value)


def test_a_rule_with_one_example_does_not_load() -> None:
    text = GOOD[:GOOD.index("  - name: another")]
    with pytest.raises(RuleError, match="at least two worked examples"):
        read(text)


def test_a_new_file_is_picked_up_without_touching_code(tmp_path: Path) -> None:
    (tmp_path / "my-rule.yaml").write_text(GOOD)
    assert [rule.id for rule in load_directory(tmp_path)] == ["my-rule"]


RULES = load_rules()


@pytest.mark.parametrize(("rule", "example"), [(rule, example) for rule in RULES for example in rule.examples],
                         ids=lambda value: getattr(value, "id", None) or getattr(value, "name", ""))
def test_every_example_of_every_rule(rule: Rule, example: Example) -> None:
    assert run_example(rule, example).problem == ""


def test_an_example_can_fail() -> None:
    wrong = GOOD.replace("-\told_name(a);\n", "-\told_nam(a);\n").replace(
        'tree: {arch/x86/kvm/x86.c: "\\told_name(a);\\n"}', 'tree: {arch/x86/kvm/x86.c: ""}')
    rule = read(wrong)
    assert "expected" in run_example(rule, rule.examples[0]).problem


@pytest.mark.parametrize("path", sorted(HOME.rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_rule_that_ships_is_read_by_libyaml(path: Path) -> None:
    """42 of 58 fell back to the slow reader, half a second of each start: a block that begins with a tab needs `|2`."""
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert yaml.load(path.read_bytes(), Loader=fast) == yaml.safe_load(path.read_bytes())
