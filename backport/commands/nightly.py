"""`backport nightly`: everything under patches/ on every tree, every night; a word only about what changed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
    check_configs,
    config_option,
    db_option,
    emit,
    fetching,
    files,
    manifest_option,
    read_manifest,
    read_patches,
    scheduler_option,
    trees_option,
)
from backport.loud import watched
from backport.report.registry import renderer

if TYPE_CHECKING:
    from backport.manifest import Manifest
    from backport.nightly.night import Night, Runner
    from backport.results.run import Run
    from backport.results.store import Results


class _Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2
    """90, 90s, 45m, 6h: seconds."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(value))
        if match is None or float(match.group(1)) <= 0:
            self.fail(f"{value!r} is not a duration such as 90, 45m or 6h", param, ctx)
        return float(match.group(1)) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match.group(2)]


@click.command("nightly")
@click.argument("patches", nargs=-1, metavar="[PATCH]...", shell_complete=files)
@trees_option()
@config_option()
@click.option("--no-build", is_flag=True, help="Stop after the check; nothing is compiled.")
@click.option("--jobs", "-j", default=1, show_default=True, type=click.IntRange(1), help="Trees at once.")
@scheduler_option()
@click.option("--offline", is_flag=True, help="Do not update the trees; use what is in the store.")
@click.option("--require-sandbox", is_flag=True, help="Refuse to build without a sandbox.")
@click.option("--boot", is_flag=True, help="Boot each tree without and with the patch (see `backport run`).")
@click.option("--audit/--no-audit", default=True, show_default=True,
              help="Look through what the trees got for backports that went wrong.")
@click.option("--timeout", type=_Duration(), help="Stop cleanly after this time (6h, 90m); the next night continues.")
@click.option("--mail-to", multiple=True, metavar="ADDRESS",
              help="Mail the report to this address; without it nothing is sent.")
@click.option("--mail-config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Sender and SMTP server (default: mail.yaml in the user's configuration; else the local sendmail).")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the report here instead of stdout; only on change.")
@click.option("--html", "site", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Keep the HTML report of the last night here.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N",
              help="Afterwards, free the disk space of all but the newest N nights (see `backport gc`).")
@db_option()
@manifest_option()
@cache_option()
def command(patches: tuple[str, ...], names: tuple[str, ...], configs: tuple[str, ...], no_build: bool, jobs: int,
            scheduler: str, offline: bool, require_sandbox: bool, boot: bool, audit: bool, timeout: float | None,
            mail_to: tuple[str, ...], mail_config: Path | None, output: Path | None, site: Path | None,
            keep: int | None, db: Path | None, manifest_path: Path | None, cache: Path | None) -> int:
    """Update the trees, compute what changed since the night before, and report only that.

    Silent when nothing changed. The first night prints the whole matrix. A night that was stopped (SIGTERM,
    --timeout) is continued by the next one, which also reports what it had found.

    \b
    Exit code: as for `backport run`; 3 also if another night is running or the time limit was reached.
    """
    from backport.context import Options
    from backport.nightly.audit import NightAudit
    from backport.nightly.lock import only_one
    from backport.nightly.mail import address, load_server
    from backport.nightly.night import KIND, night
    from backport.results.store import Results, default_path
    from backport.stop import Stopped, stoppable
    from backport.trees.store import Store
    from backport.workflow import Request, run

    manifest = read_manifest(manifest_path)
    check_configs(configs, no_build, manifest)
    recipients = [address(text) for text in mail_to]
    server = load_server(mail_config) if recipients else None
    path = db or default_path()
    try:
        with only_one(path.with_name("nightly.lock"), "a night"), stoppable(timeout), Results(path) as results:
            request = Request(
                patches=read_patches(patches, cache_or_default(cache)), manifest=manifest,
                cache=cache_or_default(cache), trees=names,
                options=Options(build=not no_build, require_sandbox=require_sandbox, boot=boot,
                                proposer=manifest.proposer),
                update=not offline, offline=offline, jobs=jobs, scheduler=scheduler, configs=configs, kind=KIND,
                command=" ".join(["backport", *sys.argv[1:]]))
            # cron mails what a night prints
            progress = fetching() if watched() else None
            runner = _told_when_stopped(lambda store: run(request, store, progress))
            auditor = NightAudit(Store(cache_or_default(cache)), results, manifest) if audit else None
            made = night(results, runner, mail_to=recipients, server=server, auditor=auditor,
                         tell=lambda told: emit(told.report.encode("utf-8", "backslashreplace"), output))
            if site is not None:
                _write_site(results, made, site)
            if keep is not None:
                _tidy(results, manifest, cache_or_default(cache), keep)
            return made.exit_code
    except Stopped as stopped:
        loud.say(f"backport: {stopped.reason}; the next night continues from here")
        return 3 if stopped.timed_out else 130


def _told_when_stopped(runner: Runner) -> Runner:
    """Say how far a night got that did not come to its end."""
    from backport.nightly.night import KIND
    from backport.report.live import status
    from backport.report.matrix import tally

    def work(results: Results) -> Run:
        try:
            return runner(results)
        except KeyboardInterrupt:
            stopped = results.latest(kind=KIND)          # one night at a time: the newest is this one
            if stopped is not None and stopped.finished is None:
                loud.say(f"stopped at {status(tally(results.cells(stopped)), stopped.total)}")
            raise
    return work


def _write_site(results: Results, made: Night, site: Path) -> None:
    renderer("html").write(made.run, made.cells, site, changes=None if made.first else made.changes,
                           marks=results.marks(made.run))


def _tidy(results: Results, manifest: Manifest, cache: Path, keep: int) -> None:
    """What `backport gc` does, without a word on stdout: a quiet night stays quiet."""
    from backport.nightly.gc import collect
    from backport.trees.store import Store

    for one in collect(Store(cache), results, manifest, keep=keep):
        if watched():
            loud.say(f"freed {one}")
