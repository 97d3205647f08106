"""`backport queue`: quilt queues out of a run, and whole queues tried on their trees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport.commands.common import (
    cache_option,
    cache_or_default,
    db_option,
    manifest_option,
    read_manifest,
    signoff_option,
    trees_option,
)
from backport.errors import UserError
from backport.verdict import Build

if TYPE_CHECKING:
    from backport.manifest import Manifest, Tree
    from backport.patch.model import Patch
    from backport.queue.export import QueueResult
    from backport.queue.gather import Offer
    from backport.queue.verify import EntryResult
    from backport.results.run import Run
    from backport.results.store import Results
    from backport.trees.store import Head, Store

_QUEUE = re.compile(r"^queue-(\d+\.\d+)$")


@click.group("queue")
def command() -> None:
    """Quilt queues as the stable trees have them: write them, and try them."""


@command.command("export")
@click.option("--to", "to", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where queue-X.Y directories are, or are made.")
@trees_option()
@click.option("--run", "number", type=int, metavar="N", help="Take the cells of this run (default: the last one).")
@click.option("--force", is_flag=True, help="Also trees that the mail does not ask for.")
@signoff_option()
@click.option("--ack", "acks", multiple=True, metavar="'NAME <ADDRESS>'",
              help="An ack for stable that came in another mail.")
@db_option()
@manifest_option()
@cache_option()
def export_command(to: Path, names: tuple[str, ...], number: int | None, force: bool, signoff: bool,
                   acks: tuple[str, ...], db: Path | None, manifest_path: Path | None, cache: Path | None) -> int:
    """Append every patch that is good on a tree to DIR/queue-X.Y, refreshed on everything before it.

    Existing entries stay as they are, no patch is added twice. A queue that does not apply is left alone.
    Exits with 1 if a patch that is good on the bare tree does not apply on top of its queue.
    """
    from backport.cell import one_a_tree
    from backport.queue.elsewhere import elsewhere
    from backport.queue.export import export
    from backport.queue.gather import offers, originals
    from backport.queue.identity import identity
    from backport.results.store import Results
    from backport.stable.newer import newer_trees, warning
    from backport.trees.fetch import own_heads
    from backport.trees.store import Store

    manifest = read_manifest(manifest_path)
    who = identity() if signoff else ""
    store = Store(cache_or_default(cache))
    bad = False
    with Results(_database(db)) as results, store.git() as git:
        run = choose_run(results, number, manifest)
        cells = one_a_tree(results.cells(run))
        mails = originals(run)
        heads = {head.tree: head for head in own_heads(store, manifest.trees)}
        known = [*cells, *elsewhere(store.path, manifest, heads, cells, mails)]
        for tree in wanted_trees(manifest, names):
            head = heads.get(tree.name)
            offered = offers(run, cells, tree, mails, identity=who, acks=acks)
            if head is None or not offered:
                if names:
                    click.echo(f"{tree.name}: {'not in the store' if head is None else f'no cells in run {run.id}'}")
                continue
            result = export(git, head.commit, tree.series, [o.ready for o in offered if o.ready], to, force=force)
            marks = {cell.patch: warning(newer_trees(manifest, tree.name, [c for c in known if c.patch == cell.patch]))
                     for cell in cells if cell.tree == tree.name}
            show_export(result, offered, head, marks)
            bad = bad or any(row.outcome == "refused" for row in result.rows)
    return 1 if bad else 0


def show_export(result: QueueResult, offered: list[Offer], head: Head, marks: dict[str, str]) -> None:
    """One block a queue: what was added, what not and why, what to look at."""
    from backport.report.escape import line

    click.echo(f"{result.directory} on {head.tree} {head.version}: {result.existing} there, {len(result.added)} added")
    taken = [offer for offer in offered if offer.ready]
    for offer, row in zip(taken, result.rows, strict=True):
        name = row.file or row.title
        click.echo(f"  {row.outcome:14} {line(name)}{f': {line(row.reason)}' if row.reason else ''}")
        for remark in (*row.remarks, *offer.remarks, marks.get(offer.cell.patch, "")):
            if remark and row.outcome == "added":
                click.echo(f"  {'':14}   {line(remark)}")
    for offer in offered:
        if offer.ready is None:
            click.echo(f"  {'not good':14} {line(offer.cell.patch)}: {line(offer.reason)}")


@command.command("test")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR")
@click.option("--tree", "-t", "name", metavar="NAME", help="The tree, if the directory's name does not say it.")
@click.option("--bisectable", is_flag=True, help="Build after each patch, not only at the end.")
@click.option("--no-build", is_flag=True, help="Only apply, do not build.")
@manifest_option()
@cache_option()
def test_command(directory: Path, name: str | None, bisectable: bool, no_build: bool, manifest_path: Path | None,
                 cache: Path | None) -> int:
    """Try a whole queue on its tree: DIR is a queue-X.Y, or a directory of them.

    Every entry is applied on top of those before it. Exit code: 1 if an entry does not apply or the build is
    not good, 3 where the tree or the compiler is at fault.
    """
    from backport.queue.verify import verify
    from backport.trees.fetch import own_head
    from backport.trees.store import Store

    manifest = read_manifest(manifest_path)
    store = Store(cache_or_default(cache))
    worst = 0
    with store.git() as git:
        for queue, tree in _queues(directory, manifest, name):
            head = own_head(store, tree)
            if head is None:
                raise UserError(f"{tree.name} is not in the store", hint=f"backport trees fetch {tree.name}")
            click.echo(f"{queue} on {tree.name} {head.version}")
            build = None if no_build else builder(tree, head, store)
            for row in verify(git, head.commit, queue, build=build, bisectable=bisectable):
                show_entry(row)
                worst = max(worst, _code(row), key=lambda code: {0: 0, 1: 1, 3: 2}[code])
    return worst


def show_entry(row: EntryResult) -> None:
    """One line an entry, more where something is wrong."""
    from backport.report.escape import line

    where = f" ({row.offset:+d} lines)" if row.offset else ""
    built = f", build {row.build}" if row.build is not Build.SKIPPED else ""
    click.echo(f"  {row.outcome:8} {line(row.name)}{where}{built}{' <- this entry' if row.blamed else ''}")
    for reason in (row.reason, row.build_reason if row.build is not Build.PASS else ""):
        if reason:
            click.echo(f"  {'':8}   {line(reason)}")


def builder(tree: Tree, head: Head, store: Store) -> Callable[[Patch], tuple[Build, str]]:
    """The compiler, as `verify` wants it."""
    from backport.kbuild.driver import build_cell

    def build(patch: Patch) -> tuple[Build, str]:
        result = build_cell(tree, head, patch, store=store, cache=store.cache)
        return result.verdict, result.reason

    return build


def choose_run(results: Results, number: int | None, manifest: Manifest) -> Run:
    """The run that was asked for, or the last one of `manifest`."""
    run = results.run(number) if number is not None else results.latest(manifest=str(manifest.path.resolve()))
    if run is None:
        other = results.latest() if number is None else None
        if other is not None:
            raise UserError(f"no run of {manifest.path} in {results.path}: the last one is of {other.manifest}",
                            hint=f"`backport run` makes one; --manifest names another, or --run {other.id}")
        raise UserError(f"no run {number if number is not None else ''} in {results.path}".replace("  ", " "),
                        hint="`backport run` makes one; `backport show --runs` lists them")
    return run


def wanted_trees(manifest: Manifest, names: tuple[str, ...]) -> list[Tree]:
    """The trees of `names`, or all that patches are carried to; the upstream reference has no queue."""
    found = []
    for name in names:
        tree = manifest.tree(name)
        if tree is None:
            raise UserError(f"no tree {name!r} in {manifest.path}",
                            hint="it has " + ", ".join(tree.name for tree in manifest.trees))
        found.append(tree)
    return found or [tree for tree in manifest.trees if not tree.upstream]


def _queues(directory: Path, manifest: Manifest, name: str | None) -> list[tuple[Path, Tree]]:
    def tree_of(path: Path) -> Tree:
        match = _QUEUE.match(path.resolve().name)
        wanted = name or (match[1] if match else "")
        tree = manifest.tree(wanted) if wanted else None
        if tree is None:
            raise UserError(f"{path}: which tree is this queue for?", hint="name it queue-X.Y, or give --tree")
        return tree

    if (directory / "series").is_file():
        return [(directory, tree_of(directory))]
    found = sorted((path for path in directory.iterdir() if _QUEUE.match(path.name) and (path / "series").is_file()),
                   key=lambda path: tuple(map(int, path.name.removeprefix("queue-").split("."))), reverse=True)
    if not found:
        raise UserError(f"{directory} has neither a series file nor queue-X.Y directories")
    return [(path, tree_of(path)) for path in found]


def _code(row: EntryResult) -> int:
    if row.build in (Build.ERROR, Build.BASELINE_BROKEN):
        return 3
    return 0 if row.applied and row.build in (Build.PASS, Build.SKIPPED, Build.NOTHING_TO_BUILD) else 1


def _database(db: Path | None) -> Path:
    from backport.results.store import default_path as default_results

    path = db or default_results()
    if not path.exists():
        raise UserError(f"no results yet in {path}", hint="`backport run` makes some")
    return path
