"""`backport show`: read the results store; computes nothing."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    check_format,
    db_option,
    emit,
    format_option,
    publish,
    terminal_width,
)
from backport.errors import UserError
from backport.report.registry import FORMATS

if TYPE_CHECKING:
    from backport.cell import Cell
    from backport.results.changes import Changes
    from backport.results.run import Run
    from backport.results.store import Results


@click.command("show")
@click.argument("run", required=False, default="")
@format_option(*FORMATS)
@click.option("--changes", is_flag=True, help="Only what changed since the run before (or since --since).")
@click.option("--since", "earlier", metavar="RUN|DATE",
              help="Compare with this run, or with the last one up to DATE (or an age: 2d, 12h).")
@click.option("--cell", nargs=2, metavar="PATCH TREE", help="Everything that is known about one cell.")
@click.option("--log", is_flag=True, help="With --cell: the build log.")
@click.option("--mail", is_flag=True, help="With --cell: the adapted mail.")
@click.option("--watch", is_flag=True, help="Follow a run in progress.")
@click.option("--runs", is_flag=True, help="List the runs.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write to this file (html: a directory).")
@db_option()
def command(run: str, form: str, changes: bool, earlier: str | None, cell: tuple[str, str] | None, log: bool,
            mail: bool, watch: bool, runs: bool, output: Path | None, db: Path | None) -> int:
    """Show the matrix of a run again (the last one, or its number), also while it works."""
    from backport.cell import exit_code
    from backport.report.cell import render as render_cell
    from backport.report.matrix import matrix
    from backport.results.changes import since
    from backport.results.store import Results, default_path

    check_format(form, output)
    path = db or default_path()
    if not path.exists():
        raise UserError(f"no results yet in {path}", hint="`backport run` makes some")
    if (log or mail) and not cell:
        raise UserError("--log and --mail want --cell PATCH TREE")
    with Results(path) as results:
        if runs:
            emit(_list(results), output)
            return 0
        chosen = _choose(results, run)
        if watch:
            return _watch(results, chosen, output)
        if cell:
            found = _cell(matrix(chosen, results.cells(chosen)).cells, chosen, *cell)
            past = results.history(found.patch, found.column, manifest=chosen.manifest)
            emit(_log(found) if log else found.adapted if mail else _text(render_cell(chosen, found, past)), output)
            return 0
        compared = None
        if changes or earlier:
            compared = since(results, chosen, _earlier(results, chosen, earlier) if earlier else None)
        if changes and form == "text":
            emit(_changes(compared, terminal_width(output)), output)
        else:
            publish(form, chosen, results, output, changes=compared)
        return exit_code(results.cells(chosen))


def _choose(results: Results, name: str) -> Run:
    if name in ("", "last"):
        here = _manifest_here()
        found = results.latest(manifest=here) or results.latest()
        if found is None:
            raise UserError(f"no run in {results.path}", hint="`backport run` makes one")
        if here and found.manifest not in ("", here):
            loud.say(f"no run of {here} yet: run {found.id} is of {found.manifest}")
        return found
    if not name.isdecimal():
        raise UserError(f"a run is a number, not {name!r}", hint="`backport show --runs` lists them")
    found = results.run(int(name))
    if found is None:
        raise UserError(f"no run {name} in {results.path}", hint="`backport show --runs` lists them")
    return found


def _manifest_here() -> str:
    """The manifest that a run would use here, "" where there is none."""
    from backport.manifest import default_path

    with suppress(UserError):
        return str(default_path().resolve())
    return ""


def _earlier(results: Results, run: Run, text: str) -> Run:
    """The run to compare with: a number, a date (UTC), or an age such as 2d or 12h."""
    if text.isdecimal():
        return _choose(results, text)
    age = re.fullmatch(r"(\d+)([mhdw])", text)
    if age:
        unit = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[age.group(2)]
        limit = time.time() - timedelta(**{unit: int(age.group(1))}).total_seconds()
    else:
        try:
            limit = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        except ValueError as error:
            raise UserError(f"--since {text}: neither a run, a date (2026-11-22) nor an age (2d)") from error
    before = [other for other in results.runs(before=run.id, manifest=run.manifest) if other.started <= limit]
    if not before:
        raise UserError(f"no run before {text}", hint="`backport show --runs` lists them")
    return before[0]


def _cell(cells: Sequence[Cell], run: Run, patch: str, tree: str) -> Cell:
    trees = {name for cell in cells for name in (cell.column, cell.tree)}
    bare, slash, config = tree.partition("/")
    short = bare.removeprefix("linux-").removesuffix(".y")
    name = tree if tree in trees else f"linux-{short}.y{slash}{config}"
    found = [cell for cell in cells if name in (cell.column, cell.tree)
             and (cell.patch == patch or patch in cell.patch)]
    exact = [cell for cell in found if cell.patch == patch]
    found = exact or found
    if len(found) != 1:
        known = sorted({cell.patch for cell in (found or cells)})[:10]
        count = "more than one" if found else "no"
        raise UserError(f"{count} cell for patch {patch!r} on tree {tree!r} in run {run.id}",
                        hint=f"patches: {', '.join(known)}; trees: "
                             f"{', '.join(sorted({cell.column for cell in cells}))}")
    return found[0]


def _log(cell: Cell) -> bytes:
    if not cell.log:
        raise UserError(f"{cell.patch} on {cell.column} has no log: {cell.build.legend}")
    try:
        return Path(cell.log).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the log {cell.log}: {error.strerror}",
                        hint="`backport gc` removes old ones; `backport run --force` builds again") from error


def _changes(compared: Changes | None, width: int) -> bytes:
    from backport.report.text import render_changes

    return _text((render_changes(compared, width=width) if compared else "") or "Nothing changed.\n")


def _list(results: Results) -> bytes:
    from backport.report.matrix import status_line, tally_of

    found = results.runs(limit=50)
    several = len({run.manifest for run in found if run.manifest}) > 1
    rows = []
    for run in found:
        counts = results.counts(run)
        tallied = tally_of([(apply, build, booted, count) for apply, build, booted, _cached, count in counts])
        line = status_line(run, tallied, sum(count for *_said, cached, count in counts if cached))
        rows.append(line + (f"; {run.manifest}" if several and run.manifest else ""))
    return _text("".join(f"{row}\n" for row in rows) or "No runs.\n")


def _text(made: str) -> bytes:
    return made.encode("utf-8", "backslashreplace")


def _watch(results: Results, run: Run, output: Path | None) -> int:
    """Follow the run to its end, then the matrix."""
    from backport.cell import exit_code
    from backport.report.watch import watch

    ended = watch(results, run, sys.stderr)
    if ended is None:
        loud.say(f"run {run.id} is still running; `backport show --watch` follows it again")
        return 130
    publish("text", ended, results, output)
    return exit_code(results.cells(ended))
