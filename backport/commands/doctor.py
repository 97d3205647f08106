"""`backport doctor`: does this machine have what a run needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport.commands.common import (
    cache_option,
    cache_or_default,
    manifest_option,
    read_manifest,
)

if TYPE_CHECKING:
    from backport.kbuild.doctor import Diagnosis


@click.command()
@click.option("--offline", is_flag=True, help="Do not ask whether the trees' hosts answer.")
@manifest_option()
@cache_option()
def command(offline: bool, manifest_path: Path | None, cache: Path | None) -> int:
    """Check compilers, packages, disk space, the sandbox and the trees' sources.

    Prints, for each problem, the one command that fixes it. Exits with 3 if something that is needed is missing.
    """
    from backport.kbuild.doctor import examine
    from backport.trees.fetch import own_heads
    from backport.trees.store import Store

    manifest = read_manifest(manifest_path)
    place = cache_or_default(cache)
    found = own_heads(Store(place), manifest.trees) if (place / "store.git").is_dir() else []
    heads = {head.tree: head for head in found}
    findings = examine(manifest, place, heads, offline=offline)
    width = max(len(item.what) for item in findings)
    for item in findings:
        click.echo(f"{_word(item):7}  {item.what:{width}}  {item.detail}")
        if item.fix:
            click.echo(f"{'':7}  {'':{width}}  -> {item.fix}")
    return 3 if any(not item.ok and item.needed for item in findings) else 0


def _word(item: Diagnosis) -> str:
    return "ok" if item.ok else "MISSING" if item.needed else "absent"
