"""Whole commits: whatever becomes of one file of a patch, the others must go in, and what is left out is told.

Each kind of file below is one thing that can happen to it; every pair of kinds and every set of three is carried from
the store to the mail, and git applies the mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from pathlib import Path

import pytest

from backport.carry import Carried, Carrier
from backport.manifest import Tree
from backport.patch.parse import parse
from backport.trees.store import Head
from backport.verdict import Apply, Sure
from tests.support.gitrepo import TestRepo

UPSTREAM = b"""int stop_%s(struct unit *u)
{
\tint ret = prepare(u);

\tlog_start(u, ret);
\twait_for(u);
\treturn ret;
}
"""
FIXED = UPSTREAM.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tflush_all(u);\n")
OLDER = UPSTREAM.replace(b"log_start(u, ret)", b"log_start(u)").replace(b"return ret;", b"return 0;")
HEAD = b"/* nothing */\n" * 20


@dataclass(frozen=True)
class Kind:
    """Upstream's file before and after, the tree's file before, and after a right answer; None: not there."""

    before: bytes | None
    after: bytes | None
    here: bytes | None
    right: bytes | None
    told: bool = False               # nothing is left to change in this file, and a person reads why


KINDS: Mapping[str, Kind] = {
    "as-is": Kind(UPSTREAM, FIXED, UPSTREAM, FIXED),
    "offset": Kind(UPSTREAM, FIXED, HEAD + UPSTREAM, HEAD + FIXED),
    "adapted": Kind(UPSTREAM, FIXED, OLDER, OLDER.replace(b"\twait_for(u);\n", b"\twait_for(u);\n\tflush_all(u);\n")),
    "already": Kind(UPSTREAM, FIXED, FIXED.replace(b"log_start(u, ret)", b"log_start(u)"),
                    FIXED.replace(b"log_start(u, ret)", b"log_start(u)"), told=True),
    "absent": Kind(UPSTREAM, FIXED, None, None, told=True),
    "created": Kind(None, b"int made_%s;\nint two;\n", None, b"int made_%s;\nint two;\n"),
    "deleted": Kind(b"int gone_%s;\nint two;\n", None, b"int gone_%s;\nint two;\n", None),
}
SLOTS = ("one", "two", "three")


def path(slot: str, kind: str) -> str:
    return f"{slot}/{kind}.c"


def filled(data: bytes | None, slot: str, kind: str) -> bytes | None:
    name = f"{slot}_{kind}".replace("-", "_").encode()
    return data.replace(b"%s", name) if data is not None else None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Carrier, TestRepo, str, str]]:
    repo = TestRepo(tmp_path_factory.mktemp("store"))
    sides = ("before", "after", "here")
    commits = [repo.commit({path(slot, kind): filled(getattr(KINDS[kind], side), slot, kind)
                            for slot, kind in product(SLOTS, KINDS)
                            if getattr(KINDS[kind], side) is not None or Path(repo.path, path(slot, kind)).exists()}
                           | {f"{slot}/old.c": filled(UPSTREAM if side != "after" else None, slot, "renamed")
                              for slot in SLOTS}
                           | ({f"{slot}/new.c": filled(FIXED, slot, "renamed") for slot in SLOTS}
                              if side == "after" else {f"{slot}/new.c": None for slot in SLOTS} if side == "here"
                              else {})
                           | {"lib.c": b"void flush_all(struct unit *u)\n{\n}\n"}) for side in sides]
    heads = [Head("new", commits[0], "6.3.1", "made here", 0.0), Head("old", commits[2], "6.1.1", "made here", 0.0)]
    carrier = Carrier(repo.path / ".git", heads, heads[0])
    yield carrier, repo, commits[0], commits[1]
    carrier.close()
    repo.git.close()


def carry(made: tuple[Carrier, TestRepo, str, str], kinds: tuple[str, ...]) -> Carried:
    carrier, repo, before, after = made
    paths = [p for slot, kind in zip(SLOTS, kinds, strict=False)
             for p in ((f"{slot}/old.c", f"{slot}/new.c") if kind == "renamed" else (path(slot, kind),))]
    diff = repo.git.run("diff", "-M10%", before, after, "--", *paths).out
    patch = parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n" + diff)
    return carrier.carry(patch, Tree("old", "6.1", ()), carrier.heads[1])


def expected(kinds: tuple[str, ...]) -> Apply:
    left = {kind for kind in kinds if kind not in ("created", "deleted", "renamed", "as-is")}
    gone = left & {"already", "absent"}
    if gone == set(kinds):
        return Apply.ALREADY if "already" in gone else Apply.ABSENT
    if gone or "adapted" in left:
        return Apply.MERGED
    return Apply.OFFSET if "offset" in left else Apply.CLEAN


ALL = (*KINDS, "renamed")


@pytest.mark.parametrize("kinds", [*product(ALL, ALL), *combinations_with_replacement(ALL, 3)], ids="-".join)
def test_every_mixture(made: tuple[Carrier, TestRepo, str, str], kinds: tuple[str, ...]) -> None:
    carried = carry(made, kinds)
    assert carried.outcome is expected(kinds), carried.reason
    told = [slot for slot, kind in zip(SLOTS, kinds, strict=False) if kind != "renamed" and KINDS[kind].told]
    if carried.patch is None:
        assert carried.outcome in (Apply.ALREADY, Apply.ABSENT)
        assert len(told) == len(kinds)
        return
    assert carried.agreed is (Sure.REVIEW if told else Sure.CERTAIN), carried.notes
    _carrier, repo, *_ = made
    with_it = applied(repo, carried)
    for slot, kind in zip(SLOTS, kinds, strict=False):
        if kind == "renamed":
            assert with_it.get(f"{slot}/new.c") == filled(FIXED, slot, "renamed")
            assert f"{slot}/old.c" not in with_it
        else:
            assert with_it.get(path(slot, kind)) == filled(KINDS[kind].right, slot, kind)
    for slot in told:
        kind = kinds[SLOTS.index(slot)]
        assert any(path(slot, kind) in note for note in carried.notes)
        assert path(slot, kind).encode() in carried.mail, "the mail does not say what is left out"


def applied(repo: TestRepo, carried: Carried) -> dict[str, bytes]:
    """The tree with the mail's patch in it: git must take it exactly where it says."""
    assert carried.patch is not None
    repo.git.run("read-tree", "HEAD")
    done = repo.git.run("apply", "--cached", "--verbose", "-", stdin=carried.patch.diff)
    assert "succeeded at" not in done.err
    rows = [row.split("\t") for row in repo.git.run("ls-files", "--stage").text.split("\n")]
    found = {}
    for meta, name in rows:
        data = repo.git.blob(meta.split(" ")[1])
        assert data is not None
        found[name] = data
    return found
