"""What upstream's own patch changes in the machine code of the upstream tree, to hold a backport's effect against it.

A backport that changes other functions than the original did is not wrong for that (compilers inline as they
like), but a person has to know. The upstream tree has the patch already as a rule: then it is reverted there,
which changes the same functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from backport.check import check
from backport.git import Git
from backport.kbuild.driver import build_cell
from backport.kbuild.result import CodeChanges, Effect
from backport.locks import FileLock
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.trees.store import Head, Store, read_json, write_json
from backport.verdict import Apply
from backport.wholefile import private_directory


def upstream_effect(patch: Patch, tree: Tree, head: Head, *, cache: Path, key: str, jobs: int,
                    preimages: Mapping[str, bytes], config: str | None = None, require_sandbox: bool = False,
                    beside: Path | None = None) -> Effect:
    """Build the upstream tree with and without `patch` and name what differs; kept in the cache under `key`.

    `key` covers compiler, configuration and code, as the cache key of a cell does. `config` is the configuration
    that the backport was built in: another one changes other functions.
    """
    name = f"{tree.name} {head.version}"
    kept = cache / "reference" / f"{hashlib.sha256(f'{key} {patch.sha256} {head.commit}'.encode()).hexdigest()}.json"
    private_directory(kept.parent)
    with FileLock(kept.with_suffix(".lock")):     # several trees at once want the same answer
        known = read_json(kept)
        if known:
            return Effect(name, tuple(known["functions"]), known["reason"])
        effect = _built(patch, tree, head, cache, jobs, preimages, config, require_sandbox, beside)
        if not effect.reason:
            write_json(kept, asdict(effect))
        return effect


def _built(patch: Patch, tree: Tree, head: Head, cache: Path, jobs: int, preimages: Mapping[str, bytes],
           config: str | None, require_sandbox: bool, beside: Path | None) -> Effect:
    name = f"{tree.name} {head.version}"
    store = Store(cache)
    with Git(store.path) as git:
        outcome = check(git, head.commit, patch, preimages).outcome
    if outcome is not Apply.ALREADY and not outcome.good:
        return Effect(name, reason=f"upstream's patch is `{outcome}` there")
    result = build_cell(tree, head, patch, store=store, cache=cache, jobs=jobs, reverse=outcome is Apply.ALREADY,
                        config=config, require_sandbox=require_sandbox, manifest_directory=beside)
    changes = result.changes
    if changes is None or changes.reason:
        return Effect(name, reason=changes.reason if changes else f"its build is `{result.verdict}`: {result.reason}")
    return Effect(name, changes.names)


def differences(here: CodeChanges | None, there: Effect) -> tuple[str, ...]:
    """Notes for a person where the backport's effect is not upstream's; empty where they agree or nothing is known."""
    if here is None or here.reason:
        return ()
    if here.nothing:
        return ("the patch changes no machine code in this tree: it has no effect here",)
    if there.reason or set(here.names) == set(there.functions):
        return ()
    only_here = sorted(set(here.names) - set(there.functions))
    only_there = sorted(set(there.functions) - set(here.names))
    parts = [f"only here {', '.join(only_here)}"] if only_here else []
    parts += [f"only in {there.tree} {', '.join(only_there)}"] if only_there else []
    return ("the functions whose machine code changes are not those that upstream's patch changes: "
            + "; ".join(parts),)
