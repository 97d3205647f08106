"""`backport gc`: give disk space back."""

from __future__ import annotations

from pathlib import Path

import click

from backport.commands.common import (
    cache_option,
    db_option,
    manifest_option,
)


@click.command("gc")
@click.option("--keep", type=click.IntRange(min=1), default=30, show_default=True, metavar="N",
              help="Keep this many of the newest runs (and nights).")
@click.option("--days", type=click.FloatRange(min=0), default=30, show_default=True,
              help="Remove build directories not used for this long.")
@click.option("--dry-run", "-n", is_flag=True, help="Only show what would be removed.")
@manifest_option()
@cache_option()
@db_option()
def command(keep: int, days: float, dry_run: bool, manifest_path: Path | None, cache: Path | None,
            db: Path | None) -> int:
    """Remove old runs, logs, work trees, build directories and objects, and say how much that freed."""
    from backport.manifest import default_path as default_manifest
    from backport.manifest import load
    from backport.nightly.gc import collect, human
    from backport.nightly.lock import only_one
    from backport.results.store import Results, default_path
    from backport.trees.store import Store

    manifest = load(manifest_path or default_manifest())
    path = db or default_path()
    with only_one(path.with_name("nightly.lock"), "a night"), Results(path) as results:
        freed = collect(Store(cache), results, manifest, keep=keep, days=days, dry_run=dry_run)
    for one in freed:
        click.echo(f"{'would free ' if dry_run else ''}{one}")
    total = human(sum(one.size for one in freed))
    click.echo(f"{total} {'would be freed' if dry_run else 'freed'}" if freed else "nothing to free")
    return 0
