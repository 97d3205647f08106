"""What several commands share: options, and the patches and trees that they name."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from backport import loud
from backport.errors import BackportError, UserError
from backport.loud import quiet
from backport.report.registry import FORMATS, render, renderer
from backport.version import makefile_version
from backport.wholefile import write_output

if TYPE_CHECKING:
    from backport.manifest import Command, Manifest
    from backport.patch.model import Patch, Refused
    from backport.results.changes import Changes
    from backport.results.run import Run
    from backport.results.store import Results
    from backport.trees.progress import Progress

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def manifest_option() -> Decorator:
    """--manifest: trees.yaml of the current directory, or the one that came with the package."""
    return click.option("--manifest", "manifest_path", type=click.Path(path_type=Path), default=None, metavar="FILE",
                        envvar="BACKPORT_MANIFEST", help="The trees to work on  [default: $BACKPORT_MANIFEST, "
                        "trees.yaml here, or the one that is installed].")


def cache_option() -> Decorator:
    """--cache: where the store, work trees and build directories live."""
    return click.option("--cache", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR",
                        envvar="BACKPORT_CACHE", help="Store, work trees and build directories  "
                        "[default: $BACKPORT_CACHE, or the user's cache directory].")


def db_option() -> Decorator:
    """--db: another results store."""
    return click.option("--db", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                        help="Results store  [default: in the user's state directory].")


def signoff_option() -> Decorator:
    """-s: the same flag everywhere; the name is git's."""
    return click.option("--signoff/--no-signoff", "-s", default=False,
                        help="Add your Signed-off-by, from git's user.name and user.email.")


def offline_option() -> Decorator:
    """--offline."""
    return click.option("--offline", is_flag=True, help="Use only the trees that are in the store.")


def output_option(text: str = "Write to this file instead of stdout.") -> Decorator:
    """-o."""
    return click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help=text)


def format_option(*names: str) -> Decorator:
    """-f: one of `names`, the first by default."""
    return click.option("--format", "-f", "form", type=click.Choice(names), default=names[0], show_default=True,
                        help="How to print it.")


def trees_option(text: str = "Only this tree (linux-6.1.y, 6.1.y or 6.1); may be given several times.", *,
                 required: bool = False) -> Decorator:
    """-t NAME, several times; the names are completed from the manifest."""
    return click.option("--tree", "-t", "names", multiple=True, metavar="NAME", help=text, required=required,
                        shell_complete=_tree_names)


def tree_option(text: str) -> Decorator:
    """-t NAME, once."""
    return click.option("--tree", "-t", "name", default="", metavar="NAME", help=text, shell_complete=_tree_names)


def _tree_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Trees of the manifest. A shell waits for the answer: the file is not validated, and what is wrong with it is not
    said here."""
    from backport.manifest import default_path
    try:
        text = Path(ctx.params.get("manifest_path") or default_path()).read_text("utf-8", "replace")
    except (OSError, BackportError):
        return []
    names = re.findall(r"^ *- \{?name: *['\"]?(?:(linux-([0-9.]+)\.y)|([\w.+-]+))", text, re.MULTILINE)
    found = dict.fromkeys(word for full, series, other in names for word in (series, full, other) if word)
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completion of an argument that is a file, or something else that is not known."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def series_here() -> str:
    """The series of the kernel clone around the current directory. Raises UsageError where that is none."""
    from backport.pick.branches import series_of
    from backport.pick.clone import find

    try:
        clone = find(Path.cwd())
    except UserError:
        raise click.UsageError("say which tree with --tree; this directory is in no kernel clone") from None
    with clone.git() as git:
        series = series_of(makefile_version(git.blob("HEAD:Makefile")))
    if not series:
        raise click.UsageError("say which tree with --tree; this clone is not a kernel tree")
    return series


def scheduler_option() -> Decorator:
    """--scheduler: a Dask scheduler whose workers compute the cells."""
    return click.option("--scheduler", default="", metavar="ADDRESS",
                        help="Hand the cells to the workers of a Dask scheduler (tcp://..., tls://...; docs/scale.md); "
                             "--jobs is not used then.")


def proposer_option() -> Decorator:
    """--proposer: an external proposer, instead of the manifest's."""
    return click.option("--proposer", metavar="CMD", default=None,
                        help="Ask this program about hunks that would be declined (docs/proposers.md)  "
                             "[default: what trees.yaml says, else none].")


def chosen_proposer(text: str | None, manifest: Manifest) -> Command | None:
    """What --proposer or else the manifest names. Raises UserError where there is no such program."""
    from backport.external import command

    return command(text) if text is not None else manifest.proposer


class _Configs(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2
    """kvm-builtin,kvm-min: names of configurations, or `all`."""

    name = "NAME[,NAME...]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(","))


def config_option() -> Decorator:
    """--config: configurations to build; each becomes a column of its own. The value is a flat tuple of names."""
    def flat(ctx: click.Context, _param: click.Parameter, value: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        return tuple(name for found in value for name in found)

    return click.option("--config", "-c", "configs", multiple=True, type=_Configs(), callback=flat,
                        help="Build in these configurations, a column each; `all`: those that trees.yaml lists.  "
                             "[default: the first that it lists]")


class _Architectures(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2
    """arm64,s390: names of backport/architecture.py."""

    name = "NAME[,NAME...]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        from backport.architecture import ARCHITECTURES

        if isinstance(value, tuple):
            return value
        known = [one.name for one in ARCHITECTURES]
        found = tuple(part.strip() for part in str(value).split(","))
        for name in found:
            if name not in known:
                self.fail(f"there is no architecture named {name!r}; known: {', '.join(known)}", param, ctx)
        return found


def arch_option() -> Decorator:
    """--arch: architectures to build for as well. The value is a flat tuple of names."""
    def flat(ctx: click.Context, _param: click.Parameter, value: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for names in value for name in names))

    return click.option("--arch", "architectures", multiple=True, type=_Architectures(), callback=flat,
                        help="Build what is outside arch/ for these architectures as well; what one of them does not "
                             "build is a note.")


def read_manifest(path: Path | None) -> Manifest:
    """Load it, or say where one comes from."""
    from backport.manifest import default_path, load

    path = path or default_path()
    if not path.is_file():
        raise click.UsageError(f"there is no {path}; run in a checkout of backport, or give --manifest FILE")
    return load(path)


def one_patch(found: Sequence[Patch | Refused], instead: str) -> Patch:
    """The patch of a command that takes one; `instead` is the one that takes many. Raises UsageError, or UserError
    where it cannot be read."""
    from backport.patch.model import Refused

    if len(found) != 1:
        raise click.UsageError(f"this command takes one patch, not {len(found)}; use `{instead}` for several")
    only = found[0]
    if isinstance(only, Refused):
        raise UserError(str(only), hint=only.hint)
    return only


def check_configs(configs: Sequence[str], no_build: bool, manifest: Manifest) -> None:
    """UsageError where a configuration is not known, or where some are named and nothing is to be built in them."""
    from backport.kbuild.config import ALL, names

    known = (ALL, *names(manifest.directory))
    for name in configs:
        if name not in known:
            raise click.BadParameter(f"there is no configuration named {name!r}; known: {', '.join(known)}",
                                     param_hint="'--config' / '-c'")
    if configs and no_build:
        raise click.UsageError("--config and --no-build exclude each other")


def cache_or_default(cache: Path | None) -> Path:
    """The directory that --cache means."""
    from backport.trees.store import default_cache

    return cache or default_cache()


def read_patches(names: Sequence[str], cache: Path, clone: tuple[str, str] | None = None) -> list[Patch | Refused]:
    """What the arguments name (and a commit of a local clone), or everything in patches/; says on stderr what was
    passed over. A page of a web archive gets its white space from the trees that the store in `cache` has. Raises
    click.UsageError where there is nothing to work on.
    """
    from backport.patch.model import Refused
    from backport.trees.shelf import read_specs
    from backport.trees.store import Store

    found = []
    for patch in read_specs(names if names or clone else ["patches"], Store(cache), commit=clone):
        if isinstance(patch, Refused) and patch.skipped:
            if patch.source.endswith(".repro"):      # the reproducer beside a patch: --boot takes it
                continue
            loud.say(f"skipped {patch.source}: {patch.reason}")
        else:
            found.append(patch)
    if not found:
        raise click.UsageError("no patch to work on; name one, or put it into patches/")
    return found


def check_format(form: str, output: Path | None) -> None:
    """Before any work: a format that makes a directory wants to know where. Raises click.UsageError."""
    if FORMATS[form].site and output is None:
        raise click.UsageError(f"--format {form} writes a directory; name it with --output DIR")


def check_writable(output: Path | None) -> None:
    """Before any work: can the file be written at all? Raises UserError."""
    if output is None:
        return
    folder = output.parent
    if not folder.is_dir():
        raise UserError(f"cannot write {output}: there is no directory {folder}")
    if output.is_dir() or not os.access(output if output.exists() else folder, os.W_OK):
        raise UserError(f"cannot write {output}: it is a directory, or not yours to write")


def publish(form: str, run: Run, results: Results, output: Path | None, *, changes: Changes | None = None) -> None:
    """A run in one of the FORMATS, to stdout or `output`; a site goes to a directory and its index is printed."""
    from backport.report.colour import wanted
    from backport.results.changes import since

    cells = results.cells(run)
    if FORMATS[form].site and output is not None:
        if changes is None and results.latest(
                kind=run.kind, before=run.id, finished=True, manifest=run.manifest) is not None:
            changes = since(results, run)            # a first run has nothing that it could differ from
        click.echo(renderer(form).write(run, cells, output, changes=changes, marks=results.marks(run)))
    else:
        emit(render(form, run, cells, changes=changes, width=terminal_width(output), colour=wanted(output)), output)


def terminal_width(output: Path | None) -> int:
    """Columns to fit a report into; 0 (no limit) for a file, and for a pipe unless $COLUMNS says."""
    if output is None and (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()):
        return shutil.get_terminal_size().columns
    return 0


def fetching(*, silent: bool = False) -> Progress:
    """What a person is told while trees are fetched: bars on a terminal, a line for each step elsewhere; with -q, or
    where it is to be `silent`, nothing."""
    from backport.report.escape import line
    from backport.trees.progress import TerminalProgress
    return TerminalProgress(shown=line, quiet=silent or quiet())


def emit(data: bytes, output: Path | None) -> None:
    """Write a report to stdout, or replace a file with it in one step (a reader never sees half of it)."""
    if output is None:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:          # `| head` has seen enough; Python would complain once more at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    write_output(output, data)
