"""What a file's header means, held against git apply: creations, deletions, index lines, dates."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.errors import InvalidPatch
from backport.git import Git
from backport.patch.parse import parse

MODIFY, CREATE, REMOVE = b"@@ -1,2 +1,2 @@\n-x\n+z\n y\n", b"@@ -0,0 +1 @@\n+x\n", b"@@ -1,2 +0,0 @@\n-x\n-y\n"
EPOCH = b"\t1970-01-01 00:00:00.000000000 +0000"
DATED = b"\t2020-01-01 00:00:00.000000000 +0000"


def git_does(tmp_path: Path, diff: bytes) -> tuple[int, dict[str, bytes]]:
    """git apply's exit code on a tree with `f` ("x\\ny\\n") and an empty `empty`, and the files it leaves."""
    (tmp_path / "f").write_bytes(b"x\ny\n")
    (tmp_path / "empty").write_bytes(b"")
    with Git(tmp_path) as git:
        git.run("init", "-q", ".")
        git.run("add", "f", "empty")
        code = git.run("apply", "--index", "-", stdin=diff, ok=()).code
        names = git.run("ls-files").text.split("\n")
    return code, {name: (tmp_path / name).read_bytes() for name in names}


@pytest.mark.parametrize(("diff", "created"), [
    (b"--- a/n\n+++ b/n\n" + CREATE, True),                                     # svn, diff -N without a date
    (b"--- a/n\t(revision 0)\n+++ b/n\t(working copy)\n" + CREATE, True),
    (b"--- a/n" + EPOCH + b"\n+++ b/n" + DATED + b"\n" + CREATE, True),
    (b"--- a/n\t1970-01-01 01:00:00.000000000 +0100\n+++ b/n" + DATED + b"\n" + CREATE, True),
    (b"--- a/n\t1969-12-31 19:00:00 -0500\n+++ b/n" + DATED + b"\n" + CREATE, True),
    (b"--- /dev/null\n+++ b/n\n" + CREATE, True),
    (b"diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n" + CREATE, True),
    (b"diff --git /dev/null b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n" + CREATE, True),
    (b"diff --git a/n b/n\nnew file mode 100644\nindex 111111111111..222222222222\n--- /dev/null\n+++ b/n\n" + CREATE,
     True),
    (b"diff --git a/n b/n\nnew file mode 100644\n", True),
    (b"--- a/f\t1970-01-01 00:00:01.000000000 +0000\n+++ b/f\t1970-01-01 00:00:01.000000000 +0000\n" + MODIFY, False),
    (b"--- a/f 2020-01-01 00:00:00 +0000\n+++ b/f 2020-01-01 00:00:00 +0000\n" + MODIFY, False),
    (b"--- ./f.orig\n+++ ./f\n" + MODIFY, False),
])
def test_what_git_apply_creates_or_changes_is_read_so(diff: bytes, created: bool, tmp_path: Path) -> None:
    code, files = git_does(tmp_path, diff)
    patch = parse(diff)
    assert code == 0
    assert patch.files[0].created == created
    assert patch.files[0].path in files
    assert not patch.review


@pytest.mark.parametrize(("diff", "gone"), [
    (b"--- a/f\n+++ /dev/null\n" + REMOVE, "f"),
    (b"--- a/f" + DATED + b"\n+++ b/f" + EPOCH + b"\n" + REMOVE, "f"),
    (b"--- a/f" + DATED + b"\n+++ b/f\t1969-12-31 19:00:00 -0500\n" + REMOVE, "f"),
    (b"--- a/f" + DATED + b"\n+++ b/f\t1970-01-01 01:00:00.000000000 +0100\n" + REMOVE, "f"),
    (b"diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n" + REMOVE, "f"),
    (b"diff --git a/f b/f\ndeleted file mode 100644\nindex 111111111111..222222222222\n--- a/f\n+++ /dev/null\n"
     + REMOVE, "f"),
    (b"diff --git a/empty b/empty\ndeleted file mode 100644\nindex e69de29..0000000\n", "empty"),
    (b"diff --git a/empty b/empty\ndeleted file mode 100644\n", "empty"),
])
def test_what_git_apply_deletes_is_read_so(diff: bytes, gone: str, tmp_path: Path) -> None:
    code, files = git_does(tmp_path, diff)
    (file,) = parse(diff).files
    assert code == 0
    assert gone not in files
    assert file.deleted
    assert file.path == gone
    assert not parse(diff).review


def test_a_file_of_which_every_line_goes_stays_empty_and_that_is_a_doubt(tmp_path: Path) -> None:
    diff = b"--- a/f\n+++ b/f\n" + REMOVE
    assert git_does(tmp_path, diff) == (0, {"f": b"", "empty": b""})
    patch = parse(diff)
    assert not patch.files[0].deleted
    assert "leaves an empty file" in patch.doubts[0]


@pytest.mark.parametrize(("diff", "reason"), [
    (b"--- a/f" + EPOCH + b"\n+++ b/f" + DATED + b"\n" + MODIFY, "a new file, and its hunk"),
    (b"--- /dev/null\n+++ b/f\n" + MODIFY, "a new file, and its hunk"),
    (b"--- a/f\n+++ /dev/null\n@@ -1,2 +1 @@\n-x\n y\n", "a deleted file, and its hunk"),
    (b"diff --git a/n b/n\nnew file mode 100644\n--- a/n\n+++ b/n\n" + CREATE, "the `---` line says"),
    (b"diff --git a/n b/n\n--- /dev/null\n+++ b/n\n" + CREATE, "no `new file mode` line"),
    (b"diff --git a/f b/f\ndeleted file mode 100644\nindex 1234567..0000000\n", "without the deleted lines"),
    (b"diff --git a/f b/f\nindex 1234567..89abcde 10064\n--- a/f\n+++ b/f\n" + MODIFY, "malformed index line"),
])
def test_what_git_apply_refuses_is_refused_with_the_reason(diff: bytes, reason: str, tmp_path: Path) -> None:
    assert git_does(tmp_path, diff)[0] != 0
    with pytest.raises(InvalidPatch, match=reason):
        parse(diff)


def test_a_deletion_that_git_apply_makes_a_file_named_dev_null_of_is_refused(tmp_path: Path) -> None:
    diff = b"diff --git a/f b/f\nindex 1111111..0000000\n--- a/f\n+++ /dev/null\n" + REMOVE
    assert "dev/null" in git_does(tmp_path, diff)[1]
    with pytest.raises(InvalidPatch, match="no `deleted file mode` line"):
        parse(diff)


@pytest.mark.parametrize("index", [b"index abcdefg..1234567 100644", b"index xxxxxxx..yyyyyyy", b"index foo",
                                   b"index 000000000000..111111111111 100644", b"index 1..2", b"index @..@ 100644"])
def test_an_index_line_of_fixed_words_names_no_blobs_and_stops_nothing(index: bytes, tmp_path: Path) -> None:
    diff = b"diff --git a/f b/f\n" + index + b"\n--- a/f\n+++ b/f\n" + MODIFY
    assert git_does(tmp_path, diff)[0] == 0
    patch = parse(diff)
    assert patch.render() == diff
    assert patch.files[0].old_blob is None
    assert index.decode() in patch.said[0]
    assert not patch.review


def test_a_patch_without_index_lines_has_nothing_to_say() -> None:
    patch = parse(b"diff --git a/f b/f\n--- a/f\n+++ b/f\n" + MODIFY)
    assert (patch.said, patch.doubts) == ((), ())


def test_an_index_line_that_contradicts_the_header_is_a_doubt() -> None:
    """Real names on a side that is /dev/null: git apply does not look, a person should."""
    diff = b"diff --git a/x b/x\nnew file mode 100644\nindex 1234567..89abcde\n--- /dev/null\n+++ b/x\n" + CREATE
    patch = parse(diff)
    assert patch.files[0].old_blob is None
    assert "gives content to a side that is /dev/null" in patch.doubts[0]


@pytest.mark.parametrize("path", ["x/" * 3000 + "x", "x" * 256, "x/" + "y" * 300 + "/z", "x/" * 1915 + "long/enough"])
def test_a_path_that_no_work_tree_can_hold_is_refused(path: str) -> None:
    raw = path.encode()
    for diff in (b"diff --git a/%s b/%s\nnew file mode 100644\n--- /dev/null\n+++ b/%s\n" % (raw, raw, raw) + CREATE,
                 b"--- a/%s\n+++ b/%s\n" % (raw, raw) + MODIFY,
                 b"diff --git a/ok b/%s\nrename from ok\nrename to %s\n" % (raw, raw)):
        with pytest.raises(InvalidPatch, match="no work tree can hold") as error:
            parse(diff)
        assert len(str(error.value)) < 400
