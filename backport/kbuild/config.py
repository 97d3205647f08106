"""Kernel configurations: the tree's defconfig plus a named fragment, and which wishes did not come true.

Adding a configuration is adding a file to configs/, here or beside the manifest. Its head may say `# inherits: NAME`,
`# defconfig: NAME`, `# make: VAR=VALUE ...` and `# modules: PATH.ko ...`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from backport.errors import UserError

ALL = "all"          # in place of a name: every configuration that the manifest lists for the tree

_HEAD = re.compile(r"^#\s*(inherits|defconfig|make|modules):\s*(.+?)\s*$")
_ON = re.compile(r"^(CONFIG_\w+)=(.*?)(?: # only with (CONFIG_\w+))?$")
_OFF = re.compile(r"^# (CONFIG_\w+) is not set$")
_DEFINED = re.compile(rb"^\s*(?:menu)?config\s+(\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A configuration by name: `wishes` maps CONFIG_X to "y", "m", "n" or a value, in order."""

    name: str
    wishes: dict[str, str]
    defconfig: str = ""              # instead of the tree's own, "" = the tree's
    make: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()   # (option, the option without which nobody misses it)

    @property
    def text(self) -> str:
        """As it is appended to .config."""
        lines = [f"# {key} is not set" if value == "n" else f"{key}={value}" for key, value in self.wishes.items()]
        return "\n".join(lines) + "\n"


def names(beside: Path | None = None) -> tuple[str, ...]:
    """The fragments that come with the program and those in configs/ of `beside`, the manifest's directory; sorted.

    Raises UserError where a name is in both: a run would not say which one was built.
    """
    return tuple(sorted(_files(beside)))


def load(name: str, beside: Path | None = None) -> Fragment:
    """One fragment with what it inherits; raises UserError where there is none of that name, or it inherits itself."""
    return _load(name, _files(beside), ())


def _load(name: str, files: Mapping[str, resources.abc.Traversable], below: tuple[str, ...]) -> Fragment:
    file = files.get(name)
    if file is None or name in below:
        what = f"the configuration {name!r} inherits itself" if name in below else \
            f"there is no configuration named {name!r}"
        raise UserError(what, hint=f"known ones: {', '.join(sorted(files))}")
    head: dict[str, str] = {}
    wishes: dict[str, str] = {}
    conditions: list[tuple[str, str]] = []
    for line in _text(file).splitlines():
        if match := _HEAD.match(line):
            head[match[1]] = match[2]
        elif match := _ON.match(line):
            wishes[match[1]] = match[2]
            if match[3]:
                conditions.append((match[1], match[3]))
        elif match := _OFF.match(line):
            wishes[match[1]] = "n"
    base = _load(head["inherits"], files, (*below, name)) if "inherits" in head else Fragment("", {})
    return Fragment(name, {**base.wishes, **wishes}, head.get("defconfig", base.defconfig),
                    tuple(head["make"].split()) if "make" in head else base.make,
                    tuple(head["modules"].split()) if "modules" in head else base.modules,
                    (*base.conditions, *conditions))


def parse(text: str) -> dict[str, str]:
    """A .config file: CONFIG_X -> value, "n" where it says `is not set`."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        if match := _ON.match(line):
            values[match[1]] = match[2]
        elif match := _OFF.match(line):
            values[match[1]] = "n"
    return values


def defined(source: Path) -> frozenset[str]:
    """Every option that the tree's Kconfig files define, with the CONFIG_ prefix."""
    found: set[str] = set()
    for path in source.rglob("Kconfig*"):
        if path.is_file() and not path.is_symlink():
            found.update("CONFIG_" + name.decode() for name in _DEFINED.findall(path.read_bytes()))
    return frozenset(found)


def not_stuck(fragment: Fragment, config: dict[str, str], known: frozenset[str]) -> tuple[str, ...]:
    """Wishes for options that the tree has and that its configuration did not take, as sentences.

    An option that the tree does not have at all is no finding: the fragments serve every series.
    """
    problems = []
    moot = {option for option, other in fragment.conditions if other not in known}
    for option, wanted in fragment.wishes.items():
        got = config.get(option, "n")
        if option in known and option not in moot and got != wanted:
            problems.append(f"{option} is {got}, wanted {wanted}")
    return tuple(problems)


def not_taken(wishes: Sequence[str], config: Mapping[str, str]) -> tuple[str, ...]:
    """Those of `wishes` ("CONFIG_X=y") that a configuration has the other way, as sentences; m is as good as y."""
    return tuple(f"{option} is {config.get(option, 'n')}, wanted {value}" for option, _is, value in
                 (wish.partition("=") for wish in wishes) if (config.get(option, "n") == "n") != (value == "n"))


def _text(file: resources.abc.Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the configuration {file}: {error}") from error


def _files(beside: Path | None) -> dict[str, resources.abc.Traversable]:
    """name -> file."""
    found = _below(resources.files("backport.kbuild") / "configs")
    own: resources.abc.Traversable | None = beside / "configs" if beside is not None else None
    if own is not None and own.is_dir():
        made = _below(own)
        if twice := sorted(found.keys() & made.keys()):
            raise UserError(f"{made[twice[0]]} has the name of a configuration that comes with the program",
                            hint="give it another name; `# inherits:` takes what the other one says")
        found |= made
    return found


def _below(directory: resources.abc.Traversable) -> dict[str, resources.abc.Traversable]:
    return {item.name.removesuffix(".config"): item for item in directory.iterdir() if item.name.endswith(".config")}
