"""Three-way merge of a piece of C at the level of tokens.

Where upstream changed one part of a line and the tree differs in another part of it, both survive. White space
belongs to the token behind it and follows that token's side. Where both changed the same tokens in different
ways there is no answer (None), never a marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backport.csource.pieces import tokens

_LIMIT = 4000            # tokens of a piece; longer ones are not merged
_OPEN = {b"(": b")", b"[": b"]", b"{": b"}"}
_CLOSE = {b")", b"]", b"}"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` with the white space in front of it; `key` is what it is matched by."""

    space: bytes
    text: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Merged:
    """`text` is the piece with both changes; `touching` where they meet without a token between them."""

    text: bytes
    touching: bool = False
    present: bool = False            # what upstream adds stands in the tree's own difference already


def lex(source: bytes) -> list[Token]:
    """Tokens with leading white space; brackets carry the word before the opening one in their key.

    `f(x)` and `if (x)` share no parenthesis then, which keeps a call's `)` from being taken for the condition's.
    """
    out: list[Token] = []
    space = b""
    open_labels: list[bytes] = []
    previous = b""
    for text in tokens(source):
        if not text.strip():
            space += text
            continue
        key = text
        if text in _OPEN:
            label = previous if previous[:1].isalpha() or previous[:1] == b"_" else b""
            open_labels.append(label)
            key = text + label
        elif text in _CLOSE:
            key = text + (open_labels.pop() if open_labels else b"?")
        out.append(Token(space, text, key))
        space = b""
        previous = text
    out.append(Token(space, b"", b"\0end"))
    return out


Op = tuple[int, int, int, int]       # a[i1:i2] became b[j1:j2]


def changes(a: Sequence[Token], b: Sequence[Token]) -> list[Op]:
    """What differs between two lists of tokens; ends are matched first, then the longest runs between."""
    x = [t.key for t in a]
    y = [t.key for t in b]
    lo = 0
    while lo < len(x) and lo < len(y) and x[lo] == y[lo]:
        lo += 1
    tail = 0
    while tail < len(x) - lo and tail < len(y) - lo and x[-1 - tail] == y[-1 - tail]:
        tail += 1
    matcher = SequenceMatcher(None, x[lo:len(x) - tail], y[lo:len(y) - tail], autojunk=False)
    return [(lo + i1, lo + i2, lo + j1, lo + j2)
            for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]


def merge(base: bytes, ours: bytes, theirs: bytes) -> Merged | None:
    """`theirs` (the tree) with the change that made `ours` (upstream after) of `base`; None where they clash."""
    a, u, t = lex(base), lex(ours), lex(theirs)
    if max(len(a), len(u), len(t)) > _LIMIT:
        return None
    up = changes(a, u)
    there = changes(a, t)
    # the position of every base token in the tree's piece
    out: list[bytes] = []
    touching = present = False
    i = k = 0                        # next op of upstream, of the tree
    at = 0                           # next base token
    at_t = 0                         # its place in the tree's piece
    while i < len(up) or k < len(there):
        ours_next = up[i] if i < len(up) else None
        theirs_next = there[k] if k < len(there) else None
        if ours_next is not None and theirs_next is not None and _meet(ours_next, theirs_next):
            o1, o2, p1, p2 = ours_next
            s1, s2, q1, q2 = theirs_next
            if (o1, o2) == (s1, s2) and [x.key for x in u[p1:p2]] == [x.key for x in t[q1:q2]]:
                ours_next = None     # both made the same change
                i += 1
            elif o1 == o2 and _contains([x.text for x in t[q1:q2]], [x.text for x in u[p1:p2]]):
                present = True       # or the branch would get a second `|| ...injected`
                ours_next = None
                i += 1
            elif o2 <= s1 and (o1, o2) != (s1, s2) and not (o1 == o2 and s1 == s2):
                touching = True
                theirs_next = None
            elif s2 <= o1 and (o1, o2) != (s1, s2):
                touching = True
                ours_next = None
            else:
                return None
        if theirs_next is None or (ours_next is not None and ours_next[0] < theirs_next[0]):
            assert ours_next is not None
            o1, o2, p1, p2 = ours_next
            out += [x.space + x.text for x in t[at_t:at_t + o1 - at]]
            at_t += o2 - at
            at = o2
            out += [x.space + x.text for x in u[p1:p2]]
            i += 1
        else:
            s1, s2, q1, q2 = theirs_next
            out += [x.space + x.text for x in t[at_t:at_t + s1 - at]]
            out += [x.space + x.text for x in t[q1:q2]]
            at = s2
            at_t = q2
            k += 1
    out += [x.space + x.text for x in t[at_t:]]
    text = b"".join(out)
    if balance(text) - balance(theirs) != balance(ours) - balance(base):
        return None
    return Merged(text, touching, present)


def _contains(have: Sequence[bytes], need: Sequence[bytes]) -> bool:
    n = len(need)
    return n > 1 and any(list(have[i:i + n]) == list(need) for i in range(len(have) - n + 1))


def _meet(o: Op, s: Op) -> bool:
    """True where two ops overlap or touch on the base."""
    return o[0] <= s[1] and s[0] <= o[1]


def balance(source: bytes) -> int:
    """Opening minus closing brackets, each kind weighed so that they do not cancel out."""
    return ((source.count(b"(") - source.count(b")")) + 1000 * (source.count(b"[") - source.count(b"]"))
            + 1_000_000 * (source.count(b"{") - source.count(b"}")))
