"""What is said of the signature of a tree's tag, with a key that the test makes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backport.errors import SourceUnavailable
from backport.git import Git
from backport.manifest import Manifest
from backport.trees.fetch import fetch, fetch_releases
from backport.trees.signature import _judged
from backport.trees.store import Store
from tests.support.trees import commit, files, manifest

pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
WHO = "A Maintainer <maintainer@example.org>"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyring with one key, which is the user's."""
    place = Path(f"/tmp/keys-{tmp_path.name[-12:]}-{id(tmp_path):x}")      # the socket of its agent takes a short path
    place.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(place))
    subprocess.run(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", WHO, "ed25519", "sign"],
                   check=True, capture_output=True)
    yield place
    subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def tagged(place: Path, *words: str, version: str = "6.1.5") -> str:
    made = commit(place, files(version))
    done = subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c",
                           "user.signingKey=maintainer@example.org", "tag", *words,
                           f"v{version}"], cwd=place, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(params=["git", "local"])
def trees(request: pytest.FixtureRequest, tmp_path: Path) -> Manifest:
    main = f"git: file://{tmp_path}/origin" if request.param == "git" else f"local: {tmp_path}/origin"
    return manifest(tmp_path, f"trees:\n- name: linux-6.1.y\n  sources: [{{{main}, branch: main}}]\n")


def test_a_signed_tag_is_good_and_says_whose(tmp_path: Path, keys: Path, trees: Manifest, store: Store) -> None:
    tagged(tmp_path / "origin", "-s", "-m", "Linux 6.1.5")
    [result] = fetch(store, trees)
    assert re.fullmatch(rf"v6\.1\.5: good signature of {re.escape(WHO)}, key [0-9A-F]{{40}}", result.head.signature)
    assert store.head("linux-6.1.y").signature == result.head.signature
    [pinned] = fetch_releases(store, trees, ["6.1.5"])
    assert pinned.head.signature == result.head.signature


def test_a_tag_whose_key_is_not_there_is_not_checked(tmp_path: Path, keys: Path, trees: Manifest, store: Store,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    tagged(tmp_path / "origin", "-s", "-m", "Linux 6.1.5")
    (tmp_path / "empty").mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "empty"))
    [result] = fetch(store, trees)
    assert re.fullmatch(r"v6\.1\.5: signature not checked: no key [0-9A-F]{16}", result.head.signature)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "none"))
    [pinned] = fetch_releases(Store(tmp_path / "other"), trees, ["6.1.5"])
    assert pinned.head.signature == "v6.1.5: signature not checked: you have no keyring of gpg"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [("-a", "-m", "x"), ()])
def test_a_tag_without_a_signature_is_not_signed(tmp_path: Path, trees: Manifest, store: Store,
                                                 words: tuple[str, ...]) -> None:
    tagged(tmp_path / "origin", *words)
    [result] = fetch(store, trees)
    assert result.head.signature.startswith("v6.1.5 is not signed")


def test_a_head_between_two_releases_has_none(tmp_path: Path, trees: Manifest, store: Store) -> None:
    tagged(tmp_path / "origin", "-a", "-m", "x")
    commit(tmp_path / "origin", files("6.1.6"))
    [result] = fetch(store, trees)
    assert result.head.signature == ""


def put_tag(git: Git, body: bytes) -> None:
    git.run("update-ref", "refs/tags/v6.1.5", git.run("hash-object", "-t", "tag", "-w", "--stdin", stdin=body).text)


def test_a_bad_signature_and_a_renamed_tag_are_no_tree(tmp_path: Path, keys: Path, trees: Manifest, store: Store
                                                       ) -> None:
    origin = tmp_path / "origin"
    tagged(origin, "-s", "-m", "Linux 6.1.5")
    with Git(origin) as git:
        good = git.run("cat-file", "tag", "v6.1.5").out
        put_tag(git, good.replace(b"Linux 6.1.5", b"Linux 6.1.6"))
    [result] = fetch(store, trees)
    assert result.head is None
    assert "the signature of the tag v6.1.5 is bad" in result.reason
    with Git(origin) as git:
        put_tag(git, good.replace(b"tag v6.1.5", b"tag v6.1.4"))
    [result] = fetch(store, trees, update=True)
    assert result.head is None
    assert "holds another tag" in result.reason


def test_a_key_that_nobody_certified_or_that_is_revoked_is_said() -> None:
    good = [("GOODSIG", "0123 A B <a@example.org>"), ("VALIDSIG", "AB " * 9 + "CD")]
    assert _judged("v1", [*good, ("TRUST_ULTIMATE", "0 pgp")]).endswith("key CD")
    assert _judged("v1", [*good, ("TRUST_UNDEFINED", "0 pgp")]).endswith("which nobody you trust has certified")
    assert "good" not in _judged("v1", [("REVKEYSIG", "0123 A B"), good[1]])
    assert "good" not in _judged("v1", [("EXPKEYSIG", "0123 A B"), good[1]])
    assert _judged("v1", [good[0]]) == _judged("v1", []) == "v1: signature not checked: gpg gave no answer"


def test_what_is_said_of_one_of_two_signatures_is_not_told_of_the_other() -> None:
    """The name of a stranger stood beside the trust in a friend."""
    friend = [("GOODSIG", "01 Friend <f@example.org>"), ("VALIDSIG", "AB " * 9 + "CD"), ("TRUST_ULTIMATE", "0 pgp")]
    other = [("GOODSIG", "02 Other <o@example.org>"), ("VALIDSIG", "AB " * 9 + "EF"), ("TRUST_UNDEFINED", "0 pgp")]
    for status in ([*friend, *other], [*other, *friend], [*friend, ("ERRSIG", "03 22 10 00 1 9 -")]):
        assert _judged("v1", status) == "v1: signature not checked: it has more than one"
    with pytest.raises(SourceUnavailable):
        _judged("v1", [*friend, ("BADSIG", "02 Other")])
