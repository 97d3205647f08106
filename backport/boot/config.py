"""The boot kernel's configuration: tinyconfig with a fragment merged in, and checked afterwards. Pure."""

from __future__ import annotations

import re

_SET = re.compile(r"^(CONFIG_\w+)=(.*)$")
_OFF = re.compile(r"^# (CONFIG_\w+) is not set$")


def options(text: str) -> dict[str, str]:
    """name -> value of a .config or a fragment; `n` for "is not set". A later line wins."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _SET.match(line):
            found[match[1]] = match[2]
        elif match := _OFF.match(line):
            found[match[1]] = "n"
    return found


def merge(base: str, fragment: str) -> str:
    """`base` with every option of `fragment` in place of its own."""
    merged = {**options(base), **options(fragment)}
    lines = [f"# {name} is not set" if value == "n" else f"{name}={value}" for name, value in merged.items()]
    return "\n".join(lines) + "\n"


def lost(final: str, fragment: str) -> list[str]:
    """What `fragment` switches on and `final` does not have: kconfig drops an unmet option without a word."""
    have = options(final)
    return [f"{name}={value}" for name, value in options(fragment).items()
            if value != "n" and have.get(name) != value]
