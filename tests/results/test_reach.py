"""The code that a cached answer depends on is found, not listed."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import backport
from backport.context import START, WITHOUT
from backport.results.reach import _statements, digest, reach, versions
from tests.support.queues import mail, tree

HOME = Path(next(iter(backport.__path__)))

# two cells with everything that needs no compiler, one of which has to be adapted; then what was brought in
COMPUTE = """
import sys
from pathlib import Path
from backport.compute import compute
from backport.context import Context, Options
from backport.job import job_of
from backport.manifest import Tree
from backport.patch.parse import parse
from backport.trees.store import Head
cache, commit, files = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
head = Head("linux-6.1.y", commit, "6.1.1", "test", 0.0)
tree = Tree("linux-6.1.y", "6.1", ())
context = Context(cache, (head,), head, Options(build=False))
patches = [parse(Path(name).read_bytes(), source=name, slug=name) for name in files]
cells = []
for patch in patches:
    cells.append(compute(context, job_of(context, patch, tree, head)))
context.close()
print(*(cell.apply for cell in cells))
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "backport"))
"""


def in_a_fresh_interpreter(code: str, *args: str, path: Path = HOME.parent) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(path)}, cwd="/")
    return done.stdout.splitlines()


# prints those of the files named that change the key when they change
CHANGE = """
import sys
from pathlib import Path
import backport
from backport.context import START, WITHOUT
from backport.results.reach import digest
home = Path(next(iter(backport.__path__)))
for name in sys.argv[1:]:
    digest.cache_clear()
    before = digest(START, WITHOUT)
    (home / name).write_bytes((home / name).read_bytes() + b"# changed\\n")
    digest.cache_clear()
    if digest(START, WITHOUT) != before:
        print(name)
"""


def test_nothing_that_a_cell_brings_in_is_missing(tmp_path: Path) -> None:
    repo, base = tree(tmp_path / "store.git")
    clean = mail(repo, base, {"kvm/x.c": (repo.git.blob(f"{base}:kvm/x.c") or b"").decode().replace("r = 1", "r = 9")},
                 "x: one")
    odd = clean.render().replace(b" \tif (a)", b" \tif (b)")
    names = []
    for name, data in (("clean", clean.render()), ("odd", odd)):
        (tmp_path / name).write_bytes(data)
        names.append(str(tmp_path / name))
    outcomes, modules = in_a_fresh_interpreter(COMPUTE, str(tmp_path), base, *names)
    assert outcomes.split()[0] == "clean"
    counted = set(reach(START, WITHOUT).modules)
    left_out = {name for name in modules.split() if any(name == one or name.startswith(f"{one}.")
                                                        for one in WITHOUT)}
    for name in sorted(left_out):           # and what only fetching brings in
        left_out |= set(reach(name).modules) - counted
    assert set(modules.split()) - counted - left_out == set()


def test_what_is_left_out_is_short_and_only_fetches() -> None:
    everything, counted = reach(START).modules, reach(START, WITHOUT).modules
    assert {name.rpartition(".")[0] for name in set(everything) - set(counted)} <= {"backport.trees",
                                                                                   "backport.trees.sources"}
    for name in ("trees.view", "trees.index", "trees.stacked", "csource.definitions", "stable.chain", "stable.prereq",
                 "trees.stack", "stable.depends", "stable.nomination", "verdict", "manifest", "gitfault",
                 "history.bug", "boot.outcome", "csource.tokens", "patch.mail", "rules.load", "compute", "job",
                 "context", "cell"):
        assert f"backport.{name}" in counted


def test_nothing_is_imported_by_a_name_that_cannot_be_read() -> None:
    """`importlib.import_module(f"...")` would bring in what the sources do not name."""
    for name in reach(START, WITHOUT).modules:
        path = HOME.joinpath(*name.split(".")[1:])
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node in ast.walk(ast.parse(source.read_bytes())):
            called = getattr(node, "func", None)
            assert getattr(called, "attr", getattr(called, "id", "")) not in ("import_module", "__import__"), name


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(HOME, tmp_path / "backport", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_change_of_a_reader_or_of_its_data_is_another_key(copy: Path) -> None:
    names = ["trees/view.py", "trees/index.py", "csource/definitions.py", "trees/__init__.py", "stable/chain.py",
             "stable/prereq.py", "trees/stack.py", "stable/nomination.py", "cell.py", "verdict.py", "manifest.py",
             "git.py", "history/bug.py", "rules/kvm-caps.yaml", "kbuild/configs/kvm-min.config", "boot/guest/repro.h"]
    assert in_a_fresh_interpreter(CHANGE, *names, path=copy) == names


def test_a_change_of_what_prints_or_fetches_keeps_the_answers(copy: Path) -> None:
    names = ["report/text.py", "report/templates/base.html.j2", "commands/show.py", "cli.py",
             "trees/sources/debian.py", "nightly/mail.py"]
    assert in_a_fresh_interpreter(CHANGE, *names, path=copy) == []


def test_lazy_imports_relative_ones_and_parents_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "made_up"
    (top / "deep").mkdir(parents=True)
    for name, text in (("__init__", ""), ("start", "def f():\n    try:\n        from .deep import inner\n    finally:\n"
                                                   "        pass\n"),
                       ("deep/__init__", "if True:\n    from made_up import other as o, not_a_module\n"),
                       ("deep/inner", "import yaml, json\n"), ("other", ""), ("unused", "")):
        (top / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert reach("made_up.start").modules == ("made_up", "made_up.deep", "made_up.deep.inner", "made_up.other",
                                              "made_up.start")
    assert reach("made_up.start").others == ("yaml",)
    assert reach("made_up.start", ("made_up.deep",)).modules == ("made_up", "made_up.start")
    assert digest("made_up.start") != digest("made_up.start", ("made_up.deep",))
    with pytest.raises(TypeError, match="no module"):
        reach("made_up.nowhere")


def test_the_libraries_that_read_c_diffs_and_objects_are_in_the_key() -> None:
    found = versions(reach(START, WITHOUT).others)
    assert {"tree-sitter", "tree-sitter-c", "unidiff", "pyelftools", "GitPython", "PyYAML"} <= found.keys()
    assert all(found.values())
    assert versions(("no_such_module",)) == {"no_such_module": ""}


def test_help_does_not_pay_for_it() -> None:
    asked = "import sys, backport.cli; print('backport.results.reach' in sys.modules)"
    assert in_a_fresh_interpreter(asked) == ["False"]




def test_no_import_of_any_module_is_missed() -> None:
    """Only lines that look like an import are parsed; a whole module is parsed here."""
    for path in HOME.rglob("*.py"):
        text = path.read_bytes()
        whole = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert sorted(map(ast.dump, _statements(text))) == sorted(map(ast.dump, whole)), path
