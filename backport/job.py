"""A cell that is to be computed, with its cache key: everything that can change the answer, by content."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from backport.boot.key import boot_key
from backport.boot.program import for_patch
from backport.cell import Part, column_name
from backport.context import START, WITHOUT, Context, Options
from backport.donors.find import Found
from backport.errors import InfraError
from backport.external import identity
from backport.gitfault import LIMITS
from backport.kbuild.failure import machine_trouble
from backport.kbuild.plan import Plan, beyond, fix_file
from backport.kbuild.toolchain import resolve
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.results.key import cell_key, code_digest
from backport.results.reach import reach, versions
from backport.rules.load import own_files
from backport.stable.chain import Needed, needed_first
from backport.stable.depends import depends, parts
from backport.trees.store import Head


@dataclass(frozen=True, slots=True)
class Job:
    """A patch on a tree, and the key under which its answer is kept ("" where it must not be kept).

    `trouble` says why there is no key: the answer is `error`, with that as its reason.
    """

    patch: Patch
    tree: Tree
    head: Head
    key: str
    before: tuple[Job, ...] = ()                 # what it needs in the tree first, of its series or directory, in order
    needed: Needed = field(default_factory=Needed)   # prerequisites that its mail names for this tree
    found: Found = field(default_factory=Found)  # forms of it that were made for newer trees
    config: str = ""                             # the configuration that is built, "" = the tree's own
    boots: bool = True                           # False: another column of this tree is booted
    part: Part | None = None                     # its place in a series
    trouble: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """(column, slug): what it goes by in its run."""
        return column_name(self.tree.name, self.config), self.patch.slug

    def command(self, options: Options) -> str:
        """What a person types to get this cell."""
        words = ["backport", "run", self.patch.source or "-", "--tree", self.tree.name]
        words += ["--config", self.config] if self.config else []
        words += ["--arch", ",".join(options.architectures)] if options.architectures else []
        words += ["--boot"] if options.boot else []
        return " ".join(words + ([] if options.build else ["--no-build"]))


def jobs_of(context: Context, group: Sequence[Patch], tree: Tree, head: Head, patches: Sequence[Patch] = (), *,
            config: str = "", boots: bool = True) -> list[Job]:
    """The jobs of patches that may belong together (a series, a directory), in order."""
    try:
        needs = depends(group, lambda name: context.carrier.view(head).index.contains(name))
    except (InfraError, OSError) as error:
        return [Job(patch, tree, head, "", config=config, boots=boots, trouble=trouble_of(error)) for patch in group]
    made: list[Job] = []
    for patch, needed, part in zip(group, needs, parts(group, needs), strict=True):
        before = [made[number] for number in needed]
        made.append(replace(job_of(context, patch, tree, head, before, patches, config=config, boots=boots),
                            part=part))
    return made


def job_of(context: Context, patch: Patch, tree: Tree, head: Head, before: Sequence[Job] = (),
           patches: Sequence[Patch] = (), *, config: str = "", boots: bool = True) -> Job:
    """The job with its key. `before` are the jobs that it needs in the tree first, `patches` all of the run:
    prerequisites may be there.

    A configuration has the same key whether it was asked for or is the tree's own. Raises UserError for what the
    manifest got wrong; what fails around it stands in the job, and is no reason to leave the others.
    """
    try:
        needed = needed_first(patch, tree.series, patches, [one.patch for one in before], context.log, head)
        job = Job(patch, tree, head, "", tuple(before), needed, context.donors(patch, tree, patches), config, boots)
        return replace(job, key=_key(context, job))
    except (InfraError, OSError, sqlite3.Error) as error:
        return Job(patch, tree, head, "", tuple(before), config=config, boots=boots, trouble=trouble_of(error))


def trouble_of(error: Exception) -> str:
    """A fault of the environment in words, with its cure."""
    if isinstance(error, OSError | MemoryError):
        met = machine_trouble(error)
        return f"{met.what}\n  hint: {met.hint}"
    if isinstance(error, sqlite3.Error):
        return f"a file of the cache cannot be read or written: {error}\n  hint: {LIMITS}; index/ there can be removed"
    return str(error)


def reproducer(patch: Patch) -> Path | None:
    """The directory of the patch's reproducer, None where there is none beside it."""
    return for_patch(Path(patch.source)) if patch.source else None


def config_parts(build: Plan) -> object:
    """What of a build's configuration is in a key."""
    return build.defconfig, build.fragment.name, build.fragment.text, build.targets


def _key(context: Context, job: Job) -> str:
    if not all(one.key for one in job.before):
        return ""                                # what may not be kept may not be kept as a part of another, either
    patch, tree, head, options = job.patch, job.tree, job.head, context.options
    build = context.plan(tree, head, job.config) if options.build else None
    return cell_key(
        patch=patch.sha256, before=_first_parts(job), base_commit=head.commit,
        preimages=context.carrier.preimages(patch).digest, rules=_rules_parts(context),
        code=context.code, tools=options.tools(), libraries=versions(reach(START, WITHOUT).others),
        compiler=build.compiler.identity if build else None,
        config=[config_parts(build), beyond(build, patch.paths, context.beside, options.architectures)]
        if build else None,
        make=build.variables if build else None, sandbox=build.sandbox.kind if build else None,
        fixes=[path.read_bytes() for path in build.fixes] if build else None, build=options.build,
        boot=_boot_parts(context, patch, tree) if job.boots else None, history=_history_parts(context, head),
        upstream=_upstream_parts(context, patch, job.config), restored=patch.restored, doubts=patch.doubts,
        tree=tree.name, series=tree.series, strategies=options.strategies, signoff=options.signoff,
        proposer=identity(options.proposer) if options.proposer else None, donors=job.found.key)


def _rules_parts(context: Context) -> object:
    """The rules that ship, and those beside the manifest by name and content."""
    own = [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in own_files(context.beside)]
    shipped = code_digest(["backport.rules"])
    return [shipped, own] if own else shipped


def _first_parts(job: Job) -> object:
    """What is put on the tree first: by keys, so that what changes one changes all behind it."""
    return [one.key for one in job.before], [one.sha256 for one in job.needed.patches], job.needed.said


def _history_parts(context: Context, head: Head) -> object:
    """What a history can change in the answer; a tree without one has none."""
    if not head.history:
        return None
    upstream = context.upstream
    return upstream.commit if upstream and upstream.history else ""


def _upstream_parts(context: Context, patch: Patch, config: str) -> object:
    """What the reference tree adds to the answer: the files that the patch touches, and how it is built.

    Not its commit: mainline moves every day, and every cell would be computed again every night.
    """
    if context.upstream is None:
        return None
    if patch.sha256 not in context.touched:
        context.touched[patch.sha256] = context.carrier.git.entries(context.upstream.commit, patch.paths)
    blobs = context.touched[patch.sha256]
    if not context.options.build or context.reference is None:
        return blobs
    build = context.plan(context.reference, context.upstream, config)
    return [blobs, build.compiler.identity, config_parts(build), beyond(build, patch.paths, context.beside),
            build.variables,
            [path.read_bytes() for path in build.fixes]]


def _boot_parts(context: Context, patch: Patch, tree: Tree) -> tuple[str, ...] | None:
    """The toolchain by itself: the build's stands in the key only where there is a build."""
    if not context.options.boot:
        return None
    return (boot_key(reproducer(patch)), resolve(tree.toolchain).identity,
            *(hashlib.sha256(fix_file(name, context.beside).read_bytes()).hexdigest()
              for name in tree.toolchain.fixes))
