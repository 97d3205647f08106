"""The `backport` command: arguments and exit codes, nothing else. Each command is a file in backport/commands/."""

from __future__ import annotations

import importlib
import sys

import click

from backport import __version__
from backport.errors import BackportError, InfraError

# name -> module in backport/commands that defines `command`; read only when it is asked for, so that
# `backport --version` does not pay for a C parser
COMMANDS: dict[str, str] = {
    "run": "run",
    "pick": "pick",
    "resolve": "resolve",
    "init": "init",
    "adapt": "adapt",
    "show": "show",
    "nightly": "nightly",
    "gc": "gc",
    "rules": "rules",
    "trees": "trees",
    "boot": "boot",
    "import": "import_",
    "queue": "queue",
    "mail": "mail",
    "inspect": "inspect",
    "doctor": "doctor",
    "replay": "replay",
    "prerequisites": "prerequisites",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = importlib.import_module(f"backport.commands.{module}").command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="backport")
def cli() -> None:
    """Carry an upstream Linux kernel patch to every stable tree, and prove what happened.

    \b
    backport run                        every patch in patches/ on every tree in trees.yaml
    backport adapt FIX.patch --tree linux-5.10.y > out.patch     one patch, one branch
    backport mail FAILED.eml --signoff  a FAILED notice in, the submission, adapted and built, out
    backport show                       the last matrix again
    """


def main() -> None:
    """Entry point: run, and turn errors into one message and an exit code (backport.errors)."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; everything on disk was restored", err=True)
        sys.exit(130)
    except BackportError as error:
        click.echo(f"backport: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as error:
        from backport.kbuild.failure import machine_trouble  # only here: `backport --help` does not pay for it

        met = machine_trouble(error)
        click.echo(f"backport: {met.what}\n  hint: {met.hint}", err=True)
        sys.exit(InfraError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
