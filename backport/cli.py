"""The `backport` command: arguments and exit codes, nothing else. Each command is a file in backport/commands/."""

from __future__ import annotations

import contextlib
import difflib
import gc
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import click

from backport import __version__, loud
from backport.errors import BackportError, InfraError
from backport.stop import Stopped, stoppable

# name -> one line of help; `command` is in the module of that name (import_ for import). A module is read only when it
# is asked for, so that `backport --help` and completion do not pay for a C parser.
COMMANDS: dict[str, str] = {
    "pick": "Apply fixes to a branch of the kernel clone in the current directory.",
    "resolve": "Lay a conflict out in a work tree, and keep what you make of it.",
    "adapt": "Adapt one patch to one tree or several; the mail goes to stdout.",
    "run": "Carry every patch to every tree, build, and print the matrix.",
    "show": "Print the matrix of a run again, or everything about one cell.",
    "mail": "Write submissions, FAILED notices and replies; nothing is sent.",
    "queue": "Write the good cells of a run as a stable queue, or test a queue.",
    "nightly": "Update the trees, compute what changed, and report only that.",
    "audit": "Find backports that went wrong, in a tree's past or in a queue.",
    "inspect": "Lay out everything that is known about one patch.",
    "prerequisites": "Find the commits that a patch needs first.",
    "boot": "Boot a tree without and with the patch, and run its reproducer.",
    "import": "Turn a mail, mbox, notice or archive page into a plain patch.",
    "trees": "List the trees, fetch them, pin releases.",
    "init": "Write a trees.yaml from the branches that a kernel clone has.",
    "rules": "List and test the rules, or mine new ones.",
    "doctor": "Check the programs and settings that the other commands need.",
    "gc": "Remove old runs, build directories and objects.",
    "replay": "Measure the answers on real backports.",
    "completion": "Print the completion for bash, zsh or fish.",
    "man": "Print a manual page.",
}

_EPILOG = """\b
Examples, in a kernel clone:
  backport pick 4f2a9c1d0b3e -s                     one fix onto the branch that is checked out
  backport pick v7.1..fixes --onto linux-5.10.y     a range, onto another branch
  backport pick fix.eml --mail > fix-6.1.eml        a mail in, a mail out; the clone is only read
  backport pick --continue                          after you resolved a conflict

\b
With trees.yaml (`backport init` writes one):
  backport adapt fix.patch -t 5.10 > f && git am f  one patch, one tree
  backport adapt fix.patch -t 6.1 -t 5.10 -o out/   one patch, several trees
  backport run                                      patches/ on every tree
  backport show --cell fix 5.10                     why a cell is what it is
  backport resolve patches/fix.patch -t 5.10        work on a conflict
  backport queue export --to stable-queue -s        what is good, for quilt
  backport mail FAILED.eml -s                       a FAILED notice in, the submission out

\b
Your defaults (sign-off, manifest, cache, mail): ~/.config/backport/config.yaml
Variables: BACKPORT_MANIFEST, BACKPORT_CACHE, BACKPORT_STATE, XDG_CONFIG_HOME
Completion: eval "$(backport completion bash)"      Manual: backport man pick | man -l -
"""


def _module(name: str) -> str:
    return f"backport.commands.{name}_" if name == "import" else f"backport.commands.{name}"


class _Lazy(click.Group):
    """Reads the module of a command when the command is asked for; its one line of help is in COMMANDS."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None,
                     **extra: Any) -> click.Context:
        loud.reset()
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(_module(cmd_name)).command
        command.short_help = COMMANDS[cmd_name]
        for one in _tree(command):
            loud.add_options(one)
        values = (ctx.default_map or {}).get(cmd_name)
        if isinstance(command, click.Group) and values is not None:
            values.update({name: dict(values) for name in command.commands})
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]
                        ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.55)
            found = f" Did you mean {' or '.join(near)}?" if near else " `backport --help` lists the commands."
            ctx.fail(f"No such command {name!r}.{found}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]


def _tree(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from _tree(one)


@click.group(cls=_Lazy, epilog=_EPILOG, context_settings={
    "help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="backport",
                      message="%(prog)s (kernel-backport) %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Carry an upstream Linux kernel patch to every stable tree, and prove what happened."""
    from backport.configuration import defaults

    told = defaults()
    ctx.default_map = {name: dict(told) for name in COMMANDS} if told else None


loud.add_options(cli)


def collect_rarely() -> None:
    """From now on Python looks for cycles after 50,000 new objects instead of 700. The lines, tokens and nodes of one
    file are as many, hardly one is in a cycle, and looking took 8 % of a cell."""
    gc.set_threshold(50_000, 20, 20)


def main() -> None:
    """Entry point: run, and turn errors into one message and an exit code (backport.errors)."""
    collect_rarely()
    try:
        with stoppable():
            code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        with contextlib.suppress(OSError):           # a stderr that is full: see loud.say
            if sys.stderr is not None:               # click would take stdout, where the answer goes
                error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as error:
        stopped = error.__context__ if isinstance(error, click.Abort) else error      # click makes one of the other
        reason = stopped.reason if isinstance(stopped, Stopped) else "interrupted"
        loud.say(f"{reason}; everything on disk was restored")
        sys.exit(130)
    except BackportError as error:
        loud.say(f"backport: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as error:
        from backport.kbuild.failure import machine_trouble  # only here: `backport --help` does not pay for it

        met = machine_trouble(error)
        loud.say(f"backport: {met.what}\n  hint: {met.hint}")
        sys.exit(InfraError.exit_code)
    except Exception as error:
        if type(error).__module__ != "sqlite3":
            raise
        loud.say(f"backport: a file of the cache cannot be read or written: {error}\n  hint: look at the mode of the "
                 "cache directory, at its disk, and whether its file system has locks; history.sqlite and index/ "
                 "there are made anew")
        sys.exit(InfraError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
