"""`backport inspect`: the dossier of one patch."""

from __future__ import annotations

from pathlib import Path

import click

from backport.check import check, preimages
from backport.commands.queue import common, wanted_trees
from backport.errors import BackportError, UserError
from backport.git import Git
from backport.history.log import Log
from backport.inspect.dossier import Case, dossier
from backport.inspect.render import render_json, render_markdown
from backport.manifest import default_path, load
from backport.patch.intake import read_all
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.results.store import Results
from backport.results.store import default_path as default_results
from backport.trees.store import Head, Store
from backport.trees.view import StoreView
from backport.verdict import Apply, Cell


@click.command("inspect")
@click.argument("patch", metavar="PATCH")
@click.option("--tree", "-t", "names", multiple=True, metavar="NAME",
              help="Only this tree; may be given several times.")
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write to this file.")
@click.option("--db", type=click.Path(path_type=Path, dir_okay=False), help="Results store.")
@common
def command(patch: str, names: tuple[str, ...], form: str, output: Path | None, db: Path | None,
            manifest_file: Path | None, cache: Path | None) -> int:
    """Lay out what is known about PATCH (a file, or - for stdin), phase by phase, each line with its source.

    Cells of earlier runs are used where the patch and the tree are the same; the others are checked now, without
    adapting or building. It decides nothing.
    """
    manifest = load(manifest_file or default_path())
    store = Store(cache)
    trees = wanted_trees(manifest, names)
    found = [head for tree in trees if (head := store.head(tree.name)) is not None]
    upstream = store.head(manifest.upstream.name) if manifest.upstream else None
    heads = ([upstream] if upstream and upstream not in found else []) + found
    only = read_one(patch, store, heads)
    with store.git() as git, Log(git, store.cache / "history.sqlite") as log:
        cells = known_cells(only, heads, db)
        cells |= check_now(git, only, upstream, [head for head in heads if head.tree not in cells], patch)
        result = dossier(git, Case(only, heads, upstream, cells, manifest), log)
    text = render_json(result) if form == "json" else render_markdown(result)
    if output is not None:
        output.write_text(text, "utf-8")
    else:
        click.echo(text, nl=False)
    return 0


def read_one(spec: str, store: Store, heads: list[Head]) -> Patch:
    """The one patch that `spec` names; white space of an archive's page is restored from the trees."""
    views = [StoreView(store.path, f"{head.tree} {head.version}", head.commit) for head in heads]
    try:
        patches = [p for p in read_all(spec, views=views) if not (isinstance(p, Refused) and p.skipped)]
    finally:
        for view in views:
            view.close()
    if len(patches) != 1:
        raise UserError(f"a dossier is about one patch, and {spec} holds {len(patches)}")
    only = patches[0]
    if isinstance(only, Refused):
        raise UserError(str(only))
    return only


def known_cells(patch: Patch, heads: list[Head], db: Path | None) -> dict[str, Cell]:
    """What the last run said about this very patch on these very commits."""
    path = db or default_results()
    if not path.exists():
        return {}
    with Results(path) as results:
        run = results.latest()
        cells = results.cells(run) if run is not None else []
    commits = {head.tree: head.commit for head in heads}
    return {cell.tree: cell for cell in cells
            if cell.patch_sha256 == patch.sha256 and commits.get(cell.tree) == cell.base_commit}


def check_now(git: Git, patch: Patch, upstream: Head | None, heads: list[Head], spec: str) -> dict[str, Cell]:
    """`git apply --check` on the trees that no run has tried."""
    before = preimages(git, patch, upstream_sha=read_mail(patch).upstream_sha, upstream=upstream, others=heads)
    cells = {}
    for head in heads:
        try:
            result = check(git, head.commit, patch, before.files)
        except BackportError as error:
            cells[head.tree] = Cell(patch.slug, head.tree, Apply.ERROR, reason=str(error))
            continue
        cells[head.tree] = Cell(
            patch.slug, head.tree, result.outcome, sure=result.sure, patch_sha256=patch.sha256, notes=result.notes,
            base_commit=head.commit, base_version=head.version, reason=result.reason,
            command=f"backport adapt {spec} --tree {head.tree}", detail={"hunks": [h.as_dict() for h in result.hunks]})
    return cells
