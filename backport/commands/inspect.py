"""`backport inspect`: the dossier of one patch."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport.commands.common import (
    cache_option,
    cache_or_default,
    check_writable,
    db_option,
    files,
    manifest_option,
    output_option,
    read_manifest,
    trees_option,
)
from backport.errors import UserError
from backport.wholefile import write_output

if TYPE_CHECKING:
    from backport.cell import Cell
    from backport.manifest import Manifest
    from backport.patch.model import Patch
    from backport.trees.store import Head, Store


@click.command("inspect")
@click.argument("patch", metavar="PATCH", shell_complete=files)
@trees_option()
@click.option("--format", "-f", "form", type=click.Choice(["text", "markdown", "json"]),
              help="How to print it  [default: text to a terminal, markdown elsewhere].")
@output_option()
@db_option()
@click.option("--offline", is_flag=True, help="Accepted for consistency; this command never fetches.")
@manifest_option()
@cache_option()
def command(patch: str, names: tuple[str, ...], form: str | None, output: Path | None, db: Path | None, offline: bool,
            manifest_path: Path | None, cache: Path | None) -> int:
    """Lay out what is known about PATCH (a file, or - for stdin), phase by phase, each line with its source.

    Cells of earlier runs are used where the patch and the tree are the same; on the other trees the patch is checked
    and adapted now, without building. It decides nothing.
    """
    from backport.commands.queue import wanted_trees
    from backport.history.log import Log
    from backport.inspect.dossier import DossierCase, dossier
    from backport.inspect.render import render_json, render_markdown
    from backport.trees.fetch import own_head, own_heads
    from backport.trees.store import Store

    check_writable(output)
    manifest = read_manifest(manifest_path)
    store = Store(cache_or_default(cache))
    trees = wanted_trees(manifest, names)
    found = own_heads(store, trees)
    upstream = own_head(store, manifest.upstream) if manifest.upstream else None
    heads = ([upstream] if upstream and upstream not in found else []) + found
    only = read_one(patch, store)
    with store.git() as git, Log(git, store.cache / "history.sqlite") as log:
        cells = known_cells(only, heads, db)
        cells |= carry_now(store, only, manifest, heads, upstream, known=cells.keys())
        missing = tuple(tree.name for tree in trees if tree.name not in {head.tree for head in heads})
        result = dossier(git, DossierCase(only, heads, upstream, cells, manifest, missing), log)
    form = form or ("text" if output is None and sys.stdout.isatty() else "markdown")
    text = render_json(result) if form == "json" else render_markdown(result)
    if form == "text":
        text = plain(text)
    if output is not None:
        write_output(output, text.encode("utf-8"))
    else:
        click.echo(text, nl=False)
    return 0


def plain(text: str) -> str:
    """Markdown without what a terminal does not show: escapes before punctuation, and entities."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)).replace("\u200b", "")


def read_one(spec: str, store: Store) -> Patch:
    """The one patch that `spec` names; white space of an archive's page is restored from the trees."""
    from backport.patch.intake import read_all
    from backport.patch.model import Refused
    from backport.trees.shelf import shelf

    with shelf(store) as trees:
        found = read_all(spec, views=trees.views, blobs=trees.blobs)
    patches = [patch for patch in found if not (isinstance(patch, Refused) and patch.skipped)]
    if len(patches) != 1:
        raise UserError(f"a dossier is about one patch, and {spec} holds {len(patches)}")
    only = patches[0]
    if isinstance(only, Refused):
        raise UserError(str(only))
    return only


def known_cells(patch: Patch, heads: list[Head], db: Path | None) -> dict[str, Cell]:
    """The newest cell of an earlier run about this very patch on each of these very commits."""
    from backport.results.store import Results
    from backport.results.store import default_path as default_results

    path = db or default_results()
    found: dict[str, Cell] = {}
    if not path.exists():
        return found
    with Results(path) as results:
        for head in heads:
            cell = next((cell for _run, cell in results.history(patch.slug, head.tree, limit=10)
                         if cell.patch_sha256 == patch.sha256 and cell.base_commit == head.commit), None)
            if cell is not None:
                found[head.tree] = cell
    return found


def carry_now(store: Store, patch: Patch, manifest: Manifest, heads: list[Head], upstream: Head | None, *,
              known: Container[str]) -> dict[str, Cell]:
    """Check and adapt on the trees that no run has tried; nothing is built and nothing recorded."""
    from backport.compute import compute
    from backport.context import Context, Options
    from backport.job import job_of

    context = Context(store.cache, tuple(heads), upstream, Options(build=False), beside=manifest.directory)
    cells = {}
    try:
        for head in heads:
            tree = manifest.tree(head.tree)
            if tree is not None and head.tree not in known:
                cells[head.tree] = compute(context, job_of(context, patch, tree, head))
    finally:
        context.close()
    return cells
