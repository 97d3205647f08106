"""git is not asked for what certainly does not apply, a patch or its reverse; the answer is the same either way."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from backport.check import applier
from backport.check.index import PrivateIndex, private_index
from backport.git import GitResult
from backport.patch.parse import parse
from backport.verdict import Apply
from tests.support.gitrepo import TestRepo

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b" b\n", b"\n", b"c\n"]), min_size=1, max_size=9)


@settings(max_examples=60, deadline=None)
@given(old=LINES, new=LINES, tree=LINES, cut=st.booleans(), context=st.sampled_from(["-U0", "-U1", "-U3"]))
def test_no_is_gits_own_no(old: list[bytes], new: list[bytes], tree: list[bytes], cut: bool, context: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        repo = TestRepo(Path(place) / "r")
        texts = [b"".join(lines)[:-1 if cut else None] for lines in (old, new)]
        first, second = (repo.commit({"f.c": text}) for text in texts)
        diff = repo.diff(first, second, context)
        here = repo.commit({"f.c": b"".join(tree)})
        if not diff:
            return
        patch = parse(diff)
        with private_index(repo.git, here, patch) as index:
            for reverse in (False, True):
                if applier._never(patch, index.entries(), index, reverse=reverse):
                    assert index.apply(patch.diff, reverse=reverse).code != 0
        short = applier.check(repo.git, here, patch)
        with mock.patch.object(applier, "_never", return_value=False):
            asked = applier.check(repo.git, here, patch)
        assert replace(short, report="") == replace(asked, report="")


def test_what_the_tree_has_costs_one_process(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "r")
    first = repo.commit({"f.c": b"a\nb\nc\n"})
    second = repo.commit({"f.c": b"a\nd\nc\n"})
    patch = parse(repo.diff(first, second))
    asked: list[bool] = []
    apply = PrivateIndex.apply

    def counted(self: PrivateIndex, diff: bytes, *, reverse: bool = False, check: bool = True) -> GitResult:
        asked.append(reverse)
        return apply(self, diff, reverse=reverse, check=check)
    with mock.patch.object(PrivateIndex, "apply", counted):
        assert applier.check(repo.git, second, patch).outcome is Apply.ALREADY
        assert applier.check(repo.git, first, patch).outcome is Apply.CLEAN
    assert asked == [True, False]
