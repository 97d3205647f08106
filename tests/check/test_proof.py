"""An adapted patch is handed out only when git takes it as it stands and gives the tree back."""

from __future__ import annotations

from pathlib import Path

from backport.check.proof import objection
from backport.patch.parse import parse
from tests.gitrepo import TestRepo


def test_proof(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path / "made-up")
    old = repo.commit({"f.c": b"".join(b"line %d\n" % i for i in range(40))})
    new = repo.commit({"f.c": b"".join(b"line %d\n" % i for i in range(40)).replace(b"line 20\n", b"other\n")})
    good = repo.diff(old, new)
    assert objection(repo.git, old, parse(good)) == ""
    shifted = good.replace(b"@@ -18,7 +18,7 @@", b"@@ -19,7 +19,7 @@")
    assert shifted != good
    assert "offset" in objection(repo.git, old, parse(shifted))
    assert "does not take" in objection(repo.git, new, parse(good))
