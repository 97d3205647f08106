"""A place to attack: made-up trees with a cache, a state and patches, put back as it was before each attack."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from backport.results.store import Results
from tests.support.desk import NEW, OLD, Desk
from tests.support.fakekernel import git

# what differs from one good run to the next: times, numbers of runs, and what is made of them
_VARIES = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?|"
                     rb"(?i:date|message-id|seconds|started|finished)\W+[^\n,<]*|"
                     rb"run \d+|\d+(?:\.\d+)? ?s\b|/\d+\b|<[^<>]*@[^<>]*>")


def endless(once: Callable[[random.Random], None], seed: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """`once` again and again, each time with another draw of `seed`."""
    number = 0
    while True:
        yield "", partial(once, random.Random(f"{seed} {number}"))
        number += 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str


class Attack(Protocol):
    """A part of scripts/torture with a place of its own."""

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """(what is attacked, the attack); the attack raises what it finds."""
        ...

    def close(self) -> None:
        """Remove the place."""
        ...


class World:
    """Below `top`: fake-* trees, patches/, trees.yaml, cache/, state/, config/, tmp/, out/."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.kept: dict[str, Path] = {}
        self._server: subprocess.Popen[str] | None = None

    @classmethod
    def make(cls) -> World:
        """A new one in the temporary directory; trees that come by git fetch, four patches that end differently."""
        top = Path(tempfile.mkdtemp(prefix="torture-"))
        desk = Desk(top / "world")
        world = cls(desk.path)
        text = "trees:\n"
        for name, path in desk.trees.items():
            branch = git(path, "symbolic-ref", "--short", "HEAD")
            text += f"  - name: {name}\n    series: '{name[5:8] if name[5].isdigit() else '9.2'}'\n"
            text += "    upstream: true\n" if name == "fake-reference" else ""
            text += f"    sources:\n      - git: file://{path}\n        branch: {branch}\n"
        (desk.path / "trees.yaml").write_text(text)
        desk.edit("fake-9.0.y", "\tvcpu->pending = 0;\n", "\tvcpu->pending = 1;\n")
        desk.patch("good", OLD, NEW)
        desk.patch("merged", "\tvcpu->pending = 0;\n", "\tvcpu->pending = 2;\n")
        desk.patch("bad", OLD, "\tif (vcpu->no_such_field)\n")
        for name in ("tmp", "out", "home", "config"):
            (desk.path / name).mkdir()
        return world

    def remove(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.communicate()
        shutil.rmtree(self.top.parent)

    def keep(self, name: str) -> None:
        """Remember the world as it is now."""
        self.kept[name] = self.top.with_name(f"kept-{name}")
        shutil.copytree(self.top, self.kept[name], symlinks=True)

    def back(self, name: str) -> None:
        """Make the world what it was."""
        shutil.rmtree(self.top)
        subprocess.run(["cp", "-a", str(self.kept[name]), str(self.top)], check=True)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BACKPORT_", "XDG_", "GIT_"))}
        return {**kept, "HOME": str(self.top / "home"), "BACKPORT_CACHE": str(self.top / "cache"),
                "BACKPORT_STATE": str(self.top / "state"), "XDG_CONFIG_HOME": str(self.top / "config"),
                "TMPDIR": str(self.top / "tmp"), "PYTHONDONTWRITEBYTECODE": "1",
                "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org",
                "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.org", **(more or {})}

    def start(self, *args: str, more: Mapping[str, str] | None = None, cwd: Path | None = None
              ) -> subprocess.Popen[bytes]:
        """Start `backport ARGS` here."""
        return subprocess.Popen([sys.executable, "-m", "backport", *args], cwd=cwd or self.top,
                                env=self.environment(more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True)

    def backport(self, *args: str, more: Mapping[str, str] | None = None, cwd: Path | None = None,
                 seconds: float = 300) -> Ended:
        """Run `backport ARGS` here and wait for its end."""
        if self._server is not None and more is None:
            return self._asked(args, cwd or self.top)
        child = self.start(*args, more=more, cwd=cwd)
        out, err = child.communicate(timeout=seconds)
        return Ended(child.returncode, out, err.decode("utf-8", "replace"))

    def serve(self, more: Mapping[str, str]) -> None:
        """From now on commands are forked from one process that has read the modules: a second less for each."""
        self._server = subprocess.Popen([sys.executable, "-m", "tests.support.attacks.server"],
                                        cwd=Path(__file__).resolve().parents[3], env=self.environment(more),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _asked(self, args: Sequence[str], cwd: Path) -> Ended:
        assert self._server is not None
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        names = [str(self.top.with_name(name)) for name in ("stdout", "stderr")]
        self._server.stdin.write(json.dumps([args, str(cwd), *names]) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        out, err = (Path(name).read_bytes() for name in names)
        return Ended(code, out, err.decode("utf-8", "replace"))

    def cells(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(apply, build, sure, and all that is told) of the last run, by patch and tree."""
        path = self.top / "state" / "results.sqlite"
        if not path.is_file():
            return {}
        with Results(path) as results:
            run = results.latest()
            cells = results.cells(run) if run is not None else []
        return {(cell.patch, cell.tree): (cell.apply, cell.build, cell.sure, cell.reason, str(cell.notes),
                                          str(cell.adapted), cell.base_commit) for cell in cells}

    def written(self, *names: str) -> dict[str, bytes]:
        """The files below these, without what differs from one good run to the next."""
        found = {}
        for name in names:
            path = self.top / name
            for one in [path] if path.is_file() else sorted(path.rglob("*")):
                if one.is_file() and not one.is_symlink():
                    found[str(one.relative_to(self.top))] = steady(one.read_bytes())
        return found

    def litter(self) -> list[str]:
        """Half-made files that somebody forgot: scratch files, locks of git."""
        found = []
        for path in self.top.rglob("*"):
            name = str(path.relative_to(self.top))
            # Python tries a temporary directory with a file of eight letters, which a kill in that moment leaves
            if not name.endswith("backport.lock") and (re.match(r"tmp/(?![a-z0-9_]{8}$)", name) or re.search(
                    r"/\.backport-[a-z]+-\d|\.new$|\.part$|/tmp_(?:obj|pack|idx|objdir)|\.git/(?:.*/)?[^/]+\.lock$|"
                    r"refs/incoming/.|\.done$|\.holder$", name)):
                found.append(name)
        return sorted(found)


def steady(data: bytes) -> bytes:
    return _VARIES.sub(b"*", data)

