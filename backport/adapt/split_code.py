"""Code that one function has upstream, and several functions, or one of another name, have here: followed, not dropped.

That a function is nowhere in the tree is no proof that its code is not. Where the very expression that a hunk replaces
stands in other files that the patch touches, beside a line that the hunk has beside it too, the same is done there, at
every such place; where it stands somewhere without such a line, nobody can tell, and the patch is for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from backport.adapt.align import line_key, weak
from backport.adapt.arbiter import State
from backport.adapt.outcome import FileAnswer
from backport.adapt.records import HunkStory
from backport.adapt.simulated_apply import apply_as_is
from backport.csource.functions import enclosing
from backport.csource.includes import is_include
from backport.csource.tokens import Kind, Token, lex, significant
from backport.patch.edits import Edit, apply_edits, hunk_edits, render_hunks
from backport.patch.model import FileDiff, Hunk
from backport.patch.parse import split_lines
from backport.patch.retarget import retarget
from backport.treeview import TreeView
from backport.verdict import Apply, Sure

_TOKENS = 5              # of an expression that is long enough to be known again
_NAMES = 2               # names in it
_BESIDE = 4              # lines above and below in which a line of the hunk's context stands
_MOST = 6                # places


@dataclass(frozen=True, slots=True)
class _Place:
    """The line of `path` (0-based) that reads `new` after the change; `function` is where it stands."""

    path: str
    line: int
    new: bytes
    function: str
    beside: bool


def followed(files: Sequence[FileDiff], answers: Sequence[FileAnswer], target: TreeView) -> list[FileAnswer]:
    """`answers` with the hunks whose function is not in the tree made where their expression stands."""
    out = list(answers)
    made: list[tuple[int, int, list[_Place]]] = []
    paths = sorted({p for file, answer in zip(files, answers, strict=True)
                    for p in (file.old_path, *(story.landed_path for story in answer.hunks)) if p})
    taken = _taken(answers, target)
    for n, (file, answer) in enumerate(zip(files, answers, strict=True)):
        for m, story in enumerate(answer.hunks):
            if story.state != State.ABSENT or story.index >= len(file.hunks) or not file.path.endswith(".c"):
                continue
            places = [place for place in _places(file.hunks[story.index], paths, target)
                      if (place.path, place.line) not in taken]
            if any(not place.beside for place in places) or len(places) > _MOST:
                return [*out[:n], _undecided(answer, story, places), *out[n + 1:]]
            if places:
                made.append((n, m, places))
    for n, m, places in made:
        out[n] = _with_story(out[n], m, places)
    return _placed(files, out, made, target) if made else out


def _taken(answers: Iterable[FileAnswer], target: TreeView) -> set[tuple[str, int]]:
    """Lines (path, 0-based) that the patch's other hunks change."""
    out: set[tuple[str, int]] = set()
    for file in (file for answer in answers for file in answer.files if file.old_path is not None):
        there = apply_as_is(file.hunks, target.read(file.old_path or "") or b"")
        for edits in there.edits if there is not None else ():
            out |= {(file.old_path or "", line) for edit in edits for line in range(edit.lo, edit.hi)}
    return out


def _undecided(answer: FileAnswer, story: HunkStory, places: Sequence[_Place]) -> FileAnswer:
    where = " and ".join(dict.fromkeys(f"{place.function or 'file level'} of {place.path}" for place in places))
    why = (f"{story.path}: {story.upstream_function}() is not in this tree, but the lines that hunk {story.index + 1} "
           f"removes are in {where}")
    return replace(answer, outcome=Apply.CONFLICT, files=(), sure=Sure.REVIEW, reason=why)


def _places(hunk: Hunk, paths: Iterable[str], target: TreeView) -> list[_Place]:
    """Where the expression that the hunk's only edit replaces stands in the tree."""
    edits = hunk_edits(hunk, 0)
    if len(edits) != 1 or len(hunk.removed) != 1 or len(hunk.added) != 1:
        return []
    old, new = _span(hunk.removed[0], hunk.added[0])
    if len(old) < _TOKENS or sum(token.kind is Kind.NAME for token in old) < _NAMES:
        return []
    beside = {key for line in hunk.lines if line.kind == b" " and not weak(key := line_key(line.text))}
    found = []
    for path in paths:
        lines = split_lines(target.read(path) or b"")
        for i, line in enumerate(lines):
            if old[0].text not in line:
                continue
            done = _replaced(line, old, new)
            if done is None:
                continue
            near = {line_key(other) for other in lines[max(0, i - _BESIDE):i + _BESIDE + 1]}
            function = enclosing(b"".join(lines), i + 1)
            found.append(_Place(path, i, done, function.name if function else "", bool(beside & near)))
    return found


def _span(removed: bytes, added: bytes) -> tuple[Sequence[Token], bytes]:
    """The tokens of `removed` from the first to the last that differs, and the bytes of `added` in their place."""
    a, b = significant(lex(removed)), significant(lex(added))
    codes = [code for code in SequenceMatcher(None, [t.text for t in a], [t.text for t in b],
                                              autojunk=False).get_opcodes() if code[0] != "equal"]
    if not codes or codes[0][3] >= len(b) or codes[-1][4] < 1 or codes[0][1] >= codes[-1][2]:
        return (), b""
    return a[codes[0][1]:codes[-1][2]], added[b[codes[0][3]].start:b[codes[-1][4] - 1].end]


def _replaced(line: bytes, old: Sequence[Token], new: bytes) -> bytes | None:
    tokens = significant(lex(line))
    texts, wanted = [t.text for t in tokens], [t.text for t in old]
    at = [n for n in range(len(texts) - len(wanted) + 1) if texts[n:n + len(wanted)] == wanted]
    if len(at) != 1:
        return None
    return line[:tokens[at[0]].start] + new + line[tokens[at[0] + len(wanted) - 1].end:]


def _with_story(answer: FileAnswer, m: int, places: Sequence[_Place]) -> FileAnswer:
    story = answer.hunks[m]
    functions = " and ".join(dict.fromkeys(f"{place.function}() of {place.path}" for place in places))
    note = f"the change to {story.upstream_function}() is made in {functions}, which have its code in this tree"
    added = next((line[1:] for line in story.upstream.split("\n") if line.startswith("+")), "")
    new = replace(story, landed_path=places[0].path, line=places[0].line + 1, function=places[0].function,
                  strategies=("follow",), sure=Sure.REVIEW, notes=(note,), done=(note,), state=str(State.FORWARD),
                  changed=tuple((added, place.new.decode("utf-8", "replace").rstrip("\n")) for place in places
                                if line_key(place.new) != line_key(added.encode())),
                  dropped=False, signals=("other-file",))
    notes = tuple(one for one in answer.notes if not any(why in one for why in story.notes))
    hunks = tuple(new if i == m else one for i, one in enumerate(answer.hunks))
    return replace(answer, hunks=hunks, notes=(*notes, note), sure=Sure.REVIEW)


def _placed(files: Sequence[FileDiff], answers: list[FileAnswer], made: Sequence[tuple[int, int, list[_Place]]],
            target: TreeView) -> list[FileAnswer]:
    """The answers with the edits of every place in the diff of its file, and without includes that nothing here needs
    any more."""
    out = list(answers)
    for n in dict.fromkeys(n for n, _m, _places in made):
        out[n] = _without_includes(files[n], out[n])
    edits: dict[str, list[Edit]] = {}
    for _n, _m, places in made:
        for place in places:
            edits.setdefault(place.path, []).append(Edit(place.line, place.line + 1, (place.new,)))
    for path, more in edits.items():
        owner = next((n for n, answer in enumerate(out) if any(file.old_path == path for file in answer.files)),
                     made[0][0])
        own = [file for file in out[owner].files if file.old_path == path]
        joined = _joined(own, more, path, target, files[made[0][0]])
        if joined is None:
            out[owner] = replace(out[owner], outcome=Apply.CONFLICT, files=(),
                                 reason=f"{path}: two hunks land on the same lines")
            continue
        out[owner] = replace(out[owner], outcome=Apply.MERGED, sure=Sure.REVIEW, alternatives=(),
                             files=(*(file for file in out[owner].files if file.old_path != path), joined))
    return [replace(answer, outcome=Apply.MERGED) if answer.outcome is Apply.ABSENT and any(
        story.state == State.FORWARD for story in answer.hunks) else answer for answer in out]


def _without_includes(file: FileDiff, answer: FileAnswer) -> FileAnswer:
    """Without the part in the file itself where only its `#include` lines are left: what they are for is elsewhere."""
    path = file.old_path
    here = [story for story in answer.hunks if story.landed_path == path]
    if not here or any(not is_include(line) for story in here for line in (
            *file.hunks[story.index].added, *file.hunks[story.index].removed) if line.strip()):
        return answer
    why = "its #include is not needed where the code is not"
    hunks = tuple(replace(story, state=str(State.DROPPED), dropped=True, landed_path="", notes=(why,), done=())
                  if story in here else story for story in answer.hunks)
    return replace(answer, hunks=hunks, files=tuple(one for one in answer.files if one.old_path != path))


def _joined(own: Sequence[FileDiff], more: Sequence[Edit], path: str, target: TreeView,
            like: FileDiff) -> FileDiff | None:
    data = target.read(path) or b""
    lines = split_lines(data)
    edits = list(more)
    for file in own:
        there = apply_as_is(file.hunks, data)
        if there is None:
            return None
        edits += [edit for some in there.edits for edit in some]
    edits = sorted(dict.fromkeys(edits), key=lambda e: (e.lo, e.hi))
    if any(two.lo < one.hi for one, two in pairwise(edits)):
        return None
    after = b"".join(apply_edits(lines, edits))
    return retarget((own[0] if own else like).with_hunks(render_hunks(lines, edits)), path, data, after)
