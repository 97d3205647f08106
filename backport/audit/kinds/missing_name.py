"""Does an added line use what this tree does not have?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.audit.kinds.base import Question, part_text
from backport.audit.model import Backported, Fault, Suspect, names_of
from backport.bounded import by_content
from backport.csource.calls import used
from backport.csource.declarations import (
    at_file_level,
    declares_inside,
    made_by_macro,
    may_be_declared,
    perhaps_declared,
)
from backport.csource.functions import functions
from backport.csource.pieces import KEYWORDS, code
from backport.csource.tokens import identifiers
from backport.csource.uses import variables

_SHORT = 4               # letters of a name from which on it is looked for in the whole tree


def ask(change: Backported) -> Iterator[Suspect]:
    """A variable that upstream's function declares and this one does not; where the whole tree can be asked, a
    function or member that nothing in it has."""
    here, there = change.tree, change.upstream
    # what another upstream commit of a squash brought is asked beside that one
    known = names_of(here.before) | names_of(b"\n".join(change.also))
    for name, added in here.functions.items():
        ours, theirs = (code(part_text(side.after, name)) for side in (here, there))
        if not ours or not theirs:
            continue
        rest = at_file_level(here.after)
        # what another function declares is not declared here; what this one used before is
        used_before = frozenset(identifiers(part_text(here.before, name), comments=True))
        own = sorted(word for word in (names_of(code(added)) - KEYWORDS - rest - used_before) & _brought(change, name)
                     if word not in _outside(here.after)
                     and any(word in variables(line) for line in code(added).split(b"\n"))
                     and declares_inside(theirs, word)
                     and not declares_inside(ours, word) and not made_by_macro(ours, word)
                     and not may_be_declared(ours, word) and _lost(change, name, word))
        if own:
            yield Suspect(Fault.MISSING, change, f"{name} uses `{own[0].decode()}`, which it does not declare", 0.8,
                          own[0].decode(), own=True)
            return
        fresh = names_of(added) - KEYWORDS - known
        lacking = sorted(word for word in (used(code(added)) & fresh) - rest
                         if len(word) >= _SHORT and _only_used(change, word))
        if lacking:
            yield Suspect(Fault.MISSING, change, f"{name} uses `{lacking[0].decode()}`, which nothing else in this "
                          "tree has", 0.85, lacking[0].decode())
            return


def _brought(change: Backported, name: str) -> frozenset[bytes]:
    """The names in what can have brought a declaration: upstream's function, of a release what its step added there."""
    there = change.upstream
    if change.one_commit or change.in_headers is None:
        return perhaps_declared(code(part_text(there.after, name)))
    return perhaps_declared(code(there.brought.get(name, b"")))


def _lost(change: Backported, name: str, word: bytes) -> bool:
    """Of releases, which somebody compiled: whether upstream's step brought the declaration with the lines that use the
    name, this tree has it from no header, and its last release is as it was."""
    if change.one_commit or change.in_headers is None:
        return True
    brought = code(change.upstream.brought.get(name, b""))
    today = code(part_text(change.today, name))
    return declares_inside(brought, word) and word in identifiers(today) and not declares_inside(today, word) \
        and not change.in_headers(word.decode("ascii", "replace"))


@by_content(1 << 20)
def _outside(source: bytes) -> frozenset[bytes]:
    """Every name that the file has outside of functions."""
    lines = source.split(b"\n")
    for one in functions(source):
        lines[one.start:one.end] = [b""] * (one.end - one.start)
    return frozenset(identifiers(b"\n".join(lines), comments=False))


def _only_used(change: Backported, word: bytes) -> bool:
    """Whether every line of this tree that has `word` is one that the change adds to a function, and upstream has more
    of them than that."""
    if change.spread is None:
        return False
    here, there = (sum(word in identifiers(line, comments=True) for text in side.functions.values()
                       for line in text.split(b"\n")) for side in (change.tree, change.upstream))
    ours, theirs = change.spread(word.decode())
    return ours == here and theirs > there


QUESTION = Question(Fault.MISSING, ask)
