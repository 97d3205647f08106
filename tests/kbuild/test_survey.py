"""scripts/build-survey, ended in the middle of a build: the work tree is put back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from backport.trees.store import RELEASES, Head, Store
from backport.trees.worktree import changed
from tests.support.fakekernel import fake_kernel, git
from tests.support.patience import until

ROOT = Path(__file__).parents[2]
FORK = "kernel/fork.c"


def test_a_survey_that_is_stopped_leaves_the_work_tree_as_it_was(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    fake_kernel(repository)
    text = (repository / FORK).read_text()
    (repository / FORK).write_text(f"/* BACKPORT_FAULT(hang) */\n{text}")
    git(repository, "commit", "-qam", "Hang")
    store = Store(tmp_path / "cache")
    for version, spec in (("6.1.1", "HEAD^"), ("6.1.2", "HEAD")):
        commit = git(repository, "rev-parse", spec)
        with store.git() as kept:
            kept.run("fetch", "--quiet", str(repository), f"{commit}:{RELEASES}{version}")
        store.set(Head(version, commit, version, "test", 0.0), prefix=RELEASES)
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
