"""A small tree, mails that change it, and the real quilt and git to try the results with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from backport.git import Git
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.queue.export import ReadyPatch
from backport.stable.nomination import asked, nomination
from tests.support.histories import Repo

CODE = """#include <x.h>

static int alpha(int a)
{
\tint r = 0;

\tif (a)
\t\tr = 1;
\treturn r;
}

static int beta(int a)
{
\tint r = 0;

\tif (a)
\t\tr = 2;
\treturn r;
}
"""


def tree(path: Path, files: dict[str, str] | None = None) -> tuple[Repo, str]:
    """A repository with one commit on branch `stable`."""
    repo = Repo(path)
    repo.files["stable"] = files or {"kvm/x.c": CODE, "kvm/y.c": CODE.replace("alpha", "gamma"), "Makefile": "all:\n"}
    return repo, repo.commit("stable", "Linux 6.1.187")


def mail(repo: Repo, base: str, files: dict[str, str | None], subject: str, *, upstream: str = "a" * 40,
         tags: str = "Signed-off-by: Up Stream <up@example.org>\n", prefix: str = "PATCH 6.1.y",
         body: str = "Because it is wrong.") -> Patch:
    """A mail that makes `files` out of what the commit `base` has (None deletes)."""
    branch = f"scratch-{len(repo.files)}"
    repo.git.run("update-ref", f"refs/heads/{branch}", base)
    repo.files[branch] = {path: (repo.git.blob(f"{base}:{path}") or b"").decode()
                          for _mode, _sha, path in repo.git.ls_tree(base)}
    for path, text in files.items():
        if text is None:
            del repo.files[branch][path]
        else:
            repo.files[branch][path] = text
    new = repo.commit(branch, subject)
    diff = repo.git.run("diff-tree", "-r", "-p", base, new).out
    head = (f"From {upstream} Mon Sep 17 00:00:00 2001\nFrom: Up Stream <up@example.org>\n"
            f"Date: Mon, 20 Apr 2026 11:18:56 -0400\nSubject: [{prefix}] {subject}\n\n"
            f"[ Upstream commit {upstream} ]\n\n{body}\n\n{tags}---\n file | 2 +-\n\n")
    return parse(head.encode() + diff + b"-- \n2.39.5\n", source="test", slug="test")


def ready(patch: Patch, series: str = "6.1", *, signed: bool = True) -> ReadyPatch:
    mail_ = read_mail(patch)
    return ReadyPatch(patch, nomination(mail_, patch.paths), asked(mail_, series), signed)


def quilt_takes(git: Git, commit: str, queue: Path, work: Path) -> str:
    """`quilt push -a --fuzz=0` on the tree of `commit`, for real; quilt's output."""
    work.mkdir()
    archive = git.run("archive", "--format=tar", commit).out
    subprocess.run(["tar", "-x", "-C", str(work)], input=archive, check=True)
    env = {**os.environ, "QUILT_PATCHES": str(queue), "LC_ALL": "C", "QUILT_PC": str(work / ".pc")}
    done = subprocess.run(["quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0"], cwd=work, env=env,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def quiltimport_takes(git: Git, commit: str, queue: Path, work: Path) -> list[str]:
    """`git quiltimport` on the tree of `commit`, for real; the subjects of the commits it made."""
    clone = work
    env = {"HOME": str(work.parent), "PATH": os.environ["PATH"], "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org", "GIT_COMMITTER_NAME": "T",
           "GIT_COMMITTER_EMAIL": "t@example.org"}

    def run(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=clone, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    clone.mkdir()
    run("init", "--quiet", ".")
    run("fetch", "--quiet", str(git.path), f"{commit}")
    run("checkout", "--quiet", "-b", "work", "FETCH_HEAD")
    run("quiltimport", "--patches", str(queue))
    return run("log", "--reverse", "--format=%s", "FETCH_HEAD..HEAD").splitlines()
