"""Is the line that an added comment describes in this tree?"""

from __future__ import annotations

from backport.adapt.align import line_key, silent
from backport.adapt.checks.base import Check, Context, Finding, bare_lines, quote
from backport.adapt.signals import Signal
from backport.csource.pieces import KEYWORDS
from backport.csource.tokens import identifiers

_LOOK = 4                # lines of the result in which what the comment is about may follow


def ask(context: Context) -> list[Finding]:
    """ABOUT: upstream puts a comment above a line that it had already, the comment names what the line names, and in
    this tree something else follows."""
    result = context.result
    pairs, after = context.pairs, result.problem.upstream_lines or []
    if not pairs:
        return []
    added = set(context.brought)
    bare = bare_lines(result.problem.upstream)
    found = []
    for u, r in pairs:
        end, here = u, r
        while end in added and not after[end].rstrip().endswith(b"*/") and here + 1 < len(result.lines):
            end, here = end + 1, here + 1
        if end not in added or end + 1 >= len(after) or end + 1 in added or bare[u].strip():
            continue
        line = after[end + 1]
        following = result.lines[here + 1:here + 1 + _LOOK]
        if silent(line_key(line)) or not following or line_key(following[0]) == line_key(line):
            continue
        text = b"".join(after[i] for i in sorted(added) if u - 20 < i <= end)
        subjects = (set(identifiers(line)) - KEYWORDS) & set(identifiers(text, comments=True))
        gone = sorted(w for w in subjects if len(w) > 3 and w not in identifiers(b"".join(following), comments=True))
        if gone:
            found.append(Finding(Signal.ABOUT, f"an added comment mentions {quote(gone[0])}, but the line below it "
                                               f"upstream, {quote(line)}, is not in this tree", gone[0].decode()))
    return found[:1]


CHECK = Check(__name__, __doc__, ask, (Signal.ABOUT,))
