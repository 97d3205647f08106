"""Data flows one way: docs/layers.txt says which, and no import runs against it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import backport

HOME = Path(next(iter(backport.__path__)))
FILE = HOME.parent / "docs" / "layers.txt"


def layers(text: str) -> dict[str, int]:
    """name -> its number, the lowest layer first. What stands behind two spaces is a remark."""
    rows = [row.split("  ")[0].split() for row in text.splitlines() if row and not row.startswith("#")]
    return {name: number for number, row in enumerate(rows) for name in row}


def unit(module: str, known: dict[str, int]) -> str:
    """The longest name of a layer that `module` is or lies below, "" for none."""
    parts = module.split(".")
    return next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in known), "")


def imports(path: Path, modules: set[str]) -> Iterator[tuple[int, str]]:
    """(line, module without `backport.`) of what a file imports of our own, inside functions too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in full]
        yield from ((node.lineno, name.removeprefix("backport.")) for name in names if name.startswith("backport."))


def upward(known: dict[str, int], home: Path) -> list[str]:
    """Every import that runs up, or sideways into another package of the same layer."""
    files = {".".join((home.name, *path.relative_to(home).with_suffix("").parts)).removesuffix(".__init__"): path
             for path in home.rglob("*.py")}
    found = []
    for module, path in sorted(files.items()):
        here = unit(module.removeprefix("backport."), known)
        for line, target in imports(path, set(files)):
            there = unit(target, known)
            if here and there and here != there and known[there] >= known[here]:
                found.append(f"{module}:{line}: imports {target}, but {here} is below {there}")
    return found


def test_no_import_runs_up() -> None:
    assert upward(layers(FILE.read_text()), HOME) == []


def test_every_module_has_a_layer_and_every_layer_a_module() -> None:
    known = layers(FILE.read_text())
    modules = [".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")
               for path in HOME.rglob("*.py") if path != HOME / "__init__.py"]
    assert [module for module in modules if not unit(module, known)] == []
    assert set(known) - {unit(module, known) for module in modules} == set()


@pytest.mark.parametrize(("text", "count"), [("low\nhigh\n", 1), ("high\nlow\n", 0), ("low high\n", 1),
                                             ("high\nlow\nhigh.part\n", 1)])
def test_an_arrow_back_up_is_seen(tmp_path: Path, text: str, count: int) -> None:
    home = tmp_path / "backport"
    for name, source in (("low/__init__", ""), ("low/one", "def f():\n    from backport.high import part\n"),
                         ("high/__init__", ""), ("high/part", "")):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / f"{name}.py").write_text(source)
    assert len(upward(layers(text), home)) == count


# Names that stand for two things still: each is to become two names. Nothing may be added here.
TWICE = {"Context": 2}


def public(kind: type[ast.ClassDef | ast.FunctionDef], home: Path) -> dict[str, list[str]]:
    """Public name of a class or function -> the files below `home` that have one."""
    found: dict[str, list[str]] = {}
    for path in sorted(home.rglob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, kind) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path.relative_to(HOME)))
    return found


def test_a_name_is_one_thing() -> None:
    assert {name: at for name, at in public(ast.ClassDef, HOME).items() if len(at) > TWICE.get(name, 1)} == {}


def test_a_question_about_c_has_one_name() -> None:
    """Functions of the reader that are called alike answer differently: `returned()` was a text and a word for it."""
    assert {name: at for name, at in public(ast.FunctionDef, HOME / "csource").items() if len(at) > 1} == {}


# packages and modules with a regular expression over bytes outside csource, and what it reads: C is no answer
READS = {
    "patch": "mails, and the headers of diffs",
    "sections": "files that are not C: Kconfig, make, assembly, device trees, documents",
    "git": "names of objects", "gitformat": "trees", "trees.listing": "rows of ls-tree",
    "trees.sources.gitremote": "git's progress", "history.index": "changelogs", "history.presence": "rows of git log",
    "prerequisites.series": "changelogs", "replay.history": "changelogs", "pick.sources": "the first line of a mail",
    "kbuild.compiled": "line marks of the preprocessor's output", "kbuild.config": "Kconfig",
    "kbuild.wanted": "Kconfig", "kbuild.lists": "Makefiles", "kbuild.membership": "Makefiles and .config",
    "kbuild.devicetree": "#include of a device tree", "kbuild.survey": "where a diff goes on to the next file",
    "results.reach": "imports of our own files", "rules.anchor": "line ends", "version": "the top Makefile",
}


def over_bytes(path: Path) -> bool:
    """Whether a module gives the bytes of an expression to `re`."""
    return any(isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
               and isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
               and any(isinstance(inner, ast.Constant) and isinstance(inner.value, bytes)
                       for argument in node.args[:1] for inner in ast.walk(argument))
               for node in ast.walk(ast.parse(path.read_bytes())))


def test_c_is_read_in_one_place() -> None:
    found = {".".join(path.relative_to(HOME).with_suffix("").parts) for path in HOME.rglob("*.py") if over_bytes(path)}
    outside = {unit(name, dict.fromkeys(READS, 0)) or name for name in found
               if not name.startswith("csource.")}
    assert outside == set(READS)


def test_the_grammar_is_asked_in_one_place() -> None:
    """What a tree of nodes is worth, and how large a text may be, is decided where it is made."""
    found = {path.relative_to(HOME).parts[0] for path in HOME.rglob("*.py") if b"tree_sitter" in path.read_bytes()}
    assert found == {"csource"}


def echoes_to_stderr(path: Path) -> bool:
    return any(isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo"
               and any(keyword.arg == "err" for keyword in node.keywords)
               for node in ast.walk(ast.parse(path.read_bytes())))


def test_stderr_is_written_to_in_one_place() -> None:
    """Elsewhere one that is full ends the command, and its answer is lost."""
    assert [path.relative_to(HOME).as_posix() for path in HOME.rglob("*.py") if echoes_to_stderr(path)] == ["loud.py"]
