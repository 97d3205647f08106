"""Colour for the words of a verdict on a terminal; the words say it all, the colour only helps to find them.

A word is wrapped in characters that have no width and that foreign text can never hold (`visible` escapes them): tables
and lines are the same with and without colour. `painted` makes terminal codes of them at the end, or nothing.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from backport.verdict import Apply, Behaves, Build

_BAD, _LOOK, _QUIET, _END = "\u2061", "\u2062", "\u2063", "\u2064"
_CODES = {_BAD: "\x1b[31m", _LOOK: "\x1b[33m", _QUIET: "\x1b[2m", _END: "\x1b[0m"}
_WORDS: dict[str, str] = {
    **dict.fromkeys(map(str, (Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID, Build.FAIL, Behaves.BROKE,
                              Behaves.NO_EFFECT, Behaves.NOT_SHOWN)), _BAD),
    **dict.fromkeys((*map(str, (Apply.ERROR, Build.WARN, Build.ERROR, Build.BASELINE_BROKEN, Build.NOT_COMPILED)),
                     "review"), _LOOK),
    **dict.fromkeys(map(str, (Apply.ALREADY, Apply.ABSENT, Apply.NO_TREE, Build.SKIPPED)), _QUIET),
}


def marked(word: str) -> str:
    """A word of a verdict, wrapped where it has a colour."""
    return f"{_WORDS[word]}{word}{_END}" if word in _WORDS else word


def painted(text: str, *, colour: bool) -> str:
    """`text` with the codes of a terminal, or as plain text."""
    return re.sub(f"[{''.join(_CODES)}]", lambda match: _CODES[match.group()] if colour else "", text)


def wanted(output: Path | None) -> bool:
    """Whether a report is painted: on a terminal that can, unless NO_COLOR (no-color.org) is set to anything."""
    return output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR") \
        and os.environ.get("TERM", "dumb") != "dumb"
