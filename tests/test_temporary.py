"""What a kill -9 leaves in the temporary directory is gone after the next command, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from backport.temporary import sweep, temporary_directory


def test_only_what_a_dead_process_of_ours_made_is_swept(tmp_path: Path) -> None:
    code = ("from backport.temporary import temporary_directory\nimport sys\n"
            "made = temporary_directory('index')\nopen(made.name + '/index', 'w').close()\n"
            "print(made.name, flush=True)\nsys.stdin.read()\n")
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "TMPDIR": str(tmp_path)})
    assert child.stdout is not None
    left = Path(child.stdout.readline().strip())
    assert sweep(tmp_path) == 0                      # it lives
    child.send_signal(signal.SIGKILL)
    child.communicate()
    space, pid = left.name.split("-")[2:4]
    other = [tmp_path / f"backport-index-{int(space) + 1}-{pid}-other", tmp_path / "backport-index-mine",
             tmp_path / f"backport-index-{space}-{os.getpid()}-alive", tmp_path / "something"]
    for one in other:
        one.mkdir()
    link = tmp_path / f"backport-index-{space}-{pid}-link"
    link.symlink_to(other[3])
    assert left.is_dir()
    file = tmp_path / f".backport-file-{space}-{pid}-half"
    (tmp_path / f".backport-file-{space}-{os.getpid()}-alive").touch()
    file.touch()
    assert sweep(tmp_path) == 2
    assert not left.exists()
    assert not file.exists()
    assert (tmp_path / f".backport-file-{space}-{os.getpid()}-alive").exists()
    assert all(one.is_dir() for one in (*other, link))


def test_a_directory_goes_with_its_block() -> None:
    with temporary_directory("stack") as name:
        assert Path(name).is_dir()
    assert not Path(name).exists()
