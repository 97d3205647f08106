"""One store of names for all trees: whole, or not there."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given

from backport.csource import definitions
from backport.csource.tokens import is_identifier, vocabulary
from backport.errors import InfraError
from backport.git import Git
from backport.trees import catalog as catalogs
from backport.trees import postings
from backport.trees.catalog import Catalog, collect, extend
from backport.trees.hashing import CODE, MENTIONED, SHIFT, word_hash
from backport.trees.index import Index
from backport.trees.zones import Zone
from tests.support.c_source import SOURCE
from tests.support.trees import commit, files

FIRST = {
    **files("6.1.7"),
    "kvm/a.c": b"/* told */ #define HERE 1\nint both(void)\n{\n\treturn only_first;\n}\n",
    "include/a.h": b"struct box {\n\tint member;\n};\n",
}
SECOND = {**FIRST, "kvm/b.c": b"int second(void)\n{\n}\n", "kvm/a.c": b"int both(void)\n{\n}\n"}

@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, str, str]:
    repo = tmp_path / "repo"
    return repo, commit(repo, FIRST), commit(repo, SECOND)


def made(repo: Path, *commits: str) -> Catalog:
    catalog = Catalog(repo.parent / "names")
    extend(catalog, repo, {one: one[:7] for one in commits}, quiet=True)
    return catalog


def test_each_tree_has_its_own_names(trees: tuple[Path, str, str]) -> None:
    repo, first, second = trees
    catalog = made(repo, first, second)
    assert catalog.zones(first, "only_first") == {Zone.SOURCE}
    assert catalog.zones(second, "only_first") == set()
    assert catalog.zones(first, "told") == {Zone.MENTIONED}
    assert catalog.zones(first, "member") == {Zone.PUBLIC}
    assert catalog.zones(second, "nowhere") == set()
    assert catalog.defining(second, definitions.FUNCTION, "second") == ["kvm/b.c"]
    assert catalog.defining(first, definitions.FUNCTION, "second") == []
    assert [catalog.defining(one, definitions.FUNCTION, "both") for one in (first, second)] == [["kvm/a.c"]] * 2


def test_a_blob_is_read_once_whichever_tree_it_is_in(trees: tuple[Path, str, str], monkeypatch) -> None:
    repo, first, second = trees
    read: list[str] = []
    real = postings.read_blobs
    monkeypatch.setattr(postings, "read_blobs", lambda store, blobs: (read.extend(blobs), real(store, blobs))[1])
    made(repo, first)
    before = len(read)
    made(repo, second)
    assert len(read) - before == 2
    made(repo, first, second)
    assert len(read) - before == 2


def test_names_are_looked_up_alone_only_where_no_tree_is_near(trees: tuple[Path, str, str]) -> None:
    repo, first, second = trees
    said: list[str] = []
    alone = Index(repo, first, said.append, 8)
    assert alone.functions("both") == ["kvm/a.c"]
    assert said == ["looking for both, some seconds"]
    assert not alone.words_made
    extend(Catalog.beside(repo), repo, {first: "first"}, quiet=True)
    near = Index(repo, second, said.append, 8)
    assert near.functions("second") == ["kvm/b.c"]
    assert len(said) == 1
    assert near.words_made


def test_segments_are_merged_and_read_the_same(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    content = dict(FIRST)
    commits = []
    for number in range(9):
        content[f"f{number}.c"] = b"int f%d(void)\n{\n\treturn shared;\n}\n" % number
        commits.append(commit(repo, content))
    catalog = Catalog(tmp_path / "names")
    for one in commits:
        extend(catalog, repo, {one: one}, quiet=True)
    assert len(catalog.state.segments) < 5
    for number, one in enumerate(commits):
        assert [bool(catalog.defining(one, definitions.FUNCTION, f"f{other}")) for other in range(9)] == [
            other <= number for other in range(9)]
        assert sum(posting >> SHIFT in catalog.tree(one) for posting in catalog.postings("shared")) == number + 1


@pytest.mark.parametrize("part", ["hashes", "starts", "postings", "blobs", "tree", "state"])
@pytest.mark.parametrize("cut", [0, -1, None])
def test_what_is_cut_short_or_gone_is_made_again(trees: tuple[Path, str, str], part: str, cut: int | None) -> None:
    repo, first, _second = trees
    folder = made(repo, first).folder
    path = next(path for path in folder.iterdir() if part in path.name)
    if cut is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:cut])
    catalog = Catalog(repo.parent / "names")
    assert not catalog.has(first)
    assert made(repo, first).defining(first, definitions.FUNCTION, "both") == ["kvm/a.c"]


def test_a_kill_before_the_state_leaves_the_old_one(trees: tuple[Path, str, str], monkeypatch) -> None:
    repo, first, second = trees
    made(repo, first)

    def killed(folder: Path, state: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(catalogs, "_write_state", killed)
        with pytest.raises(KeyboardInterrupt):
            made(repo, second)
    catalog = Catalog(repo.parent / "names")
    assert set(catalog.state.trees) == {first}
    assert catalog.defining(first, definitions.FUNCTION, "both") == ["kvm/a.c"]
    assert made(repo, second).defining(second, definitions.FUNCTION, "second") == ["kvm/b.c"]
    names = {path.name for path in catalog.folder.iterdir()}
    assert {one.partition(".")[0] for one in names} == {
        "state", *(one.name for one in Catalog(repo.parent / "names").state.segments),
        *(name for name, _size in Catalog(repo.parent / "names").state.trees.values())}


def test_what_another_version_of_the_reader_found_is_not_asked(trees: tuple[Path, str, str], monkeypatch) -> None:
    repo, first, _second = trees
    made(repo, first)
    monkeypatch.setattr(catalogs, "version", lambda: "another")
    assert not Catalog(repo.parent / "names").has(first)


def test_a_reader_with_an_older_state_never_mixes_it_with_a_newer(trees: tuple[Path, str, str]) -> None:
    repo, first, second = trees
    old = made(repo, first)
    assert old.has(first)
    collect(repo.parent / "names", [])               # everything goes, and is numbered anew
    made(repo, second, first)
    with pytest.raises(InfraError):
        old.tree(first)
    old.again()
    assert old.defining(first, definitions.FUNCTION, "both") == ["kvm/a.c"]


def test_a_missing_object_makes_no_index(trees: tuple[Path, str, str]) -> None:
    repo, first, _second = trees
    with Git(repo) as git:
        sha = git.rev(f"{first}:kvm/a.c") or ""
    path = repo / ".git" / "objects" / sha[:2] / sha[2:]
    path.unlink()
    with pytest.raises(InfraError, match=sha):
        made(repo, first)
    assert not Catalog(repo.parent / "names").has(first)


def test_a_disk_that_is_full_leaves_what_there_was(trees: tuple[Path, str, str]) -> None:
    repo, first, second = trees
    made(repo, first)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(InfraError, match="cannot be written"):
            made(repo, second)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    catalog = Catalog(repo.parent / "names")
    assert catalog.defining(first, definitions.FUNCTION, "both") == ["kvm/a.c"]
    assert made(repo, second).defining(second, definitions.FUNCTION, "second") == ["kvm/b.c"]


def test_one_who_waits_for_another_reader_says_so(trees: tuple[Path, str, str]) -> None:
    repo, first, _second = trees
    catalog = Catalog(repo.parent / "names")
    catalog.folder.mkdir(parents=True)
    other = FileLock(f"{catalog.folder}.lock")
    other.acquire()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        other.release()

    extend(catalog, repo, {first: "first"}, quiet=True, say=say)
    assert said == ["waiting for another backport process that reads names"]
    assert catalog.has(first)


def test_a_collector_leaves_alone_what_somebody_writes(trees: tuple[Path, str, str]) -> None:
    repo, first, _second = trees
    folder = made(repo, first).folder
    (folder.parent / "other").mkdir()
    with FileLock(f"{folder}.lock"), FileLock(folder.parent / "other.lock"):
        assert collect(folder.parent, []) == (0, 0)
    assert collect(folder.parent, [])[0] == 2
    assert not Catalog(folder.parent).has(first)


def test_state_that_is_no_state_is_none(trees: tuple[Path, str, str]) -> None:
    repo, first, _second = trees
    folder = made(repo, first).folder
    for data in ("[]", "{}", json.dumps({"segments": [{}], "trees": {}}), "{\"segments\": 1}", "half"):
        (folder / "state.json").write_text(data)
        assert not Catalog(repo.parent / "names").has(first)


@given(SOURCE)
def test_words_are_those_of_the_reader_of_c(source: bytes) -> None:
    batch = postings._Batch(7)
    batch.add(source)
    hashes, values = batch.postings()
    found = dict(zip(hashes.tolist(), values.tolist(), strict=True))
    code, rest = ({word for word in words if is_identifier(word)} for words in vocabulary(source))
    wanted: dict[int, int] = {}
    for words, what in ((code, CODE), (rest, MENTIONED)):
        for word in words:
            wanted[word_hash(word)] = wanted.get(word_hash(word), 7 << SHIFT) | what
    for kind, name in definitions.names(source):
        wanted[word_hash(name)] = wanted.get(word_hash(name), 7 << SHIFT) | 1 << kind - 1
    assert found == wanted


def test_a_long_text_is_taken_apart_in_pieces(monkeypatch) -> None:
    text = b" ".join(b"word%d" % number for number in range(300))
    whole = postings._words(text, numbers=False)
    monkeypatch.setattr(postings, "_PIECE", 64)
    parts = postings._words(text, numbers=False)
    assert [one.tolist() for one in whole] == [one.tolist() for one in parts]
    assert whole[1].tolist() == [word_hash(b"word%d" % number) for number in range(300)]


@pytest.mark.parametrize("size", [63, 64, 65, 127, 128, 129, 500])
def test_a_word_longer_than_a_piece_is_one_word(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(postings, "_PIECE", 64)
    words = [b"a", b"x" * size, b"b", b"y" * size]
    starts, hashes = postings._words(b" ".join(words), numbers=False)
    assert hashes.tolist() == [word_hash(word) for word in words]
    assert starts.tolist() == [0, 2, size + 3, size + 5]
