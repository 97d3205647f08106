"""Does anything jump to the labels that the patch adds?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, Result, body, quote
from backport.adapt.signals import Signal
from backport.csource.blocks import place_of
from backport.csource.functions import enclosing
from backport.csource.pieces import code
from backport.csource.statements import is_jumped_to, label


def ask(context: Context) -> list[Finding]:
    """LABEL: an added label without a `goto` in this tree's function: the jumps that upstream has are elsewhere, or
    this tree's own jumps still go where upstream's no longer do."""
    result, edits = context.result, context.edits
    found = []
    for edit in edits:
        first = result.new_line(edit)
        added = {label(line) for n, line in enumerate(result.code(edit).splitlines())
                 if label(line) and line.rstrip().endswith(b":") and _begins(result, first + n)}
        function = enclosing(result.source, result.new_line(edit) + 1) if added else None
        if function is None:
            continue
        text = code(body(result.source, function))
        found += [Finding(Signal.LABEL, f"nothing in {function.name}() jumps to the added label {quote(m)}")
                  for m in sorted(added) if not is_jumped_to(text, m)]
    return found


def _begins(result: Result, line: int) -> bool:
    """Whether a statement begins on the line: `NAME :` also stands in the middle of a `? :`."""
    place = place_of(result.source, line)
    return place is None or not place.begun


CHECK = Check(__name__, __doc__, ask, (Signal.LABEL,))
