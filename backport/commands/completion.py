"""`backport completion`: click's own completion of commands, options, trees and files, as a script for the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion for SHELL. One line in ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish installs it:

    \b
    eval "$(backport completion bash)"
    eval "$(backport completion zsh)"
    backport completion fish | source
    """
    found = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(root.command, {}, "backport", "_BACKPORT_COMPLETE").source())
    return 0
