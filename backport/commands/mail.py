"""`backport mail`: submissions, FAILED notices and replies as files, with the line that sends them."""

from __future__ import annotations

from pathlib import Path

import click

from backport.commands.queue import choose_run, common, wanted_trees
from backport.manifest import default_path, load
from backport.queue.bundle import Desk, Written, write_mails
from backport.queue.gather import originals
from backport.queue.identity import identity
from backport.report.escape import line
from backport.results.store import Results
from backport.trees.store import Store


@click.command("mail")
@click.option("--to", "to", default="outgoing", show_default=True, type=click.Path(path_type=Path, file_okay=False),
              metavar="DIR", help="Where the mails are written.")
@click.option("--tree", "-t", "names", multiple=True, metavar="NAME",
              help="Only this tree; may be given several times.")
@click.option("--run", "number", type=int, metavar="N", help="Take the cells of this run (default: the last one).")
@click.option("--signoff", is_flag=True, help="Add your Signed-off-by, from git's configuration.")
@click.option("--in-reply-to", metavar="ID", default="", help="Message id to reply to (default: the FAILED notice's).")
@click.option("--ack", "acks", multiple=True, metavar="'NAME <ADDRESS>'",
              help="An ack for stable that came in another mail.")
@click.option("--force", is_flag=True, help="Also trees that the mail does not ask for.")
@click.option("--db", type=click.Path(path_type=Path, dir_okay=False), help="Results store.")
@common
def command(to: Path, names: tuple[str, ...], number: int | None, signoff: bool, in_reply_to: str,
            acks: tuple[str, ...], force: bool, db: Path | None, manifest_file: Path | None, cache: Path | None) -> int:
    """Write the mails of a run into DIR; nothing is ever sent.

    A good cell gives a submission for stable@ and the exact `git send-email` line, a conflict gives the FAILED
    notice in the stable trees' words, and each patch the reply table.
    """
    manifest = load(manifest_file or default_path())
    store = Store(cache)
    with Results(db) as results, store.git() as git:
        run = choose_run(results, number)
        heads = {head.tree: head for head in store.heads()}
        desk = Desk(git, manifest, run, results.cells(run), heads, originals(run), identity() if signoff else "",
                    in_reply_to, acks)
        for row in write_mails(desk, wanted_trees(manifest, names), to, force=force):
            show(row)
    return 0


def show(row: Written) -> None:
    """What was written, what to look at, how to send it."""
    where = f" {row.tree}" if row.tree else ""
    click.echo(f"{row.kind}{where}: {row.file if row.file else line(row.patch)}")
    for remark in row.remarks:
        click.echo(f"  {line(remark)}")
    if row.command:
        click.echo(f"  send it with: {row.command}")
