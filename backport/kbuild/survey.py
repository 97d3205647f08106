"""Build verdicts of real changes outside the tree's own targets: what share of a stable queue is really compiled.

The changes are what one release of a series did to single files, as many of each part of the kernel as asked for, in an
order that the file names decide and nobody chose. A file that needs the rest of its commit fails to build: that is
a verdict too, and it was compiled.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from backport.architecture import ARCHITECTURES, I386
from backport.git import Git
from backport.kbuild.driver import build_cell
from backport.manifest import load
from backport.patch.parse import parse
from backport.stop import exit_code
from backport.subsystem import KVM
from backport.trees.store import Head, Store, default_cache
from backport.verdict import Build

_C = (".c", ".h")
_CODE = (*_C, ".S")
# (name in the table, beginnings of the paths, endings)
PARTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("fs", ("fs/",), _C),
    ("net", ("net/",), _C),
    ("drivers", ("drivers/",), _C),
    ("mm", ("mm/",), _C),
    ("kernel", ("kernel/",), _C),
    ("lib", ("lib/", "crypto/", "block/"), _C),
    ("sound", ("sound/",), _C),
    ("include", ("include/",), (".h",)),
    *((one.directory, (f"{one.directory}/",), _CODE) for one in ARCHITECTURES if one is not I386),
    ("dts", ("arch/",), (".dts", ".dtsi")),
    ("Documentation", ("Documentation/",), (".rst", ".yaml", ".txt")),
    ("selftests", ("tools/testing/",), (".c", ".sh", ".h")),
)
_COMPILED = (Build.PASS, Build.WARN, Build.FAIL)


def main(old: str, new: str, each: int, parts: Collection[str] = ()) -> int:
    """Print a line a change and the table, of `parts` alone where any are named; 1 where an answer is `error`."""
    store = Store(Path(os.environ.get("BACKPORT_CACHE") or default_cache()))
    before, after = store.release(old), store.release(new)
    if before is None or after is None:
        print(f"{old} and {new} are not both in the store; `backport trees release {old} {new}` gets them",
              file=sys.stderr)
        return 3
    series = ".".join(old.split(".")[:2])
    tree = load(Path("trees.yaml")).tree(series)
    assert tree is not None, series
    tree = replace(tree, name=before.tree)
    rows: dict[str, list[Build]] = defaultdict(list)
    with store.git() as git:
        chosen = _choose(git, before, after, each)
        for part, path in chosen if not parts else [row for row in chosen if row[0] in parts]:
            diff = git.run("diff", "--no-renames", before.commit, after.commit, "--", path).out
            result = build_cell(tree, before, parse(diff, slug=path), store=store, cache=store.cache, compared=False)
            rows[part].append(result.verdict)
            print(f"{path}: {result.verdict}: {result.reason}", flush=True)
    print(f"\n{old} to {new}, {each} of each part\n")
    print("| part | changes | compiled | pass | warn | fail | not-compiled | nothing-to-build | other |")
    print("|---|---|---|---|---|---|---|---|---|")
    for part, _begin, _end in PARTS:
        if part in rows:
            print(_row(part, rows[part]))
    return 1 if any(Build.ERROR in found for found in rows.values()) else 0


def _choose(git: Git, before: Head, after: Head, each: int) -> list[tuple[str, str]]:
    listed = git.run("diff", "--name-only", "--no-renames", "--diff-filter=M", "-z", before.commit, after.commit).out
    paths = [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]
    chosen: list[tuple[str, str]] = []
    for part, begin, end in PARTS:
        fit = [path for path in paths if path.startswith(begin) and path.endswith(end)
               and not path.startswith(KVM.paths)]
        fit.sort(key=lambda path: hashlib.sha256(path.encode()).digest())
        chosen += [(part, path) for path in fit[:each]]
    return chosen


def _row(part: str, verdicts: list[Build]) -> str:
    count = {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
    known = (Build.PASS, Build.WARN, Build.FAIL, Build.NOT_COMPILED, Build.NOTHING_TO_BUILD)
    other = sum(number for verdict, number in count.items() if verdict not in known)
    compiled = sum(count.get(verdict, 0) for verdict in _COMPILED)
    cells = [part, len(verdicts), compiled, *(count.get(verdict, 0) for verdict in known), other]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])))
