"""`backport init`: a trees.yaml from the branches that a kernel clone has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport.commands.common import (
    cache_option,
    cache_or_default,
)
from backport.errors import UserError
from backport.wholefile import write_output

if TYPE_CHECKING:
    from backport.pick.branches import Kernels, Ref


@click.command(short_help="Write a trees.yaml from the branches that a kernel clone has.")
@click.option("--clone", "-C", "place", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path(),
              help="The kernel clone  [default: the one that you stand in].")
@click.option("--output", "-o", type=click.Path(path_type=Path), default=Path("trees.yaml"), show_default=True,
              help="The file to write; one that is there is left alone.")
@cache_option()
def command(place: Path, output: Path, cache: Path | None) -> int:
    """Write a trees.yaml from the branches that a kernel clone has: upstream, and the newest of every stable series.

    \b
    backport init -C ~/linux && backport run fix.patch

    The clone's objects are borrowed, nothing is copied; `git fetch` in the clone is what updates the trees.
    """
    from backport.git import Git
    from backport.pick.branches import kernels
    from backport.pick.clone import find, on_loan

    if output.exists():
        raise UserError(f"{output} is there already", hint="name another file with --output")
    clone = find(place.resolve())
    with clone.git() as git, Git(on_loan(clone, cache_or_default(cache))) as loan:
        known = kernels(git, loan, git.run("config", "--get", "backport.upstream", ok=()).text)
    if known.upstream is None and not known.stable:
        raise UserError(f"{clone.common} has no branch like master or linux-6.1.y with a kernel in it",
                        hint="git fetch one, or write trees.yaml by hand (docs/trees.md)")
    text = manifest(known, clone.top or clone.common)
    write_output(output, text.encode("utf-8", "surrogateescape"))
    names = [known.upstream.name] if known.upstream else []
    click.echo(f"{output}: {', '.join([*names, *(ref.name for ref in known.stable)])}")
    return 0


def manifest(known: Kernels, path: Path) -> str:
    """The text of the manifest: a string of YAML is written as JSON has it, which is YAML for any path."""
    out = ["# The trees that patches are carried to, newest first; written by `backport init`. See docs/trees.md.", "",
           "trees:"]
    if known.upstream is not None:
        out += ["  - name: upstream", "    upstream: true", *_source(known.upstream, path)]
    for ref in known.stable:
        out += [f"  - name: linux-{ref.stable}.y", *_source(ref, path)]
    return "\n".join(out) + "\n"


def _source(ref: Ref, path: Path) -> list[str]:
    kind, name = ("branch", ref.name) if ref.local else ("commit", f"refs/remotes/{ref.name}")
    return ["    sources:", f"      - local: {json.dumps(str(path))}", f"        {kind}: {json.dumps(name)}"]
