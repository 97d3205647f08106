"""`backport gc`: give disk space back."""

from __future__ import annotations

from pathlib import Path

import click

from backport.manifest import default_path as default_manifest
from backport.manifest import load
from backport.nightly.gc import collect, human
from backport.nightly.lock import only_one
from backport.results.store import Results, default_path
from backport.trees.store import Store


@click.command("gc")
@click.option("--keep", type=click.IntRange(min=1), default=30, show_default=True, metavar="N",
              help="Keep this many of the newest runs (and nights).")
@click.option("--days", type=click.FloatRange(min=0), default=30, show_default=True,
              help="Remove build directories not used for this long.")
@click.option("--dry-run", "-n", is_flag=True, help="Only show what would be removed.")
@click.option("--manifest", "manifest_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Work trees and build directories of trees that it does not list are removed.")
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", envvar="BACKPORT_CACHE",
              help="Where the store is (default: the user's cache directory).")
@click.option("--db", type=click.Path(path_type=Path, dir_okay=False), help="Results store.")
def command(keep: int, days: float, dry_run: bool, manifest_file: Path | None, cache: Path | None,
            db: Path | None) -> int:
    """Remove old runs, logs, work trees, build directories and objects, and say how much that freed."""
    manifest = load(manifest_file or default_manifest())
    path = db or default_path()
    with only_one(path.with_name("nightly.lock"), "a night"), Results(path) as results:
        freed = collect(Store(cache), results, manifest, keep=keep, days=days, dry_run=dry_run)
    for one in freed:
        click.echo(f"{'would free ' if dry_run else ''}{one}")
    total = human(sum(one.size for one in freed))
    click.echo(f"{total} {'would be freed' if dry_run else 'freed'}" if freed else "nothing to free")
    return 0
