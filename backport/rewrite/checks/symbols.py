"""Does the tree know the names that the added lines use?"""

from __future__ import annotations

from collections.abc import Sequence

from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers
from backport.rewrite.checks.arity import CALL
from backport.rewrite.checks.base import Doubt, Names, Result
from backport.rewrite.render import Edit
from backport.rewrite.signals import Signal


def check(result: Result, k: int, edits: Sequence[Edit], names: Names) -> list[Doubt]:
    """Names in added lines that the whole tree does not have."""
    if names.index is None:
        return []
    target = result.problem.target_words
    found = []
    for edit in edits:
        added = result.code(edit)
        called = {m[1] for m in CALL.finditer(added)}
        gone = {w for line in result.problem.t[edit.lo:edit.hi] for w in identifiers(line, comments=True)}
        for name in sorted(set(identifiers(added)) - KEYWORDS - gone):
            if name in target:
                continue
            text = name.decode("ascii", "replace")
            if text in names.own:
                continue
            if not names.index.contains(text):
                if names.upstream is None or names.upstream.contains(text):
                    found.append(Doubt(Signal.SYMBOL, f"`{text}` is nowhere in this tree", text))
            elif name in called and names.upstream is not None and names.upstream.defines(text) \
                    and not names.index.defines(text):
                # an everyday word (`guard`) stands somewhere in every tree
                found.append(Doubt(Signal.SYMBOL, f"`{text}()` is defined nowhere in this tree", text))
    return found
