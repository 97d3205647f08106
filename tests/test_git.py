"""git is told names, and they stay names."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.check import check
from backport.errors import GitError
from backport.git import GLOBS, Git, UserGit, limited
from backport.patch.parse import parse
from backport.verdict import Apply
from tests.support.gitrepo import TestRepo

# names that git's pathspecs give a meaning to, and the file that such a pattern would find
ODD = [":(glob)**", ":/f.c", ":!x", ":(top)f.c", "*.c", "[f].c", "?.c", ":(attr:x)", "-x", "--cached"]


@pytest.fixture
def repo(tmp_path: Path) -> TestRepo:
    return TestRepo(tmp_path / "made-up")


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_looks_like_a_pattern_is_a_name(repo: TestRepo, name: str) -> None:
    tree = repo.commit({"f.c": b"a\n", "dir/g.c": b"a\n"})
    assert repo.git.ls_tree(tree, [name]) == []
    raw = name.encode()
    create = b"diff --git a/%s b/%s\nnew file mode 100644\n--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+x\n" % (
        raw, raw, raw)
    change = b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n" % (raw, raw, raw, raw)
    assert check(repo.git, tree, parse(create)).outcome is Apply.CLEAN
    assert check(repo.git, tree, parse(change)).outcome is Apply.CONFLICT
    made = repo.commit({name: b"a\n"})
    assert [path for _mode, _sha, path in repo.git.ls_tree(made, [name])] == [name]
    assert check(repo.git, made, parse(change)).outcome is Apply.CLEAN
    counted = repo.git.run("rev-list", "--count", "--stdin", stdin=limited([made], [name])).text
    assert counted == "1"


@pytest.mark.parametrize("variable", ["GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"])
def test_a_users_own_setting_for_patterns_does_not_matter(repo: TestRepo, variable: str,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    tree = repo.commit({"f.c": b"a\n", "F.C": b"a\n"})
    assert [path for _mode, _sha, path in repo.git.ls_tree(tree, ["f.c"])] == ["f.c"]


def test_patterns_of_ours_still_find_files(repo: TestRepo) -> None:
    tree = repo.commit({"dir/g.c": b"a_word\n", "dir/g.txt": b"a_word\n"})
    out = repo.git.run(GLOBS, "grep", "-l", "a_word", tree, "--", "*.c").text
    assert out == f"{tree}:dir/g.c"


def test_any_number_of_names_fits(repo: TestRepo) -> None:
    """5 MB of names: more than the kernel takes as arguments (E2BIG)."""
    names = [f"{'deep/' * 20}a-directory-with-a-rather-long-name-{i // 10}/{'x' * 60}{i}.c" for i in range(25_000)]
    tree = repo.commit({names[0]: b"a\n", names[-1]: b"a\n"})
    assert [path for _mode, _sha, path in repo.git.ls_tree(tree, names)] == [names[0], names[-1]]
    assert repo.git.run("rev-list", "--count", "--stdin", stdin=limited([tree], names)).text == "1"


def test_a_patch_of_very_many_files_is_checked(repo: TestRepo) -> None:
    tree = repo.commit({"f.c": b"a\n"})
    diff = b"".join(b"diff --git a/%s b/%s\nnew file mode 100644\n" % (name, name) for name in (
        b"%s/%d/%s.c" % (b"some-directory/" * 8 + b"x", i, b"y" * 100) for i in range(6_000)))
    patch = parse(diff + b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n")
    assert sum(map(len, patch.paths)) > 1_000_000
    assert check(repo.git, tree, patch).outcome is Apply.CLEAN


def damage(repo: TestRepo, sha: str) -> None:
    place = repo.path / ".git/objects" / sha[:2] / sha[2:]
    place.chmod(0o644)
    place.write_bytes(b"not an object")


def test_any_number_of_damaged_objects_is_told(repo: TestRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child that reads objects stopped for ever when nobody had read some hundred complaints of its."""
    monkeypatch.setattr(Git, "_really_missing", lambda *_: None)       # two processes for each
    sha = repo.git.run("hash-object", "-w", "--stdin", stdin=b"a\n").text
    damage(repo, sha)
    assert {repo.git.blob(sha) for _ in range(1500)} == {None}


@pytest.mark.parametrize("kind", [Git, UserGit])
def test_nobody_is_told_to_remove_their_own_clone(repo: TestRepo, kind: type[Git]) -> None:
    tree = repo.commit({"f.c": b"a\n"})
    damage(repo, repo.git.run("rev-parse", f"{tree}:f.c").text)
    with kind(repo.path) as git:
        for ask in (lambda: git.blob(f"{tree}:f.c"), lambda: git.run("cat-file", "blob", f"{tree}:f.c")):
            with pytest.raises(GitError) as told:
                ask()
            assert "fsck" in told.value.hint
            assert f"remove {repo.path}" not in told.value.hint
