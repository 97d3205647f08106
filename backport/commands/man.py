"""`backport man`: manual pages, from the same text as --help."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from backport import __version__
from backport.errors import UserError


@click.command()
@click.argument("name", required=False, default="", metavar="[COMMAND]")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write the page of every command there (DIR/backport-pick.1 ...).")
def command(name: str, to: Path | None) -> int:
    """Print the manual page of COMMAND, or of backport itself.

    \b
    backport man pick | man -l -
    backport man --to ~/.local/share/man/man1       then `man backport-pick`
    """
    root = click.Context(click.get_current_context().find_root().command, info_name="backport")
    group = root.command
    assert isinstance(group, click.Group)
    if to is None:
        click.echo(page(_context(root, name) if name else root), nl=False)
        return 0
    try:
        to.mkdir(parents=True, exist_ok=True)
        for one in ("", *group.list_commands(root)):
            made = page(_context(root, one) if one else root)
            (to / f"backport{'-' * bool(one)}{one}.1").write_text(made, "utf-8")
    except OSError as error:
        raise UserError(f"cannot write {to}: {error.strerror}") from error
    return 0


def _context(root: click.Context, name: str) -> click.Context:
    assert isinstance(root.command, click.Group)
    found = root.command.get_command(root, name)
    if found is None:
        raise UserError(f"there is no command {name}", hint="`backport --help` lists them")
    return click.Context(found, info_name=name, parent=root)


def page(ctx: click.Context) -> str:
    """The page of one command as man(7) has it; sub-commands of a group are on the page of the group."""
    command, title = ctx.command, ctx.command_path.replace(" ", "-")
    short = command.short_help or command.get_short_help_str(200)
    rows = [f'.TH "{title.upper()}" 1 "" "kernel-backport {__version__}"', ".SH NAME",
            f"{_text(title)} \\- {_text(short.rstrip('.'))}", ".SH SYNOPSIS", *_usage(ctx),
            ".SH DESCRIPTION", *_prose(command.help or ""), ".SH OPTIONS", *_options(ctx)]
    if isinstance(command, click.Group):
        rows.append(".SH COMMANDS")
        for name in command.list_commands(ctx):
            one = command.get_command(ctx, name)
            if one is None:
                continue
            rows += [".TP", f".B {_text(name)}", _text(one.short_help or one.get_short_help_str(200))]
            if ctx.parent is not None:
                inner = click.Context(one, info_name=name, parent=ctx)
                rows += [".RS", *_usage(inner), *_prose(one.help or ""), *_options(inner), ".RE"]
    if command.epilog:
        rows += [".SH EXAMPLES", *_prose(command.epilog)]
    if ctx.parent is not None:
        rows += [".SH SEE ALSO", ".BR backport (1)"]
    return "\n".join(rows) + "\n"


def _usage(ctx: click.Context) -> list[str]:
    return [f".B {_text(ctx.command_path)}", _text(" ".join(ctx.command.collect_usage_pieces(ctx)))]


def _options(ctx: click.Context) -> Iterator[str]:
    for param in ctx.command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _prose(text: str) -> Iterator[str]:
    """Paragraphs as click has them; one behind a line with backspace is kept as it stands."""
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        rows = paragraph.split("\n")
        if number:
            yield ".PP"
        if rows[0] == "\b":
            yield from (".nf", *(_text(row) for row in rows[1:]), ".fi")
        else:
            yield _text(" ".join(row.strip() for row in rows))


def _text(text: str) -> str:
    """A line in which nothing is a request or an escape of roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
