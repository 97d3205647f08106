"""`backport resolve`: a conflict on a tree of the manifest, laid out in a small clone to go on from."""

from __future__ import annotations

from pathlib import Path

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
    fetching,
    files,
    manifest_option,
    offline_option,
    one_patch,
    read_manifest,
    read_patches,
    series_here,
    signoff_option,
    tree_option,
)
from backport.errors import InfraError, UserError


@click.command(short_help="Lay a conflict out in a work tree, and keep what you make of it.")
@click.argument("patch", shell_complete=files)
@tree_option("linux-5.10.y, 5.10.y or 5.10  [default: the series of the kernel clone that you stand in].")
@click.option("--output", "-o", "place", type=click.Path(path_type=Path), help="The directory of the work tree  "
              "[default: NAME-of-the-patch-5.10 here].")
@click.option("--no-build", is_flag=True, help="Do not build what was resolved, nor boot it.")
@signoff_option()
@offline_option()
@manifest_option()
@cache_option()
def command(patch: str, name: str, place: Path | None, no_build: bool, signoff: bool, offline: bool,
            manifest_path: Path | None, cache: Path | None) -> int:
    """Lay out the conflict of PATCH (a file) on one tree: a small clone that borrows the store's objects, on a branch
    of that tree, with the touched directories in it.

    \b
    backport resolve patches/fix.patch --tree 5.10
    cd fix-5.10; git mergetool; backport pick --continue

    What fits is staged, the rest has markers and its three stages (docs/pick.md). `backport pick --continue`, --take,
    --skip and --abort work there. Your resolution is kept as fix.resolved/5.10.patch beside PATCH, built before and
    after, booted where PATCH has a reproducer, recorded as `resolved`, and the mail is written to outgoing/ beside
    trees.yaml. `backport run`, `adapt` and `mail` take it from there while it fits, and older trees get it as a donor.
    The directory can be removed then.
    """
    from backport.git import Git
    from backport.pick.clone import find, on_loan
    from backport.targets import get_trees, known_heads
    from backport.trees.store import Store

    name = name or series_here()
    manifest, kept = read_manifest(manifest_path), cache_or_default(cache)
    only = one_patch(read_patches((patch,), kept), "backport pick")
    store = Store(kept)
    (column,) = get_trees(store, manifest, (name,), offline=offline, progress=fetching())
    if column.head is None:
        raise InfraError(f"{column.tree.name} is not available: {column.reason}")
    heads, upstream = known_heads(store, manifest)
    place = place or Path(f"{only.slug}-{column.tree.series}")
    if place.exists():
        raise UserError(f"{place} is there already", hint="go on there with `backport pick --continue`, or remove it")
    branch = f"linux-{column.tree.series}.y"
    refs = {f"refs/heads/{branch}": column.head.commit} | {
        f"refs/remotes/store/{head.tree}": head.commit for head in heads if head.tree != column.tree.name}
    from backport.resolve.desk import Aim, make
    make(place, store.path, refs, branch, f"store/{upstream.tree}" if upstream else "", only,
         Path(patch).resolve().parent,
         Aim(Path(patch).resolve(), column.tree.name, manifest.path.resolve(), not no_build, signoff))
    clone = find(place)
    from backport.pick.branches import first_words, kernels
    from backport.pick.session import Session
    from backport.resolve.kept import Kept
    with clone.git() as git, Git(on_loan(clone, kept)) as loan:
        known = kernels(git, loan, f"store/{upstream.tree}" if upstream else "")
        loud.explain(first_words(git, loan, known, ""))
        session = Session(clone, git, loan, known, Kept(Path(patch).resolve().parent),
                          loud.explain)
        try:
            code = session.begin([only], "", signoff=signoff, verify=True)
        finally:
            session.close()
    loud.say(f"cd {place}" if code else f"there is nothing to resolve; {place} can be removed")
    return code
