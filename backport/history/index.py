"""Who names whom: one pass over a branch's messages, kept, so that a question costs a look-up and no second pass.

A clone of the kernel has more than a million commits; `git log --grep` reads all their messages for every question,
and a log limited by path compares all their trees. Here each message is read once for what it claims ("Upstream
commit", "Fixes:", "This reverts commit") and for its subject. A branch that moved costs its new commits only.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from backport.errors import GitError
from backport.git import Git
from backport.history.message import plain_subject, read_message
from backport.locks import FileLock
from backport.wholefile import private_directory

SUBJECT, UPSTREAM, FIXES, REVERTS = range(4)
_FORMAT = "%H%x1f%s%x1f%B"
_BATCH = 5000                # commits between two inserts
_TELL_AFTER = 2.0            # seconds before a bar appears
_MANY = 20_000               # commits from which a commit-graph is worth its making
# messages without any of these claim nothing; most of a million are told by this alone
_MAYBE = re.compile(rb"upstream|fixes:|revert|(?:picked|ported) from", re.I)
# one table for all versions of the claims' form: another form is another name
_TABLES = (
    "CREATE TABLE IF NOT EXISTS claim_v1 (kind INTEGER NOT NULL, name TEXT NOT NULL, sha TEXT NOT NULL, "
    "PRIMARY KEY (kind, name, sha)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS covered_v1 (tip TEXT NOT NULL, cut TEXT NOT NULL, PRIMARY KEY (tip, cut)) "
    "WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS contains_v1 (old TEXT NOT NULL, new TEXT NOT NULL, cut TEXT NOT NULL, "
    "answer INTEGER NOT NULL, PRIMARY KEY (old, new, cut)) WITHOUT ROWID",
)


class ClaimIndex:
    """The claims of every commit behind the tips that were covered. `path` None keeps them in memory only."""

    def __init__(self, git: Git, path: Path | None = None) -> None:
        self.git = git
        self._shallow: Path | None = None
        self._lock = FileLock(f"{path}.lock") if path is not None else nullcontext()
        if path is not None:
            private_directory(path.parent)
        self.db = sqlite3.connect(path or ":memory:", timeout=60, isolation_level=None)
        if path is not None:
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=NORMAL")     # a cache: what a power cut takes is read again
        for table in _TABLES:
            self.db.execute(table)

    def close(self) -> None:
        self.db.close()

    def cover(self, tip: str, name: str = "") -> None:
        """Read every commit behind `tip` that no earlier call has read.

        Written in batches, so that other processes get their turn; a kill in between leaves claims, which are true,
        and no mark that the tip is covered.
        """
        if self._covers(tip):
            return
        with self._lock:
            if self._covers(tip):                            # another process has done it meanwhile
                return
            known = [row[0] for row in self.db.execute("SELECT tip FROM covered_v1 WHERE cut = ?", (self._cut(),))]
            count = self._read(tip, known, name or tip[:12])
            self.db.execute("INSERT OR IGNORE INTO covered_v1 VALUES (?, ?)", (tip, self._cut()))
        if count >= _MANY:
            # ancestry over a million commits takes seconds without it; a store that cannot be written does without
            self.git.run("commit-graph", "write", "--reachable", "--no-progress", ok=())

    def claiming(self, kind: int, names: Iterable[str]) -> set[str]:
        """Commits whose message names one of `names` (object names, either side abbreviated to 7 digits or more)."""
        found: set[str] = set()
        for name in names:
            found.update(self._column(
                f"SELECT sha FROM claim_v1 WHERE kind = ? AND name IN ({','.join('?' * (len(name) - 6))})",
                (kind, *(name[:length] for length in range(7, len(name) + 1)))))
            if len(name) < 40:
                found.update(self._column("SELECT sha FROM claim_v1 WHERE kind = ? AND name > ? AND name < ?",
                                          (kind, name, name + "g")))
        return found

    def titled(self, subjects: Iterable[str]) -> set[str]:
        """Commits with one of these subjects, prefixes and white space aside."""
        return {sha for subject in subjects
                for sha in self._column("SELECT sha FROM claim_v1 WHERE kind = ? AND name = ?",
                                        (SUBJECT, _short(plain_subject(subject))))}

    def within(self, shas: Iterable[str], tip: str) -> frozenset[str]:
        """Those of `shas` that are `tip` or behind it. One walk of git for all that are not known yet, then kept."""
        wanted = list(dict.fromkeys(shas))
        answers: dict[str, bool] = {sha: True for sha in wanted if sha == tip}
        cut = self._cut() if wanted else ""
        for sha in wanted:
            row = self.db.execute("SELECT answer FROM contains_v1 WHERE old = ? AND new = ? AND cut = ?",
                                  (sha, tip, cut)).fetchone()
            if row is not None:
                answers[sha] = bool(row[0])
        ask = [sha for sha in wanted if sha not in answers]
        if ask:
            spec = "".join(f"{sha}\n" for sha in [*ask, f"^{tip}"]).encode()
            out = self.git.run("rev-list", "--ignore-missing", "--stdin", stdin=spec).out
            beyond = {line.decode() for line in out.split()} & set(ask)
            answers |= {sha: sha not in beyond for sha in ask}
            self.db.executemany("INSERT OR REPLACE INTO contains_v1 VALUES (?, ?, ?, ?)",
                                [(sha, tip, cut, int(answers[sha])) for sha in ask])
        return frozenset(sha for sha in wanted if answers[sha])

    def _covers(self, tip: str) -> bool:
        return self.db.execute("SELECT 1 FROM covered_v1 WHERE tip = ? AND cut = ?",
                               (tip, self._cut())).fetchone() is not None

    def _cut(self) -> str:
        """Where the history ends for now: the same tip tells more once a shallow clone was deepened."""
        if self._shallow is None:
            self._shallow = self.git.path / self.git.run("rev-parse", "--git-path", "shallow").text
        path = self._shallow
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""

    def _column(self, sql: str, values: Sequence[object]) -> Iterator[str]:
        return (row[0] for row in self.db.execute(sql, values))

    def _read(self, tip: str, known: Sequence[str], name: str) -> int:
        rows: list[tuple[int, str, str]] = []
        count = 0
        from tqdm import tqdm
        with tqdm(desc=f"reading the history of {name}", unit=" commits", unit_scale=True, delay=_TELL_AFTER,
                  leave=False, disable=None) as bar:
            for record in self._records(tip, known):
                count += 1
                rows += _claims(record)
                if count % _BATCH == 0:
                    self._insert(rows)
                    rows = []
                    bar.update(_BATCH)
        self._insert(rows)
        return count

    def _insert(self, rows: Sequence[tuple[int, str, str]]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.db.executemany("INSERT OR IGNORE INTO claim_v1 VALUES (?, ?, ?)", rows)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def _records(self, tip: str, known: Sequence[str]) -> Iterator[bytes]:
        # what gc took since then is no reason to fail: --ignore-missing
        process = self.git.stream("log", "--ignore-missing", "-z", "--encoding=UTF-8", "--no-show-signature",
                                  f"--format={_FORMAT}", "--stdin")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{line}\n" for line in [tip, *(f"^{old}" for old in known)]).encode())
        process.stdin.close()
        rest = b""
        try:
            while chunk := process.stdout.read(1 << 20):
                *whole, rest = (rest + chunk).split(b"\0")
                yield from whole
            if rest.strip():
                yield rest
        finally:
            process.stdout.close()
            if process.stderr is not None:
                said = process.stderr.read().decode("utf-8", "replace")
                process.stderr.close()
            code = process.wait()
        if code:
            raise GitError(["git", "log", tip], code, said)


def _claims(record: bytes) -> Iterator[tuple[int, str, str]]:
    raw_sha, raw_subject, body = record.split(b"\x1f", 2)
    sha, subject = raw_sha.strip().decode("ascii"), raw_subject.decode("utf-8", "replace")
    yield SUBJECT, _short(plain_subject(subject)), sha
    if not _MAYBE.search(body):
        return
    said = read_message(sha, "", "", subject, body.decode("utf-8", "replace"))
    for kind, names in ((UPSTREAM, said.upstream), (FIXES, said.fixes), (REVERTS, said.reverts)):
        for name in names:
            yield kind, name, sha


def _short(subject: str) -> str:
    """A subject as its key: a million of them are kept."""
    return hashlib.blake2b(subject.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
