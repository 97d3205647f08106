"""What may be held against a patch, and what is a fault of the environment: by git's own words."""

from __future__ import annotations

import pytest

from backport.errors import GitError
from backport.gitfault import ApplyAnswer, apply_answer, fault, not_written

REFUSED = "Checking patch a.c...\nerror: while searching for:\n{words}\nerror: patch failed: a.c:1\n" \
          "error: a.c: patch does not apply\n"


@pytest.mark.parametrize("said", [
    "error: corrupt patch at line 7", "error: patch fragment without header at line 3: @@ -1 +1 @@",
    "error: patch with only garbage at line 3", "error: No valid patches in input (allow with \"--allow-empty\")",
    "error: git diff header lacks filename information when removing 1 leading pathname component (line 4)",
    "error: git apply: bad git-diff - expected /dev/null on line 3", "error: invalid mode on line 3: 10064x",
    "error: corrupt binary patch at line 9: zzz", "error: invalid path '../x'"])
def test_only_words_about_its_text_make_a_patch_malformed(said: str) -> None:
    assert apply_answer(128, said + "\n") is ApplyAnswer.MALFORMED


@pytest.mark.parametrize("said", [
    REFUSED.format(words="int a;"), "error: a.c: does not exist in index\n", "error: a.c: already exists in index\n",
    "error: a.c: wrong type\n", "error: affected file 'a/b' is beyond a symbolic link\n",
    "error: cannot apply binary patch to 'a.bin' without full index line\nerror: a.bin: patch does not apply\n"])
def test_a_refusal_is_a_refusal(said: str) -> None:
    assert apply_answer(1, said) is ApplyAnswer.REFUSED


@pytest.mark.parametrize(("code", "said", "cure"), [
    (128, "fatal: loose object 33 (stored in ./objects/33) is corrupt", "fsck"),
    (128, "fatal: unable to read 3333333333333333333333333333333333333333", "fsck"),
    (128, "error: object file ./objects/33/33 is empty\nfatal: loose object 33 is corrupt", "fsck"),
    (1, "error: failed to read a.c\nerror: a.c: patch does not apply", "fsck"),
    (128, "error: file ./objects/pack/pack-33.pack is far too short to be a packfile", "fsck"),
    (128, "fatal: packfile ./objects/pack/pack-33.pack cannot be mapped: Cannot allocate memory", "ulimit"),
    (128, "fatal: Out of memory, malloc failed (tried to allocate 100 bytes)", "ulimit"),
    (128, "fatal: mmap failed: Cannot allocate memory", "ulimit"),
    (128, "error: cannot fork() for rev-list: Resource temporarily unavailable", "ulimit"),
    (128, "fatal: unable to create threaded lstat: Resource temporarily unavailable", "ulimit"),
    (128, "fatal: Unable to create '/tmp/x/index.lock': No space left on device", "free some space"),
    (128, "fatal: couldn't set 'refs/x/y'", "free some space"),
    (128, "fatal: cannot lock ref 'refs/x/y': unable to create directory for ./refs/x/y", "its disk"),
    (128, "fatal: unable to write new index file", "free some space"),
    (128, "error: Unable to write new index file", "free some space"),       # apply, in a capital
    (128, "fatal: Unable to create '/x/.git/index.lock': File exists.", "where no git runs"),
    (128, "fatal: update_ref failed for ref 'x': cannot update ref 'x': couldn't write './x.lock'", "free some"),
    (128, "error: insufficient permission for adding an object to repository database ./objects", "owner"),
    (-9, "", "ulimit"), (-25, "", "ulimit -f"), (-11, "", "ulimit"),
])
def test_everything_else_is_the_environment_with_a_cure(code: int, said: str, cure: str) -> None:
    with pytest.raises(GitError) as raised:
        apply_answer(code, said + "\n", path="/store.git")
    assert cure in raised.value.hint
    met = fault(["git", "x"], code, said + "\n", path="/store.git")
    assert met is not None
    assert cure in met.hint


@pytest.mark.parametrize(("code", "said"), [
    (1, ""), (1, "error: something new"), (128, ""), (128, "fatal: something new"), (129, "usage: git apply"),
    (2, "error: corrupt patch at line 3")])
def test_what_git_never_said_before_is_not_held_against_the_patch(code: int, said: str) -> None:
    with pytest.raises(GitError):
        apply_answer(code, said)


@pytest.mark.parametrize("words", ["fatal: Out of memory, malloc failed", "error: failed to read a.c",
                                   "error: unable to write file"])
def test_words_of_the_patch_that_git_quotes_are_not_gits(words: str) -> None:
    assert apply_answer(1, REFUSED.format(words=words)) is ApplyAnswer.REFUSED


def test_a_name_that_does_not_exist_is_an_answer() -> None:
    assert fault(["git", "rev-parse"], 128, "fatal: Not a valid object name nothing\n") is None
    assert fault(["git", "merge-base"], 1, "") is None


@pytest.mark.parametrize(("said", "here"), [
    ("fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output", True),
    ("fatal: write error: Input/output error", True), ("Receiving\rfatal: write error: Input/output error", True),
    ("error: cannot update ref 'refs/incoming/x': couldn't write './refs/incoming/x.lock'", True),
    ("error: couldn't set 'refs/incoming/x'", True),
    ("Receiving objects:  37%\rfatal: fetch-pack: invalid index-pack output", True),       # SIGXFSZ
    ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", False),
    ("fatal: Unable to create './shallow.lock': Read-only file system", True),
    ("fatal: fsync error on 'objects/pack/tmp_pack_NGQFIO': Input/output error", True),
    ("fatal: ./objects/pack/tmp_idx_x: sha1 file error on close: Input/output error", True),
    ("fatal: error while closing pack file: Input/output error", True),
    ("fatal: unable to rename temporary '*.pack' file to './objects/pack/pack-0.pack'", True),
    ("fatal: cannot close written keep file './objects/pack/pack-0.keep': Input/output error", True),
    ("remote: fatal: fsync error on 'x': Input/output error\nfatal: early EOF", False),
    ("error: unable to open ./objects/pack/pack-0.pack: Input/output error", False),
    ("remote: fatal: write error: No space left on device\nfatal: early EOF", False),
    ("fatal: unable to access 'https://x/': Could not resolve host: x", False),
    ("fatal: the remote end hung up unexpectedly", False), ("fatal: couldn't find remote ref x", False)])
def test_a_fetch_that_the_disk_here_ends_is_not_the_other_sides_fault(said: str, here: bool) -> None:
    assert not_written(said) is here
