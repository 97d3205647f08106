"""Reads rule files. A mistake in one names the file, the line and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import yaml

from backport.csource.pattern import PatternError, compile_pattern
from backport.csource.template import compile_template
from backport.errors import RuleError
from backport.rules.model import Example, Move, Probe, Rewrite, Rule
from backport.rules.probe import ProbeError, build
from backport.subsystem import of_globs
from backport.yaml_nodes import by_either

HOME = Path(__file__).parent
_KEYS = frozenset({"id", "title", "upstream", "appeared", "applies_to", "probe", "rewrite", "moves", "equivalent",
                   "differs", "note", "added", "once", "examples", "scopes"})
_ID = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


OWN = "rules"                        # the directory of the user's own rules, beside the manifest


@lru_cache(maxsize=4)
def load_rules(beside: Path | None = None) -> tuple[Rule, ...]:
    """Every rule that ships and those in rules/ of `beside`, the manifest's directory, in the order of their ids.

    Raises RuleError, also for an id that is in both.
    """
    return _read((*sorted(HOME.rglob("*.yaml")), *own_files(beside)))


def own_files(beside: Path | None) -> tuple[Path, ...]:
    """The files of the user's own rules, sorted."""
    return tuple(sorted((beside / OWN).glob("*.yaml"))) if beside is not None else ()


def load_directory(directory: Path) -> tuple[Rule, ...]:
    """Every `*.yaml` below `directory`: adding a rule is adding a file. Raises RuleError."""
    return _read(sorted(directory.rglob("*.yaml")))


def _read(files: Iterable[Path]) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for path in files:
        rule = load_file(path)
        if rule.id in rules:
            raise RuleError(f"{path}:1: rule {rule.id} is in {rules[rule.id].file} already")
        rules[rule.id] = rule
    return tuple(rules[name] for name in sorted(rules))


def load_file(path: Path) -> Rule:
    """One rule; raises RuleError with file and line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror}") from error
    return read_rule(data, str(path), path.stem)


def read_rule(data: bytes, file: str, stem: str) -> Rule:
    """A rule from the bytes of its file; `stem` is the id that the file's name promises."""
    try:
        node, value = _parse(data)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RuleError(f"{file}:{line}: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(value, dict) or not isinstance(node, yaml.MappingNode):
        raise RuleError(f"{file}:1: a rule is a mapping of keys")
    return _Reader(value, node, file, data).rule(stem)


def _parse(data: bytes) -> tuple[yaml.Node | None, Any]:
    """Node (for the lines) and value, parsed once."""
    def both(loader_type: Any) -> tuple[yaml.Node | None, Any]:
        loader = loader_type(data)
        try:
            node = loader.get_single_node()
            return node, loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    return by_either(both)


class _Reader:
    """Turns checked YAML into a Rule; knows the line of every key."""

    def __init__(self, value: Mapping[str, Any], node: yaml.MappingNode, file: str, data: bytes) -> None:
        self.value = value
        self.file = file
        self.data = data
        self.nodes = {key.value: item for key, item in node.value}
        self.lines: dict[str, int] = {key.value: key.start_mark.line + 1 for key, _ in node.value}

    def fail(self, key: str, message: str, *, line: int = 0, hint: str = "") -> NoReturn:
        raise RuleError(f"{self.file}:{line or self.lines.get(key, 1)}: {message}", hint=hint)

    def line(self, key: str, index: int) -> int:
        """Line of item `index` of the list under `key`."""
        node = self.nodes.get(key)
        if isinstance(node, yaml.SequenceNode) and index < len(node.value):
            return int(node.value[index].start_mark.line) + 1
        return self.lines.get(key, 1)

    def text(self, key: str, *, required: bool = True) -> str:
        value = self.value.get(key, "")
        if not isinstance(value, str):
            self.fail(key, f"`{key}` must be text")
        if required and not value.strip():
            self.fail(key, f"`{key}` is missing")
        return " ".join(value.split())

    def rule(self, stem: str) -> Rule:
        for key in self.value:
            if key not in _KEYS:
                self.fail(str(key), f"unknown key `{key}`", hint=f"known keys: {', '.join(sorted(_KEYS - {'scopes'}))}")
        name = self.text("id")
        if not _ID.match(name) or name != stem:
            self.fail("id", f"id `{name}` must be the file's name without .yaml, in lower case with dashes")
        applies_to = self.strings("applies_to")
        if not applies_to:
            self.fail("applies_to", "`applies_to` needs at least one path pattern")
        equivalent = self.value.get("equivalent")
        if not isinstance(equivalent, bool):
            self.fail("equivalent", "`equivalent` must be true or false: whether both forms mean the same")
        differs = self.text("differs", required=not equivalent)
        added = self.value.get("added", "rewrite")
        if added not in ("rewrite", "refuse"):
            self.fail("added", "`added` is `rewrite` (the default) or `refuse`")
        scope = applies_to
        if (home := of_globs(applies_to)) is not None:
            scope = tuple(dict.fromkeys((*applies_to, f"{home.own}**", *home.headers)))
        rewrites = self.rewrites(scope)
        moves = self.moves()
        if not rewrites and not moves:
            self.fail("rewrite", "a rule needs `rewrite` or `moves`")
        appeared, commit, read_in = self.origin()
        return Rule(
            id=name, title=self.text("title"), applies_to=applies_to,
            probe=self.probe(self.value.get("probe"), scope, self.lines.get("probe", 1)),
            rewrites=rewrites, moves=moves, equivalent=equivalent, differs=differs,
            note=self.note(rewrites), anchor_only=added == "refuse", once=self.value.get("once") is True,
            appeared=appeared, commit=commit, read_in=read_in, examples=self.examples(),
            file=self.file, source=self.data)

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.value.get(key, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fail(key, f"`{key}` must be a list of text")
        return tuple(value)

    def probe(self, data: Any, default: tuple[str, ...], line: int) -> Probe:
        if data is None:
            self.fail("probe", "`probe` is missing", hint="it asks the tree; see docs/rules.md")
        try:
            return build(data, default)
        except ProbeError as error:
            self.fail("probe", str(error), line=line)

    def note(self, rewrites: tuple[Rewrite, ...]) -> str:
        note = self.text("note")
        bound = frozenset().union(*(r.match.names for r in rewrites)) if rewrites else frozenset()
        for name in re.findall(r"\$\{?([A-Z][A-Z0-9_]*)\}?", note):
            if name not in bound | {"FROM", "TO"}:
                self.fail("note", f"the note uses ${name}, which no pattern binds",
                          hint="$FROM and $TO are the text before and after; others come from `match`")
        return note

    def rewrites(self, scope: tuple[str, ...]) -> tuple[Rewrite, ...]:
        items = self.value.get("rewrite", [])
        if not isinstance(items, list):
            self.fail("rewrite", "`rewrite` must be a list of match/replace pairs")
        out = []
        for index, item in enumerate(items):
            line = self.line("rewrite", index)
            keys = set(item) - {"where"} if isinstance(item, dict) else set()
            if keys not in ({"match", "replace"}, {"match", "keep"}):
                self.fail("rewrite", "each item has `match` and `replace` (or `keep: true`), and may have `where`",
                          line=line)
            if not all(isinstance(item[key], str) for key in keys - {"keep"}):
                self.fail("rewrite", "`match` and `replace` are C text", line=line)
            try:
                pattern = compile_pattern(item["match"])
                template = compile_template(item.get("replace", item["match"]), pattern)
            except PatternError as error:
                self.fail("rewrite", str(error), line=line)
            where = self.probe(item["where"], scope, line) if "where" in item else None
            out.append(Rewrite(pattern, template, where, "keep" in keys))
        return tuple(out)

    def moves(self) -> tuple[Move, ...]:
        items = self.value.get("moves", [])
        if not isinstance(items, list):
            self.fail("moves", "`moves` must be a list of from/to pairs")
        out = []
        for index, item in enumerate(items):
            if not isinstance(item, dict) or set(item) != {"from", "to"}:
                self.fail("moves", "each item has `from` and `to`", line=self.line("moves", index))
            targets = [item["to"]] if isinstance(item["to"], str) else item["to"]
            out.append(Move(str(item["from"]), tuple(str(target) for target in targets)))
        return tuple(out)

    def origin(self) -> tuple[str, str, str]:
        """(when it appeared, commit, where that was read); a commit without its source is refused."""
        upstream = self.value.get("upstream")
        if upstream is None:
            return self.text("appeared"), "", ""
        if not isinstance(upstream, dict) or not set(upstream) <= {"commit", "release", "subject", "read_in"}:
            self.fail("upstream", "`upstream` has commit, read_in and, where they were read, release and subject")
        commit, read_in = str(upstream.get("commit", "")), str(upstream.get("read_in", ""))
        if not re.fullmatch(r"[0-9a-f]{12,40}", commit):
            self.fail("upstream", "`commit` is 12 to 40 hex digits")
        if not read_in:
            self.fail("upstream", "`read_in` says where the commit was read; where it was not, use `appeared`")
        release, subject = str(upstream.get("release", "")), str(upstream.get("subject", ""))
        text = f"commit {commit}" + (f' ("{subject}")' if subject else "") + (f", {release}" if release else "")
        return text, commit, read_in

    def examples(self) -> tuple[Example, ...]:
        items = self.value.get("examples", [])
        if not isinstance(items, list):
            self.fail("examples", "`examples` must be a list")
        known = {"name", "path", "tree", "before", "after", "unchanged", "sure", "lands"}
        out = []
        for index, item in enumerate(items):
            line = self.line("examples", index)
            if not isinstance(item, dict) or not {"name", "path", "tree", "before"} <= set(item) <= known:
                self.fail("examples", "an example has name, path, tree, before, and after or `unchanged: true`",
                          line=line)
            unchanged = bool(item.get("unchanged", False))
            if unchanged == ("after" in item):
                self.fail("examples", "an example has either `after` or `unchanged: true`", line=line)
            if not isinstance(item["tree"], dict):
                self.fail("examples", "`tree` maps paths to text", line=line)
            sure = str(item.get("sure", "certain"))
            if sure not in ("certain", "review"):
                self.fail("examples", "`sure` is certain or review", line=line)
            try:
                before, after = _body(item["before"]), _body(item.get("after", ""))
            except ValueError as error:
                self.fail("examples", str(error), line=line)
            out.append(Example(str(item["name"]), str(item["path"]),
                               {str(path): str(text).encode() for path, text in item["tree"].items()},
                               before, after, unchanged, sure, str(item.get("lands", item["path"])), line))
        if len(out) < 2 or not any(example.unchanged for example in out):
            self.fail("examples", f"a rule needs at least two worked examples, one of them `unchanged: true`; "
                                  f"this one has {len(out)}",
                      hint="the examples are the rule's tests: also show what it must leave alone")
        return tuple(out)


def _body(text: Any) -> tuple[bytes, ...]:
    """Hunk lines; a first line `@@` only fixes YAML's indentation and is dropped. Raises ValueError."""
    lines = str(text).split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if lines and lines[0].startswith("@@"):
        lines.pop(0)
    for line in lines:
        if line[:1] not in (" ", "-", "+"):
            raise ValueError(f"hunk line {line!r} begins with neither a blank, - nor +")
    return tuple(line.encode() + b"\n" for line in lines)
