"""git is not asked for the reverse of a patch that cannot be in the tree; its answer is the same with and without."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from backport.check import applier
from backport.check.index import private_index
from backport.patch.parse import parse
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
            if applier._never_reverts(patch, index.entries(), index):
                assert index.apply(patch.diff, reverse=True).code != 0
