"""`backport run`: every patch on every tree, recorded, and the matrix."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from backport.commands.common import (
    arch_option,
    cache_option,
    cache_or_default,
    check_configs,
    check_format,
    chosen_proposer,
    config_option,
    db_option,
    fetching,
    files,
    format_option,
    manifest_option,
    offline_option,
    proposer_option,
    publish,
    read_manifest,
    read_patches,
    scheduler_option,
    trees_option,
)
from backport.report.registry import FORMATS


@click.command()
@click.argument("patches", nargs=-1, metavar="[PATCH]...", shell_complete=files)
@trees_option("Only this tree (linux-6.1.y, 6.1.y or 6.1), or an exact release (6.1.176); may be given several times.")
@click.option("--from", "clone", nargs=2, metavar="REPO COMMIT", help="Take the patch from a commit of a local clone.")
@config_option()
@arch_option()
@click.option("--no-build", is_flag=True, help="Stop after the check; nothing is compiled.")
@click.option("--jobs", "-j", default=1, show_default=True, type=click.IntRange(1), help="Trees at once.")
@scheduler_option()
@click.option("--force", is_flag=True, help="Recompute cells even if nothing has changed.")
@click.option("--update", is_flag=True, help="Ask the sources of the trees again, including hosts that did not answer.")
@offline_option()
@click.option("--strict", is_flag=True, help="Exit with 1 if a cell needs review.")
@proposer_option()
@click.option("--require-sandbox", is_flag=True, help="Refuse to build without a sandbox.")
@click.option("--boot", is_flag=True, help="Boot each tree without and with the patch and run its reproducer "
              "(PATCH.repro beside it), or the smoke test.")
@format_option(*FORMATS)
@click.option("--output", "-o", type=click.Path(path_type=Path),
              help="Write the report here instead of stdout (html: a directory).")
@db_option()
@manifest_option()
@cache_option()
def command(patches: tuple[str, ...], names: tuple[str, ...], clone: tuple[str, str] | None,
            configs: tuple[str, ...], architectures: tuple[str, ...], no_build: bool, jobs: int, scheduler: str,
            force: bool, update: bool, offline: bool, strict: bool, proposer: str | None, require_sandbox: bool,
            boot: bool, form: str, output: Path | None, db: Path | None, manifest_path: Path | None,
            cache: Path | None) -> int:
    """Carry every PATCH to every tree, build before and after, record each outcome, print the matrix.

    PATCH is a file, a directory, an mbox or - for stdin; without any, everything in patches/ is taken.
    Cells for which nothing has changed since they were computed are read back (`cached`).

    \b
    Exit code: 0 every cell is good or needs nothing; 1 something needs a person (conflict, suspect, fail, warn,
    not-compiled, invalid); 3 the environment failed (a required tree, the compiler, the disk); 2 usage;
    130 Ctrl-C or SIGTERM.
    """
    from backport.context import Options
    from backport.results.store import Results
    from backport.workflow import Request, run

    manifest = read_manifest(manifest_path)
    check_configs(configs, no_build, manifest)
    if architectures and (no_build or configs):
        raise click.UsageError("--arch is for builds in each tree's own configuration, not with "
                               + ("--no-build" if no_build else "--config"))
    check_format(form, output)
    place = cache_or_default(cache)
    request = Request(
        patches=read_patches(patches, place, clone), manifest=manifest, cache=place, trees=names,
        options=Options(build=not no_build, strict=strict, require_sandbox=require_sandbox, boot=boot,
                        architectures=architectures,
                        proposer=chosen_proposer(proposer, manifest)),
        update=update, offline=offline, force=force, jobs=jobs,
        scheduler=scheduler, configs=configs,
        command=" ".join(["backport", *sys.argv[1:]]))
    with Results(db) as results:
        record = run(request, results, fetching())
        publish(form, record, results, output)
    return record.exit_code or 0
