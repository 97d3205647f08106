"""An added `#include` of a header that this tree lacks: what it is included for stands in another header here.

Headers are split and renamed; the names that upstream's header declares and the added lines use tell which one of this
tree's stands for it. Where they do not lead to one header, the line stays, and the answer is declined for it later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from backport.adapt.checks.base import Names
from backport.adapt.includes import is_missing
from backport.adapt.outcome import FileAnswer
from backport.csource.includes import included, is_include
from backport.csource.tokens import identifiers
from backport.patch.model import FileDiff, Hunk, Line
from backport.treeview import TreeView
from backport.verdict import Apply, Sure


@dataclass(frozen=True, slots=True)
class Swap:
    """`old` as upstream includes it, `new` of this tree, "" where the file includes that already; for `names`."""

    hunk: int
    old: str
    new: str
    found: str
    names: tuple[str, ...]

    @property
    def note(self) -> str:
        what = " and ".join(f"{name}()" for name in self.names[:2])
        how = f"include <{self.new}> instead of <{self.old}>" if self.new else f"left out <{self.old}>"
        return f"{how}, which this tree does not have: {what} is in <{self.found}> here"


def with_headers(file: FileDiff, target: TreeView, names: Names,
                 brought: Collection[str] = ()) -> tuple[FileDiff, tuple[Swap, ...]]:
    """`file` with this tree's headers in its added lines, and what was swapped in which hunk; `brought` are the paths
    that the patch itself adds to the tree."""
    if not any(is_include(line) for hunk in file.hunks for line in hunk.added):
        return file, ()
    swaps: list[Swap] = []
    hunks = []
    for number, hunk in enumerate(file.hunks):
        lines: list[Line] = []
        for line in hunk.lines:
            swap = _swap(number, line.text, file, target, names, brought) if line.kind == b"+" else None
            if swap is None:
                lines.append(line)
                continue
            swaps.append(swap)
            if swap.new:
                lines.append(replace(line, text=line.text.replace(swap.old.encode(), swap.new.encode())))
        hunks.append(_resized(hunk, lines))
    if not swaps or any(not (hunk.added or hunk.removed) for hunk in hunks):
        return file, ()
    return file.with_hunks(tuple(hunks)), tuple(swaps)


def annotated(answer: FileAnswer, file: FileDiff, swaps: tuple[Swap, ...]) -> FileAnswer:
    """`answer` with what was swapped in the stories of its hunks; `file` as upstream has it."""
    if not swaps:
        return answer
    hunks = []
    for story in answer.hunks:
        own = [swap for swap in swaps if swap.hunk == story.index]
        if own:
            pairs = tuple((f"#include <{swap.old}>", f"#include <{swap.new}>" if swap.new else "") for swap in own)
            notes = tuple(swap.note for swap in own)
            story = replace(story, notes=(*story.notes, *notes), done=(*story.done, *notes), sure=Sure.REVIEW,
                            changed=(*story.changed, *pairs), touches_added=True,
                            upstream=file.hunks[story.index].render().decode("utf-8", "replace"))
        hunks.append(story)
    outcome = Apply.MERGED if answer.outcome in (Apply.CLEAN, Apply.OFFSET) else answer.outcome
    return replace(answer, outcome=outcome, hunks=tuple(hunks), sure=Sure.REVIEW,
                   notes=(*answer.notes, *(swap.note for swap in swaps)))


def _swap(number: int, line: bytes, file: FileDiff, target: TreeView, names: Names,
          brought: Collection[str]) -> Swap | None:
    found = included(line)
    path = file.old_path or file.path
    data = target.read(path)
    if len(found) != 1 or b"<" not in line or data is None or not is_missing(found[0], path, target):
        return None
    if any(one.endswith(f"/{found[0]}") for one in brought):
        return None
    words = dict.fromkeys(word.decode() for hunk in file.hunks for one in hunk.added for word in identifiers(one))
    theirs, ours = names.upstream, names.index
    wanted = [word for word in words if f"include/{found[0]}" in _headers(theirs, word)]
    where = [set(_headers(ours, word)) for word in wanted]
    if not where:
        return None
    common = set.intersection(*where)
    if len(common) != 1:
        return None
    header = common.pop().removeprefix("include/")
    if header == found[0]:               # the tree has it after all: its names are known, only this view cannot read it
        return None
    here = header in included(data)
    return Swap(number, found[0], "" if here else header, header, tuple(wanted))


def _headers(index: object, name: str) -> list[str]:
    """The headers under include/ that define function or macro `name`."""
    functions, macros = getattr(index, "functions", None), getattr(index, "macros", None)
    if functions is None or macros is None:
        return []
    return [path for path in (*functions(name), *macros(name, lists=False)) if path.startswith("include/")]


def _resized(hunk: Hunk, lines: list[Line]) -> Hunk:
    if len(lines) == len(hunk.lines) and all(a is b for a, b in zip(lines, hunk.lines, strict=True)):
        return hunk
    return hunk.with_lines(tuple(lines))
