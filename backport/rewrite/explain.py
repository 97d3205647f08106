"""Side by side: upstream's hunk and the adapted one, with the tokens that differ marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from backport.csource.pieces import tokens
from backport.rewrite.story import HunkStory

_WIDTH = 78              # columns of one side


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: text of either side ("" where it has no such line), and the [start, end) characters
    of it that differ."""

    upstream: str
    adapted: str
    upstream_spans: tuple[tuple[int, int], ...] = ()
    adapted_spans: tuple[tuple[int, int], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, for a report that paints the spans."""
        return {"upstream": self.upstream, "adapted": self.adapted,
                "upstream_spans": [list(span) for span in self.upstream_spans],
                "adapted_spans": [list(span) for span in self.adapted_spans]}


def rows(story: HunkStory) -> tuple[Row, ...]:
    """The hunk's lines in pairs; lines that are only on one side stand alone."""
    left = _body(story.upstream)
    right = _body(story.adapted)
    out: list[Row] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            out += [Row(text, text) for text in left[i1:i2]]
            continue
        for a, b in _paired(left[i1:i2], right[j1:j2]):
            if a and b:
                out.append(Row(a, b, *_spans(a, b)))
            else:
                out.append(Row(a, b, ((0, len(a)),) if a else (), ((0, len(b)),) if b else ()))
    return tuple(out)


def text(stories: Iterable[HunkStory]) -> str:
    """Plain text for a terminal: differing tokens stand between ⟦ and ⟧; tabs are shown as four columns."""
    parts: list[str] = []
    for story in stories:
        where = f"{story.landed_path or story.path}:{story.line}" if story.line else f"{story.path}: left out"
        how = ", ".join(story.strategies) or "no strategy"
        parts.append(f"{where}  {story.function or 'file level'}  by {how}, {story.sure}"
                     + (f", {story.offset:+d} lines" if story.offset else ""))
        parts += [f"  {note}" for note in story.notes]
        table = [(_marked(row.upstream, row.upstream_spans), _marked(row.adapted, row.adapted_spans))
                 for row in rows(story)]
        parts += [f"{a:<{_WIDTH}} | {b}".rstrip() if len(a) <= _WIDTH else f"{a}\n{'':<{_WIDTH}} | {b}"
                  for a, b in [("upstream", "adapted"), *table]]
        parts.append("")
    return "\n".join(parts)


def _body(hunk: str) -> list[str]:
    return [line for line in hunk.split("\n") if line and not line.startswith("@@ ")]


def _paired(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """Lines of the same kind side by side, in order."""
    out: list[tuple[str, str]] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right) and left[i][0] == right[j][0]:
            out.append((left[i], right[j]))
            i += 1
            j += 1
        elif i < len(left) and (j >= len(right) or left[i][0] == "-" or right[j][0] == "+"):
            out.append((left[i], ""))
            i += 1
        else:
            out.append(("", right[j]))
            j += 1
    return out


def _spans(a: str, b: str) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    x = [t.decode("utf-8", "surrogateescape") for t in tokens(a.encode("utf-8", "surrogateescape"))]
    y = [t.decode("utf-8", "surrogateescape") for t in tokens(b.encode("utf-8", "surrogateescape"))]
    ax, by = _offsets(x), _offsets(y)
    left: list[tuple[int, int]] = []
    right: list[tuple[int, int]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, x, y, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if ax[i1] < ax[i2]:
            left.append((ax[i1], ax[i2]))
        if by[j1] < by[j2]:
            right.append((by[j1], by[j2]))
    return tuple(left), tuple(right)


def _offsets(words: list[str]) -> list[int]:
    out = [0]
    for word in words:
        out.append(out[-1] + len(word))
    return out


def _marked(line: str, spans: tuple[tuple[int, int], ...]) -> str:
    for start, end in reversed(spans):
        line = f"{line[:start]}⟦{line[start:end]}⟧{line[end:]}"
    return line.replace("\t", "    ")
