"""`backport mail`: submissions, FAILED notices and replies as files, with the line that sends them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport.commands.common import (
    cache_option,
    cache_or_default,
    db_option,
    fetching,
    files,
    manifest_option,
    read_manifest,
    signoff_option,
    trees_option,
)
from backport.errors import UserError
from backport.report.registry import render

if TYPE_CHECKING:
    from backport.manifest import Manifest
    from backport.patch.model import Patch, Refused
    from backport.queue.bundle import Written
    from backport.trees.store import Store


@click.command("mail")
@click.argument("patches", nargs=-1, metavar="[PATCH]...", shell_complete=files)
@click.option("--to", "to", default="outgoing", show_default=True, type=click.Path(path_type=Path, file_okay=False),
              metavar="DIR", help="Where the mails are written.")
@trees_option()
@click.option("--run", "number", type=int, metavar="N",
              help="Without PATCH: take the cells of this run (default: the last one).")
@click.option("--no-build", is_flag=True, help="With PATCH: carry it without building.")
@click.option("--boot", is_flag=True, help="With PATCH: boot each tree without and with it and run its reproducer "
              "(docs/behaviour.md).")
@click.option("--offline", is_flag=True, help="With PATCH: use only the trees that are in the store.")
@click.option("--jobs", "-j", default=1, show_default=True, type=click.IntRange(1), help="With PATCH: trees at once.")
@signoff_option()
@click.option("--in-reply-to", metavar="ID", default="", help="Message id to reply to (default: the FAILED notice's).")
@click.option("--ack", "acks", multiple=True, metavar="'NAME <ADDRESS>'",
              help="An ack for stable that came in another mail.")
@click.option("--force", is_flag=True, help="Also trees that the mail does not ask for.")
@db_option()
@manifest_option()
@cache_option()
def command(patches: tuple[str, ...], to: Path, names: tuple[str, ...], number: int | None, no_build: bool,
            boot: bool, offline: bool, jobs: int, signoff: bool, in_reply_to: str, acks: tuple[str, ...], force: bool,
            db: Path | None, manifest_path: Path | None, cache: Path | None) -> int:
    """Carry PATCH and write the mails, or write the mails of an earlier run, into DIR; nothing is ever sent.

    \b
    backport mail FAILED.eml --signoff               a FAILED notice in; the submission, adapted and built, out
    backport mail fix.patch --tree 5.10 --signoff    the same for a patch and a tree
    backport mail                                    the mails of the last run

    PATCH is a file, a directory, an mbox or - for stdin: a FAILED notice names its tree itself.

    A good cell gives a submission for stable@ and the exact `git send-email` line, a conflict gives the FAILED
    notice in the stable trees' words, and each patch the reply table.
    """
    from backport.cell import one_a_tree
    from backport.commands.queue import choose_run, wanted_trees
    from backport.context import Options
    from backport.patch.model import Patch
    from backport.queue.bundle import Desk, write_mails
    from backport.queue.elsewhere import elsewhere
    from backport.queue.gather import originals
    from backport.queue.identity import identity
    from backport.results.store import Results
    from backport.trees.fetch import own_heads
    from backport.trees.store import Store
    from backport.workflow import Request
    from backport.workflow import run as run_job

    manifest = read_manifest(manifest_path)
    store = Store(cache_or_default(cache))
    who = identity() if signoff else ""
    found: list[Patch | Refused] = []
    notices: dict[tuple[str, str], str] = {}
    with Results(db) as results, store.git() as git:
        if patches:
            found, names, notices = read_mails(patches, store, manifest, names)
            run = run_job(Request(
                patches=found, manifest=manifest, cache=store.cache, trees=names, jobs=jobs, offline=offline,
                options=Options(build=not no_build, boot=boot, signoff=who, proposer=manifest.proposer),
                command=" ".join(["backport", *sys.argv[1:]])), results, fetching())
            click.echo(render("text", run, results.cells(run), width=0), nl=False)
        else:
            run = choose_run(results, number, manifest)
        heads = {head.tree: head for head in own_heads(store, manifest.trees)}
        cells = one_a_tree(results.cells(run))
        mails = originals(run) | {patch.sha256: patch for patch in found if isinstance(patch, Patch)}
        desk = Desk(git, manifest, run, cells, heads, mails, who, in_reply_to, acks, store.cache / "history.sqlite",
                    elsewhere(store.path, manifest, heads, cells, mails), notices)
        for row in write_mails(desk, wanted_trees(manifest, names), to, force=force):
            show(row)
    return run.exit_code or 0 if patches else 0


def read_mails(specs: tuple[str, ...], store: Store, manifest: Manifest, names: tuple[str, ...]
               ) -> tuple[list[Patch | Refused], tuple[str, ...], dict[tuple[str, str], str]]:
    """The patches, the trees to carry them to, and (patch SHA-256, series) -> message id of FAILED notices.

    The trees are `names`, else those that the notices name. Notices about one patch for several trees come as so
    many mails: the patch is taken once, and each tree's submission answers its own notice. With `names` no notice
    limits what is written.
    """
    from backport.patch.intake import read_all
    from backport.patch.mail import read_mail
    from backport.patch.model import Patch, Refused
    from backport.trees.shelf import shelf

    with shelf(store) as trees:
        read = read_all(*specs, views=trees.views, blobs=trees.blobs)
    kept = [patch for patch in read if not (isinstance(patch, Refused) and patch.skipped)]
    if not kept:
        reasons = "; ".join(dict.fromkeys(patch.reason for patch in read if isinstance(patch, Refused)))
        raise UserError(f"{', '.join(specs)}: no patch found{f' ({reasons})' if reasons else ''}")
    told = [(patch, notice) for patch in kept if isinstance(patch, Patch) and (notice := read_mail(patch).failed)]
    replies = {(patch.sha256, notice.series): notice.message_id for patch, notice in told}
    if len(told) == len(kept):
        first: dict[str, Patch | Refused] = {}
        for patch, _notice in told:
            first.setdefault(patch.sha256, patch)
        kept = list(first.values())
    else:
        replies = {}
    if names or not replies:
        return kept, names, {}
    names = tuple(dict.fromkeys(notice.series for _patch, notice in told))
    unknown = [name for name in names if manifest.tree(name) is None]
    if unknown:
        raise UserError(f"the notice is about {', '.join(unknown)}, which {manifest.path} does not list",
                        hint="add the tree to the manifest, or name another with --tree")
    return kept, names, replies


def show(row: Written) -> None:
    """What was written, what to look at, how to send it."""
    from backport.report.escape import line

    where = f" {row.tree}" if row.tree else ""
    click.echo(f"{row.kind}{where}: {row.file if row.file else line(row.patch)}")
    for remark in row.remarks:
        click.echo(f"  {line(remark)}")
    if row.command:
        draft = any(remark.startswith("DRAFT") for remark in row.remarks)
        first = "once the DRAFT remarks are dealt with, " if draft else ""
        click.echo(f"  {first}send it with: {row.command}")
