"""The trees of a run by the names that people type: branches of the manifest, and exact releases (6.1.164)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backport.errors import InfraError, UserError
from backport.kbuild.config import ALL
from backport.manifest import Manifest, Tree
from backport.trees.fetch import FetchResult, fetch, fetch_releases, foreign, own_head, own_heads
from backport.trees.progress import Progress
from backport.trees.store import RELEASES, TREES, Head, Heads, Store

_RELEASE = re.compile(r"\d+\.\d+\.\d+\Z")


@dataclass(frozen=True, slots=True)
class Column:
    """A tree of the run in one configuration ("" = its own), with its head or the reason why there is none."""

    tree: Tree
    head: Head | None
    reason: str = ""
    config: str = ""
    boots: bool = True               # a boot has a configuration of its own: once a tree is enough
    damaged: bool = False            # the store should have it: `reason` says what is wrong, and the cure


def get_trees(store: Store, manifest: Manifest, names: Sequence[str] = (), *, update: bool = False,
              offline: bool = False, progress: Progress | None = None) -> list[Column]:
    """A column for each of `names` (all of the manifest without any), in their order; no name twice.

    What is missing is fetched, a release is pinned in the store; what is not available has no head, and a reason. A
    release is built, and kept warm, beside the branch of its series and never in its place. Raises UserError for a name
    that is neither.
    """
    named = {tree.name: tree for tree in (_tree(manifest, name) for name in names)}
    wanted = list(named.values()) or list(manifest.trees)
    if offline:
        now = store.now()
        return [_column(store, manifest, tree, _head(now, manifest, tree), _why_not(now, manifest, tree))
                for tree in wanted]
    # the reference tree is always needed: pre-images come from it
    upstream = manifest.upstream
    branches = [tree.name for tree in wanted if tree in manifest.trees]
    branches += [upstream.name] if upstream is not None and upstream.name not in branches else []
    found = {result.tree: result for result in fetch(store, manifest, branches, update=update, progress=progress)}
    releases = [tree.name for tree in wanted if tree not in manifest.trees]
    missing = [name for name in releases if store.release(name) is None]
    if missing:
        found |= {one.tree: one for one in fetch_releases(store, manifest, missing, update=update, progress=progress)}
    found |= {name: FetchResult(name, store.release(name)) for name in releases if name not in missing}
    return [_column(store, manifest, tree, found[tree.name].head, found[tree.name].reason) for tree in wanted]


def known_heads(store: Store, manifest: Manifest) -> tuple[tuple[Head, ...], Head | None]:
    """What the store has of the manifest's trees, newest first, and of the reference tree among them.

    Raises InfraError where the reference tree was there and is damaged.
    """
    heads = tuple(own_heads(store, manifest.trees))
    upstream = next((head for head in heads if manifest.upstream and head.tree == manifest.upstream.name), None)
    if upstream is None and manifest.upstream is not None and (damage := store.damage(manifest.upstream.name)):
        raise InfraError(f"the reference tree, which every answer relies on, cannot be read: {damage}")
    return heads, upstream


def in_configurations(columns: Sequence[Column], configs: Sequence[str], *, every: bool = False) -> list[Column]:
    """A column for each of `configs` (ALL: what the tree lists); without any, the columns as they are.

    A tree that is not available stays one column, and so does the reference tree, which is only read, unless `every`
    (it was asked for by name).
    """
    made: list[Column] = []
    for column in columns:
        if not configs or column.head is None or (column.tree.upstream and not every):
            made.append(column)
            continue
        wanted = dict.fromkeys(config for name in configs
                               for config in (column.tree.fragments if name == ALL else (name,)))
        made += [replace(column, config=config, boots=not number) for number, config in enumerate(wanted)]
    return made


def _tree(manifest: Manifest, name: str) -> Tree:
    tree = manifest.tree(name)
    if tree is not None:
        return tree
    home = manifest.tree(name.rpartition(".")[0]) if _RELEASE.match(name) else None
    if home is None or home.upstream:
        raise UserError(f"no tree {name!r} in {manifest.path}",
                        hint="it has " + ", ".join(tree.name for tree in manifest.trees)
                             + "; a release of one of their series (6.1.164) is taken too")
    # a name of its own: work tree, build directory and warm kernel of the branch stay what they are
    return replace(home, name=name, required=False)


def _column(store: Store, manifest: Manifest, tree: Tree, head: Head | None, reason: str) -> Column:
    if head is not None:
        return Column(tree, head, reason)
    damage = store.damage(tree.name, prefix=TREES if tree in manifest.trees else RELEASES)
    return Column(tree, None, damage or reason, damaged=bool(damage))


def _why_not(store: Heads, manifest: Manifest, tree: Tree) -> str:
    head = store.head(tree.name) if tree in manifest.trees else None
    return f"not in the store (--offline): {foreign(head)}" if head is not None else "not in the store (--offline)"


def _head(store: Heads, manifest: Manifest, tree: Tree) -> Head | None:
    return own_head(store, tree) if tree in manifest.trees else store.release(tree.name)
