"""Kernel configurations: the tree's defconfig plus a named fragment, and which wishes did not come true.

Adding a configuration is adding a file to configs/. Its head may say `# inherits: NAME`, `# defconfig: NAME`,
`# make: VAR=VALUE ...` and `# modules: PATH.ko ...`.
"""

from __future__ import annotations

import re
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


def names() -> tuple[str, ...]:
    """The fragments that come with the program, sorted."""
    return tuple(sorted(item.name.removesuffix(".config") for item in _directory().iterdir()
                        if item.name.endswith(".config")))


def load(name: str) -> Fragment:
    """One fragment with what it inherits; raises UserError where there is none of that name."""
    file = _directory() / f"{name}.config"
    if name not in names():
        raise UserError(f"there is no configuration named {name!r}", hint=f"known ones: {', '.join(names())}")
    head: dict[str, str] = {}
    wishes: dict[str, str] = {}
    conditions: list[tuple[str, str]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := _HEAD.match(line):
            head[match[1]] = match[2]
        elif match := _ON.match(line):
            wishes[match[1]] = match[2]
            if match[3]:
                conditions.append((match[1], match[3]))
        elif match := _OFF.match(line):
            wishes[match[1]] = "n"
    base = load(head["inherits"]) if "inherits" in head else Fragment("", {})
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


def _directory() -> resources.abc.Traversable:
    return resources.files("backport.kbuild") / "configs"
