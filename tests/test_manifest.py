"""trees.yaml: every mistake is an error with the file and the very line."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.errors import ManifestError
from backport.manifest import load

ROOT = Path(__file__).resolve().parents[1]


def _load(tmp_path: Path, text: str):
    file = tmp_path / "trees.yaml"
    file.write_text(text)
    return load(file)


def _error(tmp_path: Path, text: str) -> tuple[int, str]:
    with pytest.raises(ManifestError) as caught:
        _load(tmp_path, text)
    assert caught.value.file == str(tmp_path / "trees.yaml")
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{tmp_path}/trees.yaml:{caught.value.line}: ")
    return caught.value.line, str(caught.value)


def test_the_shipped_manifest_lists_what_it_must_newest_first():
    manifest = load(ROOT / "trees.yaml")
    assert [tree.series for tree in manifest.trees if not tree.upstream] == [
        "7.2", "6.18", "6.12", "6.6", "6.1", "5.15", "5.10"]
    assert manifest.upstream is not None
    assert manifest.upstream.status == "mainline"
    for tree in manifest.trees:
        assert [source.kind for source in tree.sources] == ["git", "debian"]


def test_a_series_keeps_its_zero_and_names_are_found_as_people_type_them(tmp_path):
    manifest = _load(tmp_path, "trees:\n- {name: my, series: 5.10, sources: [directory: x]}\n")
    assert manifest.trees[0].series == "5.10"           # a plain YAML loader makes this the number 5.1
    for name in ("my", "5.10", "5.10.y", "linux-5.10.y"):
        assert manifest.tree(name) is manifest.trees[0]
    assert manifest.tree("5.1") is None


def test_defaults_are_taken_and_a_tree_overrides_them(tmp_path):
    manifest = _load(tmp_path, """\
defaults:
  config: tinyconfig
  toolchain: {cc: gcc-12, make: {WERROR: 0}}
  required: yes
trees:
  - name: linux-6.1.y
    sources: [directory: ../a]
  - name: linux-5.10.y
    required: false
    toolchain: {make: {V: 1}}
    sources: [{tarball: ~/x.tar.xz, sha256: %s}]
""" % ("A" * 64))
    new, old = manifest.trees
    assert (new.config, new.required, new.toolchain.cc, new.series) == ("tinyconfig", True, "gcc-12", "6.1")
    assert new.sources[0].options["path"] == tmp_path / "../a"
    assert old.required is False
    assert (old.toolchain.cc, dict(old.toolchain.make)) == ("gcc-12", {"WERROR": "0", "V": "1"})
    assert old.sources[0].options == {"file": str(Path.home() / "x.tar.xz"), "sha256": "a" * 64}


GOOD = "trees:\n- name: linux-6.1.y\n  sources:\n  - directory: a\n"


@pytest.mark.parametrize(("text", "line", "words"), [
    ("", 1, "empty manifest"),
    ("[]\n", 1, "must be a mapping"),
    ("defaults: {}\n", 1, "'trees' is missing"),
    ("trees: []\n", 1, "lists no tree"),
    ("trees:\n  linux-6.1.y:\n    sources: []\n", 1, "must be a list"),
    ("tree:\n- name: a\n", 1, "unknown key 'tree'"),
    ("defaults:\n  config: x\n  confg: y\n" + GOOD, 3, "unknown key 'confg'"),
    ("trees:\n- sources: [directory: a]\n", 2, "'name' is missing"),
    ("trees:\n- name: ../x\n  sources: [directory: a]\n", 2, "cannot be a tree name"),
    ("trees:\n- name: yes\n  sources: [directory: a]\n", 2, "must be text, not true or false"),
    ("trees:\n- name: a\n\n  sources: []\n", 4, "holds no source"),
    ("trees:\n- name: a\n  sources:\n  - svn: x\n", 4, "unknown source kind 'svn'"),
    ("trees:\n- name: a\n  sources:\n  - directory: x\n  - {git: u, branch: b, debian: linux}\n", 5, "two kinds"),
    ("trees:\n- name: a\n  sources:\n  - git: https://h/x\n", 4, "needs 'branch'"),
    ("trees:\n- name: a\n  sources:\n  - git: ext::sh -c x\n    branch: b\n", 4, "can run any program"),
    ("trees:\n- name: a\n  sources:\n  - git: --upload-pack=x\n    branch: b\n", 4, "cannot begin with '-'"),
    ("trees:\n- name: a\n  sources:\n  - git: https://h/x\n    branch: 'a b'\n", 4, "not a branch name"),
    ("trees:\n- name: a\n  sources:\n  - debian: linux\n    version: 6.1.*\n", 4, "needs 'suites'"),
    ("trees:\n- name: a\n  sources:\n  - debian: linux\n    version: '>6'\n    suites: sid\n", 5, "not a version"),
    ("trees:\n- name: a\n  sources:\n  - debian: linux\n    version: 6.*\n    suites: [Sid]\n", 6, "not a suite name"),
    ("trees:\n- name: a\n  sources:\n  - tarball: x\n    sha256: beef\n", 5, "64 hexadecimal"),
    ("trees:\n- name: a\n  sources:\n  - tarball: gopher://x/y\n", 4, "only http"),
    ("trees:\n- name: a\n  sources:\n  - local: x\n    branch: b\n    tag: t\n", 4, "exclude each other"),
    ("trees:\n- name: a\n  sources:\n  - directory: x\n    branch: b\n", 5, "unknown key 'branch'"),
    ("trees:\n- name: a\n  required: perhaps\n  sources: [directory: a]\n", 3, "true or false"),
    ("trees:\n- name: a\n  status: old\n  sources: [directory: a]\n", 3, "'old' is not one of"),
    ("trees:\n- name: a\n  targets: arch/x86/kvm/\n  sources: [directory: a]\n", 3, "must be a list"),
    ("trees:\n- name: a\n  targets: [x, ../y]\n  sources: [directory: a]\n", 3, "inside the tree"),
    ("trees:\n- name: a\n  toolchain:\n    make:\n      V: 1\n      CC: gcc\n  sources: [directory: a]\n", 6, "set by"),
    ("trees:\n- name: a\n  toolchain: {make: {'a b': 1}}\n  sources: [directory: a]\n", 3, "not a make variable"),
    ("trees:\n- name: a\n  name: b\n  sources: [directory: a]\n", 3, "is a duplicate (first at line 2)"),
    ("trees:\n- name: linux-6.1.y\n  series: 6.10\n  sources: [directory: a]\n", 3, "does not fit the name"),
    (GOOD + "- name: linux-6.1.y\n  sources: [directory: a]\n", 5, "listed twice (first at line 2)"),
    (GOOD + "- name: Linux-6.1.y\n  sources: [directory: a]\n", 5, "listed twice (first at line 2)"),
    (GOOD + "- name: other\n  series: 6.1\n  sources: [directory: a]\n", 5, "series 6.1 is listed twice"),
    (GOOD + "- name: linux-6.12.y\n  sources: [directory: a]\n", 5, "newer than linux-6.1.y above it (line 2)"),
    (GOOD + "- {name: u, upstream: true, sources: [directory: a]}\n"
     "- {name: v, upstream: true, sources: [directory: a]}\n",
     6, "two upstream trees: u (line 5) and v"),
    ("trees:\n- name: a\n  sources:\n\t- directory: a\n", 4, "not YAML"),
    ("trees:\n- name: [a\n", 3, "not YAML"),
    ("trees:\n- name: a\x01b\n", 2, "not YAML"),
    ("a: 1\n---\nb: 2\n", 2, "not YAML"),
])
def test_a_mistake_is_named_with_its_line(tmp_path, text, line, words):
    got, message = _error(tmp_path, text)
    assert words in message
    assert got == line


def test_a_missing_or_binary_manifest_is_the_users_mistake_too(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "bin.yaml").write_bytes(b"trees:\n\xff\xfe\n")
    with pytest.raises(ManifestError, match=":2: not UTF-8"):
        load(tmp_path / "bin.yaml")


def test_a_misspelt_word_gets_a_hint(tmp_path):
    assert "did you mean 'sources'?" in _error(tmp_path, "trees:\n- name: a\n  source: []\n")[1]
    assert "did you mean 'debian'?" in _error(tmp_path, "trees:\n- name: a\n  sources: [debain: linux]\n")[1]
