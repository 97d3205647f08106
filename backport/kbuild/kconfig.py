"""The options of a tree: what each depends on, who selects it, by the tree's Kconfig files for one architecture.

As much of the language as decides whether an option can be switched on; what a $(macro) says is not known, and what is
made of this reading is to be verified by olddefconfig. kconfiglib reads more of it, but not what came after 2019
(`transitional`, `depends on A if B`), and runs the macros' commands outside the sandbox.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backport.kbuild.leftover import LeftBehind, read_left

# ("name", X) ("not", e) ("and", a, b) ("or", a, b) ("is", X, value) ("?",)
Expression = tuple[object, ...]
UNKNOWN: Expression = ("?",)
ALWAYS: Expression = ("name", "y")
_TOKEN = re.compile(r"""\s*(\$\((?:[^()]|\([^()]*\))*\)|"[^"]*"|'[^']*'|&&|\|\||!=|<=|>=|[=<>!()]|[\w./-]+)""")
_WORD = re.compile(r"\s*(\w+)\s*(.*)")
# each piece can be read in one way alone: a quote that is not closed made it try all ways to cut the text, for ever
_IF = re.compile(r'^((?>"(?:\\.|[^"\\])*+"|\$\((?:"[^"]*+"|[^()"]|\((?:"[^"]*+"|[^()"])*+\))*+\)|[^"])*?)'
                 r'(?:(?:^|\s)if\s+(.*))?$')
_PROMPT = ("bool", "tristate", "int", "hex", "string", "prompt")
_DEEP = 40               # files that source each other, parentheses
_LONG = 4096             # characters of one expression
_FILE = 4 << 20          # bytes of one file
_WORK = 64 << 20         # bytes of all of them (a kernel has 6 MB), with what is kept of them counted as bytes
_OPENED = 4 << 10        # what a file counts that is empty


class Unsolved(Exception):
    """Why an option cannot be set: one clause for people."""


@dataclass(slots=True)
class OptionEntry:
    """One `config X`: all of `depends` must hold; `prompt` is when it can be set by hand (None: never), `defaults` are
    (value, condition) in order."""

    depends: list[Expression]
    prompt: Expression | None = None
    defaults: list[tuple[Expression, Expression]] = field(default_factory=list)
    tristate: bool = False


@dataclass(slots=True)
class OptionTable:
    """By name, without CONFIG_; `selected` has (who selects it, on which condition)."""

    defined: dict[str, list[OptionEntry]] = field(default_factory=lambda: defaultdict(list))
    selected: dict[str, list[tuple[str, Expression]]] = field(default_factory=lambda: defaultdict(list))


def read(source: Path, arch: str, srcarch: str) -> OptionTable:
    """All options that ARCH=`arch`, of arch/`srcarch`, can have; files that are not there are passed over.

    Raises Unsolved where there is more to read than a kernel has: a patch may change these files, and two lines that
    source the file that they are in are read for ever.
    """
    options = OptionTable()
    names = {"$(ARCH)": arch, "$(SRCARCH)": srcarch, "$ARCH": arch, "$SRCARCH": srcarch}
    _file(source, "Kconfig", names, [], options, _Budget(), 0)
    return options


@dataclass(slots=True)
class _Budget:
    left: int = _WORK

    def spend(self, much: int) -> None:
        self.left -= much
        if self.left < 0:
            raise Unsolved("its Kconfig files source each other without an end, or are larger than a kernel's")


def _file(source: Path, path: str, names: dict[str, str], around: list[list[Expression]], options: OptionTable,
          budget: _Budget, depth: int) -> None:
    if depth > _DEEP or ".." in path.split("/") or path.startswith("/"):
        return
    try:
        text = read_left(source / path, source, _FILE).decode("utf-8", "replace")
    except (OSError, ValueError, LeftBehind):        # not there, or nothing that the kernel's own reader would take
        return
    budget.spend(_OPENED + len(text))
    contexts = [*around]
    name = ""
    entry: OptionEntry | None = None
    target: list[Expression] = []
    for macro, value in names.items():
        text = text.replace(macro, value)
    for word, rest in _statements(text):
        if word in ("config", "menuconfig"):
            name = rest.split("#")[0].strip()
            budget.spend(len(contexts) + sum(map(len, contexts)))
            target = [one for context in contexts for one in context]
            entry = OptionEntry(target)
            options.defined[name].append(entry)
        elif word in ("menu", "choice", "comment"):
            entry, target = None, []
            if word != "comment":
                contexts.append(target)
        elif word == "if":
            entry, target = None, []
            contexts.append([parse(rest)])
        elif word in ("endmenu", "endchoice", "endif"):
            entry, target = None, []
            if len(contexts) > len(around):
                contexts.pop()
        elif word == "source":
            entry, target = None, []
            _file(source, rest.strip().strip('"'), names, contexts, options, budget, depth + 1)
        elif word == "depends":
            need, condition = _split(rest.removeprefix("on"))
            target.append(parse(need) if condition == ALWAYS else ("or", parse(need), ("not", condition)))
        elif entry is not None:
            _property(entry, name, word, rest, options)


def _property(entry: OptionEntry, name: str, word: str, rest: str, options: OptionTable) -> None:
    text, condition = _split(rest)
    if word in ("tristate", "def_tristate"):
        entry.tristate = True
    if word in _PROMPT and text:
        entry.prompt = condition
    elif word in ("default", "def_bool", "def_tristate"):
        entry.defaults.append((parse(text), condition))
    elif word == "select":
        options.selected[text.strip()].append((name, condition))


def _split(rest: str) -> tuple[str, Expression]:
    """`TEXT [if CONDITION]`"""
    match = _IF.match(rest[:_LONG])
    if match is None:
        return rest, UNKNOWN
    return match[1].strip(), parse(match[2]) if match[2] else ALWAYS


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """(first word, the rest) of each line outside help texts, lines that go on joined."""
    helped, before = -1, ""          # the column of a help text, 0 before its first line, -1 outside
    for line in text.split("\n"):
        line = (before + line).expandtabs(8)
        before = ""
        if not line.strip():
            continue
        column = len(line) - len(line.lstrip())
        if helped == 0:
            helped = column if column else -1
        if 0 < helped <= column:
            continue
        helped = -1
        if line.endswith("\\"):
            before = line[:-1][:_LONG]
            continue
        if match := _WORD.match(line):
            helped = 0 if match[1] == "help" else -1
            yield match[1], match[2]


def parse(text: str) -> Expression:
    """One expression; UNKNOWN where it is none that can be read."""
    tokens = _TOKEN.findall(text.split("#")[0][:_LONG])
    if not tokens:
        return UNKNOWN
    try:
        found, left = _either(tokens, 0, 0)
    except (IndexError, ValueError):
        return UNKNOWN
    return found if left == len(tokens) else UNKNOWN


def joined(word: str, parts: Sequence[Expression]) -> Expression:
    """`parts` with "and" or "or" between them; a tree and no chain, which a thousand of them make too deep to walk."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return word, joined(word, parts[:middle]), joined(word, parts[middle:])


def _either(tokens: list[str], at: int, depth: int) -> tuple[Expression, int]:
    return _row("or", "||", _both, tokens, at, depth)


def _both(tokens: list[str], at: int, depth: int) -> tuple[Expression, int]:
    return _row("and", "&&", _one, tokens, at, depth)


def _row(word: str, sign: str, part: Callable[[list[str], int, int], tuple[Expression, int]], tokens: list[str],
         at: int, depth: int) -> tuple[Expression, int]:
    found, at = part(tokens, at, depth)
    parts = [found]
    while at < len(tokens) and tokens[at] == sign:
        found, at = part(tokens, at + 1, depth)
        parts.append(found)
    return joined(word, parts), at


def _one(tokens: list[str], at: int, depth: int) -> tuple[Expression, int]:
    token = tokens[at]
    if depth > _DEEP:
        raise ValueError("nested too deep")
    if token == "!":
        found, at = _one(tokens, at + 1, depth + 1)
        return ("not", found), at
    if token == "(":
        found, at = _either(tokens, at + 1, depth + 1)
        if tokens[at] != ")":
            raise ValueError("no closing parenthesis")
        return found, at + 1
    if token in ("&&", "||", ")", "=", "!="):
        raise ValueError(f"{token} where a name belongs")
    if at + 1 < len(tokens) and tokens[at + 1] in ("=", "!=", "<", ">", "<=", ">="):
        value = tokens[at + 2].strip("\"'")
        if token[0] in "\"'" and tokens[at + 1] in ("=", "!="):                # "x86_64" = "x86"
            same = (token.strip("\"'") == value) == (tokens[at + 1] == "=")
            return ("name", "y" if same else "n"), at + 3
        if value not in ("y", "m", "n") or token[0] == "$" or tokens[at + 1] not in ("=", "!="):
            return UNKNOWN, at + 3
        equal: Expression = ("is", token, value)
        return (equal if tokens[at + 1] == "=" else ("not", equal)), at + 3
    return (UNKNOWN if token.startswith("$") else ("name", token.strip("\"'"))), at + 1
