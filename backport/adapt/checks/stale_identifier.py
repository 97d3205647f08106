"""Does an added line keep a name of upstream's that this tree spells differently in the removed lines?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, body, quote
from backport.adapt.renamed_identifiers import spellings
from backport.adapt.signals import Signal
from backport.csource.declarations import is_local
from backport.csource.functions import enclosing
from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers


def ask(context: Context) -> list[Finding]:
    """SPELLED: upstream takes a name away and adds it again, and the line that goes in this tree has another one there.

    That the tree has upstream's name as well, elsewhere, is no comfort: two names that exist are two things. A patch
    that is about the name itself takes the one away and adds the other, and says nothing here.
    """
    result, edits = context.result, context.edits
    problem = result.problem
    if problem.base_lines is None or problem.edits is None:
        return []
    gone = {w for hunk in problem.hunks for w in identifiers(b"".join(hunk.removed))}
    new = {w for hunk in problem.hunks for w in identifiers(b"".join(hunk.added))}
    kept = {w for e in edits for w in identifiers(result.code(e))} & gone - KEYWORDS
    # what an added line declares is upstream's own thing, of upstream's type
    kept -= {w for e in edits for line in result.code(e).split(b"\n") if is_local(line)
             for w in identifiers(line.split(b"=")[0])}
    if not kept:
        return []
    here = {f for e in edits if (f := enclosing(problem.target, e.lo + 1)) is not None}
    own = {w for f in here for w in identifiers(body(problem.target, f))}
    learned = spellings(problem, context.hunk, kept - own)
    return [Finding(Signal.SPELLED, f"the removed lines have {quote(y)} where upstream's have "
                                    f"{quote(x)}, which is added again", x.decode())
            for x, y in sorted(learned.items()) if not set(identifiers(y)) & (gone | new)]


CHECK = Check(__name__, __doc__, ask, (Signal.SPELLED,), local=True)
