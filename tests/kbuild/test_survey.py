"""scripts/build-survey, ended in the middle of a build: the work tree is put back, and the next call goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backport.kbuild.result import BuildResult, Diagnostic
from backport.kbuild.survey import _with_rest
from backport.kbuild.surveyed import SurveyAnswer, Surveyed
from backport.trees.store import RELEASES, Head, Store
from backport.trees.worktree import changed
from backport.verdict import Build
from tests.support.fakekernel import fake_kernel, git
from tests.support.patience import until

ROOT = Path(__file__).parents[2]
FORK = "kernel/fork.c"
DUMMY = "drivers/net/dummy.c"


def releases(tmp_path: Path, before: str, after: str) -> Store:
    """A store with both commits of tmp_path/repository as 6.1.1 and 6.1.2."""
    store = Store(tmp_path / "cache")
    for version, spec in (("6.1.1", before), ("6.1.2", after)):
        commit = git(tmp_path / "repository", "rev-parse", spec)
        with store.git() as kept:
            kept.run("fetch", "--quiet", str(tmp_path / "repository"), f"{commit}:{RELEASES}{version}")
        store.set(Head(version, commit, version, "test", 0.0), prefix=RELEASES)
    return store


def survey(store: Store, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "backport.kbuild.survey", "6.1.1..6.1.2", *arguments], cwd=ROOT,
                          text=True, capture_output=True, timeout=300, check=False,
                          env={**os.environ, "BACKPORT_CACHE": str(store.cache)})
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def test_a_survey_that_is_stopped_leaves_the_work_tree_as_it_was(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    fake_kernel(repository)
    text = (repository / FORK).read_text()
    (repository / FORK).write_text(f"/* BACKPORT_FAULT(hang) */\n{text}")
    git(repository, "commit", "-qam", "Hang")
    store = releases(tmp_path, "HEAD^", "HEAD")
    child = subprocess.Popen([sys.executable, "-m", "backport.kbuild.survey", "6.1.1..6.1.2", "--each", "1"], cwd=ROOT,
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**os.environ, "BACKPORT_CACHE": str(store.cache)})
    tree = store.cache / "worktrees/6.1.1"
    assert until(lambda: child.poll() is not None or ((tree / FORK).exists()
                                                      and b"FAULT" in (tree / FORK).read_bytes()))
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=300)            # the compiler would hang for 600
    assert child.returncode == 130, (out, err)
    assert err == "stopped by SIGTERM\n"
    assert changed(tree) == []
    assert (tree / FORK).read_text() == text


def test_a_second_call_goes_on_and_builds_nothing_twice(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    fake_kernel(repository)
    for path in (FORK, DUMMY):
        with (repository / path).open("a") as stream:
            stream.write(f"int more_{Path(path).stem};\n")
    git(repository, "commit", "-qam", "More")
    store = releases(tmp_path, "HEAD^", "HEAD")
    out = survey(store, "--minutes", "0.0000001")
    assert "2 of 2 changes are left for the next call" in out
    assert "| all | 0 |" in out
    out = survey(store, "--part", "kernel")
    assert "6.1.1 kernel/fork.c: pass" in out
    assert "in an earlier call" not in out
    out = survey(store)
    assert "| all | 2 | 2 |" in out
    assert "2 of 2 changes that were drawn, 1 of them in an earlier call" in out
    assert "2 of them in an earlier call" in survey(store)
    # other code has to answer for itself
    kept = store.cache / "survey/answers.jsonl"
    rows = [json.loads(row) for row in kept.read_text().split("\n") if row]
    kept.write_text("\n".join(json.dumps({**row, "code": "other"}) for row in rows))
    out = survey(store, "--any-code")
    assert "2 of 2 changes that were drawn, 2 of them in an earlier call, 2 by other code" in out
    assert "in an earlier call" not in survey(store)


def test_half_a_line_of_an_earlier_call_is_no_answer(tmp_path: Path) -> None:
    kept = Surveyed(tmp_path / "survey/answers.jsonl", "code")
    one = SurveyAnswer("a", "b", "kernel/fork.c", "", "code", Build.PASS, "1 fresh object", "x86-64", 0, 1.5)
    kept.keep(one)
    with kept.path.open("ab") as stream:
        stream.write(b'{"before": "a", "after": "b", "path": "kernel/sched.c"')
    kept.keep(replace(one, path="kernel/exit.c"))
    assert {path for _before, _after, path, _also in kept.known()} == {"kernel/fork.c", "kernel/exit.c"}


def test_what_an_error_in_a_macro_speaks_of_is_built_with_it() -> None:
    """hfsplus_fs.h renames its functions: the error quotes the new name, and the file with the old one is needed."""
    header, source = "fs/hfsplus/hfsplus_fs.h", "fs/hfsplus/bfind.c"
    error = Diagnostic(header, 346, "error", "conflicting types for 'hfsplus_brec_read'",
                       detail=(f"{source}:213:5: note: in expansion of macro 'hfs_brec_read'",))
    asked: list[list[str]] = []

    def build(paths: Sequence[str]) -> BuildResult:
        asked.append([*paths])
        return BuildResult(Build.PASS, "") if source in paths else BuildResult(Build.FAIL, "", new=(error,))

    changed = {source: frozenset({b"hfs_brec_read"}), "fs/hfsplus/other.c": frozenset({b"hfs_other"})}
    result, more = _with_rest(build, header, changed)
    assert (result.verdict, more) == (Build.PASS, 1)
    assert asked == [[header], [header, source]]
