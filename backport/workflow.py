"""The pipeline of a run, on one page: trees -> cells (cached, or check -> adapt -> build) -> record.

    patches --+
              +--> plan: one Job per patch and tree, with its cache key
    trees  ---+        |
                       +--> read back what nothing has changed for
                       +--> compute the rest, tree by tree, patch by patch (backport/compute.py)
                       +--> record each cell the moment it is known

Nothing here decides anything: the verdicts come from check, adapt and kbuild.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from backport.cell import Cell, exit_code
from backport.context import Context, Options
from backport.job import Job, jobs_of
from backport.manifest import Manifest
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.pool import Executor, compute_all
from backport.report.live import Live
from backport.results.run import PatchInfo, Run, TreeInfo
from backport.results.series import placed
from backport.results.store import Results
from backport.stable.depends import groups
from backport.stable.newer import supported
from backport.targets import Column, get_trees, in_configurations, known_heads
from backport.trees.progress import Progress
from backport.trees.store import Store
from backport.verdict import Apply


@dataclass(frozen=True, slots=True)
class Request:
    """What to run. `trees` are names as people type them (also exact releases); empty means all of the manifest."""

    patches: Sequence[Patch | Refused]
    manifest: Manifest
    cache: Path
    trees: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    update: bool = False             # ask the sources again, even those that did not answer lately
    offline: bool = False            # only what the store has
    configs: Sequence[str] = ()      # configurations to build, a column each; ALL = what the tree lists; () = its first
    force: bool = False              # compute cells that are known
    jobs: int = 1                    # trees at once
    scheduler: str = ""              # address of a Dask scheduler whose workers compute the cells, "" = this machine
    kind: str = "run"
    command: str = ""


def run(request: Request, results: Results, progress: Progress | None = None) -> Run:
    """Do all of `request`; every cell is in `results` as soon as it is known. Returns the finished run.

    `progress` is told what is fetched and how far the work is, by default nobody.
    """
    trees = get_trees(Store(request.cache), request.manifest, request.trees, update=request.update,
                      offline=request.offline, progress=progress)
    columns = in_configurations(trees, request.configs, every=bool(request.trees))
    record = results.begin(
        command=request.command, kind=request.kind, tools=request.options.tools(),
        manifest=str(request.manifest.path.resolve()),
        manifest_sha256=hashlib.sha256(request.manifest.path.read_bytes()).hexdigest(),
        options=request.options.as_dict(),
        patches=[_patch_info(patch) for patch in request.patches],
        trees=[_tree_info(column) for column in columns], supported=supported(request.manifest))
    code = 0
    with Live(record.total, results=results, run=record, builds=request.options.build,
              quiet=progress is not None and progress.quiet, lines=progress is not None) as live:
        for cell, key in all_cells(request, columns, results, live):
            code = max(code, exit_code([cell], strict=request.options.strict))       # 3 wins over 1
            results.record(record, cell, key=key)
            live.done(cell)
    return results.finish(record, code)


def all_cells(request: Request, columns: Sequence[Column], results: Results,
              live: Live) -> Iterator[tuple[Cell, str]]:
    """(cell, cache key) of every job: first what needs no work, then the rest tree by tree."""
    store = Store(request.cache)
    context = Context(request.cache, *known_heads(store, request.manifest), request.options,
                      request.manifest.upstream, request.manifest.directory)
    mails = [patch for patch in request.patches if isinstance(patch, Patch)]
    work: list[Job] = []
    found: dict[tuple[str, str], Cell] = {}
    try:
        for column in columns:
            for patch in request.patches:
                if column.head is None or isinstance(patch, Refused):
                    yield _nothing_to_try(patch, column), ""
            if column.head is None:
                continue
            for group in groups(mails):
                for job in jobs_of(context, group, column.tree, column.head, mails, config=column.config,
                                   boots=column.boots):
                    known = None if request.force else results.lookup(job.key)
                    if known is None:
                        work.append(job)
                        continue
                    # the slug may be another one today, and the column; the verdict is not
                    known = replace(known, patch=job.patch.slug, required=column.tree.required,
                                    config=job.config, command=job.command(request.options))
                    if len(group) > 1:
                        found[job.name] = known            # another one may be put on top of it
                    yield placed(known, job.part), job.key
        with _executor(request, context, work) as executor:
            for job, cell, key in compute_all(context, work, found, jobs=request.jobs, live=live, executor=executor):
                yield placed(cell, job.part), key
    finally:
        context.close()


def _executor(request: Request, context: Context, work: Sequence[Job]) -> AbstractContextManager[Executor | None]:
    if not request.scheduler or not work:
        return nullcontext()
    from backport.cluster import Cluster

    return Cluster(request.scheduler, context, work)


def _nothing_to_try(patch: Patch | Refused, column: Column) -> Cell:
    """The cell of an input that is no patch, or of a tree that is not available."""
    outcome, reason, hint = Apply.ERROR if column.damaged else Apply.NO_TREE, column.reason, ""
    if isinstance(patch, Refused):
        outcome, reason, hint = Apply.INVALID, patch.reason, patch.hint
    return Cell(patch=patch.slug, tree=column.tree.name, apply=outcome, reason=reason, notes=(hint,) if hint else (),
                required=column.tree.required, subject=_subject(patch), config=column.config)


def _subject(patch: Patch | Refused) -> str:
    return read_mail(patch).title if isinstance(patch, Patch) else ""


def _patch_info(patch: Patch | Refused) -> PatchInfo:
    if isinstance(patch, Refused):
        return PatchInfo(patch.slug, source=patch.source)
    mail = read_mail(patch)
    return PatchInfo(patch.slug, mail.title, patch.sha256, mail.upstream_sha or "", patch.source)


def _tree_info(column: Column) -> TreeInfo:
    head = column.head
    return TreeInfo(column.tree.name, head.version if head else "", head.commit if head else "", column.tree.status,
                    head.source if head else "", column.tree.required, column.reason if not head else "",
                    history=head.history if head else False, series=column.tree.series, config=column.config)
