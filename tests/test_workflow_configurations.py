"""What trees.yaml says of a build (configurations, build fixes), through the command line, on made-up trees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from backport.cell import Cell, one_a_tree
from backport.cli import cli
from backport.errors import ManifestError, UserError
from backport.kbuild import toolchain
from backport.kbuild.toolchain import Compiler
from backport.manifest import load
from backport.results.changes import ChangeKind, since
from backport.results.store import Results
from backport.verdict import Apply, Build
from tests.support.desk import NEW, OLD, Desk
from tests.support.fakekernel import diff_of

XEN = "arch/x86/kvm/xen.c"
TREE = ("--tree", "fake-9.1.y")


class Columns(Desk):
    """The desk of the workflow's tests, with answers by (patch, column)."""

    def invoke(self, *args: str) -> tuple[int, str]:
        database = [] if args[0] != "run" else ["--manifest", str(self.path / "trees.yaml"),
                                                "--cache", str(self.path / "cache")]
        result = CliRunner().invoke(cli, [*args, *database, "--db", str(self.path / "results.sqlite")],
                                    standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.return_value or 0, result.stdout

    def columns(self, *args: str) -> dict[tuple[str, str], dict[str, Any]]:
        told = json.loads(self.invoke("run", *args, "--format", "json")[1])
        return {(cell["patch"].rpartition("-")[2], f"{cell['tree']}/{cell['config']}"): cell for cell in told["cells"]}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Columns:
    made = Columns(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made


def test_each_configuration_is_a_column_with_a_verdict_of_its_own(desk: Columns) -> None:
    desk.patch("good", OLD, NEW)
    desk.patch("xen", "+ 1", "+ 2", XEN)
    cells = desk.columns(*TREE, "--config", "kvm-builtin,kvm-min")
    assert {key: cell["build"] for key, cell in cells.items()} == {
        ("good", "fake-9.1.y/kvm-builtin"): "pass", ("good", "fake-9.1.y/kvm-min"): "pass",
        ("xen", "fake-9.1.y/kvm-builtin"): "pass", ("xen", "fake-9.1.y/kvm-min"): "not-compiled"}
    assert cells["xen", "fake-9.1.y/kvm-min"]["detail"]["build"]["config"] == "x86_64_defconfig + kvm-min"
    assert cells["xen", "fake-9.1.y/kvm-min"]["command"].endswith("--tree fake-9.1.y --config kvm-min")
    # the comparison is with upstream in the same configuration
    there = cells["good", "fake-9.1.y/kvm-min"]["detail"]["functions"]
    assert there["here"] == there["upstream"]["functions"] == ["kvm_vcpu_ready"]
    assert (desk.path / "cache/build/fake-reference/kvm-min-gcc").is_dir()


def test_every_report_has_the_columns_apart(desk: Columns) -> None:
    desk.patch("xen", "+ 1", "+ 2", XEN)
    code, text = desk.invoke("run", *TREE, "--config", "kvm-builtin", "--config", "kvm-min")
    assert code == 1
    head = text.splitlines()[2]
    assert "fake-9.1.y/kvm-builtin" in head
    assert "fake-9.1.y/kvm-min" in head
    assert "2 cells" in text.splitlines()[0]
    _code, again = desk.invoke("show")
    assert again == text
    _code, markdown = desk.invoke("show", "--format", "markdown")
    assert "fake-9.1.y/kvm-min" in markdown
    _code, junit = desk.invoke("show", "--format", "junit")
    assert junit.count("<testsuite name=") == 2
    assert 'testsuite name="fake-9.1.y/kvm-min"' in junit
    _code, kcidb = desk.invoke("show", "--format", "kcidb")
    told = json.loads(kcidb)
    assert len({row["id"] for row in told["checkouts"]}) == 2
    assert {row["config_name"] for row in told["builds"]} == {
        "x86_64_defconfig + kvm-builtin", "x86_64_defconfig + kvm-min"}
    desk.invoke("show", "--format", "html", "--output", str(desk.path / "site"))
    assert len(list((desk.path / "site/trees").iterdir())) == 2
    page = next((desk.path / "site/patches").iterdir()).read_text()
    assert page.count('<section class="cell"') == 2


def test_one_cell_is_shown_by_its_column(desk: Columns) -> None:
    desk.patch("xen", "+ 1", "+ 2", XEN)
    desk.invoke("run", *TREE, "--config", "kvm-builtin,kvm-min")
    _code, shown = desk.invoke("show", "--cell", "xen", "fake-9.1.y/kvm-min")
    assert "on fake-9.1.y/kvm-min 9.1.5: clean, not-compiled" in shown
    with pytest.raises(UserError, match="more than one cell") as caught:
        desk.invoke("show", "--cell", "xen", "fake-9.1.y")
    assert "fake-9.1.y/kvm-min" in str(caught.value.hint)


def test_the_trees_own_configuration_has_one_answer_whether_asked_for_or_not(desk: Columns) -> None:
    desk.patch("good", OLD, NEW)
    plain = desk.columns(*TREE)
    assert list(plain) == [("good", "fake-9.1.y/")]
    both = desk.columns(*TREE, "--config", "kvm-builtin,kvm-min")
    assert {column: cell["cached"] for (_patch, column), cell in both.items()} == {
        "fake-9.1.y/kvm-builtin": True, "fake-9.1.y/kvm-min": False}
    again = desk.columns(*TREE, "--config", "kvm-builtin,kvm-min")
    assert all(cell["cached"] for cell in again.values())
    assert list(desk.columns(*TREE)) == [("good", "fake-9.1.y/")]


def test_all_are_those_that_the_manifest_lists_for_the_tree(desk: Columns) -> None:
    desk.patch("good", OLD, NEW)
    manifest = desk.path / "trees.yaml"
    text = manifest.read_text()
    name = "  - name: fake-9.1.y\n"
    manifest.write_text(text.replace(name, name + "    fragments: [kvm-min, kvm-builtin]\n"))
    cells = desk.columns("--config", "all")
    # the reference tree is only read, and a tree that is not there is not there four times
    assert [column for _patch, column in cells] == [
        "fake-reference/", "fake-9.1.y/kvm-min", "fake-9.1.y/kvm-builtin", "fake-9.0.y/kvm-builtin", "fake-8.9.y/"]


def test_a_configuration_that_does_not_exist_is_said_at_once(desk: Columns) -> None:
    desk.patch("good", OLD, NEW)
    with pytest.raises(click.UsageError, match="kvm-everything"):
        desk.invoke("run", "--config", "kvm-everything")
    with pytest.raises(click.UsageError, match="--no-build"):
        desk.invoke("run", "--config", "kvm-min", "--no-build")
    manifest = desk.path / "trees.yaml"
    series = "    series: '9.1'\n"
    manifest.write_text(manifest.read_text().replace(series, series + "    fragments: [kvm-mim]\n"))
    with pytest.raises(ManifestError, match="kvm-mim") as caught:
        load(manifest)
    assert "kvm-min" in str(caught.value.hint)


def test_other_architectures_are_asked_for_by_name_and_are_another_answer(desk: Columns,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "cross", lambda _tree, architecture: Compiler(
        f"{architecture.name}-gcc", "1", (f"ARCH={architecture.arch}", "CC=gcc")))
    desk.patch("dummy", "int dummy", "long dummy", "drivers/net/dummy.c")
    cell = desk.columns(*TREE, "--arch", "arm64")["dummy", "fake-9.1.y/"]
    assert (cell["build"], cell["detail"]["build"]["architecture"]) == ("pass", "x86_64, arm64")
    assert cell["command"].endswith("--tree fake-9.1.y --arch arm64")
    assert not desk.columns(*TREE, "--arch", "s390")["dummy", "fake-9.1.y/"]["cached"]
    assert desk.columns(*TREE, "--arch", "arm64")["dummy", "fake-9.1.y/"]["cached"]
    with pytest.raises(click.UsageError, match="no architecture named 'arm46'; known: x86_64"):
        desk.invoke("run", "--arch", "arm46")
    for other in (("--no-build",), ("--config", "kvm-min")):
        with pytest.raises(click.UsageError, match=other[0]):
            desk.invoke("run", "--arch", "arm64", *other)


def test_build_fixes_stand_on_both_sides_and_are_listed(desk: Columns) -> None:
    """A branch that this compiler cannot build, a fix for it beside the manifest, and a patch that is not blamed."""
    good = desk.patch("good", OLD, NEW)
    desk.edit("fake-9.1.y", "\tvcpu->id = 0;\n", "\tvcpu->id = (0;\n", "virt/kvm/kvm_main.c")
    assert {cell["build"] for cell in desk.columns(*TREE).values()} == {"baseline-broken"}
    source = desk.trees["fake-9.1.y"]
    text = (source / "virt/kvm/kvm_main.c").read_text()
    (desk.path / "fixes").mkdir()
    (desk.path / "fixes/9.1-build.patch").write_bytes(
        diff_of(source, {"virt/kvm/kvm_main.c": text.replace("(0;", "0;")}))
    manifest = desk.path / "trees.yaml"
    manifest.write_text(manifest.read_text().replace(
        "    series: '9.1'\n", "    series: '9.1'\n    toolchain: {fixes: [fixes/9.1-build.patch]}\n"))
    cells = desk.columns(*TREE, str(good))
    (told,) = cells.values()
    assert (told["build"], told["detail"]["build"]["fixes"]) == ("pass", ["9.1-build.patch"])
    assert told["detail"]["functions"]["here"] == ["kvm_vcpu_ready"]     # of the patch alone
    _code, table = desk.invoke("show")
    assert "built with 9.1-build.patch on both sides" in table
    _code, shown = desk.invoke("show", "--cell", "good", "fake-9.1.y")
    assert "9.1-build.patch (on both sides)" in shown
    # a fix that has landed meanwhile is no fault of the patch, and the cell says which one to take out
    desk.edit("fake-9.1.y", "(0;", "0;", "virt/kvm/kvm_main.c")
    (stale,) = desk.columns(*TREE, "--update", str(good)).values()
    assert stale["build"] == "error"
    assert "the build fix 9.1-build.patch does not apply" in stale["reason"]
    assert "toolchain.fixes" in stale["detail"]["build"]["hint"]
    desk.edit("fake-9.1.y", "\tvcpu->id = 0;", "\tvcpu->id = (0;", "virt/kvm/kvm_main.c")
    assert {cell["build"] for cell in desk.columns(*TREE, "--update").values()} == {"pass"}
    # the key covers what the fix says: one that no longer fits is no old answer
    (desk.path / "fixes/9.1-build.patch").write_bytes(
        diff_of(source, {"virt/kvm/kvm_main.c": text.replace("(0;", "(1;")}))
    assert {cell["build"] for cell in desk.columns(*TREE).values()} == {"baseline-broken"}


def test_what_changed_is_told_for_the_column_where_it_changed(tmp_path: Path) -> None:
    def cell(config: str, build: Build) -> Cell:
        return Cell("fix", "linux-9.1.y", Apply.CLEAN, build, config=config, reason="why")
    with Results(tmp_path / "r.sqlite") as results:
        for builds in ((Build.PASS, Build.PASS), (Build.PASS, Build.FAIL)):
            run = results.begin()
            for config, build in zip(("kvm-builtin", "kvm-modules"), builds, strict=True):
                results.record(run, cell(config, build))
            run = results.finish(run, 0)
        assert [(change.kind, change.tree) for change in since(results, run).items] == [
            (ChangeKind.BROKEN, "linux-9.1.y/kvm-modules")]
        assert len(results.marks(run)["fix", "linux-9.1.y/kvm-modules"]) == 2
        # what a maintainer takes away is one patch a tree, as bad as its worst configuration
        assert [one.build for one in one_a_tree(results.cells(run))] == [Build.FAIL]
