"""A store that is damaged says nothing about the patch, whichever way it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backport.check import check
from backport.errors import GitError
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.trees.stack import Stack
from backport.verdict import Apply
from tests.support.gitrepo import TestRepo

OLD, NEW = b"a\nb\nc\n", b"a\nB\nc\n"


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[tuple[TestRepo, str, Patch]]:
    made = TestRepo(tmp_path / "r")
    base = made.commit({"dir/f.txt": OLD, "other.txt": b"x\n"})
    fix = made.commit({"dir/f.txt": NEW})
    with made.git:
        yield made, base, parse(made.diff(base, fix))


def _damage(made: TestRepo, name: str, how: str) -> None:
    path = made.path / ".git/objects" / name[:2] / name[2:]
    whole = path.read_bytes()
    path.chmod(0o644)
    if how == "lost":
        path.unlink()
    else:
        path.write_bytes({"garbage": b"garbage" * 4, "empty": b"", "cut": whole[:10]}[how])


@pytest.mark.parametrize("how", ["garbage", "empty", "cut", "lost"])
@pytest.mark.parametrize("what", ["dir/f.txt", "dir", ""])
def test_a_damaged_object_is_neither_a_conflict_nor_an_invalid_patch(repo: tuple[TestRepo, str, Patch], what: str,
                                                                     how: str) -> None:
    made, base, patch = repo
    assert check(made.git, base, patch).outcome is Apply.CLEAN
    _damage(made, made.git.run("rev-parse", f"{base}:{what}").text, how)
    made.git.close()
    with pytest.raises(GitError) as raised:
        check(made.git, base, patch)
    assert "fsck" in raised.value.hint
    with pytest.raises(GitError):
        made.git.blob(f"{base}:dir/f.txt")
    if what == "dir/f.txt":
        with Stack(made.git, base) as stack, pytest.raises(GitError):
            stack.push(patch.diff)


def test_a_file_that_is_not_there_is_no_damage(repo: tuple[TestRepo, str, Patch]) -> None:
    made, base, _patch = repo
    assert made.git.blob(f"{base}:dir/g.txt") is None
    assert made.git.blob(f"{base}:nowhere/g.txt") is None
    assert made.git.blob(f"{base}:dir") is None
    assert made.git.blob("3" * 40) is None
    assert made.git.blob("3" * 40 + ":dir/f.txt") is None
    assert made.git.blob("333333333333") is None
    assert made.git.blob(f"{base}:dir/f.txt") == OLD


def test_the_helper_that_ended_is_started_again(repo: tuple[TestRepo, str, Patch]) -> None:
    made, base, _patch = repo
    assert made.git.blob(f"{base}:dir/f.txt") == OLD
    helper = made.git._reader
    assert helper is not None
    helper.kill()
    helper.wait()
    assert made.git.blob(f"{base}:dir/f.txt") == OLD
