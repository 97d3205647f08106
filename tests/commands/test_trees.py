"""`backport trees` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backport.commands.trees import command
from backport.errors import ManifestError
from tests.support.trees import commit, files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    commit(tmp_path / "mine", files("6.1.7"))
    (tmp_path / "trees.yaml").write_text("""\
trees:
- name: linux-6.6.y
  required: true
  sources: [directory: nowhere]
- name: linux-6.1.y
  status: eol
  sources: [local: mine]
""")
    return tmp_path


def run(place: Path, *args: str) -> Result:
    where = ["--manifest", str(place / "trees.yaml"), "--cache", str(place / "cache")]
    return CliRunner().invoke(command, [*args, *where], standalone_mode=False, catch_exceptions=False)


def test_list_before_and_after_fetch(place):
    before = run(place)
    assert "linux-6.1.y: not fetched yet" in before.stdout
    assert "`backport trees fetch` fetches what is missing" in before.stdout
    fetched = run(place, "fetch")
    assert fetched.return_value == 3                     # a required tree is missing
    assert f"linux-6.6.y: {place}/nowhere does not exist" in fetched.stdout
    after = run(place)
    [row] = [line for line in after.stdout.splitlines() if line.startswith("linux-6.1.y")]
    for word in ("eol", "6.1.7", f"local {place}/mine HEAD"):
        assert word in row
    assert f"linux-6.6.y: {place}/nowhere does not exist" in after.stdout
    assert "longterm, required" in after.stdout


def test_one_tree_by_its_series_and_json(place):
    result = run(place, "fetch", "6.1", "--format", "json")
    assert result.return_value == 0
    [row] = json.loads(result.stdout)
    assert (row["tree"], row["head"]["version"], row["changed"]) == ("linux-6.1.y", "6.1.7", True)
    listed = json.loads(run(place, "--format", "json").stdout)
    assert [(tree["tree"], tree["status"], tree["required"]) for tree in listed["trees"]] == [
        ("linux-6.6.y", "longterm", True), ("linux-6.1.y", "eol", False)]
    assert listed["store"] == str(place / "cache/store.git")


def test_the_size_counts_every_file(place):
    run(place, "fetch", "6.1")
    head = json.loads(run(place, "--format", "json").stdout)["trees"][1]["head"]
    assert (head["size"], head["files"]) == (sum(map(len, files("6.1.7").values())), len(files()))


def test_a_tree_that_left_the_manifest_is_still_listed(place):
    run(place, "fetch", "6.1")
    manifest = place / "trees.yaml"
    manifest.write_text(manifest.read_text().replace("linux-6.1.y", "linux-5.9.y"))
    assert "not in the manifest" in run(place).stdout


def test_a_release_that_nobody_has(place):
    result = run(place, "release", "6.1.9")
    assert result.return_value == 3
    assert "has no refs/tags/v6.1.9" in result.stdout


def test_a_bad_manifest_ends_with_two(place):
    (place / "trees.yaml").write_text("trees: 1\n")
    with pytest.raises(ManifestError) as caught:
        run(place)
    assert caught.value.exit_code == 2
