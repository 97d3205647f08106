"""`backport replay`: real backports with the answer hidden, and how often the rewriter finds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import click
from tqdm import tqdm

from backport.errors import UserError
from backport.git import Git
from backport.replay import table
from backport.replay.cases import Case
from backport.replay.history import history_cases
from backport.replay.releases import REF, known_release, release_cases
from backport.replay.run import Plan, indexes, installed, run
from backport.replay.show import show
from backport.trees.index import Index
from backport.trees.store import Store


@click.command("replay")
@click.option("--from", "newer", default="", metavar="X.Y.Z,...",
              help="Releases of the newer branch, oldest first; each consecutive pair is a delta.")
@click.option("--to", "older", default="", metavar="X.Y.Z,...", help="Releases of the older branch, likewise.")
@click.option("--repo", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Instead of releases: a clone with history.")
@click.option("--branch", default="HEAD", show_default=True, help="With --repo: a stable branch, or a range of it.")
@click.option("--store", "store_path", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Bare repository with refs/releases/X.Y.Z (default: the one in the cache).")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), envvar="BACKPORT_CACHE",
              help="Cache directory.")
@click.option("--baselines", is_flag=True, help="Also git apply -C1, git merge-file, patch -F3 and wiggle.")
@click.option("--names/--no-names", default=True, show_default=True,
              help="Look added names up in an index of the whole tree (built once per release).")
@click.option("--show", "which", type=int, metavar="N", help="Print case N (from 0) instead of running all.")
@click.option("--list", "listing", type=click.Choice(["exact", "wrong", "none"]),
              help="List the cases with that score.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write every case as JSON there.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=2, show_default=True)
def command(newer: str, older: str, repo: Path | None, branch: str, store_path: Path | None, cache: Path | None,
            baselines: bool, names: bool, which: int | None, listing: str | None, form: str, output: Path | None,
            jobs: int) -> int:
    """Replay real backports: hide what the maintainers made of them, adapt, compare.

    \b
    backport replay --from 6.1.164,6.1.170 --to 5.10.251,5.10.257 --baselines
    backport replay --repo linux-stable --branch v6.1..v6.1.20
    """
    if repo is not None:
        source, at, plan = partial(history_cases, branch=branch), repo, Plan()
    else:
        if not newer or not older:
            raise UserError("replay needs --from and --to, or --repo", hint="backport replay --help")
        at = store_path if store_path is not None else Store(cache).path
        source = partial(release_cases, newer=newer.split(","), older=older.split(","))
        plan = _names(at, newer.split(","), older.split(",")) if names else Plan()
    plan = replace(plan, baselines=installed() if baselines else ())
    if which is not None:
        case = _nth(source, at, which)
        click.echo(show(case, *indexes(case, plan)))
        return 0
    with Git(at) as git, tqdm(unit="case", disable=None) as bar:
        outcomes = run(source(git), plan, jobs=jobs, progress=lambda n: _advance(bar, n))
    if output is not None:
        data = table.summary(outcomes) | {"outcomes": [{"number": n} | o.as_dict() for n, o in enumerate(outcomes)]}
        output.write_text(json.dumps(data, indent=1) + "\n")
    if listing is not None:
        for number, outcome in enumerate(outcomes):
            if outcome.score == listing:
                click.echo(f"{number:5} {'certain' if outcome.certain else 'review':7} {outcome.name} "
                           f"{','.join(outcome.signals)} {outcome.reason}".rstrip())
        return 0
    click.echo(json.dumps(table.summary(outcomes), indent=1) if form == "json" else table.text(outcomes))
    return 0


def _nth(source: Callable[[Git], Iterator[Case]], at: Path, which: int) -> Case:
    """Case `which`; UserError where there are not so many."""
    count = 0
    with Git(at) as git:
        for case in source(git):
            if count == which:
                return case
            count += 1
    raise UserError(f"there is no case {which}", hint=f"0 to {count - 1}" if count else "there are no cases")


def _names(path: Path, newer: list[str], older: list[str]) -> Plan:
    """The plan that looks names up, with the indexes built."""
    with Git(path) as git:
        for version in (*newer, *older):
            known_release(git, version)
        # only trees from before a delta: the index of a later release would know what the maintainers added
        first = [old for old, _new in pairwise(older)]
        sources = [old for old, _new in pairwise(newer)]
        commits = {version: git.rev(REF + version) or "" for version in (*first, *sources)}
    for commit in commits.values():
        index = Index(path, commit)
        index.contains("main")       # built here, with the user waiting for it, and not by every worker
        index.functions("main")
        index.close()
    return Plan(store=path, names={version: commits[version] for version in first},
                       upstream_names={version: commits[version] for version in sources})



def _advance(bar: tqdm[NoReturn], count: int) -> None:
    bar.update(count)
