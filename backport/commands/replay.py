"""`backport replay`: real backports with the answer hidden, and how often the engine finds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from backport.commands.common import (
    cache_option,
    format_option,
    manifest_option,
    read_manifest,
)
from backport.errors import UserError
from backport.wholefile import write_output

if TYPE_CHECKING:
    from tqdm import tqdm

    from backport.git import Git
    from backport.manifest import Manifest
    from backport.replay import table
    from backport.replay.cases import Case
    from backport.replay.commits import CommitOutcome
    from backport.replay.frozen import Row
    from backport.replay.run import ReplayPlan
    from backport.trees.store import Store


@click.command("replay")
@click.option("--from", "newer", default="", metavar="X.Y.Z,...",
              help="Releases of the newer branch, oldest first; each consecutive pair is a delta.")
@click.option("--to", "older", default="", metavar="X.Y.Z,...", help="Releases of the older branch, likewise.")
@click.option("--repo", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Instead of releases: a clone with history.")
@click.option("--branch", default="HEAD", show_default=True, help="With --repo: a stable branch, or a range of it.")
@click.option("--commits", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Instead of releases: whole commits, a directory each with input.patch, truth.patch and meta.json.")
@click.option("--store", "store_path", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Bare repository with refs/releases/X.Y.Z (default: the one in the cache).")
@cache_option()
@click.option("--baselines", is_flag=True, help="Also git apply -C1, git merge-file, patch -F3 and wiggle.")
@click.option("--again", is_flag=True,
              help="With --commits: ask the same of the tree that has the maintainers' form; `exact` is `already`.")
@click.option("--names/--no-names", default=True, show_default=True,
              help="Look added names up in an index of the whole tree (built once per release).")
@click.option("--show", "which", type=int, metavar="N", help="Print case N (from 0) instead of running all.")
@click.option("--list", "listing", type=click.Choice(["exact", "wrong", "none"]),
              help="List the cases with that score.")
@format_option("text", "json")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write every case as JSON there.")
@click.option("--freeze", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the outcome of every file, one line each.")
@click.option("--frozen", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Compare with a file that --freeze wrote; exit 1 if an outcome differs.")
@click.option("--calibrate", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Fit the probability of an answer on --commits, write the model there, print how it does.")
@click.option("--cut", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Cut whole commits for --commits out of all --pair and write them there.")
@click.option("--pair", "pairs", multiple=True, metavar="NEWER:OLDER",
              help="With --cut: releases as for --from and --to; may be repeated.")
@click.option("--rows", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="With --calibrate: keep what was measured there; a file that exists is read instead of measuring.")
@manifest_option()
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=2, show_default=True)
def command(newer: str, older: str, repo: Path | None, branch: str, store_path: Path | None, cache: Path | None,
            commits: Path | None, baselines: bool, again: bool, names: bool, which: int | None,
            listing: str | None, form: str, output: Path | None, freeze: Path | None, frozen: Path | None,
            calibrate: Path | None, cut: Path | None, pairs: tuple[str, ...], rows: Path | None,
            manifest_path: Path | None, jobs: int) -> int:
    """Replay real backports: hide what the maintainers made of them, adapt, compare.

    \b
    backport replay --from 6.1.164,6.1.170 --to 5.10.251,5.10.257 --baselines
    backport replay --repo linux-stable --branch v6.1..v6.1.20
    backport replay --commits CASES --frozen corpus.txt
    """
    from tqdm import tqdm

    from backport.git import Git
    from backport.replay.frozen import commit_rows, file_rows
    from backport.replay.history import history_cases
    from backport.replay.releases import release_cases
    from backport.replay.run import ReplayPlan, indexes, installed, run
    from backport.replay.show import show
    from backport.trees.store import Store

    if cut is not None:
        return _cut(cut, pairs, store_path or Store(cache).path)
    if calibrate is not None:
        return _calibrate(calibrate, commits, rows, Store(cache), read_manifest(manifest_path), jobs)
    if commits is not None and which is not None:
        click.echo(_one_commit(commits, which, Store(cache), read_manifest(manifest_path)), nl=False)
        return 0
    if commits is not None:
        whole = _commits(commits, Store(cache), read_manifest(manifest_path), installed() if baselines else (), again)
        return _report(whole, commit_rows(whole), listing, form, output, freeze, frozen)
    if repo is not None:
        source, at, plan = partial(history_cases, branch=branch), repo, ReplayPlan()
    else:
        if not newer or not older:
            raise UserError("replay needs --from and --to, or --repo", hint="backport replay --help")
        at = store_path if store_path is not None else Store(cache).path
        source = partial(release_cases, newer=newer.split(","), older=older.split(","))
        plan = names_plan(at, newer.split(","), older.split(",")) if names else ReplayPlan()
    plan = replace(plan, baselines=installed() if baselines else ())
    if which is not None:
        case = _nth(source, at, which)
        click.echo(show(case, *indexes(case, plan)))
        return 0
    with Git(at) as git, tqdm(unit="case", disable=None) as bar:
        outcomes = run(source(git), plan, jobs=jobs, progress=lambda n: _advance(bar, n))
    return _report(outcomes, file_rows(outcomes), listing, form, output, freeze, frozen)


def _calibrate(model_file: Path, commits: Path | None, rows: Path | None, store: Store, manifest: Manifest,
               jobs: int) -> int:
    """The model of all cases, and the table of each pair of branches with the model of the others."""
    from tqdm import tqdm

    from backport.replay import calibrate as calibration
    from backport.replay.commits import commit_cases
    from backport.targets import known_heads

    if rows is not None and rows.exists():
        known = calibration.load(rows.read_text())
    else:
        if commits is None:
            raise UserError("--calibrate needs --commits", hint="scripts/cut-commits makes such cases")
        cases = commit_cases(commits)
        with tqdm(total=len(cases), unit="commit", disable=None) as bar:
            known = list(calibration.rows(cases, store, manifest, known_heads(store, manifest), jobs,
                                          lambda n: _advance(bar, n)))
        if rows is not None:
            write_output(rows, calibration.dump(known).encode())
    write_output(model_file, calibration.as_json(calibration.fit(known), known).encode())
    click.echo(calibration.table(known), nl=False)
    return 0


def _cut(directory: Path, pairs: Sequence[str], store: Path) -> int:
    """Whole commits from all pairs, and how many there are of each part."""
    from collections import Counter
    from contextlib import ExitStack

    from tqdm import tqdm

    from backport.git import Git
    from backport.replay.cut import Cutter
    from backport.replay.releases import REF
    from backport.trees.index import Index

    if not pairs:
        raise UserError("--cut needs a --pair", hint="--pair 6.12.95,6.12.101:6.1.177,6.1.187")
    with Git(store) as git, tqdm(unit="commit", disable=None) as bar, ExitStack() as stack:
        indexes: dict[str, Index] = {}

        def known(version: str, name: str) -> bool:
            if version not in indexes:
                indexes[version] = Index(store, git.rev(REF + version) or "")
                stack.callback(indexes[version].close)
            return indexes[version].contains(name)

        cutter = Cutter(git, known)
        written: Counter[tuple[str, bool]] = Counter()
        for newer, older in _sides(pairs):
            for case in cutter.cuts(newer, older):
                case.write(directory)
                written[case.part, case.taken] += 1
                bar.update(1)
    for (part, taken), count in sorted(written.items()):
        click.echo(f"{directory / part}: {count} that git apply {'takes' if taken else 'rejects'}")
    for why, count in cutter.left_out.most_common():
        click.echo(f"left out: {count}: {why}")
    return 0


def _sides(pairs: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """The releases of each NEWER:OLDER."""
    return [tuple([part for part in side.split(",") if part]
                  for side in pair.partition(":")[::2]) for pair in pairs]  # type: ignore[misc]


def _commits(directory: Path, store: Store, manifest: Manifest, baselines: Sequence[str],
             again: bool) -> list[CommitOutcome]:
    from tqdm import tqdm

    from backport.replay.commits import commit_cases, replay
    from backport.targets import known_heads

    cases = commit_cases(directory)
    with tqdm(cases, unit="commit", disable=None) as bar:
        return list(replay(bar, store, manifest, *known_heads(store, manifest), baselines, again))


def _one_commit(directory: Path, which: int, store: Store, manifest: Manifest) -> str:
    """Commit `which` for a person. UserError where there are not so many."""
    from backport.carry import Carrier
    from backport.replay.commits import commit_cases
    from backport.replay.show import show_commit
    from backport.rules.load import load_rules
    from backport.targets import known_heads

    cases = commit_cases(directory)
    if which >= len(cases):
        raise UserError(f"there is no case {which}", hint=f"0 to {len(cases) - 1}")
    carrier = Carrier(store.path, *known_heads(store, manifest), load_rules())
    try:
        return show_commit(cases[which], store, carrier, manifest)
    finally:
        carrier.close()


def _report(outcomes: Sequence[table.Scored], rows: Sequence[Row], listing: str | None,
            form: str, output: Path | None, freeze: Path | None, frozen: Path | None) -> int:
    from backport.replay import table
    from backport.replay.frozen import differences, read, render

    if output is not None:
        data = table.summary(outcomes) | {"outcomes": [{"number": n} | o.as_dict() for n, o in enumerate(outcomes)]}
        write_output(output, (json.dumps(data, indent=1) + "\n").encode())
    if freeze is not None:
        write_output(freeze, render(rows).encode())
    found: list[str] = []
    if frozen is not None:
        found = differences(read(frozen.read_text()), rows)
        click.echo("".join(f"{line}\n" for line in found)
                   + f"{len(rows)} files, {len(found)} differ from {frozen}\n")
    if listing is not None:
        for number, outcome in enumerate(outcomes):
            if outcome.score == listing:
                click.echo(f"{number:5} {'certain' if outcome.certain else 'review':7} {outcome.name} "
                           f"{','.join(outcome.signals)} {outcome.reason}".rstrip())
        return 1 if found else 0
    click.echo(json.dumps(table.summary(outcomes), indent=1) if form == "json" else table.text(outcomes))
    return 1 if found else 0


def _nth(source: Callable[[Git], Iterator[Case]], at: Path, which: int) -> Case:
    """Case `which`; UserError where there are not so many."""
    from backport.git import Git

    count = 0
    with Git(at) as git:
        for case in source(git):
            if count == which:
                return case
            count += 1
    raise UserError(f"there is no case {which}", hint=f"0 to {count - 1}" if count else "there are no cases")


def names_plan(path: Path, newer: list[str], older: list[str]) -> ReplayPlan:
    """The plan that looks names up, with the indexes built."""
    from backport.git import Git
    from backport.replay.releases import REF, known_release
    from backport.replay.run import ReplayPlan
    from backport.trees.index import Index

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
    return ReplayPlan(store=path, names={version: commits[version] for version in first},
                       upstream_names={version: commits[version] for version in sources})



def _advance(bar: tqdm[NoReturn], count: int) -> None:
    bar.update(count)
