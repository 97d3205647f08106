"""Three-way merge of a piece of C at the level of tokens.

Where upstream changed one part of a line and the tree differs in another part of it, both survive. White space
belongs to the token behind it and follows that token's side. Where both changed the same tokens in different
ways there is no answer (None), never a marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto

from backport.csource.pieces import tokens

_LIMIT = 2000            # tokens of a piece; longer ones are not merged
_OPEN = {b"(": b")", b"[": b"]", b"{": b"}"}
_SEPARATORS = {b",", b";", b"&&", b"||"}
_BINDING = {b"||", b"&&", b"?", b":", b"!", b"~", b"+", b"-", b"*", b"/", b"%", b"|", b"&", b"^", b"<<", b">>", b"<",
            b">", b"<=", b">=", b"==", b"!="}
_CLOSE = {b")", b"]", b"}"}


@dataclass(frozen=True, slots=True)
class SpacedToken:
    """`text` with the white space in front of it; `key` is what it is matched by."""

    space: bytes
    text: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Merged:
    """`text` is the piece with both changes; `touching` where they meet without a token between them."""

    text: bytes
    touching: bool = False
    mixed: bool = False              # they meet, and no `,` or `&&` says where one ends and the other begins
    swallowed: bool = False          # a difference of the tree stood in what upstream takes away, and went with it
    binding: bool = False            # both changed operators of one expression: the merged ones may bind otherwise
    present: bool = False            # what upstream adds stands in the tree's own difference already


def lex(source: bytes) -> list[SpacedToken]:
    """Tokens with leading white space, that of the first one with the end of the line before: it begins a line, and
    where another one comes to stand before it, that says what its blanks are.

    Brackets carry the word before the opening one in their key: `f(x)` and `if (x)` share no parenthesis then, which
    keeps a call's `)` from being taken for the condition's.
    """
    out: list[SpacedToken] = []
    space = b"\n"
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
        out.append(SpacedToken(space, text, key))
        space = b""
        previous = text
    out.append(SpacedToken(space, b"", b"\0end"))
    return out


Op = tuple[int, int, int, int]       # one[i1:i2] became other[j1:j2]


def changes(one: Sequence[SpacedToken], other: Sequence[SpacedToken]) -> list[Op]:
    """What differs between two lists of tokens; ends are matched first, then the longest runs between."""
    x = [t.key for t in one]
    y = [t.key for t in other]
    lo = 0
    while lo < len(x) and lo < len(y) and x[lo] == y[lo]:
        lo += 1
    tail = 0
    while tail < len(x) - lo and tail < len(y) - lo and x[-1 - tail] == y[-1 - tail]:
        tail += 1
    matcher = SequenceMatcher(None, x[lo:len(x) - tail], y[lo:len(y) - tail], autojunk=False)
    return [(lo + i1, lo + i2, lo + j1, lo + j2)
            for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]


def merge(base: bytes, upstream: bytes, target: bytes) -> Merged | None:
    """`target` with the change that made `upstream` of `base`; None where the two clash."""
    sides = lex(base), lex(upstream), lex(target)
    if max(map(len, sides)) > _LIMIT:
        return None
    weave = _Weave(*sides)
    if not weave.done():
        return None
    text = _laid_out(weave.out, upstream, target)
    if balance(text) - balance(target) != balance(upstream) - balance(base):
        return None
    if b"".join(text.split()) == b"".join(upstream.split()):
        text = upstream              # nothing of the tree's own is left in it: then upstream's layout is the layout
    return Merged(text, weave.touching, weave.mixed, weave.swallowed, _binding(weave), weave.present)


class _Take(Enum):
    """Whose change comes next where the two meet."""

    UPSTREAM = auto()
    TARGET = auto()
    DONE = auto()                    # it is in the output already
    CLASH = auto()


class _Weave:
    """The changes of both sides made on the base, in the base's order."""

    def __init__(self, base: Sequence[SpacedToken], upstream: Sequence[SpacedToken],
                 target: Sequence[SpacedToken]) -> None:
        self.base, self.upstream, self.target = base, upstream, target
        self.up, self.there = changes(base, upstream), changes(base, target)
        self.in_upstream = _same(self.up, len(base))
        self.out: list[bytes] = []
        self.touching = self.mixed = self.present = self.swallowed = False
        self.i = self.k = 0          # next change of upstream, of the tree
        self.at = self.target_at = 0         # next base token, and its place in the tree's piece

    def done(self) -> bool:
        """True where all is in `out`, False where the two sides clash."""
        while self.i < len(self.up) or self.k < len(self.there):
            upstream = self.up[self.i] if self.i < len(self.up) else None
            target = self.there[self.k] if self.k < len(self.there) else None
            take = self._next(upstream, target)
            if take is _Take.CLASH:
                return False
            if take is _Take.UPSTREAM and upstream is not None:
                self._take_upstream(upstream)
            elif take is _Take.TARGET and target is not None:
                self._take_target(target)
        self._keep(len(self.base))
        return True

    def _next(self, upstream: Op | None, target: Op | None) -> _Take:
        if upstream is None or target is None:
            return _Take.TARGET if upstream is None else _Take.UPSTREAM
        if _meet(upstream, target):
            return self._met(upstream, target)
        return _Take.UPSTREAM if upstream[0] < target[0] else _Take.TARGET

    def _met(self, upstream: Op, target: Op) -> _Take:
        """Both changed the same words, or words that touch."""
        (o1, o2, p1, p2), (s1, s2, q1, q2) = upstream, target
        same = (o1, o2) == (s1, s2)
        made_twice = same and [x.key for x in self.upstream[p1:p2]] == [x.key for x in self.target[q1:q2]]
        if not made_twice and o1 == o2 and _contains([x.text for x in self.target[q1:q2]],
                                                     [x.text for x in self.upstream[p1:p2]]):
            made_twice = self.present = True     # or the branch would get a second `|| ...injected`
        if made_twice:
            self.i += 1
            return _Take.TARGET
        if o2 <= s1 and not same and not (o1 == o2 and s1 == s2):
            return self._beside(upstream, target, _Take.UPSTREAM)
        if s2 <= o1 and not same:
            return self._beside(upstream, target, _Take.TARGET)
        if o1 <= s1 and s2 <= o2 and o1 < o2:
            return self._swallow(upstream)
        return _Take.CLASH

    def _beside(self, upstream: Op, target: Op, first: _Take) -> _Take:
        """The two changes touch, and `first` is the one that stands first."""
        (o1, o2, p1, p2), (s1, s2, q1, q2) = upstream, target
        if o1 < o2 and s1 < s2 and p1 < p2 and q1 < q2:
            return _Take.CLASH       # both rewrote neighbouring words: whose they are now cannot be told
        self.touching = True
        mine, other = self.upstream[p1:p2], self.target[q1:q2]
        if first is _Take.TARGET:
            self.mixed = self.mixed or not _apart(other, mine)
        else:
            wraps = s1 < s2 and p1 < p2 and mine[-1].text in _OPEN       # what the tree replaces is inside
            self.mixed = self.mixed or not (wraps or _apart(mine, other))
        return first

    def _swallow(self, upstream: Op) -> _Take:
        """The tree's own words are inside what upstream replaces as a whole."""
        o1, o2, p1, p2 = upstream
        self.swallowed = True
        self._keep(o1)
        self.out += [x.space + x.text for x in self.upstream[p1:p2]]
        self.i += 1
        end, done = self.target_at, o1
        lost: list[Op] = []
        while self.k < len(self.there) and (not lost or (self.there[self.k][1] <= o2 and self.there[self.k][0] < o2)):
            s1, s2, q1, q2 = one = self.there[self.k]
            lost.append(one)
            end += s1 - done + q2 - q1
            done = s2
            self.k += 1
        overlaps = self.k < len(self.there) and self.there[self.k][0] < o2
        if overlaps or _statements(self.base[o1:o2], self.base, self.target, lost):
            return _Take.CLASH
        self.target_at, self.at = end + o2 - done, o2
        return _Take.DONE

    def _take_upstream(self, upstream: Op) -> None:
        o1, o2, p1, p2 = upstream
        self._keep(o1)
        self.target_at += o2 - o1
        self.at = o2
        self.out += [x.space + x.text for x in self.upstream[p1:p2]]
        self.i += 1

    def _take_target(self, target: Op) -> None:
        s1, s2, q1, q2 = target
        self._keep(s1)
        self.out += [x.space + x.text for x in self.target[q1:q2]]
        self.at, self.target_at = s2, q2
        self.k += 1

    def _keep(self, hi: int) -> None:
        """Base tokens up to `hi` that both sides kept, as the tree has them, with upstream's white space where it
        changed."""
        for n in range(self.at, hi):
            token = self.target[self.target_at + n - self.at]
            space = token.space
            mine = self.in_upstream[n]
            was = self.base[n].space
            if mine >= 0 and self.upstream[mine].space != was and _kind(was) == _kind(space):
                space = self.upstream[mine].space
            self.out.append(space + token.text)
        self.target_at += hi - self.at
        self.at = hi


def _laid_out(pieces: Sequence[bytes], upstream: bytes, target: bytes) -> bytes:
    """The text of tokens from two sides. The space of a token is that of its own side, and says nothing where another
    one stands before it: no blank behind an opening bracket, no indentation amid a line."""
    known = upstream + target
    out: list[bytes] = []
    for piece in pieces:
        before = out[-1].strip()[-1:] if out else b""
        space = piece[:len(piece) - len(piece.lstrip())]
        if before in (b"(", b"[") and space[:1] == b" " and before + b" " not in known:
            piece = piece.lstrip(b" ")
        elif b"\t" in space and b"\n" not in space and before and out[-1].strip() + piece not in known:
            piece = (b"" if before in (b"(", b"[") or piece.strip()[:1] in (b")", b"]", b",", b";") else b" ") \
                + piece.lstrip()
        out.append(piece)
    text = b"".join(out)
    if not text.startswith(b"\n") and text.strip():      # what began the piece on both sides is gone
        return target[:len(target) - len(target.lstrip(b" \t"))] + text.lstrip(b" \t")
    return text[1:]


def _binding(weave: _Weave) -> bool:
    """True where upstream and the tree both changed operators of one expression, and not one kind of `&&` alone."""
    owner: list[int] = []
    count = 0
    for token in weave.base:
        owner.append(count)
        count += token.text in (b";", b",", b"{", b"}")
    mine = _operators(weave.base, weave.upstream, weave.up, owner)
    theirs = _operators(weave.base, weave.target, weave.there, owner)
    return any(mine[n] | theirs[n] not in ({b"&&"}, {b"||"}) for n in mine.keys() & theirs.keys())


def _operators(base: Sequence[SpacedToken], other: Sequence[SpacedToken], ops: Sequence[Op],
               owner: Sequence[int]) -> dict[int, set[bytes]]:
    """expression of the base -> the operators that come or go in it; an address or a pointer is none."""
    found: dict[int, set[bytes]] = {}
    for i1, i2, j1, j2 in ops:
        for tokens_, lo, hi in ((base, i1, i2), (other, j1, j2)):
            for n in range(lo, hi):
                text = tokens_[n].text
                before = tokens_[n - 1].text if n else b""
                unary = not (before[-1:].isalnum() or before[-1:] == b"_" or before in _CLOSE)
                if text in _BINDING and not (unary and text in (b"*", b"&")):
                    for one in range(owner[i1], owner[max(i1, i2 - 1)] + 1):
                        found.setdefault(one, set()).add(text)
    return found


def _statements(gone: Sequence[SpacedToken], base: Sequence[SpacedToken], target: Sequence[SpacedToken],
                lost: Sequence[Op]) -> bool:
    """True where the tree's words that would go hold more statements than the words of the base in their place, by
    more than a quarter of what upstream takes away: a merge that runs from one `if` to another one's end takes
    everything between along, while a function that goes may have a statement more in this tree."""
    def marks(tokens: Sequence[SpacedToken]) -> int:
        return sum(1 for token in tokens if token.text in (b";", b"{", b"}"))

    return sum(marks(target[q1:q2]) - marks(base[s1:s2]) for s1, s2, q1, q2 in lost) * 4 > marks(gone)


def _apart(left: Sequence[SpacedToken], right: Sequence[SpacedToken]) -> bool:
    """True where a separator stands between two pieces: an argument, a condition that the other side added."""
    return not left or not right or left[-1].text in _SEPARATORS or right[0].text in _SEPARATORS


def _same(ops: Sequence[Op], size: int) -> list[int]:
    """For each base token its index on the other side, -1 where it was changed."""
    out = [-1] * size
    i = j = 0
    for i1, i2, _j1, j2 in [*ops, (size, size, 0, 0)]:
        for k in range(i, i1):
            out[k] = j + k - i
        i, j = i2, j2
    return out


def _kind(space: bytes) -> tuple[int, bool]:
    """White space as layout: how many line ends, and whether there is any."""
    return (space.count(b"\n"), bool(space))


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
