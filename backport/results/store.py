"""The results store: runs and their cells in one SQLite file.

Every write is a transaction of its own, made as soon as there is something to write, so that a kill -9 leaves
all that was known; readers (another terminal, a report) work during a run because of the write-ahead log.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import platformdirs

from backport.cell import Cell
from backport.errors import InfraError, UserError
from backport.locks import NO_LOCKS
from backport.results.decode import decode
from backport.results.rows import BRIEF, CELL, DAMAGED, RUN, body, cell_of, run_of, sql_text
from backport.results.run import SHOWN, Mark, PatchInfo, Run, TreeInfo, process_mark
from backport.results.schema import migrate
from backport.results.series import with_results
from backport.verdict import Apply, Behaves, Build, Sure
from backport.wholefile import disk, private_directory


def state_directory() -> Path:
    """Where results live: BACKPORT_STATE, or the user's state directory."""
    return Path(os.environ.get("BACKPORT_STATE") or platformdirs.user_state_dir("backport"))


def default_path() -> Path:
    return state_directory() / "results.sqlite"


class Results:
    """The store at `path` (made where it is missing). Usable from several threads; one object per process."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path) if path is not None else default_path()
        self._lock = threading.RLock()
        try:
            private_directory(self.path.parent)
            self._db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise _trouble(self.path, error) from error
        try:
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            migrate(self._db, str(self.path))
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise _trouble(self.path, error) from error
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Results:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    with suppress(sqlite3.OperationalError):      # a full disk: SQLite went back by itself
                        self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.DatabaseError as error:  # disk full, locked for half a minute, damaged
                raise _trouble(self.path, error) from error

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise _trouble(self.path, error) from error

    # --- runs

    def begin(self, *, command: str = "", kind: str = "run", manifest: str = "", manifest_sha256: str = "",
              tools: Mapping[str, str] | None = None, options: Mapping[str, Any] | None = None,
              patches: Sequence[PatchInfo] = (), trees: Sequence[TreeInfo] = (),
              supported: Sequence[tuple[str, str]] = (), started: float | None = None) -> Run:
        """Open a run. `patches` and `trees` are the rows and columns it is going to fill, in matrix order.

        `manifest` is its absolute path: what is compared from run to run is compared within one. `supported` are
        (name, series) of all trees that it lists as supported, those of other runs too.
        """
        about = {
            "command": command, "manifest": manifest, "manifest_sha256": manifest_sha256, "tools": dict(tools or {}),
            "options": dict(options or {}), "patches": [patch.as_dict() for patch in patches],
            "trees": [tree.as_dict() for tree in trees], "supported": [list(pair) for pair in supported],
        }
        with self._transaction() as db:
            number = db.execute(
                "INSERT INTO run (kind, started, process, about) VALUES (?, ?, ?, ?)",
                (kind, time.time() if started is None else started, process_mark(), json.dumps(about))).lastrowid
        return self._must(int(number or 0))

    def finish(self, run: Run | int, exit_code: int, *, finished: float | None = None) -> Run:
        """Close a run that came to its end; one that was stopped stays open and shows as `interrupted`."""
        with self._transaction() as db:
            db.execute("UPDATE run SET finished = ?, exit_code = ?, current = '' WHERE id = ?",
                       (time.time() if finished is None else finished, exit_code, _id(run)))
        return self._must(_id(run))

    def progress(self, run: Run | int, current: str) -> None:
        """Say what is being worked on now, for `backport show --watch` in another terminal."""
        with self._transaction() as db:
            db.execute("UPDATE run SET current = ? WHERE id = ?", (sql_text(current), _id(run)))

    def run(self, number: int) -> Run | None:
        rows = self._rows(f"{RUN} WHERE id = ?", (number,))
        return run_of(rows[0]) if rows else None

    def runs(self, *, kind: str | None = None, limit: int | None = None, before: int | None = None,
             finished: bool = False, manifest: str = "") -> list[Run]:
        """Newest first; `before` is a run id that is not included any more; `finished` leaves out the others;
        `manifest` those of another one (a run that an older version stored counts for each)."""
        where, values = [_MANIFEST], list[Any]((manifest, manifest))
        if kind is not None:
            where.append("kind = ?")
            values.append(kind)
        if before is not None:
            where.append("id < ?")
            values.append(before)
        if finished:
            where.append("finished IS NOT NULL")
        rows = self._rows(f"{RUN} WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
                          (*values, -1 if limit is None else limit))
        return [run_of(row) for row in rows]

    def latest(self, *, kind: str | None = None, before: int | None = None, finished: bool = False,
               manifest: str = "") -> Run | None:
        """The first of `runs`, None where there is none."""
        found = self.runs(kind=kind, limit=1, before=before, finished=finished, manifest=manifest)
        return found[0] if found else None

    def _must(self, number: int) -> Run:
        found = self.run(number)
        if found is None:
            raise UserError(f"no run {number} in {self.path}", hint="`backport show --runs` lists them")
        return found

    # --- cells

    def record(self, run: Run | int, cell: Cell, *, key: str = "") -> None:
        """Store one cell at once. `key` "" means that it must never be read back as an answer."""
        digest, data, adapted = body(cell)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO body (sha256, data, adapted) VALUES (?, ?, ?)",
                       (digest, data, adapted))
            place = sql_text(cell.patch), sql_text(cell.column)
            db.execute("INSERT OR IGNORE INTO answer (patch, tree, key, body, apply, build, sure, version, behaviour) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       (*place, key, digest, cell.apply.value, cell.build.value, cell.sure.value,
                        sql_text(cell.base_version), cell.behaviour or ""))
            db.execute("DELETE FROM told WHERE run = ? AND answer IN "
                       "(SELECT id FROM answer WHERE patch = ? AND tree = ?)", (_id(run), *place))
            db.execute("INSERT INTO told SELECT ?, id, ?, ?, ? FROM answer "
                       "WHERE patch = ? AND tree = ? AND key = ? AND body = ?",
                       (_id(run), int(cell.cached), cell.seconds, time.time(), *place, key, digest))

    def cells(self, run: Run | int) -> list[Cell]:
        """All cells of a run so far, rows and columns in the order in which the run planned them."""
        found = run if isinstance(run, Run) else self._must(run)
        rows = self._rows(f"{CELL} WHERE run = ?", (found.id,))
        cells = with_results([cell_of(row) for row in rows])
        patches = {patch.slug: number for number, patch in enumerate(found.patches)}
        trees = {tree.column: number for number, tree in enumerate(found.trees)}
        return sorted(cells, key=lambda cell: (patches.get(cell.patch, len(patches)),
                                               trees.get(cell.column, len(trees))))

    def cells_after(self, run: Run | int, moment: float) -> tuple[list[Cell], float]:
        """What was recorded after `moment` (0: all so far), and the moment to ask with the next time. A watcher that
        reads thousands of cells twice a second would keep a processor busy."""
        rows = self._rows(f"{BRIEF} WHERE run = ? AND recorded > ? ORDER BY recorded", (_id(run), moment))
        return [cell_of((*row[:4], _NOTHING, *row[5:])) for row in rows], rows[-1][4] if rows else moment

    def counts(self, run: Run | int) -> list[tuple[Apply, Build, Behaves | None, bool, int]]:
        """(outcome, build, behaviour, whether it was read back, how many cells) of a run, without opening one cell."""
        rows = self._rows("SELECT apply, build, behaviour, cached, COUNT(*) FROM cell WHERE run = ? "
                          "GROUP BY apply, build, behaviour, cached", (_id(run),))
        return [(Apply(apply), Build(build), decode(Behaves, booted) if booted else None, bool(cached), count)
                for apply, build, booted, cached, count in rows]

    def cell(self, run: Run | int, patch: str, column: str) -> Cell | None:
        """One place; `column` as Cell.column has it, which is what the table's `tree` holds."""
        # all of its column: what became of a series is told by its other cells
        rows = self._rows(f"{CELL} WHERE run = ? AND tree = ?", (_id(run), sql_text(column)))
        cells = with_results([cell_of(row) for row in rows])
        return next((cell for cell in cells if sql_text(cell.patch) == sql_text(patch)), None)

    def lookup(self, key: str) -> Cell | None:
        """The answer to `cell_key(...)` if it is known, flagged `cached`; an error is never an answer."""
        if not key:
            return None
        # the index is of cells with a key: SQLite takes it only where the question says so
        rows = self._rows(f"{CELL} WHERE key = ? AND key <> '' AND apply NOT IN (?, ?) AND build <> ? "
                          # not every night that gave it, only the last
                          "AND cell.run = (SELECT MAX(run) FROM told WHERE answer = cell.answer) "
                          "ORDER BY recorded DESC LIMIT 1",
                          (key, Apply.ERROR.value, Apply.NO_TREE.value, Build.ERROR.value))
        known = cell_of(rows[0]) if rows else None
        return replace(known, cached=True) if known is not None and known.reason != DAMAGED else None

    def last_verdict(self, patch: str, column: str, *, kind: str, before: int, manifest: str = "") -> Cell | None:
        """The newest cell of this place that says something about the patch, in a finished run before `before` (of
        `manifest`)."""
        rows = self._rows(
            f"{CELL} JOIN run ON run.id = cell.run WHERE cell.patch = ? AND cell.tree = ? AND cell.run < ? "
            "AND run.kind = ? AND run.finished IS NOT NULL AND apply NOT IN (?, ?) AND build <> ? "
            f"AND behaviour <> 'error' AND {_MANIFEST} "
            "ORDER BY cell.run DESC LIMIT 1",
            (sql_text(patch), sql_text(column), before, kind, Apply.NO_TREE.value, Apply.ERROR.value,
             Build.ERROR.value, manifest, manifest))
        known = cell_of(rows[0]) if rows else None
        return known if known is not None and known.reason != DAMAGED else None

    def history(self, patch: str, column: str, *, manifest: str = "", limit: int = 60) -> list[tuple[int, Cell]]:
        """(run id, cell) of one place over the runs (of `manifest`), oldest first."""
        rows = self._rows(f"{CELL} WHERE patch = ? AND tree = ? AND run IN (SELECT id FROM run WHERE {_MANIFEST}) "
                          "ORDER BY run DESC LIMIT ?",
                          (sql_text(patch), sql_text(column), manifest, manifest, limit))
        return [(int(row[0]), cell_of(row)) for row in reversed(rows)]

    def marks(self, run: Run, *, limit: int = SHOWN) -> dict[tuple[str, str], list[Mark]]:
        """The history of every place of `run` over the newest runs of its kind and manifest up to it, oldest first."""
        wanted = [other.id for other in self.runs(kind=run.kind, before=run.id + 1, limit=limit,
                                                  manifest=run.manifest)]
        found: dict[tuple[str, str], list[Mark]] = {}
        if wanted:
            between = "FROM told WHERE run BETWEEN ? AND ?", (min(wanted), max(wanted))
            rows = self._rows(f"SELECT run, answer {between[0]} ORDER BY run", between[1])
            # each answer once: most of them are those of the night before
            answers = {row[0]: (row[1:3], Mark(0, Apply(row[3]), Build(row[4]), Sure(row[5]), row[6],
                                               decode(Behaves, row[7]) if row[7] else None))
                       for row in self._rows("SELECT id, patch, tree, apply, build, sure, version, behaviour "
                                             f"FROM answer WHERE id IN (SELECT answer {between[0]})", between[1])}
            chosen = set(wanted)
            for number, answer in rows:
                if number in chosen and answer in answers:       # `backport gc` may run beside
                    place, mark = answers[answer]
                    found.setdefault(place, []).append(replace(mark, run=number))
        return found

    # --- memory of the nightly job (thread of its mails), and house-keeping

    def remember(self, name: str, value: Any) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, json.dumps(value)))

    def recall(self, name: str, default: Any = None) -> Any:
        rows = self._rows("SELECT value FROM memory WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else default

    def old_runs(self, keep: int) -> list[int]:
        """Ids of all but the `keep` newest finished runs of each kind and manifest, and of what was stopped before
        those."""
        gone: list[int] = []
        kept: Counter[tuple[str, str]] = Counter()
        for run in self.runs():
            about = (run.kind, run.manifest)
            if run.state == "running" or kept[about] < max(keep, 1):
                kept[about] += run.state == "finished"
            else:
                gone.append(run.id)
        return gone

    def forget_runs(self, keep: int) -> int:
        """Delete the old runs and give the space back; returns how many went."""
        gone = self.old_runs(keep)
        with self._transaction() as db:
            db.executemany("DELETE FROM run WHERE id = ?", [(number,) for number in gone])
            db.execute("DELETE FROM answer WHERE id NOT IN (SELECT answer FROM told)")
            db.execute("DELETE FROM body WHERE sha256 NOT IN (SELECT body FROM answer)")
        if gone:
            with self._lock:
                try:
                    self._db.execute("VACUUM")
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.DatabaseError as error:
                    raise _trouble(self.path, error) from error
        return len(gone)

    def logs(self, keep: int | None = None) -> set[str]:
        """Build logs and boot log directories that a stored cell refers to; `keep` as if the older runs had gone."""
        gone = set(self.old_runs(keep)) if keep is not None else set()
        left = [number for number, in self._rows("SELECT id FROM run") if number not in gone]
        # each answer once, however many nights gave it
        rows = self._rows(f"SELECT data FROM body WHERE sha256 IN (SELECT body FROM cell WHERE run IN "
                          f"({','.join(map(str, left))}))")
        kept = [cell_of((0, False, 0.0, data, _NOTHING, "", "")) for data, in rows]
        if any(cell.reason == DAMAGED for cell in kept):
            raise InfraError(f"{self.path} holds damaged cells, so no log can be called unused", hint=_RECOVER)
        return {path for cell in kept for path in (cell.log, cell.booted.directory if cell.booted else "") if path}


# errors of the file system or the memory, which say nothing about what is in the file
_MACHINE = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
                      sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM})
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_LOCKING = frozenset({sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_UNLOCK, sqlite3.SQLITE_IOERR_RDLOCK,
                      sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, sqlite3.SQLITE_IOERR_SHMLOCK})
# the run is one of this manifest (twice the value: "" for any); a run of an older version does not say
_MANIFEST = "(? = '' OR COALESCE(json_extract(run.about, '$.manifest'), '') IN ('', ?))"
_NOTHING = zlib.compress(b"")
_RECOVER = ("keep a copy of the file; `sqlite3 FILE .recover | sqlite3 NEW` saves what can be read, and without the "
            "file a run makes a new one")


def _trouble(path: Path, error: OSError | sqlite3.Error) -> InfraError:
    """What to raise for an error of the store: never the user's mistake, and never a word that would lose the history
    where only the disk is full."""
    exact = getattr(error, "sqlite_errorcode", 0)
    code = exact & 0xff
    if exact in _LOCKING or code in _HELD:
        # SQLite says "disk I/O error" and "database is locked" where a file system has no locks
        held = "another process writes to it without an end, or " if code in _HELD else ""
        return InfraError(f"the results store {path} cannot be locked: {error}", hint=held + NO_LOCKS)
    if isinstance(error, OSError) or code in _MACHINE:
        return InfraError(f"the results store {path} cannot be read or written: {error}",
                          hint=f"{disk(path)}; another place is chosen with --db or BACKPORT_STATE")
    return InfraError(f"the results store {path} is damaged: {error}", hint=_RECOVER)


def _id(run: Run | int) -> int:
    return run.id if isinstance(run, Run) else run
