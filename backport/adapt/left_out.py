"""What of upstream's change is not in the adapted patch, counted from the diffs, with the reason where it is known.

Whatever way of the engine left a file, a hunk or a line out: it is seen here, because nobody is asked. A mail that
lacks a part and does not say so is a backport that somebody signs for whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backport.adapt.align import line_key, weak
from backport.adapt.records import HunkStory
from backport.csource.tokens import identifiers
from backport.patch.model import FileDiff, Patch

_NAME = re.compile(r"[A-Za-z_]\w*")
_WHY = {"already": "which this tree has already", "subject not in this tree": "which this tree does not have",
        "dropped": "which changes nothing in this tree"}
_MANY = 2                # lines that are left out and shown; more are counted


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One part of upstream's change to `path`; `whole` where the adapted patch does not touch the file at all.

    `sentence` names file and reason; `known` is False where no reason is known, which a person has to look at.
    """

    path: str
    sentence: str
    whole: bool = False
    known: bool = True


def left_out(patch: Patch, made: Sequence[FileDiff], stories: Sequence[HunkStory]) -> tuple[LeftOut, ...]:
    """Every part of `patch` that the files `made` of it lack; `stories` are those of its hunks."""
    out: list[LeftOut] = []
    for file in patch.files:
        own = [story for story in stories if story.path == (file.old_path or file.path)]
        places = {file.path, file.old_path, *(story.landed_path for story in own if story.landed_path)}
        there = [other for other in made if other.path in places or other.old_path in places]
        if not there:
            out.append(_part(file.path, f"the change to {file.path}", _whole_reason(file, own), whole=True))
            continue
        out += _hunks(file, [story for story in own if is_gone(story)])
        out += _lines(file, there, own)
    return tuple(out)


def is_gone(story: HunkStory) -> bool:
    """Whether nothing of the hunk is in the adapted patch."""
    return story.state in _WHY if story.state else story.dropped or not story.landed_path


def _part(path: str, what: str, why: str, *, whole: bool = False) -> LeftOut:
    return LeftOut(path, f"left out {what}{', ' if why else ''}{why}", whole, bool(why))


def _whole_reason(file: FileDiff, own: Sequence[HunkStory]) -> str:
    why = list(dict.fromkeys(_WHY.get(story.state, "") for story in own))
    if len(why) == 1:
        return why[0]
    if why:
        return "part of which this tree already has; the code for the rest is missing" if all(why) else ""
    return _WHY["already"] if file.created else _WHY["subject not in this tree"] if file.deleted else ""


def _hunks(file: FileDiff, gone: Sequence[HunkStory]) -> list[LeftOut]:
    """One sentence for all hunks that are left out for the same reason."""
    by_reason: dict[str, dict[str, None]] = {}
    for story in gone:
        by_reason.setdefault(_WHY.get(story.state, ""), {})[named(story)] = None
    out = []
    for why, names in by_reason.items():
        listed = [name if name.startswith("hunk") else f"the change to {name}" for name in names]
        out.append(_part(file.path, f"{_joined(listed)} in {file.path}", why))
    return out


def _lines(file: FileDiff, there: Sequence[FileDiff], own: Sequence[HunkStory]) -> list[LeftOut]:
    """Lines of upstream's that what was made neither adds nor removes, and that no story tells of."""
    if any(name.startswith("rule:") for story in own for name in story.strategies):
        return []                            # a rule's note says what it makes of the lines
    lost, kept = _not_added(file, there, own), _not_removed(file, there, own)
    found = ((lost, "left out {} in {}"), (kept, "did not remove {} in {}"))
    return [_shown(file, lines, words) for lines, words in found if lines]


def _not_added(file: FileDiff, there: Sequence[FileDiff], own: Sequence[HunkStory]) -> list[bytes]:
    told = Counter(line_key(up.encode()) for story in own for up, _ours in story.changed if up)
    told += Counter(_keys(line[1:] for story in own if is_gone(story) for line in _text(story.upstream, "+")))
    made = Counter(line_key(line) for other in there for hunk in other.hunks for line in hunk.added)
    lost = [line for hunk in file.hunks for line in hunk.added if not weak(line_key(line))]
    missing = Counter(map(line_key, lost)) - made - told
    return [line for line in lost if missing[line_key(line)]]


def _not_removed(file: FileDiff, there: Sequence[FileDiff], own: Sequence[HunkStory]) -> list[bytes]:
    """A removed line may read differently here: then its words stand in another one that goes."""
    going = {word for other in there for hunk in other.hunks for line in hunk.removed for word in _words(line)}
    gone = set(_keys(line[1:] for story in own if is_gone(story) for line in _text(story.upstream, "-")))
    return [line for hunk in file.hunks for line in hunk.removed if not weak(line_key(line))
            and line_key(line) not in gone and not going & set(_words(line))]


def _shown(file: FileDiff, lines: Sequence[bytes], words: str) -> LeftOut:
    texts = dict.fromkeys(line.strip().decode("utf-8", "replace") for line in lines)
    what = _joined([f"`{text}`" for text in texts]) if len(texts) <= _MANY else f"{len(lines)} lines"
    return LeftOut(file.path, words.format(what, file.path), known=False)


def named(story: HunkStory) -> str:
    """The function that the hunk changes upstream, `hunk 2` where there is none."""
    name = story.upstream_function
    return f"{name}()" if _NAME.fullmatch(name) else f"hunk {story.index + 1}"


def _keys(lines: Iterable[str]) -> list[bytes]:
    return [line_key(line.encode("utf-8", "replace")) for line in lines]


def _words(line: bytes) -> list[bytes]:
    return [word for word in identifiers(line, comments=True) if len(word) > 1]


def _text(hunk: str, kind: str) -> list[str]:
    return [line for line in hunk.split("\n") if line.startswith(kind)]


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
