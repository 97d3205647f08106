"""What somebody looked at and found right, or knows: a file in their own repository.

    # .backport-audit.yaml
    - id: 1f0c2a9b7e
      why: the 6.1 form needs it there, see the note in the commit
      what: another-function arch/x86/kvm/svm/nested.c

`id` names the class, the file and the line, not the release: a tree that keeps the line keeps the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from backport import yaml_nodes
from backport.audit.model import Suspect
from backport.errors import UserError
from backport.wholefile import write_output

NAME = ".backport-audit.yaml"
_ID = re.compile(r"[0-9a-f]{10}")


def load(path: Path) -> Mapping[str, str]:
    """id -> why, {} where there is no file. Raises ManifestError, with file and line, for whatever is wrong in it."""
    if not path.is_file():
        return {}
    document = yaml_nodes.read(path, yaml_nodes.failing(path))
    found: dict[str, str] = {}
    for row in document.items() if document is not None else ():
        entry = row.mapping()
        entry.only(("id", "why", "what"))
        found[entry.need("id").text()] = entry.need("why").text()
    return found


def accept(path: Path, finding: Suspect, why: str) -> None:
    """Add a finding to the file; what is there stays. Raises UserError where it cannot be written."""
    _add(path, finding.key, why, f"  what: {_quoted(f'{finding.kind.id} {finding.change.path}')}\n")


def accept_id(path: Path, key: str, why: str) -> None:
    """The same by the id that a report or a night's mail shows, without another audit. Raises UserError."""
    if not _ID.fullmatch(key):
        raise UserError(f"{key!r} is no id of a finding", hint="the ten digits in brackets behind each finding; a "
                        "number of the list needs the options of that audit")
    _add(path, key, why)


def _add(path: Path, key: str, why: str, what: str = "") -> None:
    if (before := load(path).get(key)) is not None:
        raise UserError(f"{key} is accepted already: {before}", hint=f"the reason stands in {path}")
    known = path.read_text("utf-8") if path.is_file() else "# what `backport audit` found and somebody accepted\n"
    glue = "" if known.endswith("\n") else "\n"
    row = f"- id: {key!r}\n  why: {_quoted(why)}\n{what}"
    write_output(path, (known + glue + row).encode("utf-8", "surrogateescape"))


def _quoted(text: str) -> str:
    """A YAML scalar on one line, whatever is in it."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return "'" + plain.replace("'", "''") + "'"
