"""Made-up sites for the browser tests, and for looking at them: python -m tests.support.site DIR [patches]."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from backport.cell import Adapted, Cell
from backport.report import html
from backport.results.changes import since
from backport.results.run import PatchInfo, TreeInfo
from backport.results.store import Results
from backport.verdict import Apply, Build, Sure
from tests.support.cells import HOSTILE, cell, failing, rewritten

TREES = tuple(
    TreeInfo(f"linux-{series}.y", version, digit * 40, status, "debian linux_made-up.orig.tar.xz", reason=reason)
    for series, version, digit, status, reason in (
        ("9.4", "9.4.8", "1", "stable", ""), ("9.3", "9.3.13", "2", "stable", ""),
        ("9.2", "9.2.15", "3", "longterm", ""), ("9.1", "9.1.107", "4", "longterm", ""),
        ("9.0", "", "5", "longterm", "example.invalid could not be reached"),
        ("8.9", "8.9.187", "6", "longterm", ""), ("8.8", "8.8.201", "7", "longterm", ""),
        ("8.7", "8.7.262", "8", "longterm", ""), ("8.6", "8.6.280", "9", "eol", ""),
        ("8.5", "8.5.299", "a", "eol", "")))

SUBJECTS = ("toy: x86: Check for injected marbles before queuing a ball", "toy: mmu: Do not map the same page twice",
            "toy: nested: Restore the saved state when entry fails", "toy: Fix a race between reset and unplug",
            "toy: pmu: Clamp the counter to the width that the hardware has", "toy: Free the ring on the error path")

WARNING = {"new": [{
    "level": "warning", "path": "toys/toy.c", "line": 31, "text": "unused variable 'left' [-Wunused]",
    "detail": ["toys/toy.c: In function 'made_up':", "   31 |         int left;", "      |             ^~~~"]}]}


def cells(patches: int, log: str = "", night: int = 0) -> list[Cell]:
    """A matrix with something of everything, the same every time."""
    made = []
    for number in range(patches):
        slug = f"toy-fix-{number}"
        subject = SUBJECTS[number % len(SUBJECTS)] + (f" (part {number})" if number > 5 else "")
        subject = HOSTILE if number == 3 else subject
        for place, tree in enumerate(TREES):
            kind = (number * 7 + place * 3 + number // 11) % 23
            more = {"subject": subject, "base_version": tree.version, "base_commit": tree.commit,
                    "patch_sha256": "d" * 64, "command": f"backport run patches/{slug}.patch --tree {tree.name}"}
            if not tree.version:
                made.append(cell(slug, tree.name, Apply.NO_TREE, reason=tree.reason, **more))
            elif place < 2:
                made.append(cell(slug, tree.name, Apply.ALREADY, reason="upstream has it since 9.3", **more))
            elif kind == 4:
                made.append(cell(
                    slug, tree.name, Apply.CONFLICT, reason="line 12 of toys/toy.c reads something else",
                    adaptation=Adapted((replace(rewritten().hunks[0], adapted=""),),
                                       evidence=("toys/toy.c:12: if (toy->busy && !toy->gone)",)), **more))
            elif kind == 9 and night:
                made.append(failing(slug, tree.name, **more, log=log))
            elif kind == 13:
                made.append(cell(slug, tree.name, Apply.CLEAN, Build.WARN, detail={"build": WARNING}, log=log, **more))
            elif kind == 17:
                made.append(cell(slug, tree.name, Apply.OFFSET, Build.NOT_COMPILED, **more, detail={
                    "build": {"uncompiled": [
                        {"path": "toys/toy.c", "line": 40, "why": "#ifdef CONFIG_TOY_DEBUG is off"}]}}))
            elif kind == 19:
                made.append(cell(slug, tree.name, Apply.ABSENT, reason="made_up() is not in this tree", **more))
            elif place > 5:
                sure = Sure.REVIEW if kind % 2 else Sure.CERTAIN
                made.append(replace(rewritten(slug, tree.name, **more), sure=sure, log=log))
            else:
                made.append(cell(slug, tree.name, Apply.OFFSET, log=log, **more))
    return made


def make(directory: Path, patches: int, nights: int = 4) -> Path:
    """A store with some nights, and the site of the last one; returns its index page."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "build.log"
    log.write_text("".join(f"  CC      toys/file{number}.o\n" for number in range(200)) + "<b>last line</b> \x1b[31m\n")
    rows = [PatchInfo(one.patch, one.subject, "d" * 64, "e" * 40 if number % 2 else "")
            for number, one in enumerate({one.patch: one for one in cells(patches)}.values())]
    with Results(directory / "results.sqlite") as results:
        for night in range(nights):
            run = results.begin(kind="nightly", command="backport nightly", patches=rows, trees=TREES)
            for one in cells(patches, str(log), night=int(night == nights - 1)):
                results.record(run, one)
            run = results.finish(run, 1)
        began = time.monotonic()
        index = html.write(run, results.cells(run), directory / "site", changes=since(results, run),
                           marks=results.marks(run))
        print(f"{patches} patches x {len(TREES)} trees: {time.monotonic() - began:.1f} s", file=sys.stderr)
        return index


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 14))
