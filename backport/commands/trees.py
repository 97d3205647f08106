"""`backport trees`: what the store has, and how to get more of it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backport.commands.common import (
    cache_option,
    fetching,
    format_option,
    manifest_option,
)
from backport.version import version_key

if TYPE_CHECKING:
    from backport.manifest import Manifest
    from backport.trees.fetch import FetchResult
    from backport.trees.store import Head, Store


def common(command: Any) -> Any:
    """The options that every sub-command has."""
    for option in (
        manifest_option(), cache_option(), format_option("text", "json"),
    ):
        command = option(command)
    return command


@click.group("trees", invoke_without_command=True)
@common
@click.pass_context
def command(ctx: click.Context, manifest_path: Path | None, cache: Path | None, form: str) -> int:
    """List the trees of the manifest and what the store has of them; `fetch` and `release` add more."""
    from backport.manifest import default_path, load
    from backport.trees.store import Store

    ctx.obj = {"manifest_path": manifest_path, "cache": cache, "form": form}
    if ctx.invoked_subcommand is None:
        return _list(load(manifest_path or default_path()), Store(cache), form)
    return 0


@command.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--update", is_flag=True, help="Ask every source now, including those asked or failed recently.")
@click.option("--full-history", is_flag=True, help="From git sources, all commits and release tags (gigabytes).")
@common
@click.pass_context
def fetch_command(ctx: click.Context, /, names: tuple[str, ...], update: bool, full_history: bool,
                  **options: Any) -> int:
    """Fetch trees into the store: all of the manifest, or those named ("6.1" is enough).

    Exits with 3 if a tree that the manifest requires is not available.
    """
    from backport.manifest import default_path, load
    from backport.trees.fetch import fetch, read_names
    from backport.trees.store import Store

    manifest_path, cache, form = _options(ctx, options)
    manifest = load(manifest_path or default_path())
    store, progress = Store(cache), fetching(silent=form == "json")
    results = fetch(store, manifest, names, update=update, full_history=full_history, progress=progress)
    read_names(store, results, progress)
    _print(results, form)
    required = {tree.name for tree in manifest.trees if tree.required}
    return 3 if any(result.head is None and result.tree in required for result in results) else 0


@command.command("release")
@click.argument("versions", nargs=-1, required=True, metavar="X.Y.Z...")
@click.option("--update", is_flag=True, help="Ask again, including sources that failed recently.")
@common
@click.pass_context
def release_command(ctx: click.Context, /, versions: tuple[str, ...], update: bool, **options: Any) -> int:
    """Pin exact releases (6.1.176) in the store, for replays and for looking at how a tree moved.

    Exits with 3 if one of them is not available.
    """
    from backport.manifest import default_path, load
    from backport.trees.fetch import fetch_releases
    from backport.trees.store import Store

    manifest_path, cache, form = _options(ctx, options)
    results = fetch_releases(Store(cache), load(manifest_path or default_path()), versions, update=update,
                             progress=fetching(silent=form == "json"))
    _print(results, form)
    return 3 if any(result.head is None for result in results) else 0


def _options(ctx: click.Context, options: dict[str, Any]) -> tuple[Path | None, Path | None, str]:
    """An option may stand before or behind the sub-command's name."""
    before = ctx.obj or {}
    form = options["form"] if options["form"] != "text" else before.get("form", "text")
    return (options["manifest_path"] or before.get("manifest_path"), options["cache"] or before.get("cache"), form)


def _list(manifest: Manifest, store: Store, form: str) -> int:
    from tabulate import tabulate

    from backport.trees.fetch import FetchResult, status

    results = status(store, manifest)
    known = {tree.name for tree in manifest.trees}
    other = [FetchResult(head.tree, head) for head in store.heads() if head.tree not in known]
    releases = store.releases()
    if form == "json":
        rows = []
        for result in (*results, *other):
            tree = manifest.tree(result.tree) if result.tree in known else None
            rows.append({**_row(result), "status": tree.status if tree else None,
                         "upstream": bool(tree and tree.upstream),
                         "required": bool(tree and tree.required), "in_manifest": tree is not None})
        click.echo(json.dumps({"store": str(store.path), "manifest": str(manifest.path), "trees": rows,
                               "releases": [head.as_dict() for head in releases]}, indent=1))
        return 0
    table = []
    for result in (*results, *other):
        tree = manifest.tree(result.tree) if result.tree in known else None
        kind = tree.status if tree else "not in the manifest"
        if tree and tree.required:
            kind += ", required"
        table.append([result.tree, kind, *_cells(result.head)])
    click.echo(tabulate(table, headers=["tree", "status", "version", "commit", "age", "size", "source"],
                        disable_numparse=True))
    _tell(results)
    if releases:
        click.echo("\npinned releases: " + ", ".join(sorted((head.tree for head in releases), key=version_key)))
    if any(result.head is None for result in results):
        click.echo("\n`backport trees fetch` fetches what is missing.")
    return 0


def _print(results: list[FetchResult], form: str) -> None:
    from tabulate import tabulate

    if form == "json":
        click.echo(json.dumps([_row(result) for result in results], indent=1))
        return
    table = [[result.tree, "no-tree" if result.head is None else "new" if result.changed else "kept",
              *_cells(result.head)] for result in results]
    click.echo(tabulate(table, headers=["tree", "", "version", "commit", "age", "size", "source"],
                        disable_numparse=True))
    _tell(results)


def _tell(results: list[FetchResult]) -> None:
    """Reasons and notes below the table; what is the same for several trees is said once."""
    said: dict[str, list[str]] = {}
    for result in results:
        signed = result.head.signature if result.head else ""
        for text in ([result.reason] if result.reason else []) + list(result.notes) + ([signed] if signed else []):
            said.setdefault(text, []).append(result.tree)
    if said:
        click.echo()
    for text, trees in said.items():
        click.echo(f"{', '.join(trees)}: {text}")


def _cells(head: Head | None) -> list[str]:
    from backport.trees.failure_cache import age

    if head is None:
        return ["-", "-", "-", "-", "-"]
    return [head.version or "unknown", head.commit[:12], age(time.time() - head.fetched) if head.fetched else "unknown",
            size_text(head.size), head.source + (" (history)" if head.history else "")]


def _row(result: FetchResult) -> dict[str, Any]:
    return {**asdict(result), "head": result.head.as_dict() if result.head else None,
            "age_seconds": round(time.time() - result.head.fetched) if result.head else None}


def size_text(size: int) -> str:
    """Bytes as people read them."""
    if not size:
        return "unknown"
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
