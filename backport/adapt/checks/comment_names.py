"""Are the names that added comments mention in this tree?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.tokens import identifiers, mentioned


def ask(context: Context) -> list[Finding]:
    """COMMENT: such a name in an added comment that upstream's tree has and this one has not. A name that upstream's
    file did not have before either, and that nothing defines, is the comment's own (a register in a data sheet)."""
    result, edits, names = context.result, context.edits, context.names
    if names.index is None:
        return []
    found = []
    before, target = context.base, context.target
    for edit in edits:
        text, bare = b"".join(edit.new), result.code(edit)
        for word in sorted(mentioned(text) - set(identifiers(bare, comments=True))):
            if target.has_word(word):
                continue
            name = word.decode("ascii", "replace")
            if name not in names.own and not names.index.contains(name) \
                    and (names.upstream is None or not before.data or names.upstream.defines(name)
                         or (before.has_word(word) and names.upstream.contains(name))):
                found.append(Finding(Signal.COMMENT, f"a comment mentions `{name}`, which is not in this tree"))
    return found


CHECK = Check(__name__, __doc__, ask, (Signal.COMMENT,))
