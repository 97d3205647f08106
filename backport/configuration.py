"""The user's configuration file: what they would otherwise type with every command.

    # ~/.config/backport/config.yaml
    signoff: true
    manifest: ~/kernel/trees.yaml
    cache: /srv/backport
    jobs: 2
    mail: mail.yaml                  # sender and SMTP server, beside this file (docs/nightly.md)
    mail-to: [list@example.com]

An option on the command line wins, then a variable (BACKPORT_CACHE, BACKPORT_MANIFEST), then this file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backport.yaml_nodes import Marked

_KEYS = ("signoff", "manifest", "cache", "jobs", "mail", "mail-to")


def directory() -> Path:
    """Where a user's configuration is: $XDG_CONFIG_HOME/backport, or ~/.config/backport."""
    given = os.environ.get("XDG_CONFIG_HOME") or ""
    return (Path(given) if Path(given).is_absolute() else Path("~/.config").expanduser()) / "backport"


def defaults() -> dict[str, Any]:
    """Parameter of a command -> the user's default for it; empty without a file.

    Raises ManifestError (exit 2), with file and line, for whatever is wrong in it.
    """
    try:
        file = directory() / "config.yaml"
        if not file.is_file():
            return {}
    except (OSError, RuntimeError):              # no home, or one that may not be read: then there is no file
        return {}
    from backport import yaml_nodes  # most people have no file, and do not wait for a YAML reader

    document = yaml_nodes.read(file, yaml_nodes.failing(file))
    if document is None:
        return {}
    entry = document.mapping()
    entry.only(_KEYS)
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


def _count(value: Marked) -> int:
    text = value.text()
    if not text.isdecimal() or not int(text):
        value.fail(f"{text!r} is not a number of trees at once")
    return int(text)
