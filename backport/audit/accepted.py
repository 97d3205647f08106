"""What somebody looked at and found right, or knows: a file in their own repository.

    # .backport-audit.yaml
    - id: 1f0c2a9b7e
      why: the 6.1 form needs it there, see the note in the commit
      what: another-function arch/x86/kvm/svm/nested.c

`id` names the class, the file and the line, not the release: a tree that keeps the line keeps the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backport import yaml_nodes
from backport.audit.model import Suspect
from backport.wholefile import write_output

NAME = ".backport-audit.yaml"


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
    known = path.read_text("utf-8") if path.is_file() else "# what `backport audit` found and somebody accepted\n"
    glue = "" if known.endswith("\n") else "\n"
    what = f"{finding.kind.id} {finding.change.path}"
    row = f"- id: {finding.key!r}\n  why: {_quoted(why)}\n  what: {_quoted(what)}\n"
    write_output(path, (known + glue + row).encode("utf-8", "surrogateescape"))


def _quoted(text: str) -> str:
    """A YAML scalar on one line, whatever is in it."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return "'" + plain.replace("'", "''") + "'"
