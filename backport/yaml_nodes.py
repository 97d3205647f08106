"""YAML with line numbers: a small reader that turns every mistake into an error with file and line.

A plain YAML loader forgets where a value stood, reads `6.10` as the number 6.1 and takes the last of two equal
keys. This one keeps the nodes: scalars are asked for as text, lists or mappings, and whatever was not asked
for is an unknown key.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml

from backport.errors import ManifestError

T = TypeVar("T")
Fail = Callable[[int, str, str], Exception]   # line, what is wrong, hint -> the exception to raise

_KINDS = {"tag:yaml.org,2002:str": "text", "tag:yaml.org,2002:bool": "true or false",
          "tag:yaml.org,2002:int": "a number", "tag:yaml.org,2002:float": "a number",
          "tag:yaml.org,2002:null": "nothing", "tag:yaml.org,2002:timestamp": "a date"}


class Marked:
    """One YAML value and where it stands. `where` names it in messages: "tree linux-6.1.y: key sources"."""

    def __init__(self, node: yaml.Node, fail: Fail, where: str = "") -> None:
        self.node = node
        self.line: int = node.start_mark.line + 1
        self.where = where
        self._fail = fail

    def fail(self, what: str, *, hint: str = "", line: int = 0) -> NoReturn:
        """Raise the caller's error for this place."""
        raise self._fail(line or self.line, f"{self.where}: {what}" if self.where else what, hint)

    def child(self, node: yaml.Node, where: str = "") -> Marked:
        return Marked(node, self._fail, where or self.where)

    def named(self, where: str) -> Marked:
        """The same value under another name in messages."""
        return Marked(self.node, self._fail, where)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def described(self) -> str:
        """What kind of value stands here, in words."""
        if self.is_list:
            return "a list"
        if self.is_mapping:
            return "a mapping"
        return _KINDS.get(self.node.tag, "a value of another type")

    def text(self, *, empty: bool = False) -> str:
        """A scalar as it is written (`6.10` stays `6.10`); true/false and nothing are refused."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag.endswith((":bool", ":null")):
            hint = "put it in quotes" if isinstance(self.node, yaml.ScalarNode) else ""
            self.fail(f"must be text, not {self.described()}", hint=hint)
        value = str(self.node.value)
        if not value.strip() and not empty:
            self.fail("must not be empty")
        if "\0" in value or "\n" in value.strip():
            self.fail("must be one line of text")
        return value

    def boolean(self) -> bool:
        if self.node.tag != "tag:yaml.org,2002:bool":
            self.fail(f"must be true or false, not {self.described()}")
        return str(self.node.value).lower() in ("true", "yes", "on")

    def choice(self, allowed: Collection[str]) -> str:
        value = self.text()
        if value not in allowed:
            self.fail(f"{value!r} is not one of {', '.join(sorted(allowed))}", hint=near(value, allowed))
        return value

    def items(self) -> list[Marked]:
        """The values of a list; a list under a key that holds one bare value is refused, not guessed."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail(f"must be a list, not {self.described()}")
        return [self.child(node) for node in self.node.value]

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def mapping(self) -> Mapping:
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"must be a mapping (key: value), not {self.described()}")
        return Mapping(self, self.node)


class Mapping:
    """A mapping whose keys are text, each at most once."""

    def __init__(self, place: Marked, node: yaml.MappingNode) -> None:
        self.place = place
        self._values: dict[str, Marked] = {}
        self._lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                place.fail("a key must be text", line=line)
            key = str(key_node.value)
            if key in self._values:
                place.fail(f"key {key!r} is a duplicate (first at line {self._lines[key]})", line=line)
            name = f"{place.where}: {key}" if place.where else key
            self._values[key] = place.child(value_node, name)
            # an error about a value whose node starts on the next line should still name the key's line
            self._values[key].line = line if value_node.start_mark.line + 1 != line and not isinstance(
                value_node, yaml.ScalarNode) else value_node.start_mark.line + 1
            self._lines[key] = line

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get(self, key: str) -> Marked | None:
        return self._values.get(key)

    def need(self, key: str) -> Marked:
        value = self._values.get(key)
        if value is None:
            self.place.fail(f"key {key!r} is missing")
        return value

    def line_of(self, key: str) -> int:
        return self._lines[key]

    def only(self, allowed: Collection[str]) -> None:
        """Refuse every key that is not in `allowed`."""
        for key, line in self._lines.items():
            if key not in allowed:
                self.place.fail(f"unknown key {key!r}", line=line,
                                hint=near(key, allowed) or f"known: {', '.join(sorted(allowed))}")


def near(word: str, allowed: Collection[str]) -> str:
    """"did you mean X?", or nothing."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f"did you mean {close[0]!r}?" if close else ""


_BYTES = 1 << 20         # of a document; ours have some 10 kB, and the reader takes a minute for 30 MB
_DEPTH = 50              # of nesting; ours have 5, and the reader is recursive


def _limited(text: str, fail: Fail, loader: Any) -> None:
    """Raise for a document that only costs the stack; the events of the parser are read without recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH:
                line = event.start_mark.line + 1 if event.start_mark is not None else 1
                raise fail(line, f"more than {_DEPTH} levels of nesting", "")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def compose(data: bytes, fail: Fail) -> Marked | None:
    """The document in `data`, None where it is empty. Aliases work; tags and several documents do not."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise fail(data[:error.start].count(b"\n") + 1, "not UTF-8", "") from None
    if len(text) > _BYTES:
        raise fail(1, f"more than {_BYTES >> 20} MiB", "a list of trees has a few kB: is it the right file?")

    def composed(loader: Any) -> Any:
        _limited(text, fail, loader)
        return yaml.compose(text, Loader=loader)
    try:
        node = by_either(composed)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "not YAML"
        raise fail(mark.line + 1 if mark else 1, f"not YAML: {what}", _tab_hint(text, mark)) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        raise fail(text[:position].count("\n") + 1, f"not YAML: {getattr(error, 'reason', error)}", "") from None
    return None if node is None else Marked(node, fail)


def by_either(read: Callable[[Any], T]) -> T:
    """`read(loader)` by libyaml where PyYAML has it, which is ten times as fast; a document that it refuses is read by
    the other loader, whose messages are the better ones. Raises yaml.YAMLError."""
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        with contextlib.suppress(yaml.YAMLError):
            return read(fast)
    return read(yaml.SafeLoader)


def _tab_hint(text: str, mark: Any) -> str:
    lines = text.split("\n")
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "YAML indents with spaces, never tabs"
    return ""


def failing(path: Path) -> Fail:
    """How a mistake in a file of the user's is told: exit code 2, with file and line."""
    return lambda line, what, hint: ManifestError(str(path), line, what, hint=hint)


def read(path: Path, fail: Fail) -> Marked | None:
    """`compose` of a file; an unreadable file is an error at line 0."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise fail(0, f"cannot be read: {error.strerror or error}", "") from None
    return compose(data, fail)
