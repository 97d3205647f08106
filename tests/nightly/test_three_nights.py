"""Three nights on real releases, as they moved: 6.1.176 -> 177 -> 187 and 5.10.257 -> 259 -> 262.

The patches are the bundled fix and deltas between those very releases, so that one of them lands and another is
broken by a head. The trees' names say that they are stations of a test, not branches.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from backport.results.store import Results
from backport.trees.store import Head, Store
from backport.verdict import Apply

pytestmark = pytest.mark.kernel

NIGHTS = (("6.1.176", "5.10.257"), ("6.1.177", "5.10.259"), ("6.1.187", "5.10.262"))
# what 6.1.176 has in svm_free_nested() came into 6.12.86 in nested_svm_vmexit()
WRONG = (("6.1.174", "6.12.85"), ("6.1.176", "6.12.86"))
REFERENCE = "7.2.8"
ROOT = Path(__file__).parents[2]
BUNDLED = next((ROOT / "patches").glob("*injected-exceptions*.patch"))

MANIFEST = """
trees:
  - {name: reference, series: "7.2", upstream: true, sources: [{directory: /nonexistent}]}
  - {name: station-6.12, series: "6.12", sources: [{directory: /nonexistent}]}
  - {name: station-6.1, series: "6.1", sources: [{directory: /nonexistent}]}
  - {name: station-5.10, series: "5.10", sources: [{directory: /nonexistent}]}
"""


@dataclass
class Nights:
    """A store that borrows the real one's objects, a state directory, and patches/."""

    store: Store
    real: Store
    place: Path

    def move(self, six: str, five: str, newer: str = "") -> None:
        """The trees stand at these releases (or commits) now."""
        newest = (("station-6.12", newer),) if newer else ()
        for tree, name in (("reference", REFERENCE), *newest, ("station-6.1", six), ("station-5.10", five)):
            release = self.real.release(name)
            commit = release.commit if release else name
            self.store.set(Head(tree, commit, name if release else "5.10.262", "release", time.time()))

    def delta(self, name: str, old: str, new: str, path: str) -> None:
        """A patch made of what changed in `path` between two releases."""
        with self.real.git() as git:
            diff = git.run("diff", f"refs/releases/{old}", f"refs/releases/{new}", "--", path).out
        assert diff, f"{old} and {new} do not differ in {path}"
        self.patch(name, f"Derived from the delta {old}..{new}.", diff)

    def clash(self, name: str, old: str, new: str, path: str) -> None:
        """A made-up patch to a line of `path` as it is in `old`, which `new` has no more."""
        with self.real.git() as git:
            was, now = (git.blob(f"refs/releases/{release}:{path}") for release in (old, new))
        assert was is not None
        assert now is not None
        before = was.decode().splitlines(keepends=True)
        gone = [line for line in before if len(line) > 30 and before.count(line) == 1 and line not in now.decode()]
        after = [line.replace("\n", " /* made up */\n") if line == gone[0] else line for line in before]
        diff = "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"))
        self.patch(name, f"Made up, on a line that went between {old} and {new}.", diff.encode())

    def patch(self, name: str, text: str, diff: bytes) -> None:
        head = f"From: test <test@example.invalid>\nSubject: [PATCH] {name}\n\n{text}\n---\n"
        (self.place / "patches" / f"{name}.patch").write_bytes(head.encode() + diff)

    def landed(self, release: str, mail: bytes) -> str:
        """A made-up commit: `release` with the diff of this mail on top."""
        index = {"GIT_INDEX_FILE": str(self.place / "index")}
        with self.store.git() as git:
            git.run("read-tree", f"{self.head(release)}^{{tree}}", env=index)
            git.run("apply", "--cached", "-", stdin=mail, env=index)
            tree = git.run("write-tree", env=index).text
            return git.run("commit-tree", "-m", "made up: a release with an adapted patch in it", tree).text

    def head(self, release: str) -> str:
        found = self.real.release(release)
        assert found is not None
        return found.commit

    def night(self, *args: str, audit: bool = False) -> tuple[str, int]:
        """(stdout, exit code) of `backport nightly` as cron starts it."""
        done = subprocess.run(
            [sys.executable, "-m", "backport", "nightly", "--offline", "--no-build", f"--{'' if audit else 'no-'}audit",
             "--manifest", "trees.yaml", "--tree", "station-6.1", "--tree", "station-5.10", *args],
            cwd=self.place, capture_output=True, text=True, timeout=600, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "BACKPORT_CACHE": str(self.store.cache),
                 "BACKPORT_STATE": str(self.place / "state")})
        assert done.stderr == ""
        return done.stdout, done.returncode

    def known(self) -> bool:
        """Whether the last night computed nothing: each of its cells was read back."""
        with Results(self.place / "state" / "results.sqlite") as results:
            run = results.latest()
            assert run is not None
            cells = results.cells(run)
            return bool(cells) and all(cell.cached for cell in cells)


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    real = Store()
    wanted = [REFERENCE, *(name for night in NIGHTS for name in night)]
    missing = [name for name in wanted if real.release(name) is None]
    if missing:
        pytest.skip(f"not in the store {real.path}: run `backport trees release {' '.join(missing)}`")
    store = Store(tmp_path / "cache")
    store.create()
    alternates = (real.path / "objects" / "info" / "alternates")
    borrowed = [str(real.path / "objects"), *(alternates.read_text().split() if alternates.exists() else [])]
    (store.path / "objects" / "info").mkdir(exist_ok=True)
    (store.path / "objects" / "info" / "alternates").write_text("".join(f"{path}\n" for path in borrowed))
    (tmp_path / "trees.yaml").write_text(MANIFEST)
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches" / BUNDLED.name).write_bytes(BUNDLED.read_bytes())
    return Nights(store, real, tmp_path)


def test_three_nights(nights: Nights) -> None:
    nights.delta("lands-in-6-1", "6.1.176", "6.1.177", "arch/x86/kvm/svm/sev.c")
    nights.delta("lands-in-5-10", "5.10.257", "5.10.259", "arch/x86/kvm/svm/sev.c")
    nights.clash("broken-by-a-head", "6.1.177", "6.1.187", "virt/kvm/kvm_main.c")
    nights.move(*NIGHTS[0])
    told, code = nights.night()
    print(told)
    for text in ("Check for injected exceptions", "6.1.176", "5.10.257", "rewritten"):
        assert text in told
    assert code == 0

    told, code = nights.night()     # nothing new: silent, and nothing is computed
    assert (told, code) == ("", 0)
    assert nights.known()

    nights.move(*NIGHTS[1])
    told, code = nights.night()
    print(told)
    landed = told.partition("Now in the tree:\n")[2]
    assert "  station-6.1 (6.1.177): lands-in-6-1: already (was clean" in landed
    assert "  station-5.10 (5.10.259): lands-in-5-10: already (was clean" in landed
    assert "drop from patches/:\n  lands-in-5-10\n" in landed
    assert "broken" not in told
    assert code == 0

    nights.move(*NIGHTS[2])
    told, code = nights.night()
    print(told)
    assert "Newly broken:\n+ station-6.1 (6.1.187): broken-by-a-head: conflict (was " in told
    assert "station-5.10 (5.10.262): lands-in-6-1: already" in told
    assert "lands-in-5-10" not in told       # told already
    assert code == 1

    told, code = nights.night()     # still broken: not told again, but the exit code says so
    assert (told, code) == ("", 1)
    assert nights.known()

    with Results(nights.place / "state" / "results.sqlite") as results:
        run = results.latest()
        assert run is not None
        adapted = next(cell.adapted for cell in results.cells(run)
                       if cell.tree == "station-5.10" and cell.apply is Apply.REWRITTEN)
    nights.move(NIGHTS[2][0], nights.landed(NIGHTS[2][1], adapted))
    told, code = nights.night()    # the tree took the adapted patch
    print(told)
    assert "Now in the tree:\n  station-5.10 (5.10.262): KVM: x86: Check for injected exceptions" in told
    assert "already (was rewritten, skipped" in told


def test_a_backport_that_went_wrong_is_told_in_the_night_in_which_it_came(nights: Nights) -> None:
    """nested.c of 6.1.176, from what two trees got between two nights."""
    missing = [name for pair in WRONG for name in pair if nights.real.release(name) is None]
    if missing:
        pytest.skip(f"not in the store {nights.real.path}: run `backport trees release {' '.join(missing)}`")
    five = NIGHTS[0][1]
    nights.move(WRONG[0][0], five, WRONG[0][1])
    told, code = nights.night(audit=True)
    assert ("to look at" in told, code) == (False, 0)

    nights.move(WRONG[1][0], five, WRONG[1][1])
    told, code = nights.night(audit=True)
    print(told)
    assert "station-6.1 6.1.174..6.1.176\n1. another-function: arch/x86/kvm/svm/nested.c, 6.1.174..6.1.176" in told
    here, _, upstream = told.partition("   here:\n")[2].partition("   upstream (6.12.85..6.12.86):\n")
    for hunk, function in ((here, "void svm_free_nested("), (upstream, "int nested_svm_vmexit(")):
        assert hunk.startswith("   @@ ")
        assert function in hunk
        assert "\n   +\tsvm->nmi_l1_to_l2 = false;\n   +\tsvm->soft_int_injected = false;\n" in hunk
    assert code == 1

    assert nights.night(audit=True) == ("", 0)
