from __future__ import annotations

from pathlib import Path

import pytest

from backport.history.between import between
from backport.history.branch import Branch
from backport.history.helpers import introduced, missing_names
from backport.history.log import Log
from backport.patch.parse import parse
from tests.support.histories import Repo

BODY = "".join(f"\tstep_{n}();\n" for n in range(1, 15))


class World:
    """Upstream renames, indents and rewrites around a line; the branch has none of it."""

    def __init__(self, path: Path) -> None:
        repo = self.repo = Repo(path)
        repo.files["up"] = {"x.c": f"int f(void)\n{{\n{BODY}}}\n", "y.c": "int y;\n", "x.h": "/* head */\n"}
        repo.commit("up", "base")
        repo.branch("stable", "up")
        repo.empty("stable", "stable: own commit")
        self.unrelated = repo.edit("up", "y.c", "int y", "long y", "y: widen")
        self.around = repo.edit("up", "x.c", "\tstep_5();\n", "\tstep_five();\n", "x: rename a step")
        self.blanks = repo.edit("up", "x.c", "\tstep_9();\n", "\t step_9();\n", "x: white space")
        self.wrote = repo.edit("up", "x.c", "\tstep_7();\n", "\tif (ready(x))\n\t\tstep_7();\n", "x: ask first")
        repo.files["up"]["x.h"] += "static inline int also(int x) { return x; }\n"
        self.helper = repo.edit("up", "x.c", "\tstep_14();\n", "\tstep_14b();\n", "x: introduce also()")
        repo.tag("v2.0", self.helper)
        self.fix = repo.edit("up", "x.c", "\tif (ready(x))\n", "\tif (ready(x) || also(x))\n", "x: ask twice")
        self.files = parse(repo.git.run("diff-tree", "-p", self.fix + "^", self.fix).out).files
        self.log = Log(repo.git)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "r.git")


def test_the_smallest_set_is_found_by_trying_and_comes_first(world: World) -> None:
    answer = between(world.log, Branch("stable", world.repo.tip("stable")), world.fix + "^", world.files)
    rows = [(c.commit.subject, c.kind, c.needed) for c in answer.candidates]
    assert answer.proved
    assert rows == [
        ("x: ask first", "prerequisite", True),            # wrote the line that the patch removes
        ("x: rename a step", "incidental", True),          # context: git needs it, the meaning does not
        ("x: white space", "incidental", True),
        ("x: introduce also()", "prerequisite", False),    # git does not miss it, the compiler would
    ]


def test_what_the_branch_has_already_is_no_candidate(world: World) -> None:
    repo = world.repo
    repo.edit("stable", "x.c", "\tstep_5();\n", "\tstep_five();\n",
              f"x: rename a step\n\ncommit {world.around} upstream.")
    repo.edit("stable", "x.c", "\tstep_9();\n", "\t step_9();\n", "x: their own white space")
    answer = between(Log(repo.git), Branch("stable", repo.tip("stable")), world.fix + "^", world.files)
    rows = {c.commit.subject: (c.kind, c.needed) for c in answer.candidates}
    assert rows == {"x: ask first": ("prerequisite", True), "x: white space": ("incidental", False),
                    "x: introduce also()": ("prerequisite", False)}
    assert answer.candidates[0].commit.subject == "x: ask first"


def test_without_history_it_says_so(world: World) -> None:
    answer = between(world.log, Branch("tar", world.repo.tip("stable"), history=False), world.fix + "^", world.files)
    assert answer.candidates == ()
    assert "has no history" in answer.reason


def test_missing_helpers_and_who_introduced_them(world: World) -> None:
    parent = world.repo.git.rev(world.fix + "^")
    assert parent is not None
    assert missing_names(world.repo.git, world.repo.tip("stable"), parent, world.files) == ("ready", "also")
    found = introduced(world.log, parent, "also")
    assert found.commit is not None
    assert (found.commit.sha, found.release) == (world.helper, "v2.0")
    assert introduced(world.log, parent, "no_such_name").commit is None
