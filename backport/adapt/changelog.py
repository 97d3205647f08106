"""What was adapted, as a maintainer writes it into the changelog: a few plain clauses, each thing once.

The notes of a cell are for whoever reviews the patch: they tell every sign of doubt, hunk by hunk. The changelog is
read years later by somebody who asks why the backport differs from upstream; it says what differs, and nothing about
how the tool came to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backport.adapt.align import line_key
from backport.adapt.lacking_parameter import PARAMETER
from backport.adapt.left_out import is_gone, left_out, named
from backport.adapt.records import HunkStory
from backport.csource.tokens import TRIVIA, lex
from backport.patch.model import FileDiff, Patch

_SHOWN = 4               # lines that read differently and are shown; more are counted
_SHORT = 4               # tokens of one that stands for another, where the line itself need not be shown


@dataclass(frozen=True, slots=True)
class _Swap:
    """`new` stands where upstream has `old`; whole lines, or what differs in them. `function` and `path` say where."""

    old: str
    new: str
    function: str
    path: str


def changelog(patch: Patch, made: Sequence[FileDiff], stories: Sequence[HunkStory]) -> tuple[str, ...]:
    """The clauses for a patch that was adapted; never empty, for its context at least is another one."""
    stayed = [story for story in stories if not is_gone(story)]
    clauses = [*_files(stayed), *_functions(stayed)]
    clauses += [note for story in stayed for note in story.done
                if note != f"{story.path} is {story.landed_path} in this tree"]
    clauses += _swaps(stayed)
    clauses += [part.sentence for part in left_out(patch, made, stories)]
    return tuple(dict.fromkeys(clauses)) or (_rest(patch, made),)


def _files(stories: Sequence[HunkStory]) -> list[str]:
    """`a/x.c is b/x.c in this tree`; the directories alone where several files went the same way."""
    where: dict[str, dict[str, None]] = {}
    for story in stories:
        if "follow" in story.strategies:
            continue                         # code that several functions have here: its own sentence says which
        where.setdefault(story.path, {})[story.landed_path] = None
    moved = {old: next(iter(new)) for old, new in where.items() if len(new) == 1 and old not in new}
    ways: dict[tuple[str, str], list[str]] = {}
    for old, new in moved.items():
        (a, _, name), (b, _, other) = old.rpartition("/"), new.rpartition("/")
        ways.setdefault((a, b) if name == other else (old, new), []).append(old)
    out = [f"{a}/ is {b}/ in this tree" if len(olds) > 1 else f"{olds[0]} is {moved[olds[0]]} in this tree"
           for (a, b), olds in ways.items()]
    strayed = [story for story in stories if story.path not in moved and story.landed_path != story.path
               and "follow" not in story.strategies]
    return out + [f"the change to {named(story)} of {story.path} is made in {story.landed_path}" for story in strayed]


def _functions(stories: Sequence[HunkStory]) -> list[str]:
    return [f"the change to {story.upstream_function}() is made in {story.function}()" for story in stories
            if story.function and story.upstream_function and story.function != story.upstream_function
            and {"renamed", "stranger", "function"} & set(story.signals)]


def _swaps(stories: Sequence[HunkStory]) -> list[str]:
    """The added lines that read differently here, the same difference once."""
    found: dict[tuple[str, str], list[_Swap]] = {}
    for story in stories:
        if any(name.startswith("rule:") for name in story.strategies):
            continue                         # the rule's note says it
        there = {line_key(line[1:].encode()) for line in story.adapted.split("\n") if line.startswith("-")}
        for up, ours in story.changed:
            if _told(up, ours, story.done) or (PARAMETER in story.strategies and not ours):
                continue
            if not up and line_key(ours.encode()) in there:
                continue                     # a line of this tree that stays
            for old, new in _differences(up.strip(), ours.strip()):
                found.setdefault((old, new), []).append(_Swap(old, new, story.function, story.landed_path))
    out = [_clause(swaps) for swaps in list(found.values())[:_SHOWN]]
    more = sum(len(swaps) for swaps in list(found.values())[_SHOWN:])
    return out + ([f"{more} other added line{'s' if more > 1 else ''} as this tree has it"
                   if more == 1 else f"{more} other added lines as this tree has them"] if more else [])


def _clause(swaps: Sequence[_Swap]) -> str:
    one = swaps[0]
    times = f" ({len(swaps)} times)" if len(swaps) > 1 else ""
    functions, paths = {swap.function for swap in swaps}, {swap.path for swap in swaps}
    where = f" in {one.function}()" if len(functions) == 1 and one.function else \
        f" in {one.path}" if len(paths) == 1 else ""
    if not one.old:
        return f"added `{one.new}`{times}{where}"
    if not one.new:
        return f"left out `{one.old}`{times}{where}"
    return f"use `{one.new}` instead of `{one.old}`{times}{where}"


def _differences(up: str, ours: str) -> list[tuple[str, str]]:
    """(upstream's words, this tree's) where a line differs in a few of them, else the whole line."""
    a, b = ([token.text for token in lex(line.encode()) if token.kind not in TRIVIA] for line in (up, ours))
    codes = [code for code in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if code[0] != "equal"]
    few = all(tag == "replace" and max(i2 - i1, j2 - j1) <= _SHORT for tag, i1, i2, j1, j2 in codes)
    if not up or not ours or not codes or not few:
        return [(up, ours)]
    return list(dict.fromkeys((_words(a[i1:i2]), _words(b[j1:j2])) for _tag, i1, i2, j1, j2 in codes))


def _words(tokens: Sequence[bytes]) -> str:
    return b" ".join(tokens).decode("utf-8", "replace")


def _told(up: str, ours: str, done: Iterable[str]) -> bool:
    """Whether a sentence about what was done names the line, or every word in which the two differ."""
    said = " ".join(done)
    if not said:
        return False
    opened = re.findall(r"open-coded (\w+)\(\)", said)
    if any(f"{name}(" in up for name in opened) or (opened and not up):
        return True
    if not up or not ours:
        return (up or ours).strip().rstrip(";") in said
    words = [text for pair in _differences(up.strip(), ours.strip()) for text in pair]
    return all(text in said for text in words)


def _rest(patch: Patch, made: Sequence[FileDiff]) -> str:
    """What there is to say where every added line is upstream's."""
    def gone(files: Iterable[FileDiff]) -> list[bytes]:
        return sorted(key for file in files for hunk in file.hunks for line in hunk.removed if (key := line_key(line)))

    return "context adjusted" if gone(patch.files) == gone(made) else "the removed lines are as this tree has them"
