"""trees.yaml -> Tree records, validated; every error names file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backport import yaml_nodes
from backport.architecture import DEFAULT
from backport.errors import UserError
from backport.subsystem import KVM
from backport.version import series_key
from backport.yaml_nodes import Marked

STATUSES = ("mainline", "stable", "longterm", "eol")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_BRANCH = re.compile(r"linux-(\d+\.\d+)\.y\Z")


@dataclass(frozen=True, slots=True)
class TreeSource:
    """One place to get a tree from; tried in the order of the manifest."""

    kind: str                                    # git | local | directory | tarball | debian
    options: Mapping[str, Any]                   # validated by the source's own module
    line: int = 0


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How a tree is compiled. `cc` "" means the system compiler; `make` are extra make variables."""

    cc: str = ""
    llvm: bool = False
    make: Mapping[str, str] = field(default_factory=dict)
    fixes: tuple[str, ...] = ()                  # build-fix patches, paths beside the manifest


@dataclass(frozen=True, slots=True)
class Tree:
    """One branch that patches are carried to (or the upstream reference, which is only read)."""

    name: str                                    # linux-6.1.y
    series: str                                  # 6.1
    sources: tuple[TreeSource, ...]
    status: str = "longterm"                     # mainline | stable | longterm | eol
    upstream: bool = False                       # the reference that has the fixes already
    config: str = DEFAULT.defconfig
    fragments: tuple[str, ...] = (KVM.configuration,)
    targets: tuple[str, ...] = (KVM.target,)
    toolchain: Toolchain = Toolchain()
    required: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """An external proposer (docs/proposers.md): words of a command that no shell reads, and the limits of a run.

    `version` is part of the cache key, beside the content of every file that `argv` names; `seconds` of wall time.
    """

    argv: tuple[str, ...]
    name: str = ""                               # "" for the program's
    version: str = ""
    seconds: float = 60

    @property
    def called(self) -> str:
        return self.name or Path(self.argv[0]).name


@dataclass(frozen=True, slots=True)
class Manifest:
    """All trees, newest first, the upstream reference among them."""

    path: Path
    trees: tuple[Tree, ...]
    proposer: Command | None = None

    @property
    def directory(self) -> Path:
        """Where it is: rules/, configs/ and build-fix patches of the user's own are looked for from there."""
        return self.path.resolve().parent

    @property
    def upstream(self) -> Tree | None:
        return next((tree for tree in self.trees if tree.upstream), None)

    def tree(self, name: str) -> Tree | None:
        """By name, or by series ("6.1", "6.1.y"), as people type it."""
        short = name.removeprefix("linux-").removesuffix(".y")
        return next((tree for tree in self.trees if name == tree.name or short == tree.series), None)


def default_path() -> Path:
    """Where the manifest is: $BACKPORT_MANIFEST, ./trees.yaml, the checkout's, the installed one.

    Raises UserError where none of them exists.
    """
    named = os.environ.get("BACKPORT_MANIFEST")
    if named:
        return Path(named)
    places = [Path("trees.yaml"), Path(__file__).resolve().parent.parent / "trees.yaml", *_installed()]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UserError("no trees.yaml here", hint="give --manifest FILE, or set BACKPORT_MANIFEST")
    return found


def _installed() -> list[Path]:
    """Where pip put the package's share/backport/trees.yaml: below the environment, the user's base (--user) or a
    --prefix; only the package's own record knows which."""
    import importlib.metadata  # only here: most runs have a trees.yaml in their directory

    try:
        files = importlib.metadata.files("kernel-backport") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.parts[-2:] == ("backport", "trees.yaml")]


def load(path: Path) -> Manifest:
    """Read and validate a manifest.

    Raises ManifestError (exit 2) with file and line for whatever is wrong: not YAML, unknown or doubled keys,
    wrong types, duplicate names, two upstream trees, unknown sources or source options, order not newest first.
    """
    fail = yaml_nodes.failing(path)
    document = yaml_nodes.read(path, fail)
    if document is None:
        raise fail(1, "empty manifest", "it needs a list `trees:`")
    top = document.mapping()
    top.only({"defaults", "trees", "proposer"})
    base = _Fields(folder=path.resolve().parent)
    given = top.get("defaults")
    if given is not None:
        base = base.updated(given.named("defaults"), _DEFAULTED)
    entries = top.need("trees").items()
    if not entries:
        top.need("trees").fail("lists no tree")
    trees = tuple(_tree(entry, base, path.parent) for entry in entries)
    _check_set(trees, fail)
    asked = top.get("proposer")
    return Manifest(path, trees, _command(asked.named("proposer"), path.parent) if asked is not None else None)


def _command(place: Marked, folder: Path) -> Command:
    """`proposer:`; a word that is a file beside the manifest is that file."""
    entry = place.mapping()
    entry.only({"command", "name", "version", "seconds"})
    words = [item.text() for item in entry.need("command").items()]
    if not words:
        entry.need("command").fail("is empty", hint="command: [python3, propose.py]")
    texts = {key: value.text() for key in ("name", "version") if (value := entry.get(key)) is not None}
    if "name" in texts and not _NAME.match(texts["name"]):
        entry.need("name").fail(f"{texts['name']!r} cannot be a name",
                                hint="letters, digits, '.', '_', '+' and '-' only")
    seconds = _seconds(limit) if (limit := entry.get("seconds")) is not None else 60
    argv = tuple(str(folder / word) if (folder / word).is_file() else word for word in words)
    return Command(argv, texts.get("name", ""), texts.get("version", ""), seconds)


def _seconds(place: Marked) -> float:
    text = place.text()
    if not text.isdecimal() or not 1 <= int(text) <= 3600:
        place.fail(f"{text!r} is not 1 to 3600 seconds")
    return int(text)


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a tree may take from `defaults`."""

    status: str = "longterm"
    config: str = DEFAULT.defconfig
    fragments: tuple[str, ...] = (KVM.configuration,)
    targets: tuple[str, ...] = (KVM.target,)
    toolchain: Toolchain = Toolchain()
    required: bool = False
    folder: Path | None = None                   # the manifest's

    def updated(self, place: Marked, allowed: Collection[str]) -> _Fields:
        """These fields with what stands at `place` over them."""
        entry = place.mapping()
        entry.only(allowed)
        fields = self
        for key in entry:
            value = entry.need(key)
            if key == "status":
                fields = replace(fields, status=value.choice(STATUSES))
            elif key == "config":
                fields = replace(fields, config=value.text())
            elif key == "fragments":
                fields = replace(fields, fragments=_fragments(value, self.folder))
            elif key == "targets":
                fields = replace(fields, targets=tuple(_target(item) for item in value.items()))
            elif key == "toolchain":
                fields = replace(fields, toolchain=_toolchain(value, fields.toolchain))
            elif key == "required":
                fields = replace(fields, required=value.boolean())
        return fields


_DEFAULTED = ("status", "config", "fragments", "targets", "toolchain", "required")
_TREE_KEYS = (*_DEFAULTED, "name", "series", "upstream", "sources")


def _tree(place: Marked, base: _Fields, folder: Path) -> Tree:
    entry = place.mapping()
    name_at = entry.need("name")
    name = name_at.text()
    if not _NAME.match(name) or ".." in name or name.endswith((".lock", ".")):
        name_at.fail(f"{name!r} cannot be a tree name", hint="letters, digits, '.', '_', '+' and '-' only")
    place = place.named(f"tree {name}")
    entry = place.mapping()
    upstream = (value := entry.get("upstream")) is not None and value.boolean()
    if upstream:
        base = replace(base, status="mainline")
    fields = base.updated(place, _TREE_KEYS)
    sources = tuple(_source(item.named(f"tree {name}: source"), folder) for item in entry.need("sources").items())
    if not sources:
        entry.need("sources").fail("holds no source")
    return Tree(name, _series(entry, name, upstream), sources, fields.status, upstream, fields.config, fields.fragments,
                fields.targets, fields.toolchain, fields.required, place.line)


def _series(entry: yaml_nodes.Mapping, name: str, upstream: bool) -> str:
    given = entry.get("series")
    branch = _BRANCH.match(name)
    if given is not None:
        series = given.text()
        if branch and series != branch[1]:
            given.fail(f"{series!r} does not fit the name, which says {branch[1]!r}")
        return series
    return branch[1] if branch else name


def _target(item: Marked) -> str:
    target = item.text()
    if target.startswith(("/", "-")) or ".." in target.split("/") or "=" in target:
        item.fail(f"{target!r} is not a path or goal inside the tree")
    return target


def _fragments(place: Marked, folder: Path | None) -> tuple[str, ...]:
    from backport.kbuild.config import names  # here: the builder knows the records above

    known = names(folder)
    found = [item.text() for item in place.items()]
    for name, item in zip(found, place.items(), strict=True):
        if name not in known:
            item.fail(f"there is no configuration named {name!r}",
                      hint=yaml_nodes.near(name, known) or f"known: {', '.join(known)}")
        if found.count(name) > 1:
            item.fail(f"{name} is listed twice")
    return tuple(found)


def _toolchain(place: Marked, base: Toolchain) -> Toolchain:
    entry = place.mapping()
    entry.only(("cc", "llvm", "make", "fixes"))
    cc, llvm, make, fixes = entry.get("cc"), entry.get("llvm"), entry.get("make"), entry.get("fixes")
    variables = dict(base.make)
    if make is not None:
        table = make.mapping()
        for key in table:
            if not _VARIABLE.match(key):
                make.fail(f"{key!r} is not a make variable", line=table.line_of(key))
            if key in ("O", "M", "CC", "LLVM", "KBUILD_OUTPUT"):
                make.fail(f"{key} is set by the builder", line=table.line_of(key),
                          hint="the compiler goes under `cc`" if key in ("CC", "LLVM") else "")
            variables[key] = table.need(key).text(empty=True)
    return Toolchain(cc.text(empty=True) if cc else base.cc, llvm.boolean() if llvm else base.llvm, variables,
                     fixes.texts() if fixes else base.fixes)


def _source(place: Marked, folder: Path) -> TreeSource:
    from backport.trees.sources import KINDS  # here: the sources know the records above

    entry = place.mapping()
    kinds = [key for key in entry if key in KINDS]
    if not kinds:
        first = next(iter(entry), "")
        place.fail(f"unknown source kind {first!r}", line=entry.line_of(first) if first else place.line,
                   hint=yaml_nodes.near(first, KINDS) or f"known: {', '.join(sorted(KINDS))}")
    if len(kinds) > 1:
        place.fail(f"two kinds in one source: {' and '.join(kinds)}", line=entry.line_of(kinds[1]),
                   hint="one list item each, in order of preference")
    kind = KINDS[kinds[0]]
    entry.only((kind.name, *kind.options))
    options: dict[str, Any] = {kind.main: kind.read_main(entry.need(kind.name), folder)}
    for key, option in kind.options.items():
        value = entry.get(key)
        if value is not None:
            options[key] = option.read(value)
        elif option.needed:
            place.fail(f"a {kind.name} source needs {key!r}", line=entry.line_of(kind.name), hint=option.help)
    if (problem := kind.check(options)):
        place.fail(problem, line=entry.line_of(kind.name))
    return TreeSource(kind.name, options, entry.line_of(kind.name))


def _check_set(trees: tuple[Tree, ...], fail: yaml_nodes.Fail) -> None:
    """What can only be said about all trees together: unique, at most one upstream, newest first."""
    seen: dict[str, Tree] = {}
    upstream: Tree | None = None
    newer: Tree | None = None
    for tree in trees:
        for key in {tree.name.lower(), f"series {tree.series}"}:   # lower: a ref is a file name, some disks fold case
            if key in seen:
                what = f"tree {tree.name}" if key == tree.name.lower() else key
                raise fail(tree.line, f"{what} is listed twice (first at line {seen[key].line})", "")
            seen[key] = tree
        if tree.upstream:
            if upstream is not None:
                raise fail(tree.line, f"two upstream trees: {upstream.name} (line {upstream.line}) and {tree.name}",
                           "only one tree can be the reference that has the fixes already")
            upstream = tree
        elif (key_now := series_key(tree.series)) is not None:
            if newer is not None and key_now > (series_key(newer.series) or (0,)):
                raise fail(tree.line, f"tree {tree.name} is newer than {newer.name} above it (line {newer.line})",
                           "list trees newest first: fixes travel from newer to older")
            newer = tree
