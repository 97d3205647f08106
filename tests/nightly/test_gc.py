from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from backport.manifest import Manifest, Tree
from backport.nightly.gc import Freed, collect, human
from backport.results.run import TreeInfo
from backport.results.store import Results
from backport.trees.store import Head, Store
from tests.support.cells import cell, fill

MANIFEST = Manifest(Path("trees.yaml"), (Tree("linux-9.1.y", "9.1", ()),))
OLD = time.time() - 60 * 86400
GONE = "trees of sources that nobody asked"


@pytest.fixture
def place(tmp_path: Path) -> tuple[Store, Results]:
    return Store(tmp_path / "cache"), Results(tmp_path / "state" / "r.sqlite")


def _home(store: Store, tree: str, *, when: float = 0.0, log: str = "a") -> Path:
    home = store.cache / "build" / tree / "kvm-builtin-gcc"
    (home / "logs").mkdir(parents=True)
    (home / "out").mkdir()
    (home / "out" / "kvm.o").write_bytes(b"x" * 100_000)
    (home / "logs" / f"{log}.log").write_text("log\n" * 100)
    (home / "lock").touch()
    if when:
        for path in (home / "lock", home / "out", home / "logs" / f"{log}.log"):
            os.utime(path, (when, when))
    return home


def _by_name(freed: list[Freed]) -> dict[str, Freed]:
    return {one.what: one for one in freed}


def test_nothing_to_free(place: tuple[Store, Results]) -> None:
    store, results = place
    home = _home(store, "linux-9.1.y")
    fill(results, [cell("p", "linux-9.1.y", log=str(home / "logs" / "a.log"))])
    assert collect(store, results, MANIFEST, keep=3) == []


def test_build_directories_of_gone_and_of_unused_trees(place: tuple[Store, Results]) -> None:
    store, results = place
    gone, held = _home(store, "linux-8.0.y"), _home(store, "linux-7.0.y")
    unused = _home(store, "linux-9.1.y", when=OLD)
    with FileLock(held / "lock"):    # somebody builds there
        would = collect(store, results, MANIFEST, keep=3, dry_run=True)
        assert (gone / "out" / "kvm.o").exists()
        freed = _by_name(collect(store, results, MANIFEST, keep=3))
    assert _by_name(would)["build directories"] == freed["build directories"]
    assert freed["build directories"].count == 2
    assert freed["build directories"].size >= 200_000
    assert not (gone / "out").exists()
    assert not (unused / "out").exists()
    assert (held / "out" / "kvm.o").exists()


def test_trees_of_another_manifest_that_shares_the_cache_stay(place: tuple[Store, Results]) -> None:
    store, results = place
    gone, theirs = _home(store, "linux-8.0.y"), _home(store, "linux-7.0.y")
    fill(results, [cell("p", "linux-7.0.y")], manifest="/you/trees.yaml", trees=[TreeInfo("linux-7.0.y")])
    fill(results, [cell("p", "linux-8.0.y")], manifest=str(MANIFEST.path.resolve()), trees=[TreeInfo("linux-8.0.y")])
    assert _by_name(collect(store, results, MANIFEST, keep=3))["build directories"].count == 1
    assert not (gone / "out").exists()                   # it left this one
    assert (theirs / "out").exists()


def test_logs_stay_as_long_as_a_kept_run_refers_to_them(place: tuple[Store, Results]) -> None:
    store, results = place
    home = _home(store, "linux-9.1.y", log="old", when=OLD)
    (home / "out").touch()
    (home / "logs" / "young.log").write_text("a build that is not recorded yet\n")
    booted, forgotten = (store.cache / "boot-logs" / "linux-9.1.y" / name for name in ("kept", "forgotten"))
    for directory in (booted, forgotten):
        directory.mkdir(parents=True)
        (directory / "console.log").write_text("boot\n")
        os.utime(directory, (OLD, OLD))
    fill(results, [cell("p", "linux-9.1.y", log=str(home / "logs" / "old.log"),
                        detail={"behaviour": {"verdict": "proved", "directory": str(booted)}})])
    fill(results, [cell("p", "linux-9.1.y")])
    assert _by_name(collect(store, results, MANIFEST, keep=2))["logs"].count == 1
    assert booted.exists()
    assert not forgotten.exists()
    would = _by_name(collect(store, results, MANIFEST, keep=1, dry_run=True))
    assert (home / "logs" / "old.log").exists()
    freed = _by_name(collect(store, results, MANIFEST, keep=1))
    assert (freed["logs"].count, freed["runs"].count) == (2, 1)
    assert (would["logs"].count, would["runs"].count) == (2, 1)
    assert [path.name for path in (home / "logs").iterdir()] == ["young.log"]


def test_logs_of_boots_at_the_shell_go_by_age(place: tuple[Store, Results]) -> None:
    store, results = place
    young, old = (store.cache / "boot" / "logs" / name / "linux-9.1.y" for name in ("young", "old"))
    for directory in (young, old):
        directory.mkdir(parents=True)
        (directory / "console.log").write_text("boot\n")
    os.utime(old, (OLD, OLD))
    assert [one.what for one in collect(store, results, MANIFEST, keep=1)] == ["logs"]
    assert young.exists()
    assert not old.exists()


def test_without_a_manifest_no_tree_counts_as_gone(place: tuple[Store, Results]) -> None:
    store, results = place
    _home(store, "linux-8.0.y")
    assert collect(store, results, None, keep=1) == []


def _commit(store: Store, text: bytes) -> str:
    with store.git() as git:
        blob = git.run("hash-object", "-w", "--stdin", stdin=text).text
        tree = git.run("mktree", stdin=f"100644 blob {blob}\tMakefile\n".encode()).text
        return git.run("commit-tree", "-m", "made up", tree).text


def test_objects_of_heads_that_moved_go_and_the_others_stay(place: tuple[Store, Results]) -> None:
    store, results = place
    def move(text: bytes) -> str:
        commit = _commit(store, text)
        store.set(Head("linux-9.1.y", commit, "9.1.1", "test", 0.0))
        with store.git() as git:
            git.run("repack", "-d", "-q")    # an import makes a pack
        return commit
    first = move(b"VERSION = 1\n" * 1000)
    assert collect(store, results, MANIFEST, keep=1) == []
    second = move(b"VERSION = 2\n")
    freed = _by_name(collect(store, results, MANIFEST, keep=1))
    assert freed["objects"].count == 3
    with store.git() as git:
        assert git.rev(f"{first}^{{commit}}") is None
        assert git.blob(f"{second}:Makefile") == b"VERSION = 2\n"
        git.run("fsck", "--strict")
    assert collect(store, results, MANIFEST, keep=1) == []


def test_trees_of_sources_that_nobody_asks_go_and_the_newest_of_a_name_stays(place: tuple[Store, Results]) -> None:
    store, results = place
    commits = [_commit(store, b"VERSION = %d\n" % number) for number in range(3)]
    for key, commit, asked in zip("abc", commits, (OLD, time.time(), OLD), strict=True):
        store.set(Head("linux-9.1.y", commit, "9.1.1", "test", 0.0, source_key=key, asked=asked))
    assert collect(store, results, None, keep=1) == []
    assert _by_name(collect(store, results, MANIFEST, keep=1, dry_run=True))[GONE].count == 1
    assert [head.source_key for head in store.by_source()] == ["a", "b", "c"]
    assert _by_name(collect(store, results, MANIFEST, keep=1))[GONE].count == 1
    assert [head.source_key for head in store.by_source()] == ["b", "c"]
    assert GONE not in _by_name(collect(store, results, MANIFEST, keep=1))


def test_work_trees_of_gone_trees(place: tuple[Store, Results]) -> None:
    from backport.trees.worktree import worktree
    store, results = place
    commit = _commit(store, b"VERSION = 1\n")
    for name in ("linux-9.1.y", "linux-8.0.y"):
        store.set(Head(name, commit, "9.1.1", "test", 0.0))
        with worktree(store, Head(name, commit, "9.1.1", "test", 0.0)):
            pass
    freed = _by_name(collect(store, results, MANIFEST, keep=1))
    assert freed["work trees"].count == 1
    assert (store.cache / "worktrees" / "linux-9.1.y" / "Makefile").exists()
    assert not (store.cache / "worktrees" / "linux-8.0.y").exists()


def test_the_compiler_cache_and_a_pinned_release_stay(place: tuple[Store, Results]) -> None:
    """The cache of all trees lies beside their build directories; it was once taken for those of a gone tree."""
    from backport.trees.store import RELEASES
    from backport.trees.worktree import worktree

    store, results = place
    commit = _commit(store, b"VERSION = 1\n")
    for name in ("9.1.1", "9.1.2"):
        head = Head(name, commit, name, "test", 0.0)
        store.set(head, prefix=RELEASES)
        with worktree(store, head):
            pass
    (store.cache / "build" / "ccache" / "0").mkdir(parents=True)
    (store.cache / "build" / "ccache" / "0" / "object").write_bytes(b"x")
    kept = _home(store, "9.1.1")
    _home(store, "9.1.2", when=OLD)
    freed = _by_name(collect(store, results, MANIFEST, keep=1))
    assert (freed["build directories"].count, freed["work trees"].count) == (1, 1)
    assert (store.cache / "build" / "ccache" / "0" / "object").exists()
    assert (kept / "out" / "kvm.o").exists()
    assert (store.cache / "worktrees" / "9.1.1" / "Makefile").exists()
    assert not (store.cache / "worktrees" / "9.1.2").exists()


def test_names_of_heads_that_moved_go(place: tuple[Store, Results]) -> None:
    from backport.trees.catalog import FOLDER, Catalog, extend

    store, results = place
    old, new = _commit(store, b"VERSION = 1\n"), _commit(store, b"VERSION = 2\n")
    store.set(Head("linux-9.1.y", new, "9.1.1", "test", 0.0))
    extend(Catalog.beside(store.path), store.path, {old: "old", new: "new"}, quiet=True)
    (store.cache / FOLDER / "0123").mkdir()          # of another version of the reader
    (store.cache / FOLDER / "0123" / "state.json").write_bytes(b"{}")
    (store.cache / "index").mkdir()                  # one of those that there was for each tree
    (store.cache / "index" / f"{new}.1.names").write_bytes(b"x")
    assert _by_name(collect(store, results, MANIFEST, keep=1, dry_run=True))["name indexes"].count == 3
    assert _by_name(collect(store, results, MANIFEST, keep=1))["name indexes"].count == 3
    assert "name indexes" not in _by_name(collect(store, results, MANIFEST, keep=1))
    catalog = Catalog(store.cache / FOLDER)
    assert set(catalog.state.trees) == {new}
    assert not list((store.cache / "index").iterdir())


def test_sizes_for_people() -> None:
    assert [human(size) for size in (0, 999, 1500, 2_500_000, 7_000_000_000_000)] == [
        "0 bytes", "999 bytes", "1.5 kB", "2.5 MB", "7000.0 GB"]


def _loan(store: Store, name: str, objects: Path, when: float = 0.0) -> Path:
    loan = store.cache / f"clone-{name}.git"
    (loan / "objects/info").mkdir(parents=True)
    (loan / "objects/info/alternates").write_text(f"{objects}\n")
    (loan / "objects/ab").mkdir()
    for path in (loan / "objects/info", loan / "objects/ab", loan) if when else ():
        os.utime(path, (when, when))
    return loan


def test_stores_of_clones_that_are_gone_or_unused(place: tuple[Store, Results], tmp_path: Path) -> None:
    store, results = place
    objects = tmp_path / "linux/.git/objects"
    objects.mkdir(parents=True)
    used, unused = _loan(store, "a", objects), _loan(store, "b", objects, OLD)
    gone, held = _loan(store, "c", tmp_path / "nowhere"), _loan(store, "d", tmp_path / "nowhere")
    with FileLock(held.with_suffix(".lock")):
        assert _by_name(collect(store, results, MANIFEST, keep=3))["stores of clones"].count == 2
    assert [path.exists() for path in (used, unused, gone, held)] == [True, False, False, True]
    assert objects.is_dir()
