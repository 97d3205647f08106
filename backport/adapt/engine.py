"""Adapt a patch to a tree: every strategy on every hunk, one answer with its reasons.

Pure: bytes in, bytes out. Nothing here reads a disk, starts a program or knows git.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from backport.adapt import header_names, lacking_parameter
from backport.adapt.absent_file import absent_file, under_other_names
from backport.adapt.arbiter import State
from backport.adapt.checks.base import Names, SymbolIndex
from backport.adapt.context import covers, refusal, with_context
from backport.adapt.moved_code import Ways, learned
from backport.adapt.new_symbols import brought
from backport.adapt.onefile import adapt_file
from backport.adapt.outcome import FileAnswer, combine, decline
from backport.adapt.proposers.base import Proposer
from backport.adapt.proposers.registry import ALL
from backport.adapt.records import Adaptation, HunkStory
from backport.adapt.refresh import refreshed
from backport.adapt.ruled import Ruled
from backport.adapt.split_code import followed
from backport.adapt.verify import verified
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import split_lines
from backport.rules.model import Rule
from backport.treeview import TreeView
from backport.verdict import Apply, Sure


def adapt(patch: Patch, target: TreeView, *, upstream: TreeView | None = None,
          preimages: Mapping[str, bytes] | None = None, rules: Sequence[Rule] = (),
          strategies: Sequence[str] | None = None, symbols: SymbolIndex | None = None,
          known_names: Iterable[str] = (), there: Mapping[str, str] | None = None,
          proposers: Sequence[Proposer] = ()) -> Adaptation:
    """The patch for `target`, or the reason why there is none.

    `preimages` maps an old path of the patch to upstream's file just before it; without it only the hunk's own lines
    can be used. `strategies` names those to use, all by default (backport.adapt.proposers.registry.ALL). `symbols`
    knows every name of the tree (default: the view's own `index`, where it has one); `known_names` come with earlier
    patches of the series; `there` maps a path whose change is known to be in the tree to the reason. `proposers`
    are asked about hunks that the built-in ones have no answer for. CLEAN and OFFSET mean that the patch goes in as it
    is. The diff that comes out has the tree's line numbers and blob names. Never
    raises for any patch that could be parsed.
    """
    wanted = tuple(strategies) if strategies is not None else ALL
    before = preimages or {}
    index = symbols if symbols is not None else getattr(target, "index", None)
    names = Names(index, getattr(upstream, "index", None), frozenset(known_names) | brought(patch), upstream)
    known = there or {}
    one = partial(_file, target=target, preimages=before, rules=rules if "rules" in wanted else (), names=names,
                  wanted=wanted, further=proposers,
                  created=[file.path for file in patch.files if file.created or file.renamed])
    answers = [_known(file, known[file.path]) if file.path in known else one(file, ways=Ways(upstream=upstream))
               for file in patch.files]
    ways = learned((hunk for answer in answers for hunk in answer.hunks), upstream)
    if ways.files or ways.folders:   # a file that fits in two others goes where the rest of the patch went
        answers = [one(file, ways=ways) if answer.outcome is Apply.CONFLICT else answer
                   for file, answer in zip(patch.files, answers, strict=True)]
    if "moves" in wanted:
        answers = followed(patch.files, answers, target)
    answer = combine(patch, answers)
    if answer.patch is not None:     # what goes in as it is has upstream's line numbers until here
        answer = replace(answer, patch=refreshed(answer.patch, target),
                         alternatives=tuple(refreshed(other, target) for other in answer.alternatives))
    return verified(answer, target)


def _file(file: FileDiff, target: TreeView, preimages: Mapping[str, bytes], rules: Sequence[Rule],
          names: Names, wanted: Sequence[str], ways: Ways, further: Sequence[Proposer],
          created: Sequence[str]) -> FileAnswer:
    if file.binary:
        return decline(f"{file.path}: a binary file cannot be adapted")
    if file.created:
        return _created(file, target)
    assert file.old_path is not None
    path = file.old_path
    if file.deleted:
        return _deleted(file, target.read(file.old_path))
    if file.renamed and file.new_path is not None and target.read(file.new_path) is not None:
        return decline(f"{file.new_path}: the new name is taken in this tree")
    if not file.hunks:
        if target.read(file.old_path) is None:
            return decline(f"{file.old_path}: this tree has no such file")
        return FileAnswer(Apply.CLEAN, (file,), Sure.CERTAIN)
    # strategies carry what stands between two hunks along: a patch that somebody edited may have them in any order
    ordered = tuple(sorted(file.hunks, key=lambda hunk: hunk.old_start))
    file = file if ordered == file.hunks else file.with_hunks(ordered)
    preimage = preimages.get(path)
    if preimage is not None:
        file = with_context(file, preimage)
    elif (why := refusal(file)) and not covers(file, target.read(path)):
        return decline(why)
    ours = file
    swaps: tuple[header_names.Swap, ...] = ()
    lacking: lacking_parameter.Parameterless | None = None
    if "substitution" in wanted:     # upstream's change as it would be with what this tree has
        ours, swaps = header_names.with_headers(file, target, names, created)
        ours, lacking = lacking_parameter.without_parameter(ours, target.read(path), preimage)
    answer = adapt_file(ours, target, preimage, Ruled(ours, target, rules, preimage), names, wanted, ways, further)
    answer = lacking_parameter.annotated(header_names.annotated(answer, file, swaps), file, lacking)
    if "drop" not in wanted or answer.outcome not in (Apply.CONFLICT, Apply.ABSENT):
        return answer
    older = under_other_names(file, target, preimage, names.tree)
    if older:
        return decline(f"{path}: {older} has this code under other names in this tree", *answer.evidence)
    return (absent_file(file, target, preimage) if answer.outcome is Apply.CONFLICT else None) or answer


def _known(file: FileDiff, why: str) -> FileAnswer:
    """A file whose change the tree is known to have."""
    path = file.old_path or file.path
    told = tuple(HunkStory(path, number, strategies=("three-way merge",), state=State.ALREADY,
                           upstream=hunk.render().decode("utf-8", "replace"))
                 for number, hunk in enumerate(file.hunks))
    return FileAnswer(Apply.ALREADY, (), Sure.CERTAIN, told, reason=f"{file.path}: {why}")


def _created(file: FileDiff, target: TreeView) -> FileAnswer:
    assert file.new_path is not None
    there = target.read(file.new_path)
    if there is None:
        return FileAnswer(Apply.CLEAN, (file,), Sure.CERTAIN)
    if split_lines(there) == [line for hunk in file.hunks for line in hunk.new]:
        return FileAnswer(Apply.ALREADY, (), Sure.CERTAIN, reason=f"{file.new_path}: in this tree already")
    return decline(f"{file.new_path}: the patch creates it, and this tree has another file of that name")


def _deleted(file: FileDiff, data: bytes | None) -> FileAnswer:
    if data is None:
        return FileAnswer(Apply.ALREADY, (), Sure.CERTAIN, reason=f"{file.old_path}: not in this tree")
    if split_lines(data) == [line for hunk in file.hunks for line in hunk.old]:
        return FileAnswer(Apply.CLEAN, (file,), Sure.CERTAIN)
    return decline(f"{file.old_path}: the patch deletes it, and this tree's file has other lines")
