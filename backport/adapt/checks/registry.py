"""What speaks against an answer although it fits: the result is looked at, not the way that led to it.

Strategies agree on a place where the tree needs other lines; what tells then is the result. Does the function
still parse? Has it the variables and labels that the added lines use? Do its calls have as many arguments as the
tree's own calls? Does the tree know the names at all? Every question is asked of upstream's file as well, so that
a quirk of the reader, which is the same on both sides, raises no doubt.
"""

from __future__ import annotations

from collections.abc import Sequence

from backport.adapt.checks import (
    ambiguous_merge,
    break_continue,
    call_arity,
    comment_names,
    comment_subject,
    constant_value,
    declarations,
    duplicate_case,
    duplicate_key,
    duplicate_line,
    duplicate_member,
    enclosing_entry,
    eol,
    error_check,
    exit_value,
    fallthrough,
    guard,
    held_locks,
    in_comment,
    lock_balance,
    missed_site,
    moved_line,
    name_binding,
    neighbours,
    nesting,
    operand_type,
    placement,
    pp_condition,
    redefinition,
    removed_line,
    return_type,
    scope,
    sections,
    sibling_call,
    signature,
    stale_identifier,
    still_used,
    syntax,
    unbraced_body,
    uninitialized,
    unknown_member,
    unknown_removed,
    unknown_symbol,
    unreachable,
    unused_label,
    unwind,
    use_after_free,
    variable_type,
)
from backport.adapt.checks.base import Check, Doubt, Names, Result
from backport.adapt.edits import Edit
from backport.adapt.signals import Signal

# one name here and one file in checks/ is all that a further question needs
CHECKS: tuple[Check, ...] = tuple(one.check for one in (
    syntax, scope, call_arity, unknown_symbol, guard, declarations, duplicate_member, missed_site,
    duplicate_line, unknown_member, comment_names, unknown_removed, placement, unused_label, still_used,
    unbraced_body, return_type, moved_line, unwind, pp_condition, duplicate_case, fallthrough, variable_type,
    nesting, lock_balance, ambiguous_merge, unreachable, redefinition, comment_subject, eol, in_comment,
    enclosing_entry, duplicate_key, constant_value, signature, name_binding, held_locks, exit_value,
    sibling_call, operand_type, use_after_free, break_continue, sections, uninitialized, neighbours,
    error_check, removed_line, stale_identifier))

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
