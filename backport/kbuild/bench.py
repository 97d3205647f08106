"""What a patched cell takes beyond make: `python -m backport.kbuild.bench TREE RUNS [FILE...]`, or `... TREE first`;
scripts/bench asks it for rows of its table.

A one-line change of each file is built twice in each run: by build_cell, and by plain `make` of the same objects in the
same directories with nothing around it (no sandbox, no proof, nothing put back but the source). Processor time is what
is compared, since other work on the machine does not change it, with that of what runs in the sandbox.

`first` makes a tree's work tree and baseline from nothing, with a compiler cache that is empty, and then configures and
makes the same targets in that work tree by hand, without sandbox and compiler cache, in a directory of its own.
"""

from __future__ import annotations

import os
import posixpath
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from backport.architecture import DEFAULT
from backport.kbuild import baseline, pristine
from backport.kbuild.applied import applied
from backport.kbuild.driver import build_cell
from backport.kbuild.plan import Plan, plan
from backport.kbuild.result import BuildResult
from backport.kbuild.same import megabytes
from backport.kbuild.sandbox import Limits, choose
from backport.kbuild.usage import adopt, processor_seconds
from backport.manifest import Tree, load
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.stop import exit_code
from backport.subsystem import KVM
from backport.trees import sparse
from backport.trees.fetch import own_head
from backport.trees.store import Head, Store, default_cache
from backport.trees.worktree import remove, worktree
from backport.verdict import WHOLE
from backport.wholefile import private_directory

FILES = (KVM.example, "fs/btrfs/disk-io.c", "fs/ext4/inode.c", "net/ipv4/tcp_input.c", "net/netfilter/nft_payload.c")
_LIMIT = 1.2
_DISK = 400              # MB of a tree


@dataclass(frozen=True, slots=True)
class Beside:
    """A cell, and make of the same objects with nothing around it: processor seconds, and seconds of both."""

    result: BuildResult
    cell: float
    alone: float             # 0.0 where the patch did not build, or not whole
    wall: tuple[float, float]


@dataclass(frozen=True, slots=True)
class FromNothing:
    """What a tree takes before its first cell, in processor seconds, and the same configured and made by hand."""

    what: str
    work_tree: float
    baseline: float
    alone: float
    disk: dict[str, int]     # MB


def main(name: str, runs: int, files: tuple[str, ...]) -> int:
    """Print one line a run and file, and the medians; 1 where the median is over 1.2 times make. No runs: the first
    build of the tree's targets and what it takes of the disk."""
    cache = Path(os.environ.get("BACKPORT_CACHE") or default_cache())
    tree = load(Path("trees.yaml")).tree(name)
    store = Store(cache)
    head = own_head(store, tree) if tree else None
    if tree is None or head is None:
        print(f"{name} is not in the store; `backport trees fetch {name}` gets it", file=sys.stderr)
        return 3
    adopt()
    if not runs:
        return _first(tree, head, store)
    ratios: list[float] = []
    print("| file | run | cell | make alone | ratio | wall, cell and make |\n|---|---|---|---|---|---|")
    for file in files:
        with store.git() as git:
            text = git.blob(f"{head.commit}:{file}")
        if text is None:
            print(f"{file} is not in {tree.name}", file=sys.stderr)
            return 3
        patch = parse(one_line(file, text), slug="bench")
        build_cell(tree, head, patch, store=store, cache=cache, compared=False)     # the baseline where there is none
        for number in range(runs):
            one = beside(tree, head, patch, store, cache)
            if not one.alone:
                print(f"{file}: {one.result.verdict}: {one.result.reason}", file=sys.stderr)
                return 3
            ratios.append(one.cell / one.alone)
            print(f"| {file} | {number + 1} | {one.cell:.2f} s | {one.alone:.2f} s | {ratios[-1]:.2f} | "
                  f"{one.wall[0]:.1f} s, {one.wall[1]:.1f} s |", flush=True)
    print(f"median: {statistics.median(ratios):.2f} times make alone, processor time ({tree.name} {head.version}, "
          f"{len(os.sched_getaffinity(0))} processors)")
    return 0 if statistics.median(ratios) <= _LIMIT else 1


def _first(tree: Tree, head: Head, store: Store) -> int:
    """Print what the first build and the same by hand took; 1 where it is over 1.2 times, or over 400 MB."""
    made = from_nothing(tree, head, store)
    if isinstance(made, str):
        print(made, file=sys.stderr)
        return 3
    taken = made.work_tree + made.baseline
    print(f"{made.what}: work tree {made.work_tree:.1f} s, baseline {made.baseline:.1f} s; configure and make alone "
          f"{made.alone:.1f} s: {made.baseline / made.alone:.2f} times, with the work tree {taken / made.alone:.2f}; "
          f"disk {sum(made.disk.values())} MB: " + ", ".join(f"{name} {size} MB" for name, size in made.disk.items()))
    return 0 if taken / made.alone <= _LIMIT and sum(made.disk.values()) < _DISK else 1


def from_nothing(tree: Tree, head: Head, store: Store) -> FromNothing | str:
    """The first build of a tree's targets, with a work tree, a build directory and a compiler cache of its own, and the
    same by hand; what is wrong where the tree does not build."""
    head = replace(head, tree=f"{head.tree}-bench")
    tree = replace(tree, name=head.tree)
    remove(store, head.tree)
    cache = Path(tempfile.mkdtemp(prefix="bench-", dir=store.cache))
    try:
        started = processor_seconds()
        with worktree(store, head, partial=True, sealed=True) as source:
            out = processor_seconds() - started
            work = plan(tree, head, source, cache, name=None, sandbox=choose(), limits=Limits(), jobs=None)
            sparse.hold(source, [*work.directories, f"{DEFAULT.directory}/"])
            private_directory(work.home)
            made = baseline.ensure(work, say=lambda _text: None)
            taken = processor_seconds() - started
            if not made.ok:
                return f"{tree.name} does not build: {made.errors[:1]}"
            disk = {name: megabytes(place) for name, place in (("work tree", source), ("build and copy", work.home))}
            alone = _by_hand(work, cache / "alone")
    finally:
        remove(store, head.tree)
        shutil.rmtree(cache)
    return FromNothing(f"{head.version} {work.config_name} {' '.join(work.targets)}", out, taken - out, alone, disk)


def by_hand(tree: Tree, head: Head, source: Path, build: Path) -> float:
    """Processor seconds of the configuration and the targets of `tree`, made in `build` out of the sources that lie in
    `source`; what is asked of it alone is kept beside `build`."""
    work = plan(tree, head, source, build.parent, name=None, sandbox=choose(), limits=Limits(), jobs=None)
    return _by_hand(work, build)


def _by_hand(work: Plan, build: Path) -> float:
    """Processor seconds of the configuration and the targets of `work`, made in `build` with nothing around it."""
    build.mkdir()
    started = processor_seconds()
    for targets in ((work.defconfig,), ("olddefconfig",), work.targets):
        if targets == ("olddefconfig",):
            with (build / ".config").open("a") as file:
                file.write(work.fragment.text)
        subprocess.run(work.make(*targets, build=build), cwd=work.source, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={**os.environ, "CCACHE_DISABLE": "1", "LC_ALL": "C"})
    return processor_seconds() - started


def beside(tree: Tree, head: Head, patch: Patch, store: Store, cache: Path) -> Beside:
    """The cell of `patch` without the comparison of machine code, then make of what it made. Raises CalledProcessError
    where make alone fails."""
    started, used = time.monotonic(), processor_seconds()
    result = build_cell(tree, head, patch, store=store, cache=cache, compared=False)
    cell, wall = processor_seconds() - used, time.monotonic() - started
    alone, plain = _make(head, patch, store, cache, result) if result.verdict in WHOLE else (0.0, 0.0)
    return Beside(result, cell, alone, (wall, plain))


def _make(head: Head, patch: Patch, store: Store, cache: Path, result: BuildResult) -> tuple[float, float]:
    """(processor seconds, seconds) of make of what the cell made, as its command has it, with the patch applied."""
    words = shlex.split(result.command.rpartition("&& ")[2])
    build = Path(next(word[2:] for word in words if word.startswith("O=")))
    command = [word for word in words if word.startswith("-") or "=" in word or word == "make"]
    # an object of virt/kvm is made by arch/x86/kvm/Makefile, and no goal of its own
    goals = [word for word in words if word.endswith("/")] or list(map(posixpath.normpath, result.objects))
    with worktree(store, head, partial=True) as source:
        sparse.hold(source, patch.paths)
        with applied(source, patch.diff, patch.files):
            started, used = time.monotonic(), processor_seconds()
            # without ccache, as the cell's own make: the second run would be a copy otherwise
            subprocess.run([*command, *goals], cwd=source, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "CCACHE_DISABLE": "1", "LC_ALL": "C"})
            taken = processor_seconds() - used, time.monotonic() - started
        home = build.parent
        pristine.put_back(build, home / "pristine", home / "stamps.json")
    return taken


def one_line(file: str, text: bytes) -> bytes:
    """A diff that changes one line of code in the middle of the file and compiles everywhere."""
    lines = text.split(b"\n")
    order = [*range(len(lines) // 2, len(lines) - 1), *range(1, len(lines) // 2)]
    assigned = (i for i in order if lines[i].lstrip().startswith(b"__entry->") and lines[i].endswith(b";"))
    at = next((i for i in order if lines[i] == b"\treturn 0;"), 0) or next(assigned)    # tracepoints return nothing
    left, equals, right = lines[at].partition(b"= ")
    line = left + equals + b"(" + right[:-1] + b");" if equals else b"\treturn 0 + 0;"
    head = b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n" % ((file.encode(),) * 4)
    return head + b"@@ -%d,3 +%d,3 @@\n %s\n-%s\n+%s\n %s\n" % (at, at, lines[at - 1], lines[at], line,
                                                                   lines[at + 1])


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1], 0 if sys.argv[2] == "first" else int(sys.argv[2]),
                                    tuple(sys.argv[3:]) or FILES)))
