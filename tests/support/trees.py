"""Made-up trees and places to get them from."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from backport.git import Git
from backport.manifest import Manifest, load


def files(version: str = "6.1.7", **more: bytes) -> dict[str, bytes]:
    """A very small tree that states its version."""
    one, two, three = version.split(".")
    makefile = f"# SPDX\nVERSION = {one}\nPATCHLEVEL = {two}\nSUBLEVEL = {three}\nEXTRAVERSION =\n"
    return {"Makefile": makefile.encode(), "kernel/a.c": b"int a(void)\n{\n\treturn 1;\n}\n",
            "include/a.h": b"#define A 1\n", **more}


def manifest(tmp_path: Path, text: str) -> Manifest:
    file = tmp_path / "trees.yaml"
    file.write_text(text)
    return load(file)


def one(tmp_path: Path, source: str, name: str = "linux-6.1.y") -> Manifest:
    """A manifest of one tree with these sources (flow-style YAML, one a line)."""
    lines = "".join(f"  - {line}\n" for line in source.splitlines())
    return manifest(tmp_path, f"trees:\n- name: {name}\n  sources:\n{lines}")


def commit(path: Path, content: dict[str, bytes], message: str = "x", branch: str = "main") -> str:
    """Commit `content` as the whole tree of a repository (made where there is none)."""
    path.mkdir(parents=True, exist_ok=True)
    with Git(path) as git:
        if not (path / ".git").exists():
            git.run("init", "-q", "--initial-branch", branch, ".")
        for old in path.rglob("*"):
            if old.is_file() and ".git" not in old.relative_to(path).parts:
                old.unlink()
        for name, data in content.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        git.run("add", "-A")
        git.run("commit", "-q", "--allow-empty", "-m", message)
        return git.rev("HEAD") or ""


def tarball(content: dict[str, bytes], *, top: str = "linux-6.1.7/", mode: str = "w:xz") -> bytes:
    """The bytes of a tarball, the same every time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in sorted(content.items()):
            info = tarfile.TarInfo(top + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def objects(git_dir: Path) -> int:
    """How many objects lie in a repository itself, borrowed ones not counted."""
    with Git(git_dir) as git:
        lines = git.run("count-objects", "-v").text.splitlines()
    counts = dict(line.split(": ") for line in lines if "alternate" not in line)
    return int(counts["count"]) + int(counts["in-pack"])
