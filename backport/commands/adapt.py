"""`backport adapt`: one patch, one branch; the mail on stdout, the explanation on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
    check_writable,
    chosen_proposer,
    emit,
    fetching,
    files,
    manifest_option,
    offline_option,
    one_patch,
    output_option,
    proposer_option,
    read_manifest,
    read_patches,
    series_here,
    signoff_option,
    trees_option,
)
from backport.errors import InfraError, UserError
from backport.verdict import Apply

if TYPE_CHECKING:
    from backport.context import Context
    from backport.donors.model import Donor
    from backport.patch.model import Patch
    from backport.targets import Column

# exit code where no mail is written because none is needed: `adapt ... > f && git am f` must stop there
NOTHING = 4


def _known_strategies(_context: click.Context, _option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Without this a mistyped name would leave no strategy, and every hunk in conflict."""
    if names:
        from backport.adapt.proposers.registry import ALL
        unknown = [name for name in names if name not in ALL]
        if unknown:
            raise click.BadParameter(f"there is no {', '.join(unknown)}; the strategies are {', '.join(ALL)}")
    return names


@click.command()
@click.argument("patch", required=False, shell_complete=files)
@trees_option("linux-5.10.y, 5.10.y or 5.10, or an exact release (5.10.257); several of them with --output DIR  "
              "[default: the series of the kernel clone that you stand in].")
@click.option("--from", "clone", nargs=2, metavar="REPO COMMIT", help="Take the patch from a commit of a local clone.")
@signoff_option()
@click.option("--strategy", "strategies", multiple=True, metavar="NAME", callback=_known_strategies,
              help="Only these strategies, to compare them: as-is, context, merge3 ...; a wrong name lists all.")
@proposer_option()
@click.option("--donor", "forms", multiple=True, type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="The same commit as somebody made it for a newer tree: tried beside upstream's form.")
@click.option("--donor-tree", "homes", multiple=True, metavar="NAME",
              help="Tree of the corresponding --donor, if the file does not name it (e.g. 6.1).")
@click.option("--explain", "columns", is_flag=True,
              help="Also show upstream hunk and adapted hunk side by side, differing tokens marked.")
@click.option("--range-diff", "compare", is_flag=True, help="Also show git range-diff of upstream and adapted patch.")
@offline_option()
@output_option("Write the mail here instead of stdout; with several trees a directory.")
@manifest_option()
@cache_option()
def command(patch: str | None, names: tuple[str, ...], clone: tuple[str, str] | None, signoff: bool,
            strategies: tuple[str, ...], proposer: str | None, forms: tuple[str, ...], homes: tuple[str, ...],
            columns: bool, compare: bool, offline: bool, output: Path | None, manifest_path: Path | None,
            cache: Path | None) -> int:
    """Adapt PATCH (a file, or - for stdin) to one tree or several; nothing is built.

    \b
    backport adapt fix.patch --tree 5.10 > fix-5.10.patch && git am fix-5.10.patch
    backport adapt fix.patch -t 6.1 -t 5.10 -o out/           out/SUBJECT-6.1.patch, out/SUBJECT-5.10.patch
    git format-patch -1 --stdout | backport adapt -t 6.1      stdin; the mail to stdout, the explanation to stderr

    Exit code: 0 the mail is written, 4 there is nothing to apply (the tree has the change, or not the code), 1 it
    needs a person (`backport resolve`), 2 a mistake, 3 the environment failed. With several trees the first of 3, 1
    and 0 that any of them has.
    """
    from backport.context import Context, Options
    from backport.queue.identity import identity
    from backport.targets import get_trees, known_heads
    from backport.trees.store import Store

    names = tuple(dict.fromkeys(names)) or (series_here(),)
    if len(names) == 1:
        check_writable(output)
    elif output is None or (output.exists() and not output.is_dir()):
        raise click.UsageError("several trees make several mails: name a directory with --output DIR")
    who = identity() if signoff else ""
    manifest = read_manifest(manifest_path)
    place = cache_or_default(cache)
    only = one_patch(read_patches(() if clone and not patch else (patch or "-",), place, clone), "backport run")
    named = given(only, forms, homes, place)
    store = Store(place)
    found = get_trees(store, manifest, names, offline=offline, progress=fetching())
    options = Options(build=False, strategies=strategies or None, signoff=who,
                      proposer=chosen_proposer(proposer, manifest))
    context = Context(place, *known_heads(store, manifest), options, beside=manifest.directory)
    codes = []
    try:
        for column in found:
            made = _one(context, only, column, named, columns, compare)
            codes.append(made.code)
            if made.mail and len(found) > 1 and output is not None:
                _into(output, f"{only.slug}-{column.tree.series}.patch", made.mail)
            elif made.mail:
                emit(made.mail, output)
    finally:
        context.close()
    return next((code for code in (InfraError.exit_code, 1, 0) if code in codes), NOTHING)


@dataclass(frozen=True, slots=True)
class _Made:
    """What became of the patch on one tree: the exit code, and the mail (empty for none)."""

    code: int
    mail: bytes = b""


def _one(context: Context, only: Patch, column: Column, named: Sequence[Donor], columns: bool, compare: bool) -> _Made:
    """One tree; the explanation goes to stderr."""
    from backport.donors.weigh import carry_with
    from backport.patch.mail import read_mail
    from backport.queue.rangediff import range_diff
    from backport.report.carried import render, side_by_side
    from backport.report.escape import visible

    tree, head = column.tree, column.head
    if head is None:
        loud.say(f"backport: {tree.name} is not available: {column.reason}")
        return _Made(InfraError.exit_code)
    found = context.donors(only, tree)
    carried = carry_with(context.carrier, only, tree, head, (*named, *found.donors), found.said)
    said = None
    if head.history:
        from backport.compute import in_history  # all that builds and boots comes with it
        said = in_history(context, only, head)
    loud.explain(render(carried, subject=read_mail(only).subject or only.source, tree=f"{tree.name} {head.version}"))
    if carried.mail:
        loud.explain("".join(f"  {visible(text)}\n" for text in to_check(carried.mail, only)).rstrip("\n"))
    if said is not None and said.bug.held is False:
        loud.explain(visible(f"{tree.name} does not have the bug that Fixes: names: {said.bug.reason}; "
                             "`backport run` reports `absent`\n"))
    if columns:
        loud.explain("".join(side_by_side(hunk) for hunk in carried.hunks))
    if compare and carried.patch is not None:
        loud.explain(visible(range_diff(context.carrier.git, head.commit, context.carrier.in_context(only),
                                        carried.patch, carried.preimages.files)))
    if carried.outcome is Apply.ERROR:
        return _Made(InfraError.exit_code)
    if carried.outcome in (Apply.ALREADY, Apply.ABSENT):
        return _Made(NOTHING)
    return _Made(0 if carried.outcome.good else 1, carried.mail)


def _into(folder: Path, name: str, mail: bytes) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    emit(mail, folder / name)
    click.echo(folder / name)


def given(patch: Patch, forms: Sequence[str], homes: Sequence[str], cache: Path) -> list[Donor]:
    """The donors that --donor names. Raises UsageError for a --donor-tree too many, UserError for what is no patch."""
    from backport.donors.find import by_hand

    if len(homes) > len(forms):
        raise click.UsageError("more --donor-tree than --donor options")
    read = [one_patch(read_patches((form,), cache), "backport run") for form in forms]
    return [by_hand(patch, donor, homes[number] if number < len(homes) else "") for number, donor in enumerate(read)]


def to_check(mail: bytes, original: Patch) -> list[str]:
    """What in the mail was taken from a place that may be wrong, and what is to be put in by hand."""
    from backport.patch.mail import mail_of, read_mail
    from backport.patch.parse import parse

    source, made = read_mail(original), mail_of(parse(mail).head)
    said = []
    if made.upstream and source.upstream_from in ("From line", "cherry-pick line"):
        said.append(f"upstream commit {made.upstream[:12]}: from the mail's {source.upstream_from}; make sure that it "
                    "is in mainline")
    if made.author.masked:
        said.append(f"the author's address, {made.author.address}, is masked: put the real one into From:")
    return said
