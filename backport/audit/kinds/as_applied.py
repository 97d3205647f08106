"""Does the place look as upstream's hunk would leave it?

Where the function was, around the change, what upstream's was, the hunk applies as it is and nobody had a reason to
write anything else: each line that differs is a mistake, as far as its kind can be told. What was written anew is
theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from backport import sections
from backport.adapt.align import line_key, similarity
from backport.audit.keyhunk import KeyHunk, Keys, part_lines
from backport.audit.kinds.base import Question, as_written, changed_too, given_up, holds, part
from backport.audit.model import Backported, Fault, FileSide, Suspect, names_of
from backport.csource.calls import denied, senses, undenied
from backport.csource.declarations import declaration
from backport.csource.locks import halves
from backport.csource.operands import without_operators
from backport.csource.pieces import code
from backport.csource.source import Source
from backport.csource.statements import label

_THERE = 0.8             # of the added lines: so much of them and the change is there
_ALIKE = 0.5             # of the words of a line and its replacement


def ask(change: Backported) -> Iterator[Suspect]:
    """For each hunk of upstream's change: what is otherwise than it would be, had it been applied."""
    here, there = change.tree, change.upstream
    if not here.made:
        return
    name = there.place
    mine = name if part(here.before, name, change.path) else here.place
    for text in there.patch:
        whole = KeyHunk.of(text, lambda line: not name or sections.scope(there.before, line, change.path) == name)
        before = part_lines(here.before, mine, change.path)
        hunk = next((one for one in whole.narrower() if one.between(before) == one.old), None)
        if hunk is None:
            continue                 # it does not apply as it is
        found = hunk.between(part_lines(here.after, mine, change.path))
        lasting = hunk.between(part_lines(change.lasting, name, change.path))
        if found is None or found == hunk.new or lasting != hunk.new:
            continue
        if found != hunk.old and any(hunk.between(part_lines(data, name, change.path)) == found
                                     for data in change.known):
            continue
        for one in (_elsewhere, _lacks, _kept, _turned):
            suspect = one(change, hunk, found)
            if suspect is not None:
                yield suspect
                return


def _elsewhere(change: Backported, hunk: KeyHunk, found: Keys) -> Suspect | None:
    """As it was before, and the lines are at another place."""
    here = change.tree
    added = [key for _, key in change.upstream.telling if key in hunk.new]
    if tuple(found) != hunk.old or not added:
        return None
    mine = Counter(key for _, key in here.telling)
    if Counter(added) - mine:
        return None
    at = next(line for line, key in here.telling if key == added[0])
    landed, wanted = here.scope(at), change.upstream.place
    if _also_there(change, landed, wanted, added) or (landed != wanted and changed_too(change, landed)):
        return None
    order = not wanted.endswith("()") or all(declaration(line) for _, line in change.upstream.added if line.strip())
    if landed == wanted and (order or _behind_declarations(here, at, hunk.above[-1])):
        return None                  # the order of definitions, entries and declarations says nothing
    if landed == wanted:
        return _found(Fault.PLACE, change, f"upstream has the lines behind `{_shown(change, hunk.above[-1])}`; here "
                      f"they are elsewhere in {_where(change)}", 0.75, added[0])
    return _found(Fault.FUNCTION, change, f"upstream changed {_where(change)}; here the lines are in "
                  f"{landed or 'no function'}, and upstream's place is as it was", 0.8, added[0])


def _behind_declarations(here: FileSide, at: int, above: bytes) -> bool:
    """Whether nothing but declarations and comments stands between the line `above` and 0-based line `at`: a statement
    cannot be put before them in older trees."""
    lines = Source.of(here.after).bare_lines if sections.is_c(here.path) else []
    raw = here.after.split(b"\n")
    start = next((n for n in range(min(at, len(lines)) - 1, -1, -1) if line_key(raw[n]) == above), None)
    between = [line for line in lines[start + 1:at] if line.strip()] if start is not None else []
    return bool(between) and all(map(declaration, between))


def _also_there(change: Backported, landed: str, wanted: str, added: Keys) -> bool:
    """Whether a newer tree has the lines where they are here, beside upstream's place or instead of it."""
    here = change.tree
    mine = Counter(part_lines(here.after, landed, change.path))
    fresh = holds(part_lines(here.before, landed, change.path), added) < _THERE
    hunks = [one for text in here.patch for one in KeyHunk.of(text, lambda _line: True).narrower()]
    for data in (*change.known, change.upstream.before):
        lines = part_lines(data, landed, change.path)
        if any(one.new and (one.between(lines) == one.new or one.beside(lines)) for one in hunks):
            return True
        if landed != wanted and (all(lines.count(key) >= mine[key] for key in added)
                                 or (fresh and holds(lines, added) >= _THERE)):
            return True
    return False


def _lacks(change: Backported, hunk: KeyHunk, found: Keys) -> Suspect | None:
    """A line that upstream added is not there, and those around it are."""
    rest = iter(enumerate(hunk.new))
    kept = [next((n for n, key in rest if key == line), None) for line in found]
    if None in kept or not kept:
        return None
    telling = {key for _, key in change.upstream.telling}
    gone = [n for n in range(len(hunk.new)) if n not in kept and hunk.new[n] in telling]
    here, there = change.tree, change.upstream
    # another commit can have brought the rest
    mine = part_lines(change.today if change.one_commit else here.after, here.place, change.path)
    theirs = part_lines(there.after, there.place, change.path)
    # a line that this step added as often as upstream's did is at another place
    gone = [n for n in gone if mine.count(hunk.new[n]) < theirs.count(hunk.new[n])
            and _more(here, hunk.new[n]) < _more(there, hunk.new[n])]
    old = set(hunk.old)
    missing = {hunk.new[n] for n in gone}
    names = names_of(b"".join(line for _, line in there.added if line_key(line) in missing))
    if not gone or names - names_of(change.today):
        return None                  # about something that this tree does not have
    half = not halves(_text(hunk.new)) and halves(_text(found))
    if not (change.one_commit or half or all(_inside(hunk.new, n, kept, old) for n in gone)):
        return None
    line = hunk.new[gone[0]]
    kind = Fault.LOST_HALF if label(line) or halves(line) else Fault.LEFT
    return _found(kind, change, f"upstream adds `{_shown(change, line)}` to {_where(change)}, which is not here; the "
                  "lines around it are", 0.7, line)


def _more(side: FileSide, key: bytes) -> int:
    """By how many a step makes the lines of that kind more."""
    return sum(line_key(line) == key for edit in side.edits for line in edit.new) \
        - sum(line_key(line) == key for edit in side.edits for line in edit.old)


def _inside(new: Keys, n: int, kept: Sequence[int | None], old: set[bytes]) -> bool:
    """Whether the lines before and behind one that is missing were added as well, and are there: what two commits of a
    release add stands at the ends."""
    return all(0 <= at < len(new) and at in kept and new[at] not in old for at in (n - 1, n + 1))


def _text(keys: Keys) -> bytes:
    return b"\n".join(keys)


def _kept(change: Backported, hunk: KeyHunk, found: Keys) -> Suspect | None:
    """All of the new lines, and old ones beside them."""
    more = Counter(found) - Counter(hunk.new)
    if Counter(hunk.new) - Counter(found) or not more or more - Counter(hunk.old):
        return None
    # what another commit of the release took away was not replaced
    replaced = {line_key(line) for edit in change.upstream.made for line in edit.old
                if any(similarity(line, new) >= _ALIKE for new in edit.new)}
    kept = [key for _, key in change.upstream.gone if key in more]
    if not kept or not replaced.issuperset(kept) or any(given_up(change, key) for key in kept):
        return None
    line = kept[0]
    return _found(Fault.LEFTOVER, change, f"`{_shown(change, line)}` is still in {_where(change)}; upstream "
                  "replaced it by lines that are there too", 0.8, line)


def _turned(change: Backported, hunk: KeyHunk, found: Keys) -> Suspect | None:
    """A line that differs from upstream's in an operator of a condition."""
    if len(found) != len(hunk.new) or b"".join(found) == b"".join(hunk.new):
        return None                  # a line is only broken before the operator, not behind it
    other = [(mine, theirs) for mine, theirs in zip(found, hunk.new, strict=True) if mine != theirs]
    telling = {key for _, key in change.upstream.telling}
    if not other or any(theirs not in telling or without_operators(mine) != without_operators(theirs)
                        for mine, theirs in other):
        return None
    mine, theirs = other[0]
    if all(_other_sense(change, *pair) for pair in other):
        return None
    found_here = _found(Fault.TURNED, change, f"{_where(change)} has `{_shown(change, mine)}`, where upstream has "
                        f"`{_shown(change, theirs)}`", 0.75, mine)
    return replace(found_here, wanted=theirs.decode("utf-8", "replace"))


def _other_sense(change: Backported, mine: bytes, theirs: bytes) -> bool:
    """Whether the lines differ in the `!` before a call alone, and no line of either file calls it in the other sense:
    then the helper itself can return the opposite here."""
    ours, others = Counter(denied(mine)), Counter(denied(theirs))
    names = {*(ours - others), *(others - ours)}
    if not names or undenied(mine) != undenied(theirs):
        return False
    for data, want in ((change.tree.after, ours), (change.upstream.after, others)):
        for name in names:
            every, other = senses(code(data), name)
            if other != (every if want[name] else 0):
                return False
    return True


def _found(kind: Fault, change: Backported, text: str, confidence: float, key: bytes) -> Suspect:
    return Suspect(kind, change, text, confidence, key.decode("utf-8", "replace"))


def _where(change: Backported) -> str:
    return change.upstream.place or "the file"


def _shown(change: Backported, key: bytes) -> str:
    return as_written(key, change.upstream.after, change.tree.after, change.tree.before)


QUESTION = Question(Fault.PLACE, ask)
