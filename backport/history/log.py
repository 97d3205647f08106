"""One pass over a branch's log, kept by commit, with only what the questions about stable trees need.

Stable commits name their upstream commit in the message, in one of a few forms. The traps: "This reverts commit
A which is commit B upstream." folded so that a line begins with "commit B upstream." is a revert, not a backport;
a line that is only quoted is no claim; ids are abbreviated to any length.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from backport.errors import GitError
from backport.git import Git

_UPSTREAM = (
    re.compile(r"^\s*\[\s*Upstream commit ([0-9a-f]{7,40})\s*\]\s*$", re.M | re.I),
    re.compile(r"^\s*commit ([0-9a-f]{7,40}) upstream\.?\s*$", re.M | re.I),
    re.compile(r"^\s*\((?:cherry[- ]picked|back[- ]?ported) from (?:upstream )?commit ([0-9a-f]{7,40})[^)\n]*\)\s*$",
               re.M | re.I),
)
_REVERTS = re.compile(
    r"\b(?:This\s+)?revert(?:s|ing|ed)?\s+(?:upstream\s+)?commit\s+([0-9a-f]{7,40})"
    r"(?:\s*\([^)]*\))?(?:,?\s+which\s+is\s+(?:upstream\s+)?commit\s+([0-9a-f]{7,40})(?:\s+upstream)?)?\.?", re.I)
_FIXES = re.compile(r"^\s*Fixes:\s*(?:commit\s+)?([0-9a-f]{6,40})\b", re.M | re.I)
_FORMAT = "%H%x1f%an <%ae>%x1f%aI%x1f%s%x1f%B"


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit says of itself. `date` is the author date, ISO 8601; ids are as written, often abbreviated."""

    sha: str
    subject: str
    author: str = ""
    date: str = ""
    upstream: tuple[str, ...] = ()   # it says that it is a backport of these
    fixes: tuple[str, ...] = ()
    reverts: tuple[str, ...] = ()    # both names of the commit where "which is commit B upstream" gives both

    @property
    def ids(self) -> tuple[str, ...]:
        """Every name that another commit may use for this one."""
        return (self.sha, *self.upstream)


def same(a: str, b: str) -> bool:
    """Whether two object names, either of them abbreviated, can name one commit (7 digits at least)."""
    return len(a) >= 7 and len(b) >= 7 and (a.startswith(b) or b.startswith(a))


def any_same(some: Iterable[str], others: Sequence[str]) -> bool:
    """Whether any name of `some` can be one of `others`."""
    return any(same(a, b) for a in some for b in others)


def read_message(sha: str, author: str, date: str, subject: str, body: str) -> Commit:
    """The claims of one commit message."""
    reverts: list[str] = []
    for match in _REVERTS.finditer(body):
        reverts += [name.lower() for name in match.groups() if name]
    rest = _REVERTS.sub(" ", body)           # "which is commit B upstream." is no claim to be B
    upstream = [m[1].lower() for pattern in _UPSTREAM for m in pattern.finditer(rest)]
    if not subject.lower().startswith(("revert", "reapply")) and "This reverts commit" not in " ".join(body.split()):
        reverts = []                         # "after reverting commit X the box boots": a story, not a revert
    return Commit(sha, subject, author, date, _once(upstream),
                  _once(m[1].lower() for m in _FIXES.finditer(body)), _once(reverts))


class Log:
    """Commits by range, oldest first; each commit is read from git once and kept in `cache` (SQLite) if given."""

    def __init__(self, git: Git, cache: Path | None = None) -> None:
        self.git = git
        self._ranges: dict[tuple[str, str], tuple[Commit, ...]] = {}
        self._known: dict[str, Commit] = {}
        self._db: sqlite3.Connection | None = None
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(cache, timeout=30)
            self._db.execute("CREATE TABLE IF NOT EXISTS history_commit_v1 (sha TEXT PRIMARY KEY, data TEXT NOT NULL)")

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def between(self, base: str, tip: str) -> tuple[Commit, ...]:
        """Commits reachable from `tip` and not from `base` ("" for all), parents before children."""
        key = (base, tip)
        if key not in self._ranges:
            spec = [tip, f"^{base}"] if base else [tip]
            order = self.git.run("rev-list", "--topo-order", "--reverse", *spec, "--").text.split()
            self._fill(order)
            self._ranges[key] = tuple(self._known[sha] for sha in order)
        return self._ranges[key]

    def one(self, name: str) -> Commit | None:
        """The commit of that (abbreviated) name, None where the repository has none or several."""
        sha = self.git.rev(f"{name}^{{commit}}")
        if sha is None:
            return None
        self._fill([sha])
        return self._known[sha]

    def _fill(self, shas: Sequence[str]) -> None:
        missing = [sha for sha in shas if sha not in self._known]
        if missing and self._db is not None:
            for start in range(0, len(missing), 500):
                part = missing[start:start + 500]
                marks = ",".join("?" * len(part))
                for sha, data in self._db.execute(
                        f"SELECT sha, data FROM history_commit_v1 WHERE sha IN ({marks})", part):
                    self._known[sha] = _load(data)
            missing = [sha for sha in missing if sha not in self._known]
        if not missing:
            return
        out = self.git.run("log", "--no-walk=unsorted", "--stdin", "-z", "--encoding=UTF-8", "--no-show-signature",
                           f"--format={_FORMAT}", stdin=("\n".join(missing) + "\n").encode()).out
        fresh = [_read(record) for record in out.split(b"\0") if record]
        if len(fresh) != len(missing):
            raise GitError(["git", "log", "--stdin"], 0, f"asked for {len(missing)} commits, got {len(fresh)}")
        for commit in fresh:
            self._known[commit.sha] = commit
        if self._db is not None:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO history_commit_v1 VALUES (?, ?)",
                                     [(commit.sha, json.dumps(asdict(commit))) for commit in fresh])


def _read(record: bytes) -> Commit:
    sha, author, date, subject, body = record.decode("utf-8", "replace").split("\x1f", 4)
    return read_message(sha.strip(), author, date, subject, body)


def _load(data: str) -> Commit:
    raw = json.loads(data)
    return Commit(raw["sha"], raw["subject"], raw["author"], raw["date"], tuple(raw["upstream"]),
                  tuple(raw["fixes"]), tuple(raw["reverts"]))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
