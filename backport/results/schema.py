"""Tables of the results store and the steps from one version of them to the next."""

from __future__ import annotations

import contextlib
import sqlite3

from backport.errors import UserError

# One entry a version; a step never changes once it was released, a new one is added behind it.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            started REAL NOT NULL,
            finished REAL,
            exit_code INTEGER,
            process TEXT NOT NULL,
            current TEXT NOT NULL DEFAULT '',
            about TEXT NOT NULL
        )""",
        # What a cell says, by content: a night in which nothing changed adds rows of a few bytes, not logs.
        """CREATE TABLE body (
            sha256 TEXT PRIMARY KEY,
            data BLOB NOT NULL,
            adapted BLOB NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE cell (
            run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
            patch TEXT NOT NULL,
            tree TEXT NOT NULL,
            key TEXT NOT NULL,
            apply TEXT NOT NULL,
            build TEXT NOT NULL,
            cached INTEGER NOT NULL,
            seconds REAL NOT NULL,
            recorded REAL NOT NULL,
            body TEXT NOT NULL REFERENCES body(sha256),
            PRIMARY KEY (run, patch, tree)
        ) WITHOUT ROWID""",
        "CREATE INDEX cell_key ON cell(key) WHERE key <> ''",
        "CREATE INDEX cell_place ON cell(patch, tree, run)",
        "CREATE INDEX cell_body ON cell(body)",
        "CREATE TABLE memory (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        # The history of every cell is drawn without opening one body.
        "ALTER TABLE cell ADD COLUMN sure TEXT NOT NULL DEFAULT 'certain'",
        "ALTER TABLE cell ADD COLUMN version TEXT NOT NULL DEFAULT ''",
    ),
    (
        # A boot that failed by itself says nothing about the patch, and must be told from a verdict without a body.
        "ALTER TABLE cell ADD COLUMN behaviour TEXT NOT NULL DEFAULT ''",
    ),
    (
        # A night that says the same again adds two numbers a cell, and not its names and hashes in the table and again
        # in three indexes: 3.1 MB for a night of 4,932 cells, more than 1 GB a year. `cell` is what it was, to be read.
        """CREATE TABLE answer (
            id INTEGER PRIMARY KEY,
            patch TEXT NOT NULL,
            tree TEXT NOT NULL,
            key TEXT NOT NULL,
            body TEXT NOT NULL REFERENCES body(sha256),
            apply TEXT NOT NULL,
            build TEXT NOT NULL,
            sure TEXT NOT NULL,
            version TEXT NOT NULL,
            behaviour TEXT NOT NULL
        )""",
        """CREATE TABLE told (
            run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
            answer INTEGER NOT NULL REFERENCES answer(id),
            cached INTEGER NOT NULL,
            seconds REAL NOT NULL,
            recorded REAL NOT NULL,
            PRIMARY KEY (run, answer)
        ) WITHOUT ROWID""",
        """INSERT INTO answer (patch, tree, key, body, apply, build, sure, version, behaviour)
            SELECT patch, tree, key, body, apply, build, sure, version, behaviour FROM cell
            GROUP BY patch, tree, key, body""",
        "CREATE UNIQUE INDEX answer_place ON answer(patch, tree, key, body)",
        """INSERT INTO told SELECT cell.run, answer.id, cell.cached, cell.seconds, cell.recorded
            FROM cell JOIN answer USING (patch, tree, key, body)""",
        "DROP TABLE cell",
        "CREATE INDEX answer_key ON answer(key) WHERE key <> ''",
        "CREATE INDEX answer_body ON answer(body)",
        "CREATE INDEX told_answer ON told(answer, run)",
        """CREATE VIEW cell AS SELECT told.run AS run, answer, patch, tree, key, apply, build, cached, seconds,
            recorded, body, sure, version, behaviour FROM told JOIN answer ON answer.id = told.answer""",
    ),
)


def migrate(db: sqlite3.Connection, where: str) -> None:
    """Bring `db` (in autocommit mode) to the newest version; two processes at once are safe.

    Raises UserError where a newer backport made the store: guessing at its columns would corrupt it.
    """
    if _version(db, where) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(_version(db, where), len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.OperationalError):   # a full disk: SQLite went back by itself
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection, where: str) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise UserError(f"{where} was made by a newer backport (version {version}, this one knows {len(MIGRATIONS)})",
                        hint="update backport, or use another store with --db")
    return version
