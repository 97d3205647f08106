"""KCIDB v5.3, the form in which kernel CI systems hand each other their results.

A cell is a checkout (the tree with the patch on top; `valid` is false where the patch does not apply) and, where
something was built, a build of it; new diagnostics are a test of that build, because a build with warnings is a
build that passed. Nothing is sent anywhere: this only writes the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from backport.architecture import X86_64
from backport.cell import Cell
from backport.kbuild.result import BuildResult
from backport.report.escape import line, visible
from backport.report.matrix import Matrix, matrix, said, words
from backport.report.proof import architecture
from backport.results.changes import Changes
from backport.results.run import Run, TreeInfo
from backport.verdict import WHOLE, Apply, Behaves, Build

ORIGIN = "backport"
_BOOTED = X86_64.kcidb or X86_64.name       # what every boot kernel is (backport/boot/configs/kvm.config)
_EXCERPT = 16384                     # the schema's limit for a log excerpt

_STATUS = {
    Build.PASS: "PASS", Build.WARN: "PASS", Build.FAIL: "FAIL",
    Build.BASELINE_BROKEN: "ERROR",  # the tree's own failure: the patch's status is not known
    Build.ERROR: "MISS",             # the harness' failure: nothing is known
    Build.NOT_COMPILED: "SKIP", Build.NOTHING_TO_BUILD: "SKIP",
}

# `not shown` and `error` say nothing about the patch: the test is what failed
_BEHAVIOUR = {Behaves.PROVED: "PASS", Behaves.NO_EFFECT: "FAIL", Behaves.BROKE: "FAIL", Behaves.NOT_SHOWN: "ERROR",
              Behaves.ERROR: "MISS", Behaves.NOT_TESTABLE: "SKIP", Behaves.NOT_ASKED: "SKIP"}


def render(run: Run, cells: Sequence[Cell], *, changes: Changes | None = None, width: int = 0) -> str:
    """One submission, ASCII."""
    grid = matrix(run, cells)
    told: dict[str, Any] = {"version": {"major": 5, "minor": 3}, "checkouts": [], "builds": [], "tests": []}
    for tree in grid.trees:
        for patch in grid.patches:
            cell = grid.at(patch, tree)
            if cell is None:
                continue
            identity = _identity(run, cell)
            told["checkouts"].append(_checkout(grid, tree, cell, identity))
            if cell.build in _STATUS and (cell.apply.good or cell.build is Build.BASELINE_BROKEN):
                told["builds"].append(_build(run, cell, identity))
                if cell.build in WHOLE:
                    told["tests"].append(_diagnostics(cell, identity))
                    told["builds"] += _booted_build(cell, identity)
                    told["tests"] += _behaviour(cell, identity)
    return json.dumps({key: value for key, value in told.items() if value}, indent=1, ensure_ascii=True) + "\n"


def patchset_hash(patches: Sequence[str]) -> str:
    """SHA-256 over the newline-terminated SHA-256 (hex) of each patch in order; "" for no patch."""
    if not patches:
        return ""
    return hashlib.sha256("".join(f"{digest}\n" for digest in patches).encode()).hexdigest()


def _identity(run: Run, cell: Cell) -> str:
    """Unique among what this origin ever makes: run numbers start again with a new store, times do not."""
    place = f"{run.started!r}\0{run.id}\0{cell.patch}\0{cell.column}"
    return f"{ORIGIN}:{hashlib.sha256(place.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}"


def _checkout(grid: Matrix, tree: TreeInfo, cell: Cell, identity: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": identity, "origin": ORIGIN, "tree_name": line(tree.name), "start_time": _time(grid.run.started),
        "comment": line(f"{cell.subject or cell.patch} on {tree.column} {cell.base_version}".rstrip()),
        "misc": {"apply": cell.apply.value, "sure": cell.sure.value, "said": [line(item) for item in said(cell)],
                 "version": line(cell.base_version), "base": line(cell.base_commit), "command": line(cell.command)},
    }
    if tree.history and len(cell.base_commit) == 40:
        # only a commit that others can look up; the container of a tarball has a hash that is nowhere else
        told["git_commit_hash"] = cell.base_commit
        told["git_repository_branch"] = line(tree.name)
    if cell.apply.good:
        own = hashlib.sha256(cell.adapted).hexdigest() if cell.adapted else cell.patch_sha256
        told["patchset_hash"] = patchset_hash([*cell.before, own]) if own else ""
        told["valid"] = True
    elif cell.apply in (Apply.ALREADY, Apply.ABSENT):
        told["patchset_hash"] = ""   # the tree as it is: there was nothing to put on top
        told["valid"] = True
    elif cell.apply not in (Apply.NO_TREE, Apply.ERROR):
        told["patchset_hash"] = patchset_hash([cell.patch_sha256]) if cell.patch_sha256 else ""
        told["valid"] = False
        told["log_excerpt"] = _excerpt([*said(cell), *cell.evidence])
    return told


def _build(run: Run, cell: Cell, identity: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "checkout_id": identity, "id": f"{identity}-build", "origin": ORIGIN, "status": _STATUS[cell.build],
        "start_time": _time(run.started), "duration": cell.seconds,
        "comment": line(", ".join(words(cell))), "misc": {"build": cell.build.value},
    }
    made = cell.built or BuildResult(cell.build)
    for name, value in (("architecture", architecture(cell)), ("compiler", made.compiler), ("config_name", made.config),
                        ("command", made.command or cell.command)):
        if value:
            told[name] = line(value)
    if cell.build not in (Build.PASS, Build.NOTHING_TO_BUILD):
        told["log_excerpt"] = _excerpt([*(one.brief for one in cell.diagnostics), *said(cell)])
    return told


def _diagnostics(cell: Cell, identity: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "build_id": f"{identity}-build", "id": f"{identity}-diagnostics", "origin": ORIGIN,
        "path": "backport.new_diagnostics", "status": "FAIL" if cell.build is Build.WARN else "PASS",
        "comment": "messages that the tree does not have without the patch",
    }
    if cell.build is Build.WARN:
        told["log_excerpt"] = _excerpt([one.brief for one in cell.diagnostics])
    return told


def _booted_build(cell: Cell, identity: str) -> list[dict[str, Any]]:
    """The kernel that was booted, where it is for another architecture than the build of the cell."""
    if cell.booted is None or architecture(cell) in ("", _BOOTED):
        return []
    return [{"checkout_id": identity, "id": f"{identity}-boot", "origin": ORIGIN, "architecture": _BOOTED,
             "comment": "the kernel that was booted"}]


def _behaviour(cell: Cell, identity: str) -> list[dict[str, Any]]:
    """The reproducer's verdict as a test of the build; none where nothing was booted."""
    boot = cell.booted
    if boot is None:
        return []
    build_id = f"{identity}-boot" if _booted_build(cell, identity) else f"{identity}-build"
    return [{
        "build_id": build_id, "id": f"{identity}-behaviour", "origin": ORIGIN, "path": "backport.behaviour",
        "status": _BEHAVIOUR[boot.verdict], "comment": line(f"{boot.verdict}: {boot.reason}"),
        "misc": {"behaviour": line(boot.verdict), "machine": line(boot.machine)}}]


def _excerpt(rows: Sequence[str]) -> str:
    return visible("\n".join(rows))[:_EXCERPT]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
