"""`backport boot`: boot a tree's kernel without and with a patch, and run its reproducer in both."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
    fetching,
    format_option,
    manifest_option,
    one_patch,
    read_manifest,
    trees_option,
)
from backport.errors import InfraError
from backport.verdict import Apply, Behaves

if TYPE_CHECKING:
    from backport.boot.behaviour import Behaviour
    from backport.trees.store import Head

_EXIT = {Behaves.PROVED: 0, Behaves.NOT_ASKED: 0, Behaves.NOT_TESTABLE: 0, Behaves.NOT_SHOWN: 1,
         Behaves.NO_EFFECT: 1, Behaves.BROKE: 1, Behaves.ERROR: 3}


@click.command("boot")
@click.argument("patch", metavar="PATCH")
@trees_option(required=True)
@click.option("--repro", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
              help="The reproducer  [default: PATCH with .repro for .patch; without one, a smoke test].")
@click.option("--as-is", is_flag=True, help="Do not adapt: PATCH is for this very tree (git apply must take it). For "
              "a patch adapted by hand, or one that is `suspect`.")
@click.option("--accel", type=click.Choice(["tcg", "kvm"]), default="tcg", show_default=True,
              help="kvm uses the real /dev/kvm, whose nesting shows VMX where the host is Intel's.")
@click.option("--limit", type=click.FloatRange(1, 900), default=60, show_default=True, metavar="SECONDS",
              help="End a boot after this time; the reproducer's own limit wins.")
@click.option("--logs", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where the serial logs go  [default: below the cache].")
@click.option("--sandbox", "want", type=click.Choice(["auto", "require", "none"]), default="auto", show_default=True)
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=2, show_default=True)
@format_option("text", "json")
@manifest_option()
@cache_option()
def command(patch: str, names: tuple[str, ...], repro: Path | None, as_is: bool, accel: str, limit: float,
            logs: Path | None, want: str, jobs: int, form: str, manifest_path: Path | None, cache: Path | None) -> int:
    """Boot the kernel of a tree without and with PATCH, and say what the reproducer shows.

    \b
    backport boot patches/fix.patch --tree 6.1 --tree 5.10
    """
    from backport.boot import program
    from backport.boot.behaviour import prove
    from backport.boot.machine import Machine
    from backport.context import Context, Options
    from backport.kbuild.sandbox import choose, had_sandbox
    from backport.patch.intake import read_all
    from backport.report.escape import line
    from backport.targets import get_trees, known_heads
    from backport.trees.store import Store

    only = one_patch(read_all(patch), "backport run --boot")
    repro = repro or program.for_patch(Path(patch))
    if repro is not None:
        program.load(repro)                      # a mistake in it is the user's, and is said before any kernel is built
    manifest = read_manifest(manifest_path)
    store = Store(cache_or_default(cache))
    sandbox = choose(require=want == "require", want="none" if want == "none" else "auto",
                     seen=had_sandbox(store.cache))
    columns = get_trees(store, manifest, names, progress=fetching(silent=form == "json"))
    codes = [0]
    context = Context(store.cache, *known_heads(store, manifest), Options(build=False),
                      beside=manifest.directory)
    try:
        for tree, head, reason in ((column.tree, column.head, column.reason) for column in columns):
            if head is None:
                raise InfraError(f"{tree.name}: {reason}")
            where = (logs or store.cache / "boot" / "logs" / (only.slug or "patch")) / head.tree
            title = f"{head.tree} {head.version}" if head.version != head.tree else head.tree
            adapted, outcome = only, "as it is"
            if not as_is:
                carried = context.carrier.carry(only, tree, head)
                if carried.patch is None:
                    (loud.say if form == "json" else click.echo)(
                        f"{title}: nothing to boot: {carried.outcome}: {line(carried.reason)}")
                    codes.append(0 if carried.outcome in (Apply.ALREADY, Apply.ABSENT) else 1)
                    continue
                adapted, outcome = carried.patch, str(carried.outcome)
            behaviour = prove(tree, head, adapted, repro, store=store, cache=store.cache, logs=where,
                              computer=Machine(accel=accel, limit=limit), sandbox=sandbox, jobs=jobs,
                              beside=manifest.directory, progress=partial(_say, title))
            click.echo(_text(behaviour, head, outcome, title, where, form))
            codes.append(_EXIT[behaviour.verdict])
    finally:
        context.close()
    return max(codes)


def _text(behaviour: Behaviour, head: Head, outcome: str, title: str, where: Path, form: str) -> str:
    from backport.boot import show
    from backport.report.escape import visible

    if form == "text":
        return visible(show.render(behaviour, f"{title} ({outcome})", str(where)))     # a guest chose its words
    record: dict[str, Any] = {"tree": head.tree, "version": head.version, "commit": head.commit,
                              "apply": outcome, "log_directory": str(where), **asdict(behaviour.record())}
    del record["directory"]                      # has its place above
    return json.dumps(record)


def _say(title: str, step: str) -> None:
    loud.say(f"{title}: {step}")
