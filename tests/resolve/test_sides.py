"""What of a patch fits, and the three sides of the rest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backport.adapt.engine import adapt
from backport.patch.parse import parse
from backport.resolve.excerpt import excerpts
from backport.resolve.sides import Merge, Parted, markers, part
from backport.treeview import MemoryView

UPSTREAM = "".join(f"line {n};\n" for n in range(1, 41)).replace("line 30;\n", "use &= 1;\nwhy = 2;\n")
FIXED = UPSTREAM.replace("line 5;", "LINE 5;").replace("use &= 1;", "use = 1;")
HERE = "".join(f"line {n};\n" for n in range(1, 41)).replace("line 30;\n", "")


@pytest.fixture
def merge(tmp_path: Path) -> Merge:
    def merged(ours: bytes, base: bytes, theirs: bytes) -> tuple[bytes, int]:
        for name, data in (("ours", ours), ("base", base), ("theirs", theirs)):
            (tmp_path / name).write_bytes(data)
        done = subprocess.run(["git", "merge-file", "-p", "-q", "--zdiff3", *(str(tmp_path / name) for name in (
            "ours", "base", "theirs"))], capture_output=True, check=False)
        return done.stdout, done.returncode
    return merged


def diff(before: str, after: str, path: str = "f.txt", tmp: Path = Path("/tmp")) -> bytes:
    (tmp / "a").mkdir(exist_ok=True)
    (tmp / "b").mkdir(exist_ok=True)
    (tmp / "a" / path).write_text(before)
    (tmp / "b" / path).write_text(after)
    return subprocess.run(["git", "diff", "--no-index", "--no-prefix", f"a/{path}", f"b/{path}"], cwd=tmp,
                          capture_output=True, check=False).stdout


def parted(tmp_path: Path, merge: Merge, tree: dict[str, bytes], before: str = UPSTREAM, after: str = FIXED) -> Parted:
    patch = parse(diff(before, after, tmp=tmp_path))
    view = MemoryView("t", tree)
    answer = adapt(patch, view, preimages={"f.txt": before.encode()})
    return part(patch, {"f.txt": before.encode()}, answer.hunks, view.read, merge)


def test_a_hunk_that_fits_is_made_and_only_the_other_is_open(tmp_path: Path, merge: Merge) -> None:
    made = parted(tmp_path, merge, {"f.txt": HERE.encode()})
    (one,) = made.open
    assert one.merged is not None
    assert one.ours == HERE.replace("line 5;", "LINE 5;").encode()
    assert one.base == UPSTREAM.replace("line 5;", "LINE 5;").encode()
    assert one.theirs == FIXED.encode()
    assert one.hunks == (1,)
    assert len(markers(one.merged)) == 3
    assert one.merged.index(b"LINE 5;") < one.merged.index(b"<<<<<<<")


def test_a_file_that_fits_whole_is_not_open(tmp_path: Path, merge: Merge) -> None:
    made = parted(tmp_path, merge, {"f.txt": ("// here\n" + UPSTREAM).encode()})
    assert made.open == ()
    assert made.fits == {"f.txt": ("// here\n" + FIXED).encode()}


def test_a_file_that_is_not_here_has_upstreams_sides(tmp_path: Path, merge: Merge) -> None:
    (one,) = parted(tmp_path, merge, {"g.txt": b"x\n"}).open
    assert (one.base, one.ours, one.theirs, one.merged) == (UPSTREAM.encode(), None, FIXED.encode(), FIXED.encode())


def test_what_git_would_merge_and_was_declined_stands_behind_markers(tmp_path: Path, merge: Merge) -> None:
    patch = parse(diff(UPSTREAM, FIXED, tmp=tmp_path))
    whole = part(patch, {"f.txt": UPSTREAM.encode()}, (), MemoryView("t", {"f.txt": UPSTREAM.encode()}).read, merge)
    (one,) = whole.open
    assert one.proposed == FIXED.encode()
    assert one.merged is not None
    assert len(markers(one.merged)) == 6                 # two places, three marks each
    assert b"LINE 5;" in one.merged


def test_without_upstreams_file_the_hunks_lines_are_the_sides(merge: Merge, tmp_path: Path) -> None:
    patch = parse(diff(UPSTREAM, FIXED, tmp=tmp_path))
    (one,) = part(patch, {}, (), MemoryView("t", {"f.txt": HERE.encode()}).read, merge).open
    assert one.merged is not None
    assert b"LINE 5;" in one.merged
    assert markers(one.merged)


def test_a_new_file_whose_name_is_taken_is_open(tmp_path: Path, merge: Merge) -> None:
    patch = parse(b"diff --git a/n.c b/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/n.c\n@@ -0,0 +1 @@\n+theirs\n")
    taken = part(patch, {}, (), MemoryView("t", {"n.c": b"mine\n"}).read, merge)
    assert [(one.path, one.base, one.ours, one.theirs) for one in taken.open] == [("n.c", None, b"mine\n", b"theirs\n")]
    assert part(patch, {}, (), MemoryView("t", {}).read, merge).fits == {"n.c": b"theirs\n"}


def test_an_underlined_heading_is_no_marker() -> None:
    assert markers(b"Heading\n=======\n\n<<<< no\n") == []
    assert markers(b"a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> x\n") == [2, 6]


def test_a_report_shows_each_conflict_with_its_markers_and_where_it_is(tmp_path: Path, merge: Merge) -> None:
    made = parted(tmp_path, merge, {"f.txt": HERE.encode()})
    (shown,) = excerpts(made)
    (one,) = made.open
    assert one.merged is not None
    rows = shown.text.splitlines()
    assert shown.path == "f.txt"
    assert rows == one.merged.decode().splitlines()[shown.line - 1:shown.line - 1 + len(rows)]
    assert rows[3].startswith("<<<<<<<")
    assert rows[-4].startswith(">>>>>>>")


def test_a_long_conflict_is_cut_and_says_so(tmp_path: Path, merge: Merge) -> None:
    long = "".join(f"use {n};\n" for n in range(100))
    before = UPSTREAM.replace("use &= 1;\n", long)
    (shown,) = excerpts(parted(tmp_path, merge, {"f.txt": HERE.encode()}, before, before.replace("use ", "have ")))
    assert len(shown.text.splitlines()) == 61
    assert shown.text.endswith(" more lines]\n")


def test_a_file_that_git_calls_binary_is_open_without_markers(tmp_path: Path, merge: Merge) -> None:
    (one,) = parted(tmp_path, merge, {"f.txt": b"\0" + HERE.encode()}).open
    assert one.merged is None
    assert excerpts(parted(tmp_path, merge, {"f.txt": b"\0" + HERE.encode()})) == ()
