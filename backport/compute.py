"""How one cell of the matrix is computed: check and adapt, ask the tree's history, build, boot."""

from __future__ import annotations

import hashlib
import sqlite3
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace

from backport.bounded import give_back, give_back_large
from backport.carry import Carried
from backport.cell import Adapted, Cell, ConflictMarkers
from backport.context import Context
from backport.donors.weigh import carry_with
from backport.errors import BackportError
from backport.history.branch import Branch
from backport.history.verdict import Said, ask, settled
from backport.job import Job, reproducer, trouble_of
from backport.kbuild.result import Functions
from backport.manifest import Tree
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.resolve.excerpt import excerpts
from backport.resolve.place import merge_with
from backport.resolve.sides import part
from backport.stable.chain import Chain, Step, step_of
from backport.stable.nomination import asked, nomination
from backport.trees.store import Head
from backport.verdict import Apply, Build, Sure

_GIVE_BACK = 32                      # cells after which memory is returned
_BOOTABLE = (Build.PASS, Build.WARN, Build.SKIPPED)


def compute(context: Context, job: Job, before: Sequence[Cell] = ()) -> Cell:
    """The cell; whatever goes wrong becomes an `error` in it, because one bad cell must not end a night.

    `before` are the cells of `job.before`, in order: this patch is put on what the tree took of those.
    """
    started = time.monotonic()
    if not context.computed:
        give_back_large()
    patch, tree, head = job.patch, job.tree, job.head
    cell = _begun(context, job)
    lost = next((one.patch for one in before if one.apply is Apply.ERROR), "")
    try:
        if job.trouble or lost:
            return _failed(cell, job.trouble or f"not tried: {lost}, which it needs first, ended in error")
        chain = _chain(context, job, before) if job.before or job.needed.patches else None
        if chain is not None and (standing := chain.mails):
            cell = replace(cell, before=tuple(standing))
        carried = carry_with(context.carrier, patch, tree, chain.head if chain else head, job.found.donors,
                             job.found.said)
        cell = _carried(cell, carried, _marked(context, patch, chain.head if chain else head, carried))
        cell = replace(cell, notes=(*cell.notes, *job.needed.said))
        cell = _settled(cell, in_history(context, patch, head, (*job.needed.patches,
                                                               *(one.patch for one in job.before))))
        whole = carried.patch if cell.apply is not Apply.ABSENT else None
        if chain is not None:
            cell = replace(cell, notes=(*cell.notes, *filter(None, [chain.warning])))
            chain.take(step_of(cell, patch))
            # built on the bare tree's baseline, so with everything before it
            used = context.options.build or context.options.boot
            whole = chain.together() if whole is not None and used else None
        if context.options.build and whole is not None:
            cell = _built(context, cell, job, whole)
        if context.options.boot and job.boots and whole is not None and cell.build in _BOOTABLE:
            cell = _booted(context, cell, job, whole)
    except BackportError as error:
        cell = _failed(cell, str(error))
    except (OSError, MemoryError, sqlite3.Error) as error:
        cell = _failed(cell, trouble_of(error), traceback.format_exc())
    except Exception as error:
        cell = _failed(cell, f"internal error: {error!r}", traceback.format_exc())
    context.computed += 1
    if context.computed % _GIVE_BACK == 0:
        give_back()
    return replace(cell, seconds=round(time.monotonic() - started, 3))


def in_history(context: Context, patch: Patch, head: Head, before: Sequence[Patch] = ()) -> Said:
    """What the history of `head` says of `patch`, where `before` are put on it first."""
    upstream = Branch.of(context.upstream) if context.upstream is not None else None
    return ask(context.log, Branch.of(head), patch, upstream, before)


def _chain(context: Context, job: Job, before: Sequence[Cell]) -> Chain:
    """The tree with what `job` needs in it: of its series by their cells, and the prerequisites of all."""
    chain = context.chains.get(job.head.commit)
    if chain is None:
        chain = context.chains.setdefault(job.head.commit, Chain(context.carrier.git, job.head))
    steps: list[Step] = []
    for one, known in [*zip(job.before, before, strict=True), (job, None)]:
        for first in one.needed.patches:
            chain.goto(steps)
            steps.append(_first(context, first, job.tree, chain.head))
        if known is not None:
            steps.append(step_of(known, one.patch))
    chain.goto(steps)
    return chain


def _first(context: Context, patch: Patch, tree: Tree, head: Head) -> Step:
    """What a prerequisite leaves in the tree, found once for each state of it."""
    key = (patch.sha256, head.commit)
    if key not in context.firsts:
        answer = context.carrier.carry(patch, tree, head)
        taken = answer.patch
        context.firsts[key] = Step(patch.slug or patch.source, answer.outcome, taken.diff if taken else b"",
                                   hashlib.sha256(answer.mail).hexdigest() if taken else "")
    return context.firsts[key]


def _built(context: Context, cell: Cell, job: Job, patch: Patch) -> Cell:
    from backport.kbuild.driver import build_cell  # only here: a run that builds nothing does not pay for it
    from backport.reference import differences, upstream_effect

    options = context.options
    result = build_cell(job.tree, job.head, patch, store=context.store, cache=context.cache, jobs=context.jobs,
                        config=job.config or None, require_sandbox=options.require_sandbox,
                        architectures=options.architectures, manifest_directory=context.beside)
    reason = "; ".join(filter(None, (cell.reason, result.reason)))
    fixes = f"built with {', '.join(result.fixes)} on both sides (toolchain.fixes)"
    notes = (*cell.notes, *result.notes, *([fixes] if result.fixes else []))
    cell = replace(cell, build=result.verdict, reason=reason, notes=notes, log=str(result.log or ""),
                   built=result)
    alone = not job.before and not job.needed.patches
    if result.changes is None or result.changes.reason or not alone:
        return cell          # with the patches before it in one build, its own effect is not told apart
    if context.reference is None or context.upstream is None:
        return cell
    effect = upstream_effect(
        context.carrier.in_context(job.patch), context.reference, context.upstream, cache=context.cache,
        jobs=context.jobs,
        key=f"{context.plan(context.reference, context.upstream, job.config).key} {context.code}",
        config=job.config or None, preimages=context.carrier.preimages(job.patch).files,
        require_sandbox=options.require_sandbox, beside=context.beside)
    notes = differences(result.changes, effect)
    return replace(cell, notes=cell.notes + notes, sure=Sure.REVIEW if notes else cell.sure,
                   functions=Functions(result.changes.names, effect))


def _booted(context: Context, cell: Cell, job: Job, patch: Patch) -> Cell:
    from backport.boot.behaviour import prove

    logs = context.cache / "boot-logs" / job.tree.name / job.key[:16]
    behaviour = prove(job.tree, job.head, patch, reproducer(job.patch), store=context.store, cache=context.cache,
                      logs=logs, jobs=context.jobs, beside=context.beside,
                      require_sandbox=context.options.require_sandbox)
    return replace(cell, notes=(*cell.notes, f"behaviour: {behaviour.verdict}: {behaviour.reason}"),
                   booted=behaviour.record(str(logs)))


def _marked(context: Context, patch: Patch, head: Head, carried: Carried) -> tuple[ConflictMarkers, ...]:
    """The conflicts with their markers, where a person has to resolve some."""
    if carried.outcome not in (Apply.CONFLICT, Apply.SUSPECT):
        return ()
    carrier = context.carrier
    label = (read_mail(patch).upstream or "the patch")[:12]
    return excerpts(part(carrier.in_context(patch), carried.preimages.files, carried.hunks, carrier.view(head).read,
                         merge_with(carrier.git, label)))


def _carried(cell: Cell, carried: Carried, marked: tuple[ConflictMarkers, ...]) -> Cell:
    """`cell` with what became of the patch before any build."""
    alternatives = tuple(diff.decode("utf-8", "replace") for diff in carried.alternatives)
    return replace(cell, apply=carried.outcome, sure=carried.sure, reason=carried.reason, notes=carried.notes,
                   adapted=carried.mail, adaptation=Adapted(carried.hunks, dict(carried.preimages.sources),
                                                            carried.evidence, carried.partly, alternatives,
                                                            carried.forms, marked))


def _settled(cell: Cell, said: Said) -> Cell:
    """`cell` with what history says: `absent` where the tree provably lacks the bug, notes otherwise."""
    found = settled(cell.apply, said)
    cell = replace(cell, history=said.record())
    if not found.absent:
        return replace(cell, notes=(*cell.notes, *found.notes), sure=Sure.REVIEW if found.review else cell.sure)
    adaptation = cell.adaptation or Adapted()
    return replace(cell, apply=Apply.ABSENT, adapted=b"", notes=(), reason=found.reason,
                   sure=Sure.REVIEW if found.review else Sure.CERTAIN,
                   adaptation=replace(adaptation, evidence=(*adaptation.evidence, *found.evidence)))


def failed(context: Context, job: Job, reason: str) -> Cell:
    """The cell of a job that could not even be tried."""
    return replace(_begun(context, job), reason=reason)


def _begun(context: Context, job: Job) -> Cell:
    """What is known of the cell before anything is tried: `error`."""
    patch, tree, head = job.patch, job.tree, job.head
    return Cell(patch=patch.slug, tree=tree.name, apply=Apply.ERROR, required=tree.required,
                subject=read_mail(patch).title, patch_sha256=patch.sha256, base_commit=head.commit,
                base_version=head.version, command=job.command(context.options), config=job.config,
                nomination=nomination(read_mail(patch), patch.paths), asked=asked(read_mail(patch), tree.series))


def _failed(cell: Cell, reason: str, trace: str = "") -> Cell:
    """The step that failed says nothing about the patch: `error` in its column, the verdict before it stays."""
    cell = replace(cell, reason=reason, traceback=trace or cell.traceback)
    return cell if cell.apply is Apply.ERROR else replace(cell, build=Build.ERROR, sure=Sure.REVIEW)
