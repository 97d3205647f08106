from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from backport.commands.replay import command
from backport.errors import UserError
from backport.git import Git
from backport.patch.edits import edited
from backport.replay import score as scoring
from backport.replay.cases import Case, CaseEdit, corresponding, groups, parse_delta
from backport.replay.history import history_cases, upstream_of
from backport.replay.releases import release_cases
from backport.replay.run import ReplayPlan, run
from backport.replay.show import show
from backport.treeview import MemoryView
from tests.adapt.test_engine import FIXED, OLDER, OLDER_FIXED, UPSTREAM

PATH = "drivers/a.c"
SHARED = b"int shared_1;\nint shared_2;\nint shared_3;\nint shared_4;\n"     # both branches got these lines as well


def commit(git: Git, ref: str, files: dict[str, bytes], message: str, parent: str | None = None) -> str:
    """A commit made of `files`, under `ref`."""
    env = {"GIT_INDEX_FILE": str(git.path / "test-index")}
    git.run("read-tree", "--empty", env=env)
    for path, data in files.items():
        blob = git.run("hash-object", "-w", "--stdin", stdin=data).text
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    tree = git.run("write-tree", env=env).text
    made = git.run("commit-tree", tree, *(("-p", parent) if parent else ()), "-F", "-", stdin=message.encode()).text
    git.run("update-ref", ref, made)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two branches with two releases each; the fix is in the second ones, in each tree's own words."""
    path = tmp_path / "store.git"
    path.mkdir()
    with Git(path) as git:
        git.run("init", "-q", "--bare", ".")
        for version, data in (("9.1.1", UPSTREAM), ("9.1.2", FIXED + SHARED), ("8.1.1", OLDER),
                              ("8.1.2", OLDER_FIXED + SHARED)):
            commit(git, f"refs/releases/{version}", {PATH: data, "Makefile": b"all:\n"}, version)
    return path


def test_releases_give_the_case_with_the_answer_apart(store: Path) -> None:
    with Git(store) as git:
        (case,) = release_cases(git, ["9.1.1", "9.1.2"], ["8.1.1", "8.1.2"])
    assert (case.path, case.upstream, case.target, case.truth) == (PATH, UPSTREAM, OLDER, OLDER_FIXED + SHARED)
    assert not case.same_lines
    (outcome,) = run([case], ReplayPlan())
    assert outcome.score == "exact"
    assert not outcome.certain
    assert not outcome.taken


def test_a_missing_release_is_named(store: Path) -> None:
    with Git(store) as git, pytest.raises(UserError, match=r"9\.1\.7"):
        list(release_cases(git, ["9.1.1", "9.1.7"], ["8.1.1", "8.1.2"]))


class Spy(MemoryView):
    """Records all that the engine reads."""

    seen: list[bytes]

    def __init__(self, name: str, files: dict[str, bytes]) -> None:
        super().__init__(name, files)
        self.seen = []

    def read(self, path: str) -> bytes | None:
        data = super().read(path)
        self.seen.append(data or b"")
        return data


def test_nothing_of_the_truth_reaches_the_engine(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Git(store) as git:
        (case,) = release_cases(git, ["9.1.1", "9.1.2"], ["8.1.1", "8.1.2"])
    given: list[object] = []

    def spy(*args: object, **kwargs: object) -> object:
        given.append((args, kwargs))
        return original(*args, **kwargs)  # type: ignore[arg-type]

    original = scoring.adapt
    monkeypatch.setattr(scoring, "adapt", spy)
    scoring.run(case)
    ((args, kwargs),) = given  # type: ignore[misc]
    patch, view = args
    assert b"exception.pending || vcpu" not in patch.diff
    assert list(view.paths()) == [PATH]
    assert view.read(PATH) == case.target
    assert kwargs["upstream"].read(PATH) == case.upstream
    assert kwargs["preimages"] == {PATH: case.upstream}
    assert not any(case.truth == value for value in (view.read(PATH), kwargs["upstream"].read(PATH)))


def test_names_are_looked_up_only_in_trees_from_before_the_delta(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backport.commands import replay
    opened: list[str] = []

    class Quiet:
        def __init__(self, _store: Path, commit: str) -> None:
            opened.append(commit)

        def contains(self, _name: str) -> bool:
            return False

        def functions(self, _name: str) -> list[str]:
            return []

        def close(self) -> None:
            pass

    monkeypatch.setattr("backport.trees.index.Index", Quiet)
    plan = replay.names_plan(store, ["9.1.1", "9.1.2"], ["8.1.1", "8.1.2"])
    with Git(store) as git:
        assert set(opened) == {git.rev("refs/releases/8.1.1"), git.rev("refs/releases/9.1.1")}
        assert plan.names == {"8.1.1": git.rev("refs/releases/8.1.1")}


def test_a_clone_with_history_gives_a_case_for_each_backport(tmp_path: Path) -> None:
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        base = commit(git, "refs/heads/main", {PATH: UPSTREAM}, "base")
        fix = commit(git, "refs/heads/main", {PATH: FIXED}, "x86: fix\n\nText.", base)
        old = commit(git, "refs/heads/stable", {PATH: OLDER}, "old base")
        other = commit(git, "refs/heads/stable", {PATH: OLDER, "b.c": b"int b;\n"}, "own change", old)
        commit(git, "refs/heads/stable", {PATH: OLDER_FIXED, "b.c": b"int b;\n"},
               f"x86: fix\n\n[ Upstream commit {fix} ]\n\nText.", other)
        (case,) = history_cases(git, "stable")
        assert (case.upstream, case.target, case.truth) == (UPSTREAM, OLDER, OLDER_FIXED)
        with pytest.raises(UserError, match="nowhere"):
            list(history_cases(git, "nowhere"))


def test_both_forms_of_naming_the_upstream_commit_are_read() -> None:
    sha = "0123456789abcdef0123456789abcdef01234567"
    assert upstream_of(f"x: y\n\n[ Upstream commit {sha} ]\n".encode()) == sha
    assert upstream_of(f"x: y\n\ncommit {sha} upstream.\n".encode()) == sha
    assert upstream_of(b"x: y\n\nThis reverts commit 0123456789ab.\n") is None


def case_of(target: bytes, truth: bytes, edits: Sequence[CaseEdit]) -> Case:
    return Case("c", PATH, UPSTREAM, tuple(edits), target, truth, True)


def test_scores_leave_white_space_apart_and_nothing_else() -> None:
    case = case_of(OLDER, OLDER_FIXED, [])
    assert scoring.score(OLDER_FIXED.replace(b"\t", b"    "), case) == "exact"
    assert scoring.score(OLDER_FIXED.replace(b"r = 0", b"r = 1"), case) == "wrong"
    assert scoring.score(None, case) == "none"
    assert scoring.score(OLDER, case) == "wrong"


def test_other_commits_of_the_release_are_cut_away() -> None:
    def edit(at: int, old: bytes, new: bytes) -> CaseEdit:
        return CaseEdit(at, at + 1, (new,), (old,))

    fix = edit(10, b"\tif (pending(v))\n", b"\tif (pending(v) || injected(v))\n")
    noise = edit(90, b"\tfoo = 1;\n", b"\tbar(baz);\n")
    kept = corresponding((fix, noise), (edit(70, *[*fix.old, *fix.new]), edit(20, b"int q;\n", b"long z[3];\n")))
    assert [(a[0].lo, b[0].lo) for a, b in kept] == [(10, 70)]
    assert len(groups((edit(10, b"a\n", b"b\n"), edit(17, b"a\n", b"b\n"), edit(25, b"a\n", b"b\n")))) == 2


def test_deltas_are_read_as_git_writes_them() -> None:
    diff = (b"diff --git a/a.c b/a.c\nindex 1..2 100644\n--- a/a.c\n+++ b/a.c\n@@ -1,0 +2 @@ x\n+new\n"
            b"@@ -5,2 +6 @@\n-old\n--- not a header\n+two\n"
            b"diff --git a/b.c b/b.c\nnew file mode 100644\n--- /dev/null\n+++ b/b.c\n@@ -0,0 +1 @@\n+x\n")
    delta = parse_delta(diff)
    assert list(delta) == ["a.c"]
    assert delta["a.c"][0] == CaseEdit(1, 1, (b"new\n",), ())
    assert delta["a.c"][1].old == (b"old\n", b"-- not a header\n")
    assert edited(b"1\n2\n", delta["a.c"][:1]) == b"1\nnew\n2\n"


def test_the_command_prints_the_table_and_shows_a_case(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "replay.json"
    options = ["--store", str(store), "--from", "9.1.1,9.1.2", "--to", "8.1.1,8.1.2", "--no-names", "-j", "1"]
    done = CliRunner().invoke(command, [*options, "--output", str(out), "--baselines"], standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "git apply rejects" in done.output
    assert "git merge-file" in done.output
    data = json.loads(out.read_text())
    assert data["cases"] == 1
    assert data["outcomes"][0]["score"] == "exact"
    shown = CliRunner().invoke(command, [*options, "--show", "0"], standalone_mode=False)
    assert "--- the maintainers" in shown.output
    assert "exception.pending || vcpu->arch.exception.injected" in shown.output
    listed = CliRunner().invoke(command, [*options, "--list", "exact"], standalone_mode=False)
    assert PATH in listed.output


def test_a_case_can_be_looked_at(store: Path) -> None:
    with Git(store) as git:
        (case,) = release_cases(git, ["9.1.1", "9.1.2"], ["8.1.1", "8.1.2"])
    assert "exact: merged, review" in show(case)
