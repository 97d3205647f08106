"""Who signs: name and address from the user's own git configuration, read without running git."""

from __future__ import annotations

import os
from pathlib import Path

from backport.errors import UserError


def identity() -> str:
    """"Name <address>" of user.name and user.email; raises UserError where either is not set.

    git itself is run without the user's configuration everywhere else, because that changes what a patch does.
    """
    from git.config import GitConfigParser  # all of GitPython: only who signs waits for it
    home = Path(os.environ.get("HOME") or "~").expanduser()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [os.environ["GIT_CONFIG_GLOBAL"]] if os.environ.get("GIT_CONFIG_GLOBAL") else [
        str(config / "git" / "config"), str(home / ".gitconfig")]
    with GitConfigParser([name for name in files if Path(name).is_file()], read_only=True) as values:
        name = str(values.get_value("user", "name", "")).strip()
        address = str(values.get_value("user", "email", "")).strip()
    if not name or not address or any(c in name + address for c in "<>\n\r"):
        raise UserError("--signoff needs your name and address from git's configuration, and they are not set",
                        hint="git config --global user.name NAME; git config --global user.email ADDRESS")
    return f"{name} <{address}>"
