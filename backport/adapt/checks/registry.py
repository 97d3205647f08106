"""Every check, and what all of them find in an answer.

Strategies agree on a place where the tree needs other lines; what tells then is the result. Does the function
still parse? Has it the variables and labels that the added lines use? Do its calls have as many arguments as the
tree's own calls? Does the tree know the names at all? Every question is asked of upstream's file as well, so that
a quirk of the reader, which is the same on both sides, is no finding.

A further check is a file in this directory that ends with its record, and one import here.
"""

# ruff: noqa: F401
from __future__ import annotations

from collections.abc import Iterable, Sequence

from backport.adapt.checks.ambiguous_merge import CHECK as ambiguous_merge
from backport.adapt.checks.applied_twice import CHECK as applied_twice
from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.checks.break_continue import CHECK as break_continue
from backport.adapt.checks.call_arity import CHECK as call_arity
from backport.adapt.checks.comment_names import CHECK as comment_names
from backport.adapt.checks.comment_subject import CHECK as comment_subject
from backport.adapt.checks.constant_value import CHECK as constant_value
from backport.adapt.checks.declarations import CHECK as declarations
from backport.adapt.checks.duplicate_case import CHECK as duplicate_case
from backport.adapt.checks.duplicate_key import CHECK as duplicate_key
from backport.adapt.checks.duplicate_line import CHECK as duplicate_line
from backport.adapt.checks.duplicate_member import CHECK as duplicate_member
from backport.adapt.checks.enclosing_entry import CHECK as enclosing_entry
from backport.adapt.checks.eol import CHECK as eol
from backport.adapt.checks.error_check import CHECK as error_check
from backport.adapt.checks.exit_value import CHECK as exit_value
from backport.adapt.checks.fallthrough import CHECK as fallthrough
from backport.adapt.checks.guard import CHECK as guard
from backport.adapt.checks.held_locks import CHECK as held_locks
from backport.adapt.checks.in_comment import CHECK as in_comment
from backport.adapt.checks.lock_balance import CHECK as lock_balance
from backport.adapt.checks.loop_reference import CHECK as loop_reference
from backport.adapt.checks.missed_site import CHECK as missed_site
from backport.adapt.checks.moved_line import CHECK as moved_line
from backport.adapt.checks.name_binding import CHECK as name_binding
from backport.adapt.checks.neighbours import CHECK as neighbours
from backport.adapt.checks.nesting import CHECK as nesting
from backport.adapt.checks.operand_type import CHECK as operand_type
from backport.adapt.checks.placement import CHECK as placement
from backport.adapt.checks.pp_condition import CHECK as pp_condition
from backport.adapt.checks.redefinition import CHECK as redefinition
from backport.adapt.checks.removed_line import CHECK as removed_line
from backport.adapt.checks.return_type import CHECK as return_type
from backport.adapt.checks.scope import CHECK as scope
from backport.adapt.checks.sections import CHECK as sections
from backport.adapt.checks.sibling_call import CHECK as sibling_call
from backport.adapt.checks.signature import CHECK as signature
from backport.adapt.checks.stale_identifier import CHECK as stale_identifier
from backport.adapt.checks.still_used import CHECK as still_used
from backport.adapt.checks.syntax import CHECK as syntax
from backport.adapt.checks.unbraced_body import CHECK as unbraced_body
from backport.adapt.checks.uninitialized import CHECK as uninitialized
from backport.adapt.checks.unknown_member import CHECK as unknown_member
from backport.adapt.checks.unknown_removed import CHECK as unknown_removed
from backport.adapt.checks.unknown_symbol import CHECK as unknown_symbol
from backport.adapt.checks.unreachable import CHECK as unreachable
from backport.adapt.checks.unused_label import CHECK as unused_label
from backport.adapt.checks.unwind import CHECK as unwind
from backport.adapt.checks.use_after_free import CHECK as use_after_free
from backport.adapt.checks.variable_type import CHECK as variable_type
from backport.adapt.signals import Severity, Signal

# each import above is a row: no second list that could forget one
_ORDER = tuple(Severity)
CHECKS: tuple[Check, ...] = tuple(one for one in tuple(globals().values()) if isinstance(one, Check))

_FURTHER = tuple(one for one in CHECKS if not one.local)

# bytes of an added line, and of any line of the file, that the checks read: some take the square of it
_LONGEST = 4000
_LONGEST_HERE = 20_000


def findings(context: Context) -> list[Finding]:
    """What speaks against the answer, the worst first; each once.

    A line that no person writes (80 kB in one word) is not checked, which is said: a patch decides how long its lines
    are, and a run must not stand still for one.
    """
    result = context.result
    added = max((len(line) for edit in result.edits for line in edit.new), default=0)
    here = max(map(len, result.lines), default=0)
    if added > _LONGEST or here > _LONGEST_HERE:
        return [Finding(Signal.UNREAD,
                        f"a line of the result has {max(added, here)} bytes: the result was not checked")]
    found = {(one.kind, one.text): one for check in asked(context) for one in check.ask(context)}
    return sorted(found.values(), key=lambda one: _ORDER.index(one.severity))


def asked(context: Context) -> Sequence[Check]:
    """The checks that may find something. A function that is upstream's to the byte is as right as upstream's."""
    return _FURTHER if context.as_upstream else CHECKS


def fatal(found: Iterable[Finding]) -> int:
    """How many of them are fatal."""
    return sum(one.fatal for one in found)
