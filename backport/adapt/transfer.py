"""Carry the edits of one hunk from the file they were made for to another one, along a pairing of lines.

Whole lines first: an edit whose lines are all there is made on exactly those lines. Only where a removed line, or
the place of an added one, differs, the piece between the nearest lines that agree is merged by tokens. Every
liberty that was taken is a signal, and the signals decide later how sure the answer is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from backport.adapt.align import Pairing, line_key, similarity, weak
from backport.adapt.insertion_point import behind, leaves, unconditional, unordered
from backport.adapt.operands import joined, lost
from backport.adapt.signals import Signal
from backport.adapt.token_merge import Merged, merge
from backport.patch.edits import Edit, apply_edits, trim
from backport.patch.parse import split_lines

_ALIKE = 0.7             # share of tokens that makes a replaced piece of the tree the piece that upstream replaces
_WORDED = 0.5            # share of tokens that makes an added line the removed one in other words
_MANY = 4                # lines of a block that is worded anew line by line
_NEARLY = 0.85           # share of tokens that makes two pieces the same but for a mark
_RELATED = 0.35          # share of tokens below which two pieces have nothing to do with each other
_BLOCK = 120             # lines of a piece that may be merged by tokens


@dataclass(frozen=True, slots=True)
class Placed:
    """Edits on the target, sorted and trimmed, with what they assumed. `at` is the 0-based line of the target where the
    change is there already, where that leaves no edit; -1 where it is not known."""

    edits: tuple[Edit, ...]
    signals: tuple[Signal, ...] = ()
    at: int = -1

    @property
    def spots(self) -> tuple[Edit, ...]:
        """The edits, or the line where what they would do stands already."""
        return self.edits or ((Edit(self.at, self.at + 1, ()),) if self.at >= 0 else ())


class _Unplaceable(Exception):
    """This pairing has no answer for the edit."""


def place(base: Sequence[bytes], edits: Sequence[Edit], target: Sequence[bytes], pairing: Pairing) -> Placed | None:
    """Edits on `target` that do what `edits` do on `base`; None where the pairing does not carry them."""
    out: list[Edit] = []
    signals: list[Signal] = []
    try:
        for lo, hi, group in _blocks(base, edits, target, pairing):
            if lo is None or hi is None:
                for edit in group:
                    out += _whole(base, edit, target, pairing, signals)
            else:
                out += _merged(base, lo, hi, group, target, pairing, signals)
    except _Unplaceable:
        return None
    out.sort(key=lambda e: (e.lo, e.hi))
    trimmed = [e for e in (trim(target, edit) for edit in out) if e is not None]
    for one, two in itertools.pairwise(trimmed):
        if two.lo < one.hi:
            return None
    if not trimmed and Signal.PARTLY in signals:
        signals.append(Signal.PRESENT)
    at = out[0].lo if out and not trimmed else -1
    return Placed(tuple(trimmed), tuple(dict.fromkeys(signals)), at)


def _blocks(base: Sequence[bytes], edits: Sequence[Edit], target: Sequence[bytes],
            pairing: Pairing) -> list[tuple[int | None, int | None, list[Edit]]]:
    """Edits, those that need a merge by tokens joined by the piece of the base that they share; (None, None) for the
    others."""
    out: list[tuple[int | None, int | None, list[Edit]]] = []
    for edit in edits:
        lo: int | None = None
        hi: int | None = None
        if not _is_whole(edit, pairing):
            lo, hi = _bounds(edit, pairing, len(base))
        if lo is not None and out and out[-1][1] is not None and lo < out[-1][1]:
            before = out[-1]
            assert before[0] is not None
            assert before[1] is not None
            assert hi is not None
            out[-1] = (min(before[0], lo), max(before[1], hi), [*before[2], edit])
        else:
            out.append((lo, hi, [edit]))
    return out


def _is_whole(edit: Edit, pairing: Pairing) -> bool:
    """True where every removed line is in the target as it is, and (for an insertion) a neighbour."""
    if edit.lo < edit.hi:
        return all(pairing.exact(i) for i in range(edit.lo, edit.hi))
    above = edit.lo - 1 >= 0 and pairing.partner[edit.lo - 1] >= 0
    below = edit.lo < len(pairing.partner) and pairing.partner[edit.lo] >= 0
    return above or below or edit.lo in (0, len(pairing.partner))


def _bounds(edit: Edit, pairing: Pairing, size: int) -> tuple[int, int]:
    """The piece of the pre-image around `edit` up to, and without, the nearest lines that agree exactly."""
    lo, hi = edit.lo, edit.hi
    if lo < hi and all(j >= 0 for j in pairing.partner[lo:hi]):
        return lo, hi                # every removed line has a partner: no wider than that
    while lo > 0 and not pairing.exact(lo - 1):
        lo -= 1
    while hi < size and not pairing.exact(hi):
        hi += 1
    return lo, hi


def _whole(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], pairing: Pairing,
           signals: list[Signal]) -> list[Edit]:
    if edit.lo < edit.hi:
        places = [pairing.partner[i] for i in range(edit.lo, edit.hi)]
        lo, hi = places[0], places[-1] + 1
        _check_neighbours(edit, lo, hi, pairing, len(target), signals)
        removed = zip(base[edit.lo:edit.hi], places, strict=True)
        if edit.new and any(line.strip() and _depth(line) != _depth(target[j]) for line, j in removed):
            signals.append(Signal.NESTING)
        if hi - lo == edit.hi - edit.lo:
            return [Edit(lo, hi, edit.new)]
        extra = [target[j] for j in range(lo, hi) if j not in set(places)]
        if all(not line.strip() for line in extra):
            return [Edit(lo, hi, edit.new)]
        core = _without_empty_ends(base, edit)
        if core is not None and pairing.partner[core.hi - 1] - pairing.partner[core.lo] == core.hi - core.lo - 1:
            signals.append(Signal.SPLIT)     # only an empty line stands apart: this tree's own lines keep theirs
            return [Edit(pairing.partner[core.lo], pairing.partner[core.hi - 1] + 1, core.new)]
        signals.append(Signal.EXTRA)
        if not edit.new:             # only the lines that upstream takes away go
            return [Edit(j, j + 1, ()) for j in places]
        raise _Unplaceable
    return [_insertion(base, edit, target, pairing, signals)]


def _without_empty_ends(base: Sequence[bytes], edit: Edit) -> Edit | None:
    """`edit` without the empty lines that it takes away at either end; None where it has none, or nothing else."""
    lo, hi = edit.lo, edit.hi
    while lo < hi and not base[lo].strip():
        lo += 1
    while hi > lo and not base[hi - 1].strip():
        hi -= 1
    return Edit(lo, hi, edit.new) if lo < hi and (lo, hi) != (edit.lo, edit.hi) else None


def _other_block(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], pairing: Pairing,
                 above: int) -> int | None:
    """Where lines go whose upper neighbour stands in another block of this tree, and whose lower one does not: to the
    lower one, a comment directly above the statement that follows it. None where the blocks do not tell.

    Behind the upper one they would run, or be read, under a condition that upstream's do not have.
    """
    if not edit.lo:
        return None
    over = base[edit.lo - 1]
    following = next((i for i in range(edit.lo, len(base)) if base[i].strip() and pairing.partner[i] >= 0), None)
    if following is None or not over.strip() or _depth(over) == _depth(target[above]):
        return None
    under = pairing.partner[following]
    if under <= above or _depth(base[following]) != _depth(target[under]) or _depth(over) != _depth(base[following]):
        return None
    if not _comment(edit.new) and under > 0 and not target[under - 1].strip():
        return under - 1             # a paragraph of its own keeps the empty line behind it
    return under


def _comment(lines: Sequence[bytes]) -> bool:
    """True where the lines are one comment and nothing else."""
    text = b"".join(lines).strip()
    return text.startswith(b"/*") and text.find(b"*/") == len(text) - 2


def _depth(line: bytes) -> int:
    """Columns of indentation, in steps of a tab."""
    return len(line[:len(line) - len(line.lstrip())].expandtabs(8)) // 8


def _check_neighbours(edit: Edit, lo: int, hi: int, pairing: Pairing, size: int, signals: list[Signal]) -> None:
    above = pairing.partner[edit.lo - 1] if edit.lo > 0 else -1
    below = pairing.partner[edit.hi] if edit.hi < len(pairing.partner) else size
    if (edit.lo > 0 and above != lo - 1) or (edit.hi < len(pairing.partner) and below != hi):
        signals.append(Signal.NEIGHBOUR)


def _insertion(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], pairing: Pairing,
               signals: list[Signal]) -> Edit:
    n = edit.lo
    above = pairing.partner[n - 1] if n > 0 else -1
    below = pairing.partner[n] if n < len(pairing.partner) else len(target)
    if _floats(base, pairing, n, above, below):
        signals.append(Signal.FLOATING)
    has_above, has_below = n == 0 or above >= 0, n == len(pairing.partner) or below >= 0
    if has_above and has_below:
        return _between(base, edit, target, pairing, signals, above, below)
    signals.append(Signal.NEIGHBOUR)
    if has_above:
        at = above + 1 + unordered(base, edit, target, above, pairing.partner)
    elif has_below:
        at = below
    else:
        raise _Unplaceable
    return Edit(at, at, edit.new)


def _floats(base: Sequence[bytes], pairing: Pairing, n: int, above: int, below: int) -> bool:
    """True where the neighbours of an insertion at line `n` are torn apart, or one is missing, and neither hangs
    together with a line that says where it stands."""
    torn = (above >= 0 and below >= 0 and below != above + 1) or (above < 0) != (below < 0)
    return torn and not ((above >= 0 and _supported(base, pairing, n - 1, -1))
                         or (below >= 0 and _supported(base, pairing, n, 1)))


def _between(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], pairing: Pairing, signals: list[Signal],
             above: int, below: int) -> Edit:
    """The insertion where both neighbours are here, with or without lines of this tree between them."""
    n = edit.lo
    if below == above + 1:
        if not ((n == 0 or pairing.exact(n - 1)) and (n == len(pairing.partner) or pairing.exact(n))):
            signals.append(Signal.NEIGHBOUR)
        return Edit(below, below, edit.new)
    between = target[above + 1:below]
    if all(not line.strip() for line in between):
        return Edit(above + 1, above + 1, edit.new)
    if _holds(between, edit.new):
        signals.append(Signal.PRESENT)
        return Edit(above + 1, above + 1, ())
    signals.append(Signal.SPLIT)
    at = unconditional(base, n, target, above + 1, below)
    if at is None:
        at = _other_block(base, edit, target, pairing, above)
    if at is None:
        # behind upstream's `return -EINVAL;` is not behind this tree's `ret = -EINVAL;`, and before its `goto out;`
        amid = n > 0 and leaves(base[n - 1]) and not leaves(target[above])
        at = below if amid or behind(base, edit, target, above + 1, below) else above + 1
    return Edit(at, at, edit.new)


def _holds(lines: Sequence[bytes], wanted: Sequence[bytes]) -> bool:
    """True where `wanted` (empty lines apart) stands in `lines` as one run."""
    have = [key for line in lines if (key := line_key(line))]
    need = [key for line in wanted if (key := line_key(line))]
    return bool(need) and any(have[i:i + len(need)] == need for i in range(len(have) - len(need) + 1))


def _supported(base: Sequence[bytes], pairing: Pairing, i: int, step: int) -> bool:
    """True where a neighbour's pairing hangs together with a line that says where it stands."""
    partner = pairing.partner
    for _ in range(6):
        if not 0 <= i < len(partner) or partner[i] < 0:
            return False
        if not weak(line_key(base[i])):
            return True
        after = i + step
        if 0 <= after < len(partner) and partner[after] >= 0 and partner[after] != partner[i] + step:
            return False
        i = after
    return False


def _merged(base: Sequence[bytes], lo: int, hi: int, edits: Sequence[Edit], target: Sequence[bytes], pairing: Pairing,
            signals: list[Signal]) -> list[Edit]:
    """Upstream's `edits` of base[lo:hi], made in the lines of the target that stand for these, which read differently.

    The first way that fits: nothing to do, line by line, lines that were joined or broken, tokens, the whole block.
    `signals` gets what was assumed. Raises _Unplaceable where no way is left.
    """
    tlo, thi = _span(lo, hi, target, pairing)
    if tlo == thi:
        return [_in_gap(base, lo, hi, edits, target, tlo, signals)]
    only = edits[0] if len(edits) == 1 else None
    if only is not None and _there(base, only, target[tlo:thi]):
        signals.append(Signal.PARTLY)
        return [_nothing(edits, target, tlo, thi)]
    apart = _line_by_line(base, only, target, pairing) if only is not None else None
    if apart:
        signals.append(Signal.DROPPED)
        return apart
    base_text, target_text = b"".join(base[lo:hi]), b"".join(target[tlo:thi])
    upstream_text = _changed(base, lo, hi, edits)
    kept = joined(base_text, upstream_text, target_text)
    if kept is not None:
        signals += [Signal.BENT] if kept.exact else [Signal.BENT, Signal.TOUCHING]
        return _line_edits(target, tlo, thi, split_lines(kept.text))
    done = _by_tokens(base_text, upstream_text, target_text) if hi - lo <= _BLOCK and thi - tlo <= 2 * _BLOCK else None
    if done is None:
        whole = only is not None and (only.lo, only.hi) == (lo, hi) and similarity(base_text, target_text) >= _ALIKE
        if only is None or not whole or lost(base_text, upstream_text, target_text, upstream_text):
            raise _Unplaceable
        signals.append(Signal.SWALLOWED)
        return [Edit(tlo, thi, only.new)]
    if done.swallowed and lost(base_text, upstream_text, target_text, done.text):
        raise _Unplaceable
    if line_key(done.text) == line_key(target_text):
        signals += [Signal.SWALLOWED, Signal.PRESENT] if done.swallowed else [Signal.PRESENT]
        return [_nothing(edits, target, tlo, thi)]
    signals += _said(done)
    text = done.text if done.text.endswith(b"\n") or not target_text.endswith(b"\n") else done.text + b"\n"
    new = split_lines(text)
    if not any(not line.strip() for e in edits for line in e.new):
        # tokens that go leave their line ends behind, in the middle of a comment at that
        new = _without_gaps(target[tlo:thi], new)
    return _line_edits(target, tlo, thi, new)


def _span(lo: int, hi: int, target: Sequence[bytes], pairing: Pairing) -> tuple[int, int]:
    """The lines of the target that stand for base[lo:hi]."""
    inside = [pairing.partner[i] for i in range(lo, hi) if pairing.partner[i] >= 0]
    if len(inside) == hi - lo and hi > lo:
        return inside[0], inside[-1] + 1
    tlo = pairing.partner[lo - 1] + 1 if lo > 0 else 0
    thi = pairing.partner[hi] if hi < len(pairing.partner) else len(target)
    if thi < tlo:
        raise _Unplaceable
    return tlo, thi


def _changed(base: Sequence[bytes], lo: int, hi: int, edits: Sequence[Edit]) -> bytes:
    """base[lo:hi] with upstream's edits."""
    return b"".join(apply_edits(base[lo:hi], [Edit(e.lo - lo, e.hi - lo, e.new) for e in edits]))


def _in_gap(base: Sequence[bytes], lo: int, hi: int, edits: Sequence[Edit], target: Sequence[bytes], at: int,
            signals: list[Signal]) -> Edit:
    """The answer where nothing stands for base[lo:hi] in the target, whose neighbours touch at line `at`."""
    upstream_text = _changed(base, lo, hi, edits)
    if not b"".join(base[lo:hi]).strip():
        return Edit(at, at, tuple(split_lines(upstream_text)))
    if not upstream_text.strip():             # what upstream takes away is not here
        signals.append(Signal.PRESENT)
        return _nothing(edits, target, at, at)
    if len(edits) == 1 and edits[0].lo == edits[0].hi:
        # none of the lines between the nearest common ones is here: there is only one place left
        signals.append(Signal.FLOATING)
        return Edit(at, at, _spaced(base, edits[0], target, at))
    raise _Unplaceable


def _by_tokens(base_text: bytes, upstream_text: bytes, target_text: bytes) -> Merged | None:
    alike = similarity(base_text, target_text)
    done = merge(base_text, upstream_text, target_text) if alike >= _RELATED else None
    if done is not None and done.mixed and alike >= _NEARLY:
        return None                  # one mark more or less: upstream's new piece stands for the old one as a whole
    return done


def _said(done: Merged) -> list[Signal]:
    """What a merge by tokens assumed."""
    told = ((Signal.SWALLOWED, done.swallowed), (Signal.PRESENT, done.present), (Signal.BENT, True),
            (Signal.TOUCHING, done.touching), (Signal.MIXED, done.mixed), (Signal.OPERATORS, done.binding))
    return [signal for signal, holds in told if holds]


def _nothing(edits: Sequence[Edit], target: Sequence[bytes], lo: int, hi: int) -> Edit:
    """An edit that changes nothing, where what it would add stands in target[lo:hi]."""
    at = seen(target, lo, hi, [line for edit in edits for line in edit.new])
    at = lo if at < 0 else at
    return Edit(at, at, ())


def seen(target: Sequence[bytes], lo: int, hi: int, added: Sequence[bytes]) -> int:
    """The first of target[lo:hi] that is one of `added` and says something; -1 where there is none."""
    keys = {key for line in added if not weak(key := line_key(line))}
    return next((i for i in range(lo, hi) if line_key(target[i]) in keys), -1)


def _there(base: Sequence[bytes], edit: Edit, lines: Sequence[bytes]) -> bool:
    """True where `lines` have what the edit adds and nothing of what it takes away."""
    have = {line_key(line) for line in lines}
    gone = [key for line in base[edit.lo:edit.hi] if not weak(key := line_key(line))]
    told = any(not weak(line_key(line)) for line in edit.new)
    return told and edit.lo < edit.hi and _holds(lines, edit.new) and not any(key in have for key in gone)


def _line_by_line(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], pairing: Pairing) -> list[Edit]:
    """A block whose lines upstream only words anew, one for one, where this tree lacks a few of them: those that are
    here are worded anew, the others have nothing to stand for. [] where it is no such block."""
    count = edit.hi - edit.lo
    if count != len(edit.new) or count < _MANY:
        return []
    lost = [i for i in range(edit.lo, edit.hi) if pairing.partner[i] < 0]
    if not lost or len(lost) * 3 > count or any(not pairing.exact(i) for i in range(edit.lo, edit.hi) if i not in lost):
        return []
    if any(similarity(base[edit.lo + n], edit.new[n]) < _WORDED and line_key(base[edit.lo + n]) != line_key(edit.new[n])
           for n in range(count)):
        return []
    return [Edit(pairing.partner[i], pairing.partner[i] + 1, (edit.new[i - edit.lo],)) for i in range(edit.lo, edit.hi)
            if i not in lost]


def _spaced(base: Sequence[bytes], edit: Edit, target: Sequence[bytes], at: int) -> tuple[bytes, ...]:
    """The added lines with the empty line that set them apart upstream, at the end of a block without the last one."""
    new = list(edit.new)
    if edit.lo > 0 and not base[edit.lo - 1].strip() and at > 0 and target[at - 1].strip() and new[0].strip():
        new.insert(0, b"\n")
    if at < len(target) and target[at].strip()[:1] == b"}" and len(new) > 1 and not new[-1].strip():
        new.pop()
    return tuple(new)


def _without_gaps(before: Sequence[bytes], after: list[bytes]) -> list[bytes]:
    """`after` without the empty lines that `before` does not have."""
    from difflib import SequenceMatcher
    out: list[bytes] = []
    for tag, _i1, _i2, j1, j2 in SequenceMatcher(None, list(before), after, autojunk=False).get_opcodes():
        out += [line for line in after[j1:j2] if tag == "equal" or line.strip()]
    return out


def _line_edits(target: Sequence[bytes], lo: int, hi: int, new: list[bytes]) -> list[Edit]:
    """The edits that turn target[lo:hi] into `new`, unchanged lines left alone."""
    from difflib import SequenceMatcher
    matcher = SequenceMatcher(None, list(target[lo:hi]), new, autojunk=False)
    return [Edit(lo + i1, lo + i2, tuple(new[j1:j2]))
            for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]
