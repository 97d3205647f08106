"""`backport audit`: backports that went wrong, in a tree's past or in a queue."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
    check_writable,
    emit,
    format_option,
    manifest_option,
    one_patch,
    output_option,
    read_manifest,
    read_patches,
    signoff_option,
    terminal_width,
    tree_option,
)
from backport.errors import UserError
from backport.version import in_series, version_key

if TYPE_CHECKING:
    from backport.audit.model import Backported, Suspect
    from backport.audit.pairing import Counts, Progress
    from backport.audit.result import Audit, Group
    from backport.git import Git
    from backport.trees.store import Store

_DIGITS = 6              # of an id from which on it is none of the numbers of the list


@click.command("audit")
@click.argument("revisions", required=False, metavar="[RANGE]")
@tree_option("Audit the releases of this series that the store has, or say which tree --queue is for.")
@click.option("--releases", default="", metavar="X.Y.Z,...",
              help="These releases, oldest first  [default: all of the series that the store has]; with --queue the "
                   "one that it stands on  [default: the head of the tree].")
@click.option("--against", multiple=True, metavar="X.Y.Z,...",
              help="Releases of a newer branch, oldest first; again for each branch  [default: all of every newer "
                   "series that the store has].")
@click.option("--path", "paths", multiple=True, metavar="GLOB",
              help="With releases: only files that match (fs/btrfs, '*.c'); may be repeated.")
@click.option("--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="The clone of RANGE  [default: the one that you stand in].")
@click.option("--queue", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Audit a quilt queue against --tree before it is released.")
@click.option("--form", "forms", multiple=True, type=click.Path(exists=True, path_type=Path), metavar="PATCH",
              help="With --queue: upstream's form of an entry, or a directory of them.")
@click.option("--accept", metavar="ID", help="Record that this finding was looked at; needs --why.")
@click.option("--why", default="", metavar="TEXT", help="With --accept: the reason, for whoever reads the file.")
@click.option("--accepted", "accepted_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where --accept keeps it  [default: .backport-audit.yaml here].")
@click.option("--mail", "mail_id", metavar="ID", help="Write the mail that repairs this finding instead of the report.")
@click.option("--of", metavar="PATCH", help="With --mail: upstream's fix as a mail or a commit, which is named then.")
@click.option("--build", is_flag=True, help="Build the repair of each finding, before and after (release trees only).")
@signoff_option()
@format_option("text", "markdown", "json", "html")
@output_option()
@manifest_option()
@cache_option()
def command(revisions: str | None, name: str, releases: str, against: tuple[str, ...], paths: tuple[str, ...],
            repo: Path | None, queue: Path | None, forms: tuple[Path, ...], accept: str | None, why: str,
            accepted_file: Path | None, mail_id: str | None, of: str | None, build: bool, signoff: bool, form: str,
            output: Path | None, manifest_path: Path | None, cache: Path | None) -> int:
    """Find backports that went wrong: in the wrong function, in half, twice, or with a part left out.

    Every change of a tree is compared with upstream's: that of releases with the steps of newer branches, a commit
    with the upstream commit that it names, an entry of a queue with upstream's form. A finding is something to look
    at; each comes with both hunks and with what the tool would have done.

    \b
    backport audit --tree 6.1                             the releases that the store has
    backport audit v6.1.170..linux-6.1.y                  in a clone with history
    backport audit --tree 6.1 --queue queue-6.1           before a release
    backport audit --accept 1f0c2a9b7e --why 'the 6.1 form needs it there'
    backport audit --tree 6.1 --mail 1f0c2a9b7e -s        the fix, for review

    \b
    Exit code: 0 nothing to look at, 1 something, 2 usage, 3 the environment.
    """
    from backport.audit import accepted, report
    from backport.audit.result import audited
    from backport.trees.store import Store

    check_writable(output)
    _check_options(revisions, name, releases, against, paths, repo, queue, forms, accept, why, mail_id, of, build,
                   signoff)
    keep = accepted_file or Path(accepted.NAME)
    known = accepted.load(keep)
    if accept and not (revisions or name or releases or queue):
        accepted.accept_id(keep, accept, why)
        click.echo(f"{keep}: {accept}: accepted")
        return 0
    store = Store(cache_or_default(cache))
    source = _source(store, revisions, name, releases, against, paths, repo, queue, forms, manifest_path)
    with source as (title, counts, found):
        result = audited(title, counts, found, known)
    if accept:
        for one in {one.key: one for one in _group(result, accept, keep).findings}.values():
            accepted.accept(keep, one, why)
            click.echo(f"{keep}: {report.title(one)}: accepted")
        return 0
    if mail_id:
        emit(_mail(_group(result, mail_id), of, signoff, store), output)
        return 0
    result = _tried(result, store, manifest_path, build)
    emit(report.render(result, form, terminal_width(output)), output)
    return 1 if result.groups or counts.passed else 0


def _check_options(revisions: str | None, name: str, releases: str, against: Sequence[str], paths: Sequence[str],
                   repo: Path | None, queue: Path | None, forms: Sequence[Path], accept: str | None, why: str,
                   mail_id: str | None, of: str | None, build: bool, signoff: bool) -> None:
    """An option that would be passed over leaves somebody with an answer to another question. Raises UsageError."""
    if accept and not why:
        raise click.UsageError("--accept needs --why: whoever reads the file wants the reason")
    if accept and mail_id:
        raise click.UsageError("--accept and --mail exclude each other")
    if mail_id and build:
        raise click.UsageError("--build is for the list: `backport run` builds a mail")
    if not all(paths):
        raise click.UsageError("--path is empty")
    if revisions and (name or releases or queue):
        raise click.UsageError("a RANGE of a clone stands alone: without --tree, --releases and --queue")
    for option, given, fits, what in (
            ("--why", why, accept, "--accept"), ("--of", of, mail_id, "--mail"),
            ("--signoff", signoff, mail_id, "--mail"), ("--form", forms, queue, "--queue"),
            ("--repo", repo, revisions, "a RANGE"),
            ("--path", paths, not (revisions or queue), "releases: not with a RANGE or --queue"),
            ("--against", against, not (revisions or queue), "releases: not with a RANGE or --queue"),
            ("--build", build, not (revisions or queue), "releases: not with a RANGE or --queue")):
        if given and not fits:
            raise click.UsageError(f"{option} is for {what}")


_Told = tuple[str, "Counts", "Iterable[Suspect]"]


@contextmanager
def _source(store: Store, revisions: str | None, name: str, releases: str, against: Sequence[str],
            paths: Sequence[str], repo: Path | None, queue: Path | None, forms: Sequence[Path],
            manifest_path: Path | None) -> Iterator[_Told]:
    """What to audit, as the options say: its title, what is counted, and the findings while they are made."""
    from backport.audit.kinds.registry import findings
    from backport.audit.pairing import Counts, release_changes
    from backport.git import Git

    counts = Counts()
    with _progress() as progress:
        if queue is not None:
            with _queue(store, queue, name, releases, forms, manifest_path, counts, progress) as (title, changes):
                yield title, counts, findings(changes, counts.weak)
        elif revisions:
            with _clone(revisions, repo, counts, progress) as (title, changes):
                yield title, counts, findings(changes, counts.weak)
        else:
            older, newer, last = _releases(store, name, releases, against)
            steps = ", ".join(f"{branch[0]} to {branch[-1]}" for branch in newer if len(branch) > 1)
            with Git(store.path) as git:
                _known_paths(git, older, last, paths)
                yield (f"releases {older[0]} to {older[-1]}, against {steps}", counts,
                       findings(release_changes(git, older, newer, counts, progress, paths=paths, last=last),
                                counts.weak))


def _releases(store: Store, name: str, releases: str,
              against: Sequence[str]) -> tuple[list[str], list[list[str]], str]:
    """The releases to audit, those of each newer branch, and the last of the audited series that the store has: what
    that one has no longer was mended. Raises UsageError and UserError."""
    series = name.removeprefix("linux-").removesuffix(".y")
    known = sorted((head.tree for head in store.releases()), key=version_key)
    older = _list("--releases", releases) if releases else [one for one in known if series and in_series(one, series)]
    if series and not all(in_series(one, series) for one in older):
        raise click.UsageError(f"--releases names others than those of --tree {name}")
    if not older and series:
        raise UserError(f"the store has no release of {series}, and an audit needs two",
                        hint="`backport trees release X.Y.Z` fetches one")
    if not older:
        raise click.UsageError("say what to audit: --tree 6.1, --releases, a RANGE of a clone, or --queue")
    if len(older) < 2:
        raise UserError(f"an audit of releases needs two releases of one series; the store has {older[0]}",
                        hint="`backport trees release X.Y.Z` fetches another")
    newer = [_list("--against", branch) for branch in against]
    for branch in newer:
        if version_key(branch[-1]) <= version_key(older[-1]) or in_series(branch[-1], older[-1].rpartition(".")[0]):
            raise click.UsageError(f"--against {branch[-1]}: that is of no newer branch than {older[-1]}")
    own = older[-1].rpartition(".")[0]
    others = dict.fromkeys(one.rpartition(".")[0] for one in known
                           if version_key(one) > version_key(older[-1]) and not in_series(one, own))
    named = {branch[-1].rpartition(".")[0] for branch in newer}
    rest = [[one for one in known if in_series(one, other)] for other in others if other not in named]
    # a branch that is not asked still tells what is right as it is: its last release is read
    newer += [branch[-1:] for branch in rest] if newer else rest
    if against and not any(len(branch) > 1 for branch in newer):
        raise click.UsageError("no --against names two releases of a branch: a change is looked for in the step from "
                               "one to the next")
    if not any(len(branch) > 1 for branch in newer):
        raise UserError(f"the store has no two releases of a branch newer than {older[-1]}",
                        hint="`backport trees release X.Y.Z` fetches one")
    return older, newer, max((older[-1], *(one for one in known if in_series(one, own))), key=version_key)


def _list(option: str, text: str) -> list[str]:
    """The releases of an option. In another order each step would be read backwards: nothing would be found, and
    nothing said. Raises UsageError."""
    found = [one.strip() for one in text.split(",")]
    for before, after in pairwise(found):
        if version_key(before) >= version_key(after):
            raise click.UsageError(f"{option}: {after!r} behind {before!r}: name the releases oldest first, each once")
    return found


def _known_paths(git: Git, older: Sequence[str], last: str, paths: Sequence[str]) -> None:
    """Raises UserError where no audited release has a file of a --path: a mistyped one finds nothing for ever."""
    from backport.git import GLOBS
    from backport.replay.releases import REF, known_release

    for version in (*older, last) if paths else ():
        known_release(git, version)
    for path in paths:
        # ls-tree knows no globs; against the empty tree every file is one that was added
        empty = git.run("hash-object", "-t", "tree", "--stdin").text.strip()
        if not any(git.run(GLOBS, "diff-tree", "-r", "--quiet", empty, f"{REF}{version}^{{tree}}", "--", path,
                           ok=(0, 1)).code for version in dict.fromkeys((last, *reversed(older)))):
            raise UserError(f"no file of {older[0]} to {older[-1]} matches --path {path}")


@contextmanager
def _clone(revisions: str, repo: Path | None, counts: Counts,
           progress: Progress) -> Iterator[tuple[str, Iterable[Backported]]]:
    from backport.audit.commits import commit_changes
    from backport.git import Git
    from backport.pick.clone import find

    named = place = repo
    if place is None:
        clone = find(Path.cwd())
        named, place = clone.top, clone.git_dir
    with Git(place) as git:
        yield f"{revisions} of {named or place}", commit_changes(git, revisions, counts, progress)


@contextmanager
def _queue(store: Store, queue: Path, name: str, release: str, forms: Sequence[Path], manifest_path: Path | None,
           counts: Counts, progress: Progress) -> Iterator[tuple[str, Iterable[Backported]]]:
    from backport.audit.commits import queue_changes
    from backport.git import Git
    from backport.patch.model import Patch
    from backport.targets import known_heads
    from backport.trees.fetch import own_head

    if not name:
        raise click.UsageError("--queue needs --tree: the tree that it is for")
    manifest = read_manifest(manifest_path)
    tree = manifest.tree(name)
    head = store.release(release) if release else own_head(store, tree) if tree is not None else None
    if tree is None or head is None:
        raise UserError(f"{release or name} is not in the store {store.path}", hint="`backport trees fetch`")

    def read(names: Sequence[str]) -> list[Patch]:
        return [one for one in read_patches(names, store.cache) if isinstance(one, Patch)] if names else []

    entries, known = read([str(queue)]), read([str(one) for one in forms])
    heads, upstream = known_heads(store, manifest)
    with Git(store.path) as git:
        yield f"{queue} for {tree.name} {head.version}", queue_changes(
            git, head, entries, known, upstream, heads, counts, progress, tree.series)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, from the first second; nothing elsewhere."""
    from tqdm import tqdm

    with tqdm(unit="file", disable=None, leave=False) as bar:
        def progress(what: str, at: int, of: int) -> None:
            bar.total = of or None
            bar.n = at
            bar.set_description(what, refresh=not of or at % 20 == 0)
        progress("audit", 0, 0)
        yield progress


def _group(result: Audit, key: str, keep: Path | None = None) -> Group:
    """The entry of the list with the finding of that id, or the first digits of it; the number of an entry does as
    well. Raises UserError; where it is one that was accepted already in `keep`, it says so."""

    groups = [*result.groups]
    if not keep:                     # one that was accepted, with all that has its cause: half of a repair is none
        aside = {one.key for one, _why in result.accepted}
        groups += [group for group in result.whole if any(one.key in aside for one in group.findings)]
    if len(key) < _DIGITS:
        found = [group for number, group in enumerate(result.groups, 1) if str(number) == key]
    else:
        found = [group for group in groups if any(one.key.startswith(key) for one in group.findings)]
        before = [why for one, why in result.accepted if one.key.startswith(key)]
        if before and not found:
            raise UserError(f"{key} is accepted already: {before[0]}", hint=f"the reason stands in {keep}")
        if len({one.key for group in found for one in group.findings if one.key.startswith(key)}) > 1:
            found = []
    if not found:
        raise UserError(f"no finding is called {key!r}", hint="the id is in brackets behind each finding")
    return found[0]


def _mail(group: Group, of: str | None, signoff: bool, store: Store) -> bytes:
    """The mail that repairs what one cause made. Raises UserError where the tool has no repair."""
    from backport.audit.repair import mail, repaired_all
    from backport.patch.mail import read_mail
    from backport.queue.identity import identity
    from backport.verdict import Sure

    one, repair = group.first, repaired_all(group.findings)
    if isinstance(repair, str):
        raise UserError(f"there is no repair of {one.key}: {repair}")
    if repair.sure is Sure.REVIEW:
        loud.say("the tool is not certain of the place: read the mail, and whether the change belongs there at all")
    upstream = subject = ""
    if of:
        patch = one_patch(read_patches((of,), store.cache), "--of")
        if one.change.path not in patch.paths:
            raise UserError(f"{of} does not change {one.change.path}")
        told = read_mail(patch)
        upstream, subject = told.upstream_sha or "", told.title
    elif one.change.one_commit:
        upstream, subject = one.change.origin.upstream, one.change.origin.subject
    else:
        loud.say("upstream's commit is not known from releases: --of PATCH names it in the mail")
    return mail(group.findings, repair, author=identity(), upstream=upstream, subject=subject, signoff=signoff)


def _only(group: Group) -> str:
    """The options that make an audit of releases read the files of one entry and no others: seconds, not minutes."""
    if group.first.change.one_commit:
        return ""
    paths = dict.fromkeys(path for one in group.findings for path in (one.change.path, one.change.upstream.path))
    return "".join(f"--path {shlex.quote(path)} " for path in paths)


def _tried(result: Audit, store: Store, manifest_path: Path | None, build: bool) -> Audit:
    """The audit with what the tool would have done for each entry, and with `build` whether that builds."""
    from backport.audit.repair import repaired_all

    notes: dict[str, tuple[str, ...]] = {}
    for group in result.groups:
        one, repair = group.first, repaired_all(group.findings)
        if isinstance(repair, str):
            notes[one.key] = (f"no repair: {repair}",)
            continue
        put = repair.first
        said = [f"upstream's place is not here (no `{put.lacks}`): the repair takes the lines out, {repair.sure}"
                if put.lacks else f"the tool puts it into {put.place}, {repair.sure}"]
        said.append(f"the same command with {_only(group)}--mail {one.key} writes that as a mail")
        if build:
            said.append(_built(one, store, manifest_path, b"".join(file.render() for file in repair.files)))
        notes[one.key] = tuple(said)
    return replace(result, notes=notes)


def _built(one: Suspect, store: Store, manifest_path: Path | None, diff: bytes) -> str:
    from backport.check.proof import objection
    from backport.git import Git
    from backport.kbuild.driver import build_cell
    from backport.patch.parse import parse
    from backport.targets import get_trees

    manifest = read_manifest(manifest_path)
    name = one.change.origin.last or one.change.origin.tree
    (column,) = get_trees(store, manifest, [name], offline=True)
    tree, head = column.tree, column.head
    if head is None:
        return f"not built: {name}: {column.reason}"
    patch = parse(diff, source=f"repair of {one.key}")
    with Git(store.path) as git:
        trouble = objection(git, head.commit, patch)
    if trouble:
        return f"{head.version} does not take it: {trouble}"
    built = build_cell(tree, head, patch, store=store, cache=store.cache,
                       manifest_directory=manifest.path.resolve().parent)
    return f"git apply takes it on {head.version}; build: {built.verdict}{f', {built.reason}' if built.reason else ''}"
