"""Between what SQLite keeps and the records that everybody else uses.

Texts that may hold undecodable bytes live inside JSON, where a lone surrogate has an escape: SQLite refuses it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace
from typing import Any

from backport.cell import Cell
from backport.results.record import FORMAT, detail, records
from backport.results.run import PatchInfo, Run, TreeInfo
from backport.verdict import Apply, Build, Sure

RUN = "SELECT id, kind, started, finished, exit_code, process, current, about FROM run"
CELL = ("SELECT cell.run, cell.cached, cell.seconds, body.data, body.adapted, cell.patch, cell.tree "
        "FROM cell JOIN body ON body.sha256 = cell.body")
# the same without the mail, with the time at which it was recorded
BRIEF = CELL.replace("body.adapted", "cell.recorded")

_TEXT = ("patch", "tree", "subject", "patch_sha256", "base_commit", "base_version", "reason", "command", "log")


def sql_text(text: str) -> str:
    """Text that SQLite takes: a lone surrogate (an undecodable byte of a file name) becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def body(cell: Cell) -> tuple[str, bytes, bytes]:
    """(SHA-256, what the cell says, its mail), the last two compressed. The same content has the same name."""
    data = json.dumps({
        **{name: getattr(cell, name) for name in _TEXT},
        "apply": cell.apply.value, "build": cell.build.value, "sure": cell.sure.value,
        "required": cell.required, "notes": list(cell.notes), "config": cell.config,
        "format": FORMAT, "detail": detail(replace(cell, series=None)),     # that is told when it is read
    }, sort_keys=True).encode()
    digest = hashlib.sha256(hashlib.sha256(data).digest() + cell.adapted).hexdigest()
    return digest, zlib.compress(data), zlib.compress(cell.adapted)


def _unpacked(blob: bytes) -> dict[str, Any]:
    """What a body says."""
    value: dict[str, Any] = json.loads(zlib.decompress(blob))
    return value


def run_of(row: tuple[Any, ...]) -> Run:
    """A row of RUN."""
    number, kind, started, finished, exit_code, process, current, about = row
    told = json.loads(about)
    return Run(
        id=number, started=started, finished=finished, kind=kind, command=told["command"],
        manifest=told.get("manifest", ""),
        manifest_sha256=told["manifest_sha256"], tools=told["tools"], options=told["options"],
        patches=tuple(PatchInfo(**patch) for patch in told["patches"]),
        trees=tuple(TreeInfo(**tree) for tree in told["trees"]),
        exit_code=exit_code, current=current, process=process,
        supported=tuple((name, series) for name, series in told.get("supported", ())))


def cell_of(row: tuple[Any, ...]) -> Cell:
    """A row of CELL. One that the disk damaged says so, as an error: the others of its run are still worth reading."""
    try:
        return _cell_of(row)
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        _run, _cached, seconds, _data, _adapted, patch, column = row
        tree, _slash, config = column.partition("/")
        return Cell(patch=patch, tree=tree, config=config, apply=Apply.ERROR, seconds=seconds, reason=DAMAGED,
                    notes=(f"{type(error).__name__}: {error}", "`backport run` computes it again"))


DAMAGED = "what the results store has of this cell is damaged"


def _cell_of(row: tuple[Any, ...]) -> Cell:
    _run, cached, seconds, data, adapted, _patch, _column = row
    told = _unpacked(data)
    return Cell(
        **{name: told[name] for name in _TEXT}, apply=Apply(told["apply"]), build=Build(told["build"]),
        sure=Sure(told["sure"]), cached=bool(cached), required=told["required"], notes=tuple(told["notes"]),
        adapted=zlib.decompress(adapted), seconds=seconds, config=told.get("config", ""),
        **records(told["detail"], told.get("format", 0)))
