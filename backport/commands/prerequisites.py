"""`backport prerequisites`: what a fix needs first in an older tree, tried for real; nothing is taken by itself."""

from __future__ import annotations

from pathlib import Path

import click

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
from backport.verdict import Build
from backport.wholefile import write_output

_BUILT = (Build.PASS, Build.NOTHING_TO_BUILD)


@click.command("prerequisites")
@click.argument("patch", shell_complete=files)
@tree_option("linux-5.10.y, 5.10.y or 5.10  [default: the series of the kernel clone that you stand in].")
@click.option("--build", is_flag=True, help="Build the tree with all of them, before and after.")
@click.option("--with-prerequisites", "output", type=click.Path(path_type=Path, dir_okay=False), metavar="MBOX",
              help="Write the prerequisites and the fix there, as a series for git am.")
@signoff_option()
@offline_option()
@manifest_option()
@cache_option()
def command(patch: str, name: str, build: bool, output: Path | None, signoff: bool, offline: bool,
            manifest_path: Path | None, cache: Path | None) -> int:
    """Find the smallest set of upstream commits after which PATCH applies to a tree that refuses it.

    Each set is tried for real, in order: carried, adapted where that is needed, checked. What the fix does not need is
    listed apart. Whether to take them is for a person: each comes with its size and risk.

    \b
    backport prerequisites fix.patch --tree 5.10 --build --with-prerequisites series.mbox
    """
    from backport.context import Context, Options
    from backport.kbuild.driver import build_cell
    from backport.prerequisites.propose import propose
    from backport.prerequisites.series import mails, text
    from backport.queue.identity import identity
    from backport.report.escape import visible
    from backport.targets import get_trees, known_heads
    from backport.trees.store import Store

    name = name or series_here()
    who = identity() if signoff else ""
    manifest = read_manifest(manifest_path)
    place = cache_or_default(cache)
    only = one_patch(read_patches((patch,), place), "backport prerequisites, once for each,")
    store = Store(place)
    (column,) = get_trees(store, manifest, (name,), offline=offline, progress=fetching())
    tree, head = column.tree, column.head
    if head is None:
        raise InfraError(f"{tree.name} is not available: {column.reason}")
    context = Context(place, *known_heads(store, manifest), Options(build=False, signoff=who))
    try:
        found = propose(context.carrier, context.log, only, tree, head, context.upstream)
    finally:
        context.close()
    click.echo(visible(text(found)), nl=False)
    good = found.fix is not None and found.fix.outcome.good
    if build and found.together is not None:
        result = build_cell(tree, head, found.together, store=store, cache=place,
                            manifest_directory=manifest.path.resolve().parent)
        click.echo(visible(f"build of all of them: {result.verdict}{f': {result.reason}' if result.reason else ''}"))
        good = good and result.verdict in _BUILT
    if output is not None:
        series = mails(found, only, tree.series, signoff=who)
        if not series:
            raise UserError("there is no series to write: the fix does not apply")
        write_output(output, b"".join(one if one.endswith(b"\n") else one + b"\n" for one in series))
        click.echo(f"{len(series)} mails written to {output}")
    return 0 if good else 1
