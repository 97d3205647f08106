"""Whether one patch is another form of the same upstream commit, what of it is left out, and what it changed.

Anybody can write `[ Upstream commit X ]` above anything. What a donor claims is held against what it does: the names
in its changed lines are mostly those of upstream's change, however the lines around them read.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backport.adapt.align import SIMILAR, line_key, similarity, weak
from backport.csource.tokens import identifiers
from backport.history.message import plain_subject, same
from backport.patch.mail import Mail, read_mail
from backport.patch.model import FileDiff, Patch

_ALIKE = 0.4             # share of the donor's names that upstream's diff must have
_BLOCK = 0.5             # Dice over names from which two blocks of changed lines are the same change
_WITHIN = 0.6            # share of a block's names in the rest of the same file, which does the same in other lines
_NOTE = re.compile(r"^\[ ?(?!\s*(?:Upstream commit|commit [0-9a-f]{7}))(.{3,600}?)\s?\]\s*$", re.M | re.S | re.I)
_RELEASE = re.compile(r"(?<![\w.])v?(\d+\.\d+)(?:\.(?:y|x|\d+))?(?![\w.-])")
_TREE = re.compile(r"(?:^|/)(?:queue-|releases/)v?(\d+\.\d+)(?:\.\d+)?/")


def claims(patch: Patch, other: Patch) -> str:
    """Why `other` says that it is the same commit as `patch`: "commit", "subject", "" where it does not."""
    mine, theirs = read_mail(patch), read_mail(other)
    if mine.upstream and theirs.upstream:
        return "commit" if same(mine.upstream, theirs.upstream) else ""
    if mine.reverts != theirs.reverts:
        return ""
    title = plain_subject(mine.title)
    return "subject" if title and title == plain_subject(theirs.title) else ""


def resembles(patch: Patch, other: Patch) -> bool:
    """Whether what `other` changes has to do with what `patch` changes."""
    theirs = _names(line for block in blocks(other.files) for line in (*block.removed, *block.added))
    if not theirs:
        mine = {line_key(line) for block in blocks(patch.files) for line in (*block.removed, *block.added)}
        return any(line_key(line) in mine for block in blocks(other.files) for line in (*block.removed, *block.added))
    known = {name for file in patch.files for hunk in file.hunks for line in hunk.lines
             for name in identifiers(line.text, comments=True)}
    return len(theirs & known) >= _ALIKE * len(theirs)


def series_of(patch: Patch) -> str:
    """The series that a patch is for, by its prefix (`[PATCH 6.1.y]`) or its place in a stable queue; "" for none."""
    place = _TREE.search(patch.source)
    if place is not None:
        return place[1]
    mail = read_mail(patch)
    found = _RELEASE.findall(mail.prefix) if mail.autosel is None else []
    return found[0] if len(found) == 1 else ""


def bracketed(mail: Mail, original: Mail) -> str:
    """The last bracketed note of `mail` that `original` does not have, on one line; "" for none."""
    known = set(_notes(original))
    return next((note for note in reversed(_notes(mail)) if note not in known), "")


def _notes(mail: Mail) -> list[str]:
    return [" ".join(text.split()) for text in _NOTE.findall(mail.text)]


@dataclass(frozen=True, slots=True)
class ChangeBlock:
    """A run of changed lines of one file; `before` and `behind` are the context lines around it."""

    path: str
    removed: tuple[bytes, ...]
    added: tuple[bytes, ...]
    before: bytes = b""
    behind: bytes = b""
    function: str = ""

    @property
    def names(self) -> Counter[bytes]:
        return Counter(name for line in (*self.removed, *self.added) for name in identifiers(line))


def blocks(files: Sequence[FileDiff]) -> list[ChangeBlock]:
    """Every run of changed lines, in order."""
    out: list[ChangeBlock] = []
    for file in files:
        for hunk in file.hunks:
            context, lines = b"", list(hunk.lines)
            at = 0
            while at < len(lines):
                if lines[at].kind == b" ":
                    context = lines[at].text
                    at += 1
                    continue
                end = at
                while end < len(lines) and lines[end].kind != b" ":
                    end += 1
                run = lines[at:end]
                out.append(ChangeBlock(file.path, tuple(x.text for x in run if x.kind == b"-"),
                                 tuple(x.text for x in run if x.kind == b"+"), context,
                                 lines[end].text if end < len(lines) else b"",
                                 hunk.section.decode("utf-8", "replace")))
                at = end
    return out


def dropped(patch: Patch, other: Patch) -> list[ChangeBlock]:
    """The blocks of `patch` that `other` has no counterpart of; includes are means and are not asked for."""
    theirs = blocks(other.files)
    left = [block for block in blocks(patch.files) if _telling(block)]
    free = set(range(len(theirs)))
    pairs = sorted(((_alike(mine, block), i, k) for i, mine in enumerate(left) for k, block in enumerate(theirs)),
                   key=lambda row: (-row[0], row[1], row[2]))
    found: set[int] = set()
    for score, i, k in pairs:
        if score >= _BLOCK and i not in found and k in free:
            found.add(i)
            free.discard(k)
    gone = [mine for i, mine in enumerate(left) if i not in found]
    return [mine for mine in gone if not _swallowed(mine, [left[i] for i in found], theirs, patch)]


def _telling(block: ChangeBlock) -> bool:
    return any(not weak(line_key(line)) and not line.lstrip().startswith(b"#include")
               for line in (*block.removed, *block.added))


def _alike(mine: ChangeBlock, other: ChangeBlock) -> float:
    x, y = mine.names, other.names
    total = x.total() + y.total()
    # the same file first: a change that is made twice has the same names at both sites
    beside = 1.0 if mine.path == other.path else 0.9 if _base(mine) == _base(other) else 0.7
    return 2 * (x & y).total() / total * beside if total else float(_keys(mine) == _keys(other))


def _swallowed(mine: ChangeBlock, matched: Sequence[ChangeBlock], theirs: Sequence[ChangeBlock], patch: Patch) -> bool:
    """Whether other lines of the donor do what the block does: several changes that grew into one, or a rewrite.

    What the matched blocks account for does not count twice, or the second of two like sites would never be missed.
    """
    known = {posixpath.basename(path) for path in patch.paths}
    beside = sum((block.names for block in theirs if _base(block) == _base(mine)), Counter())
    if beside:
        beside -= sum((block.names for block in matched if _base(block) == _base(mine)), Counter())
    else:                                # its file is another one there: one that upstream's commit does not touch
        beside = sum((block.names for block in theirs if _base(block) not in known), Counter())
    names = set(mine.names)
    return bool(names) and len(names & set(beside)) >= _WITHIN * len(names)


def _base(block: ChangeBlock) -> str:
    return posixpath.basename(block.path)


def _keys(block: ChangeBlock) -> list[bytes]:
    return [line_key(line) for line in (*block.removed, *block.added)]


def _names(lines: Iterable[bytes]) -> set[bytes]:
    return {name for line in lines for name in identifiers(line)}


def standing(block: ChangeBlock, content: bytes) -> int:
    """The 1-based line of `content` that reads as what the block takes away, or where it would be put; 0 for none."""
    lines = content.split(b"\n")
    keys = [line_key(line) for line in lines]
    gone = [line for line in block.removed if not weak(line_key(line))]
    for line in gone:
        if line_key(line) in keys:
            return keys.index(line_key(line)) + 1
        if len(set(identifiers(line))) >= 3:
            for number, other in enumerate(lines, 1):
                if similarity(line, other) >= max(SIMILAR, 0.75):
                    return number
    if gone or weak(line_key(block.before)) or weak(line_key(block.behind)):
        return 0
    added = {line_key(line) for line in block.added if not weak(line_key(line))}
    for number, key in enumerate(keys[:-1]):
        if key == line_key(block.before) and keys[number + 1] == line_key(block.behind) and not added & set(keys):
            return number + 1
    return 0


def differences(patch: Patch, other: Patch) -> tuple[tuple[str, str], ...]:
    """(upstream's changed line, the donor's) where they differ, with their + or -; "" where one has no partner."""
    mine, theirs = _changed(patch), _changed(other)
    out: list[tuple[str, str]] = []
    matcher = SequenceMatcher(None, [key for key, _ in mine], [key for key, _ in theirs], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        left, right = [text for _, text in mine[i1:i2]], [text for _, text in theirs[j1:j2]]
        out += list(zip(left, right, strict=False)) + [(one, "") for one in left[len(right):]] \
            + [("", one) for one in right[len(left):]]
    return tuple(out)


def _changed(patch: Patch) -> list[tuple[bytes, str]]:
    return [(line.kind + key, (line.kind + line.text.strip()).decode("utf-8", "replace"))
            for file in patch.files for hunk in file.hunks for line in hunk.lines
            if line.kind != b" " and (key := line_key(line.text))]
