"""Measure what a patched cell takes beyond make: `python -m backport.kbuild.bench TREE RUNS`.

The same change is built twice in each run: by build_cell, and by plain make in the same directories with nothing
around it (no sandbox, no proof, nothing put back but the source). The difference is what the proof costs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from backport.kbuild import pristine
from backport.kbuild.applied import applied
from backport.kbuild.driver import build_cell
from backport.kbuild.plan import plan
from backport.kbuild.sandbox import Limits, choose
from backport.manifest import load
from backport.patch.parse import parse
from backport.subsystem import KVM
from backport.trees.store import Store, default_cache
from backport.trees.worktree import worktree

_FILE = KVM.example


def main(name: str, runs: int) -> int:
    """Print one line a run and the medians; 1 where the limits (10 %, 1.5 s) are not kept."""
    cache = Path(os.environ.get("BACKPORT_CACHE") or default_cache())
    tree = load(Path("trees.yaml")).tree(name)
    store = Store(cache)
    head = store.head(tree.name) if tree else None
    if tree is None or head is None:
        print(f"{name} is not in the store; `backport trees fetch {name}` gets it", file=sys.stderr)
        return 3
    with store.git() as git:
        text = git.blob(f"{head.commit}:{_FILE}") or b""
    patch = parse(_one_line(text), slug="bench")
    extra, shares = [], []
    first = build_cell(tree, head, patch, store=store, cache=cache)      # makes the baseline where there is none
    print(f"comparison build, both sides: {first.changes.seconds if first.changes else 0.0:.2f} s", flush=True)
    for number in range(runs):
        started, used = time.monotonic(), _cpu()
        result = build_cell(tree, head, patch, store=store, cache=cache, compared=False)
        whole, spent = time.monotonic() - started, _cpu() - used
        with worktree(store, head) as source:
            work = plan(tree, head, source, cache, name=None, sandbox=choose(), limits=Limits(), jobs=None)
            with applied(source, patch.diff, patch.files):
                started, used = time.monotonic(), _cpu()
                # without ccache, as the cell's own make: the second run would be a copy otherwise
                subprocess.run(work.make(*work.targets), cwd=source, check=True, stdout=subprocess.DEVNULL,
                               env={**os.environ, "CCACHE_DISABLE": "1", "LC_ALL": "C"})
                plain, needed = time.monotonic() - started, _cpu() - used
            pristine.put_back(work.build, work.pristine, work.stamps)
        beyond = whole - plain
        extra.append(beyond)
        shares.append(beyond / plain)
        print(f"run {number + 1}: {result.verdict}; cell {whole:.2f} s, make alone {plain:.2f} s, beyond it "
              f"{beyond:+.2f} s ({beyond / plain:+.1%}); processor time {spent:.2f} s and {needed:.2f} s", flush=True)
    print(f"median beyond make: {statistics.median(extra):+.2f} s, {statistics.median(shares):+.1%} "
          f"({tree.name} {head.version}, {work.config_name}, {work.compiler.version}, {work.jobs} jobs)")
    return 0 if statistics.median(extra) < 1.5 and statistics.median(shares) < 0.10 else 1


def _cpu() -> float:
    """Processor seconds of this process and everything it waited for: what a busy machine does not change."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _one_line(text: bytes) -> bytes:
    """A diff that changes one line of code in the middle of the file and compiles everywhere."""
    lines = text.split(b"\n")
    at = next(i for i in range(len(lines) // 2, len(lines)) if lines[i] == b"\treturn r;")
    head = b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n" % ((_FILE.encode(),) * 4)
    return head + b"@@ -%d,3 +%d,3 @@\n %s\n-%s\n+\treturn r ? r : 0;\n %s\n" % (at, at, lines[at - 1], lines[at],
                                                                               lines[at + 1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
