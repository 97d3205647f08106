"""`backport adapt`: one patch, one branch; the mail on stdout, the explanation on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from backport.commands.common import (
    cache_option,
    cache_or_default,
    check_writable,
    chosen_proposer,
    emit,
    manifest_option,
    one_patch,
    proposer_option,
    read_manifest,
    read_patches,
)
from backport.compute import in_history
from backport.context import Context, Options
from backport.donors.find import by_hand
from backport.donors.model import Donor
from backport.donors.weigh import carry_with
from backport.errors import InfraError, UserError
from backport.patch.mail import mail_of, read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.pick.branches import series_of
from backport.pick.clone import find
from backport.queue.rangediff import range_diff
from backport.report.carried import render, side_by_side
from backport.report.escape import visible
from backport.targets import get_trees, known_heads
from backport.trees.store import Store
from backport.verdict import Apply
from backport.version import makefile_version

# exit code where no mail is written because none is needed: `adapt ... > f && git am f` must stop there
NOTHING = 4


@click.command()
@click.argument("patch", required=False)
@click.option("--tree", "-t", "name", default="", metavar="NAME",
              help="linux-5.10.y, 5.10.y or 5.10, or an exact release (5.10.257)  [default: the series of the kernel "
                   "clone that you stand in].")
@click.option("--from", "clone", nargs=2, metavar="REPO COMMIT", help="Take the patch from a commit of a local clone.")
@click.option("--signoff", metavar="'NAME <ADDRESS>'", default="", help="Add this Signed-off-by.")
@click.option("--strategy", "strategies", multiple=True, metavar="NAME",
              help="Only these strategies (rules, anchor, token-merge ...); for comparing them.")
@proposer_option()
@click.option("--donor", "forms", multiple=True, type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="The same commit as somebody made it for a newer tree: tried beside upstream's form.")
@click.option("--donor-tree", "homes", multiple=True, metavar="NAME",
              help="The tree that the --donor of the same place is for, where it does not say  [6.1].")
@click.option("--explain", "columns", is_flag=True,
              help="Also show upstream hunk and adapted hunk side by side, differing tokens marked.")
@click.option("--range-diff", "compare", is_flag=True, help="Also show git range-diff of upstream and adapted patch.")
@click.option("--offline", is_flag=True, help="Use only the trees that are in the store.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the mail here instead of stdout.")
@manifest_option()
@cache_option()
def command(patch: str | None, name: str, clone: tuple[str, str] | None, signoff: str,
            strategies: tuple[str, ...], proposer: str | None, forms: tuple[str, ...], homes: tuple[str, ...],
            columns: bool, compare: bool, offline: bool, output: Path | None, manifest_path: Path | None,
            cache: Path | None) -> int:
    """Adapt PATCH (a file, or - for stdin) to one tree; nothing is built.

    \b
    backport adapt fix.patch --tree 5.10 > fix-5.10.patch && git am fix-5.10.patch

    Exit code: 0 the mail is written, 4 there is nothing to apply (the tree has the change, or not the code), 1 it
    needs a person (`backport resolve`), 2 a mistake, 3 the environment failed.
    """
    check_writable(output)
    name = name or series_here()
    manifest = read_manifest(manifest_path)
    place = cache_or_default(cache)
    only = one_patch(read_patches(() if clone and not patch else (patch or "-",), place, clone), "backport run")
    named = given(only, forms, homes, place)
    store = Store(place)
    (column,) = get_trees(store, manifest, (name,), offline=offline)
    tree, head = column.tree, column.head
    if head is None:
        raise InfraError(f"{tree.name} is not available: {column.reason}")
    options = Options(build=False, strategies=strategies or None, signoff=signoff,
                      proposer=chosen_proposer(proposer, manifest))
    context = Context(place, *known_heads(store, manifest), options, beside=manifest.directory)
    try:
        found = context.donors(only, tree)
        carried = carry_with(context.carrier, only, tree, head, (*named, *found.donors), found.said)
        said = in_history(context, only, head) if head.history else None
        compared = (range_diff(context.carrier.git, head.commit, context.carrier.in_context(only), carried.patch,
                               carried.preimages.files)
                    if compare and carried.patch is not None else "")
    finally:
        context.close()
    click.echo(render(carried, subject=read_mail(only).subject or only.source, tree=f"{tree.name} {head.version}"),
               err=True)
    if carried.mail:
        click.echo("".join(f"  {visible(text)}\n" for text in to_check(carried.mail, only)), err=True, nl=False)
    if said is not None and said.bug.held is False:
        click.echo(visible(f"{tree.name} does not have the bug that Fixes: names: {said.bug.reason}; "
                           "`backport run` reports `absent`\n"), err=True)
    if columns:
        click.echo("".join(side_by_side(hunk) for hunk in carried.hunks), err=True)
    if compared:
        click.echo(visible(compared), err=True)
    if carried.mail:
        if output:
            emit(carried.mail, output)
        else:
            sys.stdout.buffer.write(carried.mail)
    if carried.outcome is Apply.ERROR:
        return InfraError.exit_code
    if carried.outcome in (Apply.ALREADY, Apply.ABSENT):
        return NOTHING
    return 0 if carried.outcome.good else 1


def series_here() -> str:
    """The series of the kernel clone around the current directory. Raises UsageError where that is none."""
    try:
        clone = find(Path.cwd())
    except UserError:
        raise click.UsageError("say which tree with --tree; this directory is in no kernel clone") from None
    with clone.git() as git:
        series = series_of(makefile_version(git.blob("HEAD:Makefile")))
    if not series:
        raise click.UsageError("say which tree with --tree; the clone around this directory is no kernel")
    return series


def given(patch: Patch, forms: Sequence[str], homes: Sequence[str], cache: Path) -> list[Donor]:
    """The donors that --donor names. Raises UsageError for a --donor-tree too many, UserError for what is no patch."""
    if len(homes) > len(forms):
        raise click.UsageError("--donor-tree says what a --donor is for, and there are more of them")
    read = [one_patch(read_patches((form,), cache), "backport run") for form in forms]
    return [by_hand(patch, donor, homes[number] if number < len(homes) else "") for number, donor in enumerate(read)]


def to_check(mail: bytes, original: Patch) -> list[str]:
    """What in the mail was taken from a place that may be wrong, and what is to be put in by hand."""
    source, made = read_mail(original), mail_of(parse(mail).head)
    said = []
    if made.upstream and source.upstream_from in ("From line", "cherry-pick line"):
        said.append(f"upstream commit {made.upstream[:12]}: from the mail's {source.upstream_from}; make sure that it "
                    "is in mainline")
    if made.author.masked:
        said.append(f"the author's address, {made.author.address}, is masked: put the real one into From:")
    return said
