"""The quick part of scripts/torture; all that reads what a stranger wrote, on what fuzzing begins with and worse."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.attacks.disk import kinds
from tests.support.attacks.fuzz import TARGETS, Fuzz, damaged
from tests.support.torture import PARTS, Stopped, attack


@pytest.mark.parametrize(("part", "rounds"), [("intake", 300), ("messages", 3), ("manifest", 100), ("disk:import", 8)])
def test_some_rounds(part: str, rounds: int) -> None:
    assert attack(part, rounds, 1).endswith("nothing found")


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_begins_with(name: str) -> None:
    target, rng = TARGETS[name], random.Random(1)
    for seed in target.seeds()[:6]:
        target.check(seed)
        for _ in range(10):
            target.check(damaged(rng, seed))


def test_a_round_that_is_killed_says_so_and_keeps_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of fuzzing ended with an error and no word, and its input was gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fuzz = Fuzz(7, ("rows",))
    fuzz.guided = True
    last = fuzz.top / "rows.last"
    monkeypatch.setattr(fuzz, "command", lambda *_: ["sh", "-c", f"printf input > {last}; kill -9 $$"])
    with pytest.raises(AssertionError, match="fuzz:rows, seed 7, round 2: killed by SIGKILL in the input") as met:
        fuzz.once("rows", 2)
    fuzz.close()
    kept = next(tmp_path.glob("torture-fuzz-rows-*"))
    assert (kept / "rows.last").read_bytes() == b"input"
    assert list((kept / "rows").glob("seed-*"))
    assert f"kept in {kept}\nit printed nothing" in str(met.value)


def test_what_was_done_is_told_where_somebody_ends_it(capsys: pytest.CaptureFixture[str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = []

    def once(rng: random.Random) -> None:
        numbers.append(rng.random())
        if len(numbers) == 3:
            raise Stopped

    monkeypatch.setitem(PARTS, "manifest", once)
    assert attack("manifest", 9, 1, 4).startswith("manifest: 2 rounds from round 4, seed 1")
    assert numbers[0] == random.Random("1 4").random()
    assert "round" not in capsys.readouterr().err


def test_the_first_rounds_have_every_kind_of_write() -> None:
    trace = ("1 open /w/cache/.backport-whole-12-abcd1234\n2 write /w/cache/store.git/objects/pack/tmp_pack_Ab3dE9\n"
             "3 write /w/cache/store.git/objects/pack/tmp_pack_Zb3dE9\n4 write /w/cache/trees/fake-9.0.y.json\n")
    found = kinds(trace, Path("/w"))
    assert found[2] == found[3]
    assert len(set(found.values())) == 3
