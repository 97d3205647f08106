"""Made-up patches for the tests of intake: hypothesis strategies, and repositories with every kind of change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from backport.git import Git

# bytes that have broken readers of diffs: form feed, CR, vertical tab, NEL, NUL, Latin-1, the signs of a diff
ODD = [b"\x0c", b"\r", b"\x0b", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1c", b"\0", b"\xe9", b"-- ", b"--",
       b"+++ b/x", b"--- a/x", b"@@ -1 +1 @@", b"diff --git a/x b/x", b"From me", b"\\ No newline", b"\t", b"  ", b"",
       b"int x;"]

text_lines = st.one_of(
    st.sampled_from(ODD), st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
    st.tuples(st.sampled_from(ODD), st.sampled_from(ODD)).map(b"".join))


@dataclass(frozen=True)
class Made:
    """A diff of one file, and the two versions it stands between (lines without newline)."""

    diff: bytes
    body: tuple[tuple[bytes, bytes], ...]


@st.composite
def hunk_bodies(draw: st.DrawFn) -> tuple[tuple[bytes, bytes], ...]:
    """(kind, text) pairs with at least one change; what they say about newlines is the caller's."""
    body = draw(st.lists(st.tuples(st.sampled_from([b" ", b" ", b"-", b"+"]), text_lines), max_size=8))
    body.insert(draw(st.integers(0, len(body))), (draw(st.sampled_from([b"-", b"+"])), draw(text_lines)))
    return tuple(body)


@st.composite
def file_diffs(draw: st.DrawFn) -> bytes:
    """One file's diff with one to three hunks, maybe without a newline at the end of the file."""
    name = draw(st.sampled_from([b"a.c", b"dir/b.h", b"with space.c", b"x-- y"]))
    out = b"diff --git a/%s b/%s\nindex 1111111..2222222 100644\n--- a/%s\n+++ b/%s\n" % ((name,) * 4)
    start = 1
    for body in draw(st.lists(hunk_bodies(), min_size=1, max_size=3)):
        old = sum(kind != b"+" for kind, _ in body)
        new = sum(kind != b"-" for kind, _ in body)
        section = draw(st.sampled_from([b"", b" int f(void)", b" @@ odd", b" x @@ y"]))
        out += b"@@ -%d,%d +%d,%d @@%s\n" % (start - (not old), old, start - (not new), new, section)
        out += b"".join(kind + text + b"\n" for kind, text in body)
        start += 100
    if draw(st.booleans()):
        out += b"\\ No newline at end of file\n"
    return out


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A mail as git format-patch writes it, around one to three files."""
    message = b"\n".join(
        line for line in draw(st.lists(text_lines, max_size=6))
        if not line.startswith((b"---", b"diff -", b"From ", b"Index: ")) and b"\r" not in line and b"@@" not in line)
    head = (b"From " + b"1" * 40 + b" Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\n"
            b"Date: Mon, 20 Apr 2026 11:18:56 +0000\nSubject: [PATCH] x: y\n\n" + message + b"\n\n"
            b"Signed-off-by: A <a@example.org>\n---\n\n")
    tail = draw(st.sampled_from([b"-- \n2.39.5\n", b"-- \n2.39.5\n\n", b"--\n2.39.5", b""]))
    return head + b"".join(draw(st.lists(file_diffs(), min_size=1, max_size=3))) + tail


Change = Callable[[Path], None]


def _write(name: str, data: bytes) -> Change:
    def do(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return do


def _remove(name: str) -> Change:
    return lambda root: (root / name).unlink()


def _move(old: str, new: str, extra: bytes = b"") -> Change:
    def do(root: Path) -> None:
        data = (root / old).read_bytes() + extra
        (root / old).unlink()
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / new).write_bytes(data)
    return do


def _all(*changes: Change) -> Change:
    def do(root: Path) -> None:
        for change in changes:
            change(root)
    return do


LONG = b"".join(b"line %d\n" % i for i in range(60))
START: dict[str, bytes] = {
    "f.c": LONG, "crlf.txt": LONG.replace(b"\n", b"\r\n"), "noeol.c": b"a\nb\nc", "latin.c": b"caf\xe9\n" * 9,
    "ff.c": b"one\x0ctwo\n\x0c\nthree\n" * 4, "gone.c": b"bye\n", "empty.c": b"", "move.c": LONG,
    "exec.sh": b"#!/bin/sh\n", "bin.dat": bytes(range(256)) * 8, "copy.c": LONG,
    "sub/deep/move2.c": LONG.replace(b"line", b"row"),
    "dash.sql": b"-- comment\n-- other\nx\n" * 3,
}
CHANGES: dict[str, Change] = {
    "modify": _write("f.c", LONG.replace(b"line 5\n", b"line five\n").replace(b"line 50\n", b"")),
    "crlf content": _write("crlf.txt", LONG.replace(b"\n", b"\r\n").replace(b"line 7\r", b"line seven\r")),
    "no newline added": _write("f.c", LONG[:-1]),
    "no newline removed": _write("noeol.c", b"a\nb\nc\n"),
    "no newline both": _write("noeol.c", b"a\nB\nc"),
    "latin-1": _write("latin.c", b"caf\xe9\n" * 4 + b"th\xe9\n" + b"caf\xe9\n" * 5),
    "form feed": _write("ff.c", b"one\x0ctwo\n\x0c\nthree\n" * 3 + b"\x0cfour\n"),
    "delete": _remove("gone.c"),
    "delete empty": _remove("empty.c"),
    "create": _write("new/n.c", b"int n;\n"),
    "create empty": _write("void.c", b""),
    "rename": _move("move.c", "moved/there.c"),
    "rename with change": _move("sub/deep/move2.c", "sub/shallow/move2.c", b"more\n"),
    "copy": lambda root: (root / "copied.c").write_bytes((root / "copy.c").read_bytes()),
    "mode": lambda root: (root / "exec.sh").chmod(0o755),
    "binary": _write("bin.dat", bytes(range(255, -1, -1)) * 8),
    "binary new": _write("new.dat", b"\0\1\2" * 900),
    "binary delete": _remove("bin.dat"),
    "binary delta": _write("bin.dat", bytes(range(256)) * 7 + b"x" + bytes(range(256))),
    "long names": _all(_write("a/" * 40 + "name.c", b"x\n" * 5), _write("drivers/" + "y" * 60 + "/z.c", b"x\n" * 300)),
    "names and graph": _all(_write("arch/x86/kvm/a_rather_long_name_of_a_file.c", b"x\n" * 3000),
                            _write("f.c", LONG[60:]), _write("new.dat", b"\0" * 3333)),
    "rename at the top": _move("move.c", "renamed.c"),
    "rename deeper": _move("sub/deep/move2.c", "sub/deep/er/move2.c"),
    "rename and mode": _all(_move("exec.sh", "bin/exec.sh"), lambda root: (root / "bin/exec.sh").chmod(0o755)),
    "quoted path": _write('od"d\tn\u00e4me.c', b"x\n"),
    "path with space": _write("a b/c d.c", b"x\n"),
    "path with b/": _write("x b/y b/z.c", b"x\n"),
    "dashes": _write("dash.sql", b"-- comment\nx\n" + b"-- comment\n-- other\nx\n" * 2),
    "symlink": lambda root: (root / "link").symlink_to("f.c"),
    "many": _all(*(_write(f"many/{i}.c", b"y\n" * (i + 1)) for i in range(12))),
}


def repository(root: Path) -> Git:
    """A repository with START committed; the caller closes the Git."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in START.items():
        _write(name, data)(root)
    git = Git(root)
    git.run("init", "-q", "-b", "main", ".")
    git.run("config", "core.autocrlf", "false")
    commit(git, "start")
    return git


def commit(git: Git, message: str | bytes, *, author: str = "A U Thor <author@example.org>") -> str:
    """Commit everything; the new commit's name."""
    git.run("add", "-A")
    raw = message.encode() if isinstance(message, str) else message
    git.run("commit", "-q", "--allow-empty", f"--author={author}", "-F", "-", stdin=raw)
    return git.rev("HEAD") or ""
