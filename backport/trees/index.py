"""Names of a whole tree, looked up in milliseconds: one index file per commit, built when it is first asked for."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

from backport.csource.functions import functions
from backport.git import Git

_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")


class Index:
    """Read-only; one connection."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)

    def functions(self, name: str) -> list[str]:
        """The `.c`/`.h` files that define a function `name`, sorted."""
        return self._files("f", name)

    def macros(self, name: str) -> list[str]:
        """The `.c`/`.h` files that `#define` the macro `name`, sorted."""
        return self._files("m", name)

    def contains(self, identifier: str) -> bool:
        """Whether the identifier stands anywhere in a `.c` or `.h` file (code, comment or string)."""
        return self._db.execute("SELECT 1 FROM word WHERE name = ?", (identifier,)).fetchone() is not None

    def _files(self, kind: str, name: str) -> list[str]:
        rows = self._db.execute("SELECT DISTINCT file.path FROM name JOIN file ON file.id = name.file "
                                "WHERE name.name = ? AND name.kind = ? ORDER BY 1", (name, kind))
        return [row[0] for row in rows]


def open_index(store: Path, commit: str) -> Index:
    """The index of `commit`, built first where there is none."""
    path = store.parent / "index" / f"{commit}.1.sqlite"
    if not path.is_file():
        _build(store, commit, path)
    return Index(path)


def _build(store: Path, commit: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.unlink(missing_ok=True)
    words: set[bytes] = set()
    db = sqlite3.connect(scratch)
    db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                     "CREATE TABLE file(id INTEGER PRIMARY KEY, path TEXT);"
                     "CREATE TABLE name(name TEXT, kind TEXT, file INT);"
                     "CREATE TABLE word(name TEXT PRIMARY KEY) WITHOUT ROWID;")
    with Git(store) as git:
        for number, (mode, sha, file) in enumerate(git.ls_tree(commit)):
            if mode == "120000" or not file.endswith((".c", ".h")):
                continue
            data = git.blob(sha) or b""
            words.update(_WORD.findall(data))
            db.execute("INSERT INTO file VALUES (?, ?)", (number, file))
            db.executemany("INSERT INTO name VALUES (?, 'f', ?)",
                           [(f.name, number) for f in functions.__wrapped__(data)])
            db.executemany("INSERT INTO name VALUES (?, 'm', ?)",
                           [(m.decode(), number) for m in set(_MACRO.findall(data))])
    db.executemany("INSERT INTO word VALUES (?)", ((word.decode(),) for word in sorted(words)))
    db.executescript("CREATE INDEX by_name ON name(name, kind);")
    db.commit()
    db.close()
    scratch.replace(path)
