"""Is a build in a sparse work tree that in the whole one? `python -m backport.kbuild.same RELEASE CONFIGURATION...`

Each configuration's baseline (`prepare` alone for one that ends with a "+") is made in a sparse work tree and then,
below the same paths and without a compiler cache, in the whole one; what make left is compared byte by byte.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from backport.architecture import named
from backport.kbuild import baseline, leftover
from backport.kbuild.plan import Plan, plan
from backport.kbuild.sandbox import Limits, choose
from backport.manifest import Tree, load
from backport.stop import exit_code
from backport.trees import sparse
from backport.trees.store import Head, Store, default_cache
from backport.trees.worktree import remove, worktree


def main(version: str, names: list[str]) -> int:
    """Print a line a configuration; 1 where anything differs. A name may be CONFIGURATION:ARCHITECTURE."""
    store = Store(Path(os.environ.get("BACKPORT_CACHE") or default_cache()))
    found = store.release(version)
    tree = load(Path("trees.yaml")).tree(".".join(version.split(".")[:2]))
    if found is None or tree is None:
        print(f"{version} is not in the store; `backport trees release {version}` gets it", file=sys.stderr)
        return 3
    head = replace(found, tree=f"{version}-same")
    tree = replace(tree, name=head.tree)
    sides: list[dict[str, dict[str, str]]] = []
    try:
        for partial in (True, False):
            remove(store, head.tree)
            with worktree(store, head, partial=partial) as source:
                sides.append({name: _build(store, tree, head, source, name) for name in names})
                print(f"{'sparse' if partial else 'whole'} work tree: {megabytes(source)} MB, {_count(source)} files, "
                      f"{len(sparse.absent(source))} not checked out", flush=True)
    finally:
        remove(store, head.tree)
        shutil.rmtree(store.cache / "build" / head.tree, ignore_errors=True)
    wrong = 0
    for name in names:
        few, all_of_it = (side[name] for side in sides)
        differ = sorted(path for path in few.keys() | all_of_it.keys() if few.get(path) != all_of_it.get(path))
        wrong += len(differ)
        objects = sum(path.endswith(".o") for path in all_of_it)
        print(f"{version} {name}: {len(all_of_it)} files, {objects} objects; "
              f"{len(differ) or 'none'} differ{': ' + ', '.join(differ[:5]) if differ else ''}")
    return 1 if wrong else 0


def _build(store: Store, tree: Tree, head: Head, source: Path, name: str) -> dict[str, str]:
    """Digests by path below the build directory."""
    fragment, _colon, other = name.removesuffix("+").partition(":")
    work = plan(tree, head, source, store.cache, name=fragment, sandbox=choose(), limits=Limits(), jobs=None,
                alone=name.endswith("+"), architecture=named(other) if other else None)
    compiler = replace(work.compiler, ccache=False, make=tuple(
        word.replace("=ccache ", "=") for word in work.compiler.make))
    work = replace(work, compiler=compiler)
    entry = named(work.architecture)
    sparse.hold(source, [*work.directories, *([f"{entry.directory}/"] if entry else [])])
    work.home.mkdir(parents=True, exist_ok=True)
    made = baseline.ensure(work, say=lambda text: print(f"  {text}", flush=True), force=True)
    if not made.ok:
        raise SystemExit(f"{name} does not build: {made.errors[:1]}, see {made.log}")
    found = _digests(work)
    shutil.rmtree(work.home)
    return found


def _digests(work: Plan) -> dict[str, str]:
    return {path: hashlib.sha256((work.build / path).read_bytes()).hexdigest()
            for path, entry in leftover.walk(work.build) if entry.is_file(follow_symlinks=False)}


def megabytes(top: Path) -> int:
    """What the files below `top` take of the disk, in MiB."""
    return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for _path, entry in leftover.walk(top)) >> 20


def _count(top: Path) -> int:
    return sum(1 for _one in leftover.walk(top))


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1], sys.argv[2:])))
