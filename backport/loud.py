"""How much a command says on stderr: -q for errors only, -v for every git command as well. Answers do not change."""

from __future__ import annotations

import contextlib
import sys

import click

_QUIET, _PLAIN, _VERBOSE = -1, 0, 1
_level = _PLAIN


def quiet() -> bool:
    """True where neither progress nor explanations are wanted."""
    return _level == _QUIET


def verbose() -> bool:
    """True where each git command is to be told."""
    return _level == _VERBOSE


def watched() -> bool:
    """Whether somebody looks at stderr: a terminal is there. None is where it was closed."""
    return sys.stderr is not None and sys.stderr.isatty()


def explain(text: str) -> None:
    """Something that helps a person and that no program reads: on stderr, unless -q."""
    if not quiet():
        say(text)


def trace(text: str) -> None:
    """A line for -v."""
    if verbose():
        say(text)


def say(text: str) -> None:
    """What is said also with -q. The answer and the exit code do not depend on a stderr that is full or that nobody
    reads any more."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def reset() -> None:
    """As if neither option had been given; the command line does it first, for a process that runs several."""
    global _level
    _level = _PLAIN


def _set(level: int, given: bool) -> None:
    global _level
    if given:
        _level = level


def add_options(command: click.Command) -> None:
    """-v and -q for `command`, once."""
    if any("--quiet" in param.opts for param in command.params):
        return
    command.params += [
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, help="Also print each git command.",
                     callback=lambda _ctx, _param, given: _set(_VERBOSE, given)),
        click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, help="Print errors and results only.",
                     callback=lambda _ctx, _param, given: _set(_QUIET, given)),
    ]
