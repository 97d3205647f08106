"""Made-up runs for tests: trees and patches with names that no real one has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backport.cell import Cell
from backport.results.record import records
from backport.results.run import PatchInfo, Run, TreeInfo
from backport.results.store import Results
from backport.verdict import Apply, Build, Sure

HOSTILE = "<script>alert(1)</script> | `x` \x1b[31mred\x1b[0m \u202egnp.exe & \x00 \udcff ]]> \"'"

UPSTREAM_HUNK = "".join(f"{line}\n" for line in (
    "@@ -10,7 +10,7 @@ static int made_up(struct toy *toy)",
    " \tint ret;",
    " ",
    "-\tif (toy_is_busy(toy))",
    "+\tif (toy_is_busy(toy) || toy->injected)",
    " \t\treturn -EBUSY;",
    " ",
    " \treturn 0;",
))
ADAPTED_HUNK = UPSTREAM_HUNK.replace("toy_is_busy(toy)", "toy->busy").replace("-10,7 +10,7", "-8,7 +8,7")

TREES = (
    TreeInfo("linux-9.2.y", "9.2.8", "a" * 40, "stable"),
    TreeInfo("linux-9.1.y", "9.1.107", "b" * 40, "longterm", required=True),
    TreeInfo("linux-8.9.y", "8.9.262", "c" * 40, "longterm", required=True),
    TreeInfo("linux-8.0.y", reason="example.invalid could not be reached"),
)


def rewritten(patch: str = "toy-fix", tree: str = "linux-8.9.y", **more: Any) -> Cell:
    """A cell with every kind of proof in it."""
    values: dict[str, Any] = {
        "patch": patch, "tree": tree, "apply": Apply.REWRITTEN, "build": Build.PASS, "sure": Sure.REVIEW,
        "subject": "toy: Check for injected marbles before queuing", "patch_sha256": "d" * 64, "base_commit": "c" * 40,
        "base_version": "8.9.262", "reason": "toy_is_busy() is not in this tree",
        "notes": ("toy_is_busy() became toy->busy (the helper is not in 8.9)",),
        "adapted": b"From 1 Mon Sep 17 00:00:00 2001\nSubject: [PATCH 8.9.y] toy\n\n---\n",
        "command": "backport run patches/toy.patch --tree linux-8.9.y", "seconds": 12.5,
        "detail": {
            "hunks": [{"path": "toys/toy.c", "landed_path": "toys/toy.c", "index": 0, "line": 10, "function": "made_up",
                       "upstream_function": "made_up", "offset": -2, "strategies": ["rule:toy", "context"],
                       "sure": "review", "notes": [], "changed": [], "touches_added": True, "dropped": False,
                       "upstream": UPSTREAM_HUNK, "adapted": ADAPTED_HUNK}],
            "build": {"verdict": "pass", "new": [], "objects": ["toys/toy.o"], "compiler": "gcc (made up) 12.2.0",
                      "config": "toy_defconfig", "command": "make toys/", "changes": {
                          "functions": [{"name": "made_up", "object": "toys/toy.o", "kind": "changed",
                                         "old_size": 120, "new_size": 131}], "nothing": False}},
        },
    }
    return made(**{**values, **more})


def booted(verdict: str = "proved", *, directory: str = "", reason: str = "because of the marbles") -> dict[str, Any]:
    """The record of a boot: three runs of each kernel, one of them repeated."""
    def run(log: str, ok: bool, ended: str = "answered") -> dict[str, Any]:
        points = [{"number": 1, "ok": True, "name": "control: the toy is there"},
                  {"number": 2, "ok": ok, "name": "a marble is counted"}]
        return {"ended": ended, "why": "" if ended == "answered" else "the kernel did not start", "seconds": 1.2,
                "log": log, "points": points if ended == "answered" else [], "complaints": []}
    before = [run("before-1.log", False, "no boot"), *(run(f"before-{n}.log", False) for n in (2, 3, 4))]
    after = [run(f"after-{n}.log", True) for n in (1, 2, 3)]
    return {"verdict": verdict, "reason": reason, "legend": "", "smoke": False, "before": before, "after": after,
            "flakes": 1, "logs": ["kernel.log", *(one["log"] for one in before + after)], "notes": [],
            "machine": "tcg EPYC", "images": {"before": "a" * 64, "after": "b" * 64},
            "seconds": {"build": 5.0, "boot": 3.0}, "directory": directory}


def cell(patch: str, tree: str, apply: Apply = Apply.CLEAN, build: Build = Build.SKIPPED, **more: Any) -> Cell:
    if build is Build.SKIPPED and apply.good:
        build = Build.PASS
    return made(patch=patch, tree=tree, apply=apply, build=build,
                **{"subject": f"subject of {patch}", "base_version": "9.9.9", **more})


def made(*, detail: dict[str, Any] | None = None, **values: Any) -> Cell:
    """A cell with the records that `detail` has in their published form."""
    return Cell(**{**records(detail or {}, 0), **values})


def failing(patch: str, tree: str, text: str = "implicit declaration of function 'gone'", at: int = 12,
            **more: Any) -> Cell:
    error = {"level": "error", "path": "toys/toy.c", "line": at, "text": text, "detail": []}
    detail = {"build": {"verdict": "fail", "new": [error]}}
    return cell(patch, tree, Apply.CLEAN, Build.FAIL, detail=detail, **more)


def fill(results: Results, cells: Sequence[Cell], *, kind: str = "run", finish: bool = True,
         trees: Sequence[TreeInfo] = TREES, patches: Sequence[PatchInfo] | None = None, manifest: str = "") -> Run:
    """A run with these cells in it."""
    rows = patches if patches is not None else [
        PatchInfo(slug, subject) for slug, subject in dict((one.patch, one.subject) for one in cells).items()]
    run = results.begin(command="backport run", kind=kind, manifest=manifest, patches=rows, trees=trees,
                        tools={"gcc": "12.2.0"})
    for one in cells:
        results.record(run, one)
    return results.finish(run, 0) if finish else run


def standard() -> list[Cell]:
    """One patch with something of everything."""
    return [
        cell("toy-fix", "linux-9.2.y", Apply.ALREADY, subject=rewritten().subject, base_version="9.2.8"),
        cell("toy-fix", "linux-9.1.y", Apply.OFFSET, subject=rewritten().subject, base_version="9.1.107"),
        rewritten(),
        cell("toy-fix", "linux-8.0.y", Apply.NO_TREE, subject=rewritten().subject, base_version="",
             reason="example.invalid could not be reached"),
    ]
