"""Is every statement reachable?"""

from __future__ import annotations

from itertools import pairwise

from tree_sitter import Node

from backport.adapt.checks.base import Check, Context, Finding, named, quote, touched
from backport.adapt.checks.syntax import LONGEST
from backport.adapt.signals import Signal
from backport.bounded import by_content
from backport.csource.grammar import tree

_LEAVES = ("goto_statement", "return_statement", "break_statement", "continue_statement")
_BLOCKS = ("compound_statement", "case_statement")


def ask(context: Context) -> list[Finding]:
    """UNREACHED for a statement behind a `goto`, `return`, `break` or `continue` without a label between them:
    the label stood in upstream's context, and this tree's function has none there."""
    result, edits = context.result, context.edits
    found = []
    for name in touched(result, edits):
        texts = [named(source, name) for source in
                 (result.source, result.problem.target, result.problem.upstream)]
        if texts[0] is None or len(texts[0]) > LONGEST:
            continue
        known = {line for text in texts[1:] if text is not None for line in _unreached(text)}
        found += [Finding(Signal.UNREACHED, f"{quote(line)} in {name}() would be unreachable")
                  for line in _unreached(texts[0]) if line not in known][:1]
    return found


@by_content(1 << 20)
def _unreached(text: bytes) -> tuple[bytes, ...]:
    """The first line of each such statement."""
    out = []
    stack: list[Node] = [tree(text)]
    while stack:
        node = stack.pop()
        stack.extend(node.named_children)
        if node.type not in _BLOCKS:
            continue
        children = [c for c in node.named_children if c.type != "comment"]
        for one, two in pairwise(children):
            if one.type in _LEAVES and (two.type.endswith("_statement") and two.type not in (
                    "labeled_statement", "case_statement")) and not two.has_error and not one.has_error:
                out.append((two.text or b"").split(b"\n", 1)[0].strip())
    return tuple(out)


CHECK = Check(__name__, __doc__, ask, (Signal.UNREACHED,), local=True)
