"""Debian's source package as a source, end to end, with real apt and a made-up archive in a directory."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from backport.trees import apt
from backport.trees.apt import Apt
from backport.trees.aptsources import archives
from backport.trees.fetch import fetch, fetch_releases
from backport.trees.store import Store
from tests.support.trees import files, manifest, one, tarball

with_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt, which only Debian and its kin have")


class Archive:
    """A Debian archive in a directory, as a mirror lays it out."""

    def __init__(self, top: Path, origin: str = "Debian") -> None:
        self.top, self.origin = top, origin
        self.suites: dict[str, list[str]] = {}

    def add(self, suite: str, upstream: str, *, revision: str = "1", held: bool = True, damage: bool = False) -> str:
        """List linux `upstream`-`revision` in `suite`; `held`: the file is there; `damage`: but it is another one."""
        data = tarball(files(upstream), top=f"linux-{upstream}/")
        name = f"linux_{upstream}.orig.tar.xz"
        pool = self.top / "pool/main/l/linux"
        pool.mkdir(parents=True, exist_ok=True)
        if held:
            (pool / name).write_bytes(data[:-1] + b"?" if damage else data)
        sha = hashlib.sha256(data).hexdigest()
        self.suites.setdefault(suite, []).append(
            f"Package: linux\nBinary: linux-image\nVersion: {upstream}-{revision}\nDirectory: pool/main/l/linux\n"
            f"Files:\n {hashlib.md5(data).hexdigest()} {len(data)} {name}\n"
            f"Checksums-Sha256:\n {sha} {len(data)} {name}\n")
        self._write(suite)
        return sha

    def _write(self, suite: str) -> None:
        top = self.top / "dists" / suite
        sources = top / "main/source/Sources"
        sources.parent.mkdir(parents=True, exist_ok=True)
        other = "Package: linux-base\nVersion: 4.9\nDirectory: pool/main/l/linux-base\n"
        sources.write_text("\n".join([other, *self.suites[suite]]))
        data = sources.read_bytes()
        (top / "Release").write_text(
            f"Origin: {self.origin}\nLabel: Debian\nSuite: {suite}\nCodename: {suite}\nComponents: main\n"
            f"Architectures: amd64 source\nDate: {time.strftime('%a, %d %b %Y %H:%M:%S UTC', time.gmtime())}\n"
            f"SHA256:\n {hashlib.sha256(data).hexdigest()} {len(data)} main/source/Sources\n")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "mirror")


@pytest.fixture
def etc(tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An /etc/apt that knows the archive in the deb822 form."""
    etc = tmp_path / "etc"
    (etc / "sources.list.d").mkdir(parents=True)
    (etc / "sources.list.d/debian.sources").write_text(
        f"Types: deb\n# a comment\nURIs: file:{archive.top}\nSuites: bookworm bookworm-updates\nComponents: main\n"
        f"Trusted: yes\n\nTypes: deb\nURIs: file:{archive.top}\nSuites: bookworm-security\nComponents: main\n"
        "Trusted: yes\n")
    monkeypatch.setenv("BACKPORT_APT_ETC", str(etc))
    return etc


DEBIAN = "{debian: linux, version: 6.1.*, suites: [bookworm, bookworm-security]}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


@with_apt
def test_the_newest_release_of_the_series_is_taken_with_its_checksum(tmp_path, store, archive, etc):
    archive.add("bookworm", "6.1.9")
    sha = archive.add("bookworm-security", "6.1.10")
    archive.add("bookworm-security", "6.12.99")
    [result] = fetch(store, one(tmp_path, DEBIAN))
    assert result.reason == ""
    assert (result.head.version, result.head.source) == ("6.1.10", "debian linux_6.1.10.orig.tar.xz")
    assert result.head.checksum == f"sha256:{sha}"
    with store.git() as git:
        assert git.blob(f"{result.head.commit}:kernel/a.c") == files()["kernel/a.c"]
        assert git.run("log", "-1", "--format=%B", result.head.commit).text.strip() == \
            f"linux 6.1.10\n\nsource: debian linux_6.1.10.orig.tar.xz\nsha256: {sha}"
    assert not any(path.suffix == ".xz" for path in (store.cache / "downloads").iterdir())


@with_apt
def test_a_list_that_did_not_change_is_read_once(tmp_path, store, archive, etc, monkeypatch):
    archive.add("bookworm", "6.1.9")
    archive.add("bookworm-security", "6.1.8")
    real, read = Apt._listed, []
    monkeypatch.setattr(Apt, "_listed", lambda self, *args: read.append(args[2].name) or real(self, *args))
    manifest = one(tmp_path, DEBIAN)
    fetch(store, manifest)
    assert len(read) == 2
    assert fetch(store, manifest, update=True)[0].head.version == "6.1.9"
    assert len(read) == 2
    archive.add("bookworm", "6.1.10")
    assert fetch(store, manifest, update=True)[0].head.version == "6.1.10"
    assert [name for name in read[2:] if "security" in name] == []
    (store.cache / "apt" / "originals.json").write_text('{"linux": 1}')
    assert fetch(store, manifest, update=True)[0].head.version == "6.1.10"


@with_apt
@pytest.mark.parametrize("form", ["deb822", "one-line"])
def test_both_forms_of_apts_configuration_serve(tmp_path, store, archive, etc, form):
    archive.add("bookworm", "6.1.9")
    archive.add("bookworm-security", "6.1.10")
    if form == "one-line":
        shutil.rmtree(etc / "sources.list.d")
        (etc / "sources.list").write_text(
            "# deb file:/nowhere bookworm main\n"
            f"deb [arch=amd64 trusted=yes] file:{archive.top} bookworm main contrib\n"
            f"deb-src [trusted=yes] file:{archive.top}/ bookworm-security main # comment\n")
    assert fetch(store, one(tmp_path, DEBIAN))[0].head.version == "6.1.10"


@with_apt
def test_a_version_that_is_listed_but_gone_gives_way_to_the_next_older_and_says_so(tmp_path, store, archive, etc):
    archive.add("bookworm", "6.1.9")
    archive.add("bookworm-security", "6.1.10", held=False)
    archive.add("bookworm-security", "6.1.11", held=False)
    [result] = fetch(store, one(tmp_path, DEBIAN))
    assert result.head.version == "6.1.9"
    assert result.notes == ("Debian lists 6.1.11, 6.1.10 (not found), which cannot be downloaded: took 6.1.9",)
    [again] = fetch(store, one(tmp_path, DEBIAN))
    assert (again.from_memory, again.notes) == (True, result.notes)


@with_apt
def test_a_file_that_is_not_what_the_index_says_is_not_taken(tmp_path, store, archive, etc):
    archive.add("bookworm", "6.1.9", damage=True)
    [result] = fetch(store, one(tmp_path, DEBIAN))
    assert result.head is None
    assert "checksum" in result.reason
    assert "6.1.9" in result.reason
    assert store.heads() == []
    archive.add("bookworm", "6.1.8")
    [older] = fetch(store, one(tmp_path, DEBIAN), update=True)
    assert older.head.version == "6.1.8"
    assert "6.1.9 (its checksum does not match the index)" in older.notes[0]


@with_apt
def test_a_size_in_what_apt_says_is_no_answer_of_the_server(tmp_path, store, archive, etc, monkeypatch):
    """A file of 404 bytes was "not found" although it came, and was another."""
    archive.add("bookworm", "6.1.9")
    said = "E: Failed to fetch file:/x  Hash Sum mismatch\n   Hashes of expected file:\n    - Filesize:404 [weak]\n"
    monkeypatch.setattr(apt, "_watched", lambda command, *_: subprocess.CompletedProcess(command, 100, "", said))
    [result] = fetch(store, one(tmp_path, DEBIAN))
    assert "6.1.9 (its checksum does not match the index)" in result.reason


@with_apt
def test_a_series_that_debian_lacks_is_no_tree_with_what_there_is(tmp_path, store, archive, etc):
    archive.add("bookworm", "6.1.9")
    [result] = fetch(store, one(tmp_path, "{debian: linux, version: 6.6.*, suites: [bookworm]}", "linux-6.6.y"))
    assert result.head is None
    assert result.reason == "Debian lists no linux 6.6.* in bookworm (only 6.1)"


@with_apt
def test_the_second_run_asks_nobody_and_update_downloads_nothing_it_has(tmp_path, store, archive, etc):
    archive.add("bookworm", "6.1.9")
    trees = one(tmp_path, DEBIAN)
    fetch(store, trees)
    shutil.rmtree(archive.top / "pool")                    # whoever downloads now fails
    [second] = fetch(store, trees)
    assert (second.from_memory, second.head.version) == (True, "6.1.9")
    [third] = fetch(store, trees, update=True)
    assert (third.head.version, third.reason, third.changed) == ("6.1.9", "", False)


@with_apt
def test_a_tree_never_goes_back_when_the_archive_does(tmp_path, store, archive, etc):
    archive.add("bookworm", "6.1.9")
    archive.add("bookworm", "6.1.10")
    trees = one(tmp_path, DEBIAN)
    fetch(store, trees)
    archive.suites.clear()
    archive.add("bookworm", "6.1.9")
    [result] = fetch(store, trees, update=True)
    assert (result.head.version, result.changed) == ("6.1.10", False)


@with_apt
def test_two_trees_with_the_same_release_share_one_import(tmp_path, store, archive, etc):
    archive.add("bookworm", "7.2.8")
    upstream, stable = fetch(store, manifest(tmp_path, """\
trees:
- {name: upstream, upstream: true, sources: [{debian: linux, version: '[7-9].*', suites: bookworm}]}
- {name: linux-7.2.y, sources: [{debian: linux, version: 7.2.*, suites: bookworm}]}
"""))
    assert upstream.head.commit == stable.head.commit


@with_apt
def test_exact_releases_are_pinned_beside_the_trees(tmp_path, store, archive, etc):
    for version in ("6.1.8", "6.1.9", "6.1.10"):
        archive.add("bookworm", version)
    trees = one(tmp_path, DEBIAN)
    fetch(store, trees)
    eight, ten, missing = fetch_releases(store, trees, ["6.1.8", "6.1.10", "6.1.11"])
    assert eight.head.version == "6.1.8"
    assert ten.head.commit == store.head("linux-6.1.y").commit
    assert missing.head is None
    assert [head.tree for head in store.releases()] == ["6.1.10", "6.1.8"]
    assert fetch_releases(store, trees, ["6.1.8"])[0].from_memory


@with_apt
def test_somebody_elses_archive_that_uses_debians_names_is_not_debian(tmp_path, store, etc, archive):
    archive.origin = "Somebody"
    archive.add("bookworm", "6.1.9")
    [result] = fetch(store, one(tmp_path, DEBIAN))
    assert result.head is None
    assert "lists no linux 6.1.*" in result.reason


@with_apt
def test_an_archive_that_cannot_be_read_is_a_reason(tmp_path, store, etc):
    [result] = fetch(store, one(tmp_path, DEBIAN))         # the directory is not there at all
    assert result.head is None
    assert "no package lists" in result.reason


def test_no_apt_and_no_debian_are_reasons(tmp_path, store, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("BACKPORT_APT_ETC", str(empty))
    if shutil.which("apt-get"):
        assert "names no Debian archive" in fetch(store, one(tmp_path, DEBIAN))[0].reason
    monkeypatch.setenv("PATH", str(shutil.which("git") and Path(shutil.which("git")).parent) + "-nothing")
    from backport.trees.apt import Apt
    from backport.trees.progress import Progress
    with pytest.raises(Exception, match="no apt on this system"):
        Apt(tmp_path / "apt").update(("bookworm",), since=0, progress=Progress())


# reading apt's configuration


def _etc(tmp_path: Path, **texts: str) -> Path:
    (tmp_path / "sources.list.d").mkdir(exist_ok=True)
    for name, text in texts.items():
        file = name.replace("__", ".")
        (tmp_path / (file if file == "sources.list" else f"sources.list.d/{file}")).write_text(text)
    return tmp_path


def test_deb822_with_everything_people_write(tmp_path):
    etc = _etc(tmp_path, a__sources="""\
# Debian
Types: deb deb-src
URIs: http://one.example/debian
      http://two.example/debian/
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: sid
Components: main

Types: deb
URIs: http://vendor.example/apt
Suites: nodistro
Components: main

Types: deb
URIs: http://docker.example/linux
Suites: bookworm
Components: stable
""")
    found = archives(etc)
    assert [(a.uri, a.security) for a in found] == [
        ("http://one.example/debian/", False), ("http://two.example/debian/", False),
        ("http://security.example/debian-security/", True)]
    assert found[0].signed_by == "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert found[2].signed_by.split("\n")[0] == "-----BEGIN PGP PUBLIC KEY BLOCK-----"


def test_one_line_form_and_files_that_are_switched_off(tmp_path):
    etc = _etc(tmp_path, sources__list="""\
#deb http://commented.example/debian bookworm main
deb [signed-by=/k.gpg arch=amd64] http://a.example/debian stable main contrib # trailing
deb http://old.example/debian-security bullseye/updates main
deb cdrom:[Debian]/ bookworm main
deb cdrom:[Debian GNU/Linux 12.0.0 _Bookworm_ - Official amd64 DVD]/ bookworm main
deb http://flat.example/ ./
""", off__disabled="deb http://off.example/debian sid main\n", b__list="deb-src mirror+file:/etc/mirrors sid main\n")
    assert [(a.uri, a.security, a.signed_by) for a in archives(etc)] == [
        ("http://a.example/debian/", False, "/k.gpg"), ("http://old.example/debian-security/", True, ""),
        ("mirror+file:/etc/mirrors/", False, "")]
