from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from backport.commands.rules import command
from tests.rules.test_load import GOOD


def test_list_show_and_check() -> None:
    run = CliRunner().invoke
    listed = run(command, [], standalone_mode=False)
    assert "kvm-is-exception-pending" in listed.output
    shown = run(command, ["show", "kvm-is-exception-pending"], standalone_mode=False)
    assert "kvm_is_exception_pending($VCPU)  ->  $VCPU->arch.exception.pending" in shown.output
    assert "7709aba8f716" in shown.output
    checked = run(command, ["check"], standalone_mode=False)
    assert ", 0 wrong" in checked.output
    assert checked.return_value == 0


def test_a_wrong_example_is_named_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "my-rule.yaml").write_text(GOOD.replace('"-\\trenew_name(a);"', '"-\\tnew_name(a);"'))
    checked = CliRunner().invoke(command, ["--dir", str(tmp_path), "check"], standalone_mode=False)
    assert checked.return_value == 1
    assert "my-rule.yaml:22: another name: must be left alone" in checked.output
