"""What speaks against an answer although it fits: the result is looked at, not the way that led to it.

Strategies agree on a place where the tree needs other lines; what tells then is the result. Does the function
still parse? Has it the variables and labels that the added lines use? Do its calls have as many arguments as the
tree's own calls? Does the tree know the names at all? Every question is asked of upstream's file as well, so that
a quirk of the reader, which is the same on both sides, raises no doubt.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.rewrite.checks import (
    about,
    arity,
    balance,
    beside,
    bound,
    carried,
    checked,
    commented,
    comments,
    condition,
    declared,
    defined,
    falling,
    fields,
    freed,
    function,
    gone,
    halves,
    inside,
    jumps,
    kept,
    keyed,
    kindred,
    labels,
    leaving,
    lineends,
    locks,
    members,
    merged,
    nearby,
    nesting,
    never,
    remains,
    returned,
    reworded,
    ruling,
    scope,
    sections,
    signature,
    spelled,
    symbols,
    syntax,
    twice,
    typed,
    unreached,
    unset,
    values,
    variants,
)
from backport.rewrite.checks.base import Check, Doubt, Names, Result
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal

# one name here and one file in checks/ is all that a further question needs
CHECKS: tuple[Check, ...] = tuple(one.check for one in (
    syntax, scope, arity, symbols, condition, declared, fields, remains, nearby, members, comments, never, function,
    labels, gone, ruling, returned, reworded, leaving, halves, twice, falling, typed, nesting, balance, merged,
    unreached, defined, about, lineends, commented, inside, keyed, values, signature, bound, locks, carried,
    variants, kindred, freed, jumps, sections, unset, beside, checked, kept, spelled))

# what makes an adapted hunk too likely wrong to be given
FATAL = frozenset({Signal.SYNTAX, Signal.SCOPE, Signal.SYMBOL, Signal.ARITY, Signal.MOVED,
                   Signal.REDECLARED, Signal.UNDECLARED, Signal.UNUSED, Signal.ORDER, Signal.STATEMENT,
                   Signal.OPPOSITE, Signal.RETURNED, Signal.REWORDED, Signal.HALF, Signal.NESTED, Signal.BALANCE,
                   Signal.DOUBLED, Signal.UNREACHED, Signal.ABOUT,
                   Signal.COMMENTED, Signal.INSIDE, Signal.BOUND, Signal.KEPT, Signal.SPELLED, Signal.FUNCTION})

# what a reviewer should read, and nothing that makes an answer unsure
HARMLESS = frozenset({Signal.GUARD, Signal.NEVER, Signal.RENAMED, Signal.PREPROCESSOR, Signal.RELEASE,
                      Signal.LINE_ENDS, Signal.SHADOW})


# bytes of an added line, and of any line of the file, that the questions are asked of: some take the square of it
_LONGEST = 4000
_LONGEST_HERE = 20_000


def doubts(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """What speaks against `edits` as the answer for hunk `k`.

    A line that no person writes (80 kB in one word) is asked nothing, which is said: a patch decides how long its lines
    are, and a run must not stand still for one.
    """
    added = max((len(line) for edit in result.edits for line in edit.new), default=0)
    here = max(map(len, result.lines), default=0)
    if added > _LONGEST or here > _LONGEST_HERE:
        return [Doubt(Signal.UNREAD, f"a line of the result has {max(added, here)} bytes: none of the questions about "
                                     "the result was asked")]
    found = [doubt for check in CHECKS for doubt in check(result, k, edits, names)]
    return list({(d.signal, d.text): d for d in found}.values())
