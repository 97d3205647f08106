"""The frozen corpus: what every case came out as, one line a file, so that a change which alters one must say so.

Tab-separated: case, file, outcome, how sure, score, digest of the file that came out; or case, "asked again", and the
score of the answer for the tree that has it. Lines that begin with `#` are
for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backport.replay.commits import AGAIN, CommitOutcome
from backport.replay.score import Outcome
from backport.verdict import Sure

Row = tuple[str, ...]
_HELPED = " (with its donor)"
_HEAD = ("# What every file came out as: case, file, outcome, how sure, score, digest. "
         "scripts/corpus --freeze writes it again.\n")


def commit_rows(outcomes: Iterable[CommitOutcome]) -> list[Row]:
    """A row for each file of each commit, again for each that has a donor, and one for a tree that has the commit where
    that was asked."""
    told = [(one.name, one) for one in outcomes]
    told += [(f"{name}{_HELPED}", one.helped) for name, one in told if one.helped is not None]
    rows: list[Row] = [(name, file.path, one.apply, one.sure, str(file.score), file.digest or "-")
                       for name, one in told for file in one.files]
    return rows + [(name, AGAIN, one.others[AGAIN]) for name, one in told if AGAIN in one.others]


def file_rows(outcomes: Iterable[Outcome]) -> list[Row]:
    """A row for each case of a release replay, whose name ends in the file."""
    return [(*one.name.rsplit(" ", 1), one.apply, Sure.CERTAIN if one.certain else Sure.REVIEW, str(one.score),
             one.digest or "-") for one in outcomes]


def render(rows: Iterable[Row]) -> str:
    """The file to commit."""
    return _HEAD + "".join("\t".join(row) + "\n" for row in rows)


def read(text: str) -> list[Row]:
    """The rows of a frozen file."""
    return [tuple(line.split("\t")) for line in text.splitlines() if line and not line.startswith("#")]


def differences(frozen: Sequence[Row], now: Sequence[Row]) -> list[str]:
    """One line for people for each file that came out otherwise, is new, or did not come at all."""
    before, after = {row[:2]: row[2:] for row in frozen}, {row[:2]: row[2:] for row in now}
    out = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old != new:
            out.append(f"{' '.join(key)}: was {' '.join(old) if old else 'not there'}, "
                       f"is {' '.join(new) if new else 'not there'}")
    return out
