"""`backport import`: a patch in any form to a mail in the form of git format-patch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    cache_option,
)
from backport.errors import UserError
from backport.wholefile import write_output

if TYPE_CHECKING:
    from backport.patch.model import Patch


@click.command("import")
@click.argument("specs", nargs=-1, metavar="PATCH...")
@click.option("--from", "commit", nargs=2, metavar="REPO COMMIT", help="A commit (or range A..B) of a local clone.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write DIR/<subject-slug>.patch (default: the mails on stdout).")
@cache_option()
@click.option("--force", is_flag=True, help="Overwrite existing files that differ.")
def command(specs: tuple[str, ...], commit: tuple[str, str] | None, out: Path | None, cache: Path | None,
            force: bool) -> int:
    """Read patches in any form and write each as a plain mail that git am takes.

    PATCH is a file, a directory, an mbox, `-` (stdin), a message id, or the text of a web archive's page: its white
    space is then restored from the trees in the store. Exits with 1 if something is not a patch.
    """
    from backport.patch.model import Patch, Refused
    from backport.trees.shelf import read_specs
    from backport.trees.store import Store

    if not specs and commit is None:
        raise UserError("nothing to import", hint="give a file, a directory, `-`, or --from REPO COMMIT")
    items = read_specs(specs, Store(cache), commit=commit)
    bad = False
    for item in items:
        if isinstance(item, Refused):
            bad |= not item.skipped
            loud.say(f"{'skipped' if item.skipped else 'invalid'}: {item}")
            if item.hint:
                loud.say(f"  hint: {item.hint}")
            continue
        _write(item, out, force)
    return 1 if bad or not any(isinstance(item, Patch) for item in items) else 0


def _write(patch: Patch, out: Path | None, force: bool) -> None:
    data = patch.render()
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        where = patch.source
    else:
        out.mkdir(parents=True, exist_ok=True)
        target = out / f"{patch.slug}.patch"
        if target.exists() and target.read_bytes() != data and not force:
            raise UserError(f"{target} exists and differs", hint="--force overwrites it")
        write_output(target, data)
        where = str(target)
    loud.say(f"{where}: {len(patch.files)} file{'' if len(patch.files) == 1 else 's'}"
             f"{', to be reviewed' if patch.review else ''}")
    for mark, lines in (("restored", patch.restored), ("doubt", patch.doubts), ("note", patch.said)):
        for line in lines:
            loud.say(f"  {mark}: {line}")
