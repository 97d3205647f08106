"""Do added lines have the line ends of this tree's file?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.eol import changes_ends, kinds
from backport.adapt.signals import Signal

_SHOWN = {b"\n": "LF", b"\r\n": "CRLF"}


def ask(context: Context) -> list[Finding]:
    """LINE_ENDS where the added lines took this file's one kind of line end; MIXED_ENDS where the file has both kinds
    and upstream's has not, or where upstream's change is about line ends."""
    result, edits = context.result, context.edits
    problem = result.problem
    added = kinds([line for line in problem.hunks[context.hunk].added])
    own = problem.eols
    if not any(e.new for e in edits) or not own or not added or added == own:
        return []
    if len(own) == 1:
        end = _SHOWN[next(iter(own))]
        if changes_ends(problem):
            return [Finding(Signal.MIXED_ENDS, f"upstream's change is about line ends, and this tree's file has {end} "
                                               "throughout")]
        return [Finding(Signal.LINE_ENDS, f"the added lines end with {end}, as all of this tree's file")]
    if problem.base_lines is not None and kinds(problem.base_lines) == own:
        return []
    return [Finding(Signal.MIXED_ENDS, "this tree's file has lines that end with CRLF and lines that end with LF; the "
                                       "added ones end as the line they replace or the one above")]


CHECK = Check(__name__, __doc__, ask, (Signal.LINE_ENDS, Signal.MIXED_ENDS))
