"""One patch on one tree: the tree checked out, its build fixes, every part of the patch; all is put back whatever
happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from backport.errors import BuildError
from backport.kbuild.applied import applied
from backport.kbuild.failure import LOWERED, machine_trouble
from backport.kbuild.parts import SplitBuild
from backport.kbuild.plan import FIXES, plan
from backport.kbuild.result import BuildResult
from backport.kbuild.sandbox import Limits, choose, had_sandbox, lowered
from backport.kbuild.touched import nothing_to_build, unbuilt
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.trees import sparse
from backport.trees.store import Head
from backport.trees.worktree import worktree
from backport.verdict import Build

OpenTree = Callable[[Any, Head], AbstractContextManager[Path]]


def build_cell(tree: Tree, head: Head, patch: Patch, *, store: Any, cache: Path, jobs: int | None = None,
               config: str | None = None, sandbox: str = "auto", require_sandbox: bool = False,
               limits: Limits | None = None, compared: bool = True, force: bool = False, reverse: bool = False,
               architectures: Sequence[str] = (), manifest_directory: Path | None = None,
               open_tree: OpenTree | None = None,
               say: Callable[[str], None] = lambda _text: None) -> BuildResult:
    """Build `patch` (as adapted to this tree) and say what that proves.

    `config` names a fragment, None = the tree's first. `sandbox` is "auto" or "none". `reverse` takes the patch
    back instead (a tree that has it already). `architectures` are those (by their names in the table) that what lies
    outside arch/ is built for as well. `force` builds the baseline again. Raises UserError for what the
    manifest or the caller got wrong; everything that fails around the build is the verdict `error`.
    """
    if nothing_to_build(patch.paths):
        return BuildResult(Build.NOTHING_TO_BUILD, unbuilt(patch.paths), base_commit=head.commit)
    started = time.monotonic()
    limits = limits or Limits.of_user()
    known: dict[str, Any] = {"base_commit": head.commit}
    try:
        with ExitStack() as stack:
            box = choose(require=require_sandbox, want=sandbox, seen=had_sandbox(cache))
            known["sandbox"] = box.kind
            if box.kind == "none" and sandbox != "none":
                known["notes"] = (f"built without a sandbox: {box.why}",)
            source = stack.enter_context(open_tree(store, head) if open_tree else
                                         worktree(store, head, partial=True, sealed=box.sealed))
            sparse.hold(source, _names(patch))
            make_plan = partial(plan, tree, head, source, cache, sandbox=box, limits=limits, jobs=jobs,
                                manifest_directory=manifest_directory)
            work = make_plan(name=config)
            known["fixes"] = tuple(path.name for path in work.fixes)
            for fix in work.fixes:
                parsed = parse(fix.read_bytes(), source=fix.name)
                sparse.hold(source, _names(parsed))
                stack.enter_context(applied(source, parsed.diff, parsed.files, what=f"the build fix {fix.name}",
                                            hint=f"refresh it for {head.version}, or take it out of {FIXES}"))
            result = SplitBuild(work, make_plan, patch, known, reverse, compared, force, say,
                                tuple(architectures)).build()
        low = lowered(limits)
        if low and result.verdict is Build.NOT_COMPILED:
            # make told no failure, but what asks the preprocessor may have met the limit without a word
            raise BuildError(f"it was checked under the limits of the calling shell: {low}", hint=LOWERED)
        return replace(result, seconds=time.monotonic() - started - result.baseline_seconds
                       - (result.changes.seconds if result.changes else 0.0))
    except BuildError as error:
        return BuildResult(Build.ERROR, error.message, hint=error.hint, seconds=time.monotonic() - started, **known)
    except OSError as error:
        met = machine_trouble(error)
        return BuildResult(Build.ERROR, met.what, hint=met.hint, seconds=time.monotonic() - started, **known)


def _names(patch: Patch) -> list[str]:
    """Every path that a patch touches, before and after."""
    return [path for file in patch.files for path in (file.old_path, file.new_path) if path]
