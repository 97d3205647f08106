"""The run as JSON; the schema is in backport/report/schema/ and part of what is published."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from backport.cell import Cell, exit_code
from backport.report.matrix import legend, matrix, tally
from backport.results.changes import Change, Changes
from backport.results.record import detail
from backport.results.run import Run

SCHEMA = "urn:backport:matrix:1"


def schema() -> dict[str, Any]:
    """The published JSON schema of what `render` makes."""
    file = resources.files("backport.report") / "schema" / "matrix-1.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def render(run: Run, cells: Sequence[Cell], *, changes: Changes | None = None, width: int = 0) -> str:
    """One object; ASCII only, so that no terminal and no decoder can stumble over what a patch holds."""
    grid = matrix(run, cells)
    counts = tally(cells)
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "run": {
            "id": run.id, "kind": run.kind, "state": run.state, "started": run.started, "finished": run.finished,
            "command": run.command, "manifest_sha256": run.manifest_sha256, "tools": dict(run.tools),
            "options": dict(run.options), "exit_code": run.exit_code,
        },
        "patches": [patch.as_dict() for patch in grid.patches],
        "trees": [tree.as_dict() for tree in grid.trees],
        "cells": [cell_dict(cell) for cell in grid.cells],
        "summary": {"total": grid.total, "done": counts.done, "ok": counts.ok, "warn": counts.warn, "fail": counts.fail,
                    "conflict": counts.conflict, "other": counts.other, "exit_code": exit_code(cells)},
        "legend": dict(legend(cells)),
    }
    if changes is not None:
        told["changes"] = [_change(change) for change in changes.items]
        told["landed"] = list(changes.landed)
    return json.dumps(told, indent=1, ensure_ascii=True) + "\n"


def cell_dict(cell: Cell) -> dict[str, Any]:
    """One cell, JSON-ready and complete; `adapted_encoding` says how the mail is written."""
    text, encoding = _mail(cell.adapted)
    return {
        "patch": cell.patch, "tree": cell.tree, "config": cell.config,
        "apply": cell.apply.value, "build": cell.build.value, "sure": cell.sure.value,
        "cached": cell.cached, "required": cell.required, "subject": cell.subject,
        "patch_sha256": cell.patch_sha256, "base_commit": cell.base_commit, "base_version": cell.base_version,
        "reason": cell.reason, "notes": list(cell.notes), "adapted": text, "adapted_encoding": encoding,
        "command": cell.command, "log": cell.log, "seconds": cell.seconds, "exit_code": exit_code([cell]),
        "detail": detail(cell),
    }


def _mail(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii"), "base64"


def _change(change: Change) -> dict[str, Any]:
    tree, _slash, config = change.tree.partition("/")
    return {
        "kind": change.kind.value, "patch": change.patch, "tree": tree, "config": config, "errors": list(change.errors),
        "before": _verdict(change.before), "after": _verdict(change.after),
    }


def _verdict(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {"apply": cell.apply.value, "build": cell.build.value, "sure": cell.sure.value,
            "base_version": cell.base_version, "reason": cell.reason}
