"""A small made-up kernel clone: mainline, two stable branches, and somebody's own changes in the work tree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from backport.cli import cli
from backport.errors import BackportError
from backport.git import UserGit

MAKEFILE = "VERSION = {}\nPATCHLEVEL = {}\nSUBLEVEL = {}\nEXTRAVERSION =\n"
BAR = """#include <linux/bar.h>

int bar_limit(int n)
{
\tif (n > 10)
\t\treturn 10;
\treturn n;
}
"""
OLD = """#include <linux/foo.h>

static void foo_copy(struct foo *known, struct foo *fresh)
{
\tknown->one = fresh->one;
\tknown->two = fresh->two;
\tknown->three = fresh->three;
}

int foo_start(struct foo *f)
{
\tf->count = 1;
\tf->state = 2;
\treturn 0;
}
"""
# what mainline has before the fixes: a line between, which the stable branches never got
NEW = OLD.replace("\tknown->three", "\tknown->use &= fresh->use;\n\tknown->why = fresh->why;\n\tknown->three").replace(
    "int foo_start", "int foo_other(void)\n{\n\treturn 7;\n}\n\nint foo_start")
HEADER = "struct foo {\n\tint one, two, three;\n\tint use, why;\n\tint count, state;\n};\n"


class Kernel:
    """`fixes` are the commits of mainline by name: bar (fits), foo (in conflict on both branches), start (offset)."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.path = path
        self.env = dict(env)
        path.mkdir(parents=True)
        self.git = UserGit(path)
        self.run("init", "--quiet", "--initial-branch=master")
        self.run("config", "user.name", "A Developer")
        self.run("config", "user.email", "dev@example.org")
        self.write({"Makefile": MAKEFILE.format(5, 10, 1), "drivers/bar.c": BAR, "drivers/foo.c": OLD,
                    "include/linux/foo.h": HEADER, "include/linux/bar.h": "int bar_limit(int n);\n",
                    "drivers/mine.c": "int mine;\n"})
        self.commit("Linux 5.10.1")
        self.run("branch", "linux-5.10.y")
        self.write({"Makefile": MAKEFILE.format(6, 1, 1)})
        self.commit("Linux 6.1.1")
        self.run("branch", "linux-6.1.y")
        self.write({"Makefile": MAKEFILE.format(7, 0, 0), "drivers/foo.c": NEW})
        self.commit("foo: use and why")
        self.fixes = {}
        self.write({"drivers/bar.c": BAR.replace("return 10;", "return 9;")})
        self.fixes["bar"] = self.commit("bar: the limit is nine\n\nNine is enough.\n\nSigned-off-by: U <u@example.org>",
                                        "U <u@example.org>", "1700000000 +0100")
        self.write({"drivers/foo.c": NEW.replace("use &= fresh->use", "use = fresh->use")})
        self.fixes["foo"] = self.commit("foo: take use as it is\n\nIt was lost.\n\nSigned-off-by: U <u@example.org>",
                                        "U <u@example.org>", "1700000100 +0100")
        self.write({"drivers/foo.c": NEW.replace("use &= fresh->use", "use = fresh->use").replace("f->count = 1;",
                                                                                            "f->count = 0;")})
        self.fixes["start"] = self.commit("foo: count from zero\n\nSigned-off-by: U <u@example.org>",
                                          "U <u@example.org>", "1700000200 +0100")
        self.run("checkout", "--quiet", "linux-6.1.y")
        self.write({"drivers/mine.c": "int mine = 2;\n", "untracked.txt": "mine\n"})

    def run(self, *args: str, ok: tuple[int, ...] = (0,)) -> str:
        return self.git.run(*args, ok=ok, env=self.env).text

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def commit(self, message: str, author: str = "", date: str = "") -> str:
        self.run("add", "--all")
        self.run("commit", "--quiet", "-m", message, *([f"--author={author}", f"--date={date}"] if author else []))
        return self.run("rev-parse", "HEAD")

    def pick(self, *args: str, stdin: str | None = None, here: str = ".") -> Result:
        """`backport pick *args` as a person types it in `here`; an error of ours gives its text and exit code."""
        before = Path.cwd()
        os.chdir(self.path / here)
        try:
            result = CliRunner().invoke(cli, ["pick", *args], input=stdin, standalone_mode=False)
        finally:
            os.chdir(before)
        if isinstance(result.exception, BackportError):
            result.exit_code = result.exception.exit_code
            result.stderr_bytes = (result.stderr_bytes or b"") + str(result.exception).encode()
        elif result.exception is not None:
            raise result.exception
        elif isinstance(result.return_value, int):
            result.exit_code = result.return_value
        return result

    def resolve(self, top: str = ".") -> None:
        """What a person makes of the conflict in foo.c: the one line that the branch needs."""
        file = self.path / top / "drivers/foo.c"
        lines = file.read_text().split("\n")
        first, last = (next(n for n, line in enumerate(lines) if line.startswith(mark))
                       for mark in ("<<<<<<<", ">>>>>>>"))
        file.write_text("\n".join([*lines[:first], "\tknown->use = fresh->use;", *lines[last + 1:]]))

    def everything(self) -> dict[str, str]:
        """HEAD, refs, index, configuration, and each file of the work tree with its bytes, mode and time."""
        found = {"refs": self.run("for-each-ref"), "worktrees": self.run("worktree", "list")}
        for name in ("HEAD", "index", "config"):
            found[name] = hashlib.sha256((self.path / ".git" / name).read_bytes()).hexdigest()
        for file in sorted(self.path.rglob("*")):
            if file.is_file() and ".git" not in file.relative_to(self.path).parts:
                told = file.stat()
                found[str(file)] = f"{told.st_mtime_ns} {told.st_mode} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        return found
