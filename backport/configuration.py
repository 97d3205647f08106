"""The user's configuration file: what they would otherwise type with every command.

    # ~/.config/backport/config.yaml
    signoff: true
    manifest: ~/kernel/trees.yaml
    cache: /srv/backport
    jobs: 2
    mail: mail.yaml                  # sender and SMTP server, beside this file (docs/nightly.md)
    mail-to: [list@example.com]
    build: {memory: 6G, time: 2h}    # what one build may use (docs/build.md)

An option on the command line wins, then a variable (BACKPORT_CACHE, BACKPORT_MANIFEST), then this file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backport.yaml_nodes import Mapping, Marked

_KEYS = ("signoff", "manifest", "cache", "jobs", "mail", "mail-to", "build")
# of `build`: the units of each, and the least that makes sense
_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600}
_LIMITS: dict[str, tuple[dict[str, int], int]] = {
    "memory": (_SIZES, 256 << 20), "process-memory": (_SIZES, 256 << 20), "processes": ({"": 1}, 16),
    "file-size": (_SIZES, 16 << 20), "output": (_SIZES, 1 << 20), "time": (_TIMES, 10)}


def directory() -> Path:
    """Where a user's configuration is: $XDG_CONFIG_HOME/backport, or ~/.config/backport."""
    given = os.environ.get("XDG_CONFIG_HOME") or ""
    return (Path(given) if Path(given).is_absolute() else Path("~/.config").expanduser()) / "backport"


def defaults() -> dict[str, Any]:
    """Parameter of a command -> the user's default for it; empty without a file.

    Raises ManifestError (exit 2), with file and line, for whatever is wrong in it.
    """
    read = _entry()
    if read is None:
        return {}
    file, entry = read
    _limits(entry)                               # a mistake in it is told now, and not in each cell
    found: dict[str, Any] = {}
    if (value := entry.get("signoff")) is not None:
        found["signoff"] = value.boolean()
    for key, name in (("manifest", "manifest_path"), ("cache", "cache"), ("mail", "mail_config")):
        if (value := entry.get(key)) is not None:
            found[name] = str(file.parent / Path(value.text()).expanduser())
    if (value := entry.get("jobs")) is not None:
        found["jobs"] = _count(value)
    if (value := entry.get("mail-to")) is not None:
        found["mail_to"] = value.texts()
    return found


def limits() -> dict[str, int]:
    """What one build may use, as far as the user says so: memory, process-memory, file-size and output in bytes,
    processes, time in seconds. Raises ManifestError as `defaults`."""
    read = _entry()
    return {} if read is None else _limits(read[1])


def _entry() -> tuple[Path, Mapping] | None:
    try:
        file = directory() / "config.yaml"
        if not file.is_file():
            return None
    except (OSError, RuntimeError):              # no home, or one that may not be read: then there is no file
        return None
    from backport import yaml_nodes  # most people have no file, and do not wait for a YAML reader

    document = yaml_nodes.read(file, yaml_nodes.failing(file))
    if document is None:
        return None
    entry = document.mapping()
    entry.only(_KEYS)
    return file, entry


def _limits(entry: Mapping) -> dict[str, int]:
    given = entry.get("build")
    if given is None:
        return {}
    table = given.mapping()
    table.only(_LIMITS)
    found = {}
    for name, (units, least) in _LIMITS.items():
        value = table.get(name)
        if value is None:
            continue
        match = re.fullmatch(r"(\d{1,12})([A-Za-z]?)", value.text())
        if match is None or match[2] not in units:
            value.fail(f"{value.text()!r} is not a number (units: {', '.join(filter(None, units)) or 'none'})")
        found[name] = int(match[1]) * units[match[2]]
        if found[name] < least:
            value.fail(f"{value.text()!r} is too little for any build: at least {least}")
    return found


def _count(value: Marked) -> int:
    text = value.text()
    if not text.isdecimal() or not int(text):
        value.fail(f"{text!r} is not a number of trees at once")
    return int(text)
