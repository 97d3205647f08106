"""The README's commands work as written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backport.trees.store import Store, default_cache

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]


def commands() -> list[str]:
    """Every line of the README's `sh` blocks; scripts/matrix and scripts/test are what CI itself runs."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(("scripts/matrix", "scripts/test"))]


def _clone(path: Path, store: Store) -> None:
    """A kernel clone with the branches that the store has; it borrows the store's objects and checks nothing out."""
    subprocess.run(["git", "init", "-q", "-b", "work", path], check=True)
    (path / ".git/objects/info/alternates").write_text(f"{store.path / 'objects'}\n")
    for key, value in (("user.name", "A Developer"), ("user.email", "dev@example.org")):
        subprocess.run(["git", "-C", path, "config", key, value], check=True)
    for name, branch in (("linux-5.10.y", "linux-5.10.y"), ("linux-6.1.y", "linux-6.1.y"), ("upstream", "master")):
        head = store.head(name)
        if head is not None:
            subprocess.run(["git", "-C", path, "update-ref", f"refs/heads/{branch}", head.commit], check=True)


def test_every_command_in_order(tmp_path: Path) -> None:
    store = Store(Path(os.environ.get("BACKPORT_CACHE") or default_cache()))
    if store.head("linux-5.10.y") is None or store.head("linux-6.1.y") is None:
        pytest.skip("linux-5.10.y and linux-6.1.y are not in the store; `backport trees fetch` gets them")
    shutil.copy(ROOT / "trees.yaml", tmp_path)
    shutil.copytree(ROOT / "patches", tmp_path / "patches")
    _clone(tmp_path / "linux", store)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BACKPORT_STATE": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}
    found = commands()
    assert len(found) >= 5
    for line in found:
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert "exception.injected" in (tmp_path / "fix-5.10.patch").read_text()
    picked = subprocess.run(["git", "-C", tmp_path / "linux", "show", "linux-5.10.y"], capture_output=True, text=True,
                            check=True).stdout
    assert "exception.pending || vcpu->arch.exception.injected" in picked
    assert "Signed-off-by: A Developer <dev@example.org>" in picked
    assert (tmp_path / "stable-queue" / "queue-5.10" / "series").read_text().count("\n") == 1
    assert any((tmp_path / "outgoing").rglob("*"))
    assert (tmp_path / "night.txt").is_file()
