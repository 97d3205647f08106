"""Every kind of source but Debian's, on made-up trees, and what fetch does around them."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import random
import resource
import shutil
import socket
import tarfile
import threading
import time
from pathlib import Path

import pytest

from backport.errors import InfraError, UserError
from backport.git import Git
from backport.targets import get_trees, known_heads
from backport.trees import fetch as fetching
from backport.trees.fetch import fetch, fetch_releases, status
from backport.trees.sources import gitremote
from backport.trees.store import Store
from tests.support.trees import commit, files, manifest, objects, one, tarball


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def content(store: Store, ref: str = "refs/trees/linux-6.1.y") -> dict[str, bytes]:
    with store.git() as git:
        return {path: git.blob(sha) or b"" for _mode, sha, path in git.ls_tree(ref)}


# git, somewhere else


def test_a_branch_is_fetched_shallow_and_moves_with_its_origin(tmp_path, store):
    origin = tmp_path / "origin"
    commit(origin, files("6.1.1"))
    second = commit(origin, files("6.1.2"))
    trees = one(tmp_path, f"{{git: file://{origin}, branch: main}}")
    [result] = fetch(store, trees)
    assert (result.head.commit, result.head.version, result.changed) == (second, "6.1.2", True)
    assert content(store) == files("6.1.2")
    assert not result.head.history
    with store.git() as git:
        assert git.run("rev-list", "--count", second).text == "1"
        assert git.run("for-each-ref", "refs/incoming").text == ""
    third = commit(origin, files("6.1.3"))
    [kept] = fetch(store, trees)
    assert (kept.head.commit, kept.from_memory) == (second, True)       # asked a moment ago
    [moved] = fetch(store, trees, update=True)
    assert (moved.head.commit, moved.head.version, moved.changed) == (third, "6.1.3", True)


def test_full_history_brings_every_commit_and_the_release_tags(tmp_path, store):
    origin = tmp_path / "origin"
    commit(origin, files("6.1.1"))
    with Git(origin) as git:
        git.run("tag", "-a", "-m", "Linux 6.1.1", "v6.1.1")
    last = commit(origin, files("6.1.2"))
    trees = one(tmp_path, f"{{git: file://{origin}, branch: main}}")
    fetch(store, trees)
    [result] = fetch(store, trees, full_history=True)
    assert result.head.history
    with store.git() as git:
        assert git.run("rev-list", "--count", last).text == "2"
        assert git.run("describe", last).text.startswith("v6.1.1-1-g")
    assert fetch(store, trees, full_history=True)[0].from_memory        # there already
    commit(origin, files("6.1.3"))
    [later] = fetch(store, trees, update=True)
    assert later.head.history                                           # history is continued, not cut
    with store.git() as git:
        assert git.run("rev-list", "--count", later.head.commit).text == "3"


def test_a_release_is_the_tag_of_that_name(tmp_path, store):
    origin = tmp_path / "origin"
    tagged = commit(origin, files("6.1.1"))
    with Git(origin) as git:
        git.run("tag", "-a", "-m", "x", "v6.1.1")
    commit(origin, files("6.1.2"))
    trees = one(tmp_path, f"{{git: file://{origin}, branch: main}}")
    there, missing = fetch_releases(store, trees, ["6.1.1", "6.1.9"])
    assert there.head.commit == tagged
    assert store.release("6.1.1").version == "6.1.1"
    assert missing.head is None
    assert "no tags/v6.1.9" in missing.reason


def test_a_branch_that_holds_another_series_is_refused(tmp_path, store):
    origin = tmp_path / "origin"
    commit(origin, files("6.12.1"))
    [result] = fetch(store, one(tmp_path, f"{{git: file://{origin}, branch: main}}"))
    assert result.head is None
    assert "holds 6.12.1, which is not 6.1" in result.reason
    assert store.head("linux-6.1.y") is None


def test_a_dead_host_is_asked_once_and_remembered_with_its_age(tmp_path, store, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked: list[str] = []
    real = gitremote.check_host
    monkeypatch.setattr(gitremote, "check_host", lambda url: (asked.append(url), real(url)))
    trees = manifest(tmp_path, f"""\
trees:
- name: linux-6.6.y
  sources: [{{git: 'git://127.0.0.1:{port}/a', branch: b}}]
- name: linux-6.1.y
  sources: [{{git: 'git://127.0.0.1:{port}/a', branch: c}}]
""")
    first = fetch(store, trees)
    assert len(asked) == 1                                              # the second tree does not wait again
    assert [result.head for result in first] == [None, None]
    assert "127.0.0.1 not reached: Connection refused" in first[0].reason
    later = time.time() + 7300
    monkeypatch.setattr(fetching.time, "time", lambda: later)
    second = fetch(store, trees)
    assert len(asked) == 1
    assert all(result.from_memory for result in second)
    assert second[1].reason == "127.0.0.1 not reached: Connection refused (tried 2 h ago; --update asks again)"
    fetch(store, trees, update=True)
    assert len(asked) == 2
    much_later = later + 13 * 3600
    monkeypatch.setattr(fetching.time, "time", lambda: much_later)
    fetch(store, trees)
    assert len(asked) == 3                                              # hours have passed: ask again


def test_a_host_that_accepts_and_says_nothing_does_not_hold_the_run(tmp_path, store, monkeypatch):
    monkeypatch.setattr(gitremote, "_ASK_SECONDS", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        began = time.monotonic()
        [result] = fetch(store, one(tmp_path, f"{{git: 'git://127.0.0.1:{silent.getsockname()[1]}/a', branch: b}}"))
    assert time.monotonic() - began < 10
    assert "127.0.0.1" in result.reason
    assert "did not answer within 1 s" in result.reason


def test_the_next_source_serves_and_the_reason_is_told(tmp_path, store):
    origin = tmp_path / "origin"
    commit(origin, files())
    trees = one(tmp_path, f"{{directory: {tmp_path}/none}}\n{{git: file://{origin}, branch: gone}}\n"
                          f"{{git: file://{origin}, branch: main}}")
    [result] = fetch(store, trees)
    assert result.head.version == "6.1.7"
    assert any("none does not exist" in note for note in result.notes)
    assert any("has no heads/gone" in note for note in result.notes)


@pytest.mark.parametrize("kind", ["git", "tarball"])
def test_a_full_disk_here_is_no_fault_of_the_source(tmp_path, store, kind):
    """The tree was `no-tree`, its source remembered as one that failed, and the exit code 0."""
    store.create()
    big = files("6.1.2", **{"big.bin": random.Random(1).randbytes(300_000)})
    if kind == "git":
        commit(tmp_path / "origin", big)
        trees = one(tmp_path, f"{{git: file://{tmp_path}/origin, branch: main}}")
    else:
        (tmp_path / "linux.tar.xz").write_bytes(tarball(big))
        trees = one(tmp_path, f"{{tarball: file://{tmp_path}/linux.tar.xz}}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(InfraError, match=r"linux-6\.1\.y cannot be stored: ") as met:
            fetch(store, trees)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "free some space on /" in met.value.hint
    [now] = fetch(store, trees)
    assert now.head.version == "6.1.2"


def test_a_tree_stays_when_its_source_goes_away(tmp_path, store):
    origin = tmp_path / "origin"
    commit(origin, files())
    trees = one(tmp_path, f"{{git: file://{origin}, branch: main}}")
    [before] = fetch(store, trees)
    shutil.rmtree(origin)
    [after] = fetch(store, trees, update=True)
    assert after.head.commit == before.head.commit
    assert after.reason.startswith("not refreshed: ")
    assert not after.changed


def test_a_tree_of_another_manifest_is_not_taken_for_this_ones(tmp_path, store):
    """Two manifests call a tree the same: --offline, and a source that does not answer, gave the other one's."""
    commit(tmp_path / "origin", files("6.1.2"))
    commit(tmp_path / "other", files("6.1.9"))
    ours = one(tmp_path, f"{{git: file://{tmp_path}/origin, branch: main}}")
    theirs = one(tmp_path, f"{{git: file://{tmp_path}/other, branch: main}}")
    fetch(store, theirs)
    [column] = get_trees(store, ours, ["6.1"], offline=True)
    assert column.head is None
    assert "6.1.9 from git file://" in column.reason
    assert "is from no source of this manifest" in column.reason
    assert known_heads(store, ours)[0] == ()
    assert status(store, ours)[0].head is None
    shutil.move(tmp_path / "origin", tmp_path / "away")
    [away] = fetch(store, ours, update=True)
    assert away.head is None
    shutil.move(tmp_path / "away", tmp_path / "origin")
    [back] = fetch(store, ours, update=True)
    assert back.head.version == "6.1.2"
    assert get_trees(store, ours, ["6.1"], offline=True)[0].head.version == "6.1.2"


def test_two_manifests_with_one_name_keep_a_tree_each(tmp_path, store):
    """Each fetch of one refused the other, which then had to fetch again, and so on by turns."""
    for place, version in (("origin", "6.1.2"), ("other", "6.1.9")):
        commit(tmp_path / place, files(version))
    ours, theirs = (one(tmp_path, f"{{git: file://{tmp_path}/{place}, branch: main}}") for place in ("origin", "other"))
    [first] = fetch(store, ours)
    [second] = fetch(store, theirs)
    for trees, version in ((ours, "6.1.2"), (theirs, "6.1.9"), (ours, "6.1.2")):
        assert [head.version for head in known_heads(store, trees)[0]] == [version]
        assert get_trees(store, trees, ["6.1"], offline=True)[0].head.version == version
        assert status(store, trees)[0].head.version == version
        [again] = fetch(store, trees)
        assert (again.head.version, again.from_memory, again.changed) == (version, True, False)
    commit(tmp_path / "origin", files("6.1.3"))
    [moved] = fetch(store, ours, update=True)
    assert (moved.head.version, moved.changed) == ("6.1.3", True)
    assert get_trees(store, theirs, ["6.1"], offline=True)[0].head == second.head
    shutil.rmtree(tmp_path / "origin")
    fetch(store, theirs, update=True)
    [gone] = fetch(store, ours, update=True)
    assert (gone.head.version, gone.head.source) == ("6.1.3", first.head.source)


def test_a_kill_before_the_note_gives_no_manifest_the_others_tree(tmp_path, store):
    """A ref without its note was taken for a tree of an older version of this tool, which any manifest may use."""
    for place, version in (("origin", "6.1.2"), ("other", "6.1.9")):
        commit(tmp_path / place, files(version))
    ours, theirs = (one(tmp_path, f"{{git: file://{tmp_path}/{place}, branch: main}}") for place in ("origin", "other"))
    fetch(store, ours)
    notes = [path for path in store.cache.rglob("linux-6.1.y.json")]
    before = {path: path.read_bytes() for path in notes}
    fetch(store, theirs)
    for path in store.cache.rglob("linux-6.1.y.json"):      # as if killed when the refs had moved
        path.unlink() if path not in before else path.write_bytes(before[path])
    assert [head.version for head in known_heads(store, ours)[0]] == ["6.1.2"]
    assert [head.version for head in known_heads(store, theirs)[0]] == ["6.1.9"]
    assert known_heads(store, one(tmp_path, f"{{git: file://{tmp_path}/third, branch: main}}"))[0] == ()


def test_a_store_of_an_older_version_has_no_head_for_a_source(tmp_path, store):
    for place, version in (("origin", "6.1.2"), ("other", "6.1.9")):
        commit(tmp_path / place, files(version))
    ours, theirs = (one(tmp_path, f"{{git: file://{tmp_path}/{place}, branch: main}}") for place in ("origin", "other"))
    [first] = fetch(store, ours)
    with store.git() as git:
        git.run("update-ref", "-d", f"refs/sources/{first.head.source_key}/linux-6.1.y")
    shutil.rmtree(store.cache / "sources")
    assert known_heads(store, ours)[0] == (first.head,)
    assert known_heads(store, theirs)[0] == ()
    fetch(store, theirs)
    assert known_heads(store, ours)[0] == (first.head,)


def test_an_unknown_tree_is_the_users_mistake(tmp_path, store):
    with pytest.raises(UserError, match="has no tree 'linux-9"):
        fetch(store, one(tmp_path, "{directory: x}"), ["linux-9.9.y"])


# a repository here


def test_a_local_repository_lends_its_objects(tmp_path, store):
    mine = tmp_path / "mine"
    head = commit(mine, files("6.1.5"))
    store.create()
    before = objects(store.path)
    trees = one(tmp_path, f"{{local: {mine}, branch: main}}")
    [result] = fetch(store, trees)
    assert (result.head.commit, result.head.version) == (head, "6.1.5")
    assert objects(store.path) == before == 0                           # borrowed, not copied
    assert content(store) == files("6.1.5")
    newer = commit(mine, files("6.1.6"))
    [moved] = fetch(store, trees)                                       # local: looked at every time
    assert (moved.head.commit, moved.head.history) == (newer, True)
    assert (store.path / "objects/info/alternates").read_text().splitlines() == [str(mine / ".git/objects")]


@pytest.mark.parametrize(("option", "version"), [("tag: v6.1.1", "6.1.1"), ("commit: HEAD~1", "6.1.1"),
                                                 ("branch: main", "6.1.2")])
def test_a_local_repository_by_tag_commit_or_branch(tmp_path, store, option, version):
    mine = tmp_path / "mine"
    commit(mine, files("6.1.1"))
    with Git(mine) as git:
        git.run("tag", "v6.1.1")
    commit(mine, files("6.1.2"))
    assert fetch(store, one(tmp_path, f"{{local: {mine}, {option}}}"))[0].head.version == version


def test_a_repository_whose_owner_took_it_away_is_no_tree_not_a_crash(tmp_path, store):
    mine = tmp_path / "mine"
    commit(mine, files())
    trees = one(tmp_path, f"{{local: {mine}}}")
    fetch(store, trees)
    shutil.rmtree(mine)
    [result] = fetch(store, trees)
    assert result.head is None
    assert "does not exist" in result.reason
    assert store.heads() == []


def test_a_shallow_clone_can_lend_too(tmp_path, store):
    origin, mine = tmp_path / "origin", tmp_path / "mine"
    commit(origin, files("6.1.1"))
    commit(origin, files("6.1.2"))
    mine.mkdir()
    with Git(mine) as git:
        git.run("clone", "-q", "--depth=1", f"file://{origin}", ".")
    [result] = fetch(store, one(tmp_path, f"{{local: {mine}}}"))
    assert not result.head.history
    with store.git() as git:
        assert git.run("rev-list", "--count", result.head.commit).text == "1"


def test_a_partial_clone_or_no_repository_is_refused_with_the_reason(tmp_path, store):
    mine = tmp_path / "mine"
    commit(mine, files())
    with Git(mine) as git:
        git.run("config", "remote.origin.promisor", "true")
    assert "partial clone" in fetch(store, one(tmp_path, f"{{local: {mine}}}"))[0].reason
    (tmp_path / "plain").mkdir()
    assert "not a git repository" in fetch(store, one(tmp_path, f"{{local: {tmp_path}/plain}}"))[0].reason


# a directory


def test_a_directory_becomes_one_commit_and_is_read_again_when_it_changed(tmp_path, store):
    top = tmp_path / "tree"
    commit(top, files())                                                # its .git is left out
    (top / "link").symlink_to("Makefile")
    (top / "kernel/a.c").chmod(0o755)
    trees = one(tmp_path, f"{{directory: {top}}}")
    [first] = fetch(store, trees)
    with store.git() as git:
        modes = {path: mode for mode, _sha, path in git.ls_tree(first.head.commit)}
    assert modes == {"Makefile": "100644", "kernel/a.c": "100755", "include/a.h": "100644", "link": "120000"}
    [again] = fetch(store, trees)
    assert not again.changed
    (top / "kernel/a.c").write_bytes(b"changed\n")
    [moved] = fetch(store, trees)
    assert moved.changed
    assert content(store)["kernel/a.c"] == b"changed\n"


def test_the_same_files_make_the_same_commit_on_every_machine(tmp_path):
    commits = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.tar.xz").write_bytes(tarball(files()))
        trees = one(tmp_path, f"{{tarball: {tmp_path}/{name}/t.tar.xz}}")
        commits.add(fetch(Store(tmp_path / name / "cache"), trees)[0].head.commit)
    assert len(commits) == 1


# a tarball


def test_a_tarball_says_in_its_commit_what_it_is(tmp_path, store):
    data = tarball(files())
    sha = hashlib.sha256(data).hexdigest()
    (tmp_path / "t.tar.xz").write_bytes(data)
    [result] = fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/t.tar.xz, sha256: {sha}}}"))
    assert content(store) == files()
    assert result.head.checksum == f"sha256:{sha}"
    with store.git() as git:
        message = git.run("log", "-1", "--format=%B%an %ae %at", result.head.commit).text
        git.run("fsck", "--strict")
    assert message == f"linux 6.1.7\n\nsource: tarball t.tar.xz\nsha256: {sha}\nbackport backport@localhost 0"


@pytest.mark.parametrize("mode", ["w:xz", "w:gz", "w:bz2", "w"])
@pytest.mark.parametrize("top", ["linux-6.1.7/", "", "./"])
def test_compressions_and_tops(tmp_path, store, mode, top):
    (tmp_path / "t.tar").write_bytes(tarball(files(), top=top, mode=mode))
    fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/t.tar}}"))
    assert content(store) == files()


@pytest.mark.parametrize("mode", ["w:xz", "w:gz", "w:bz2", "w"])
@pytest.mark.parametrize("keep", [0, 0.3, 0.9])
def test_a_tarball_that_is_cut_short_is_never_a_smaller_tree(tmp_path, store, mode, keep):
    data = tarball(files(big=random.Random(1).randbytes(60_000)), mode=mode)
    (tmp_path / "t.tar").write_bytes(data[:int(len(data) * keep)])
    [result] = fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/t.tar}}"))
    assert result.head is None
    assert "incomplete tarball" in result.reason
    assert store.heads() == []


def test_a_tarball_cut_between_two_files_is_noticed(tmp_path, store):
    data = tarball(files(), mode="w")
    end = data.index(b"linux-6.1.7/kernel/a.c")                         # exactly at a header
    for whole in (data[:end], gzip.compress(data[:end])):
        (tmp_path / "t.tar").write_bytes(whole)
        [result] = fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/t.tar}}"))
        assert "the end of the archive is missing" in result.reason


def _tar(path, *members, form=tarfile.GNU_FORMAT):
    """A tarball of linux/Makefile and these (name, fields of TarInfo, bytes)."""
    with tarfile.open(path, "w:xz", format=form) as archive:
        for name, fields, data in (("linux/Makefile", {}, files()["Makefile"]), *members):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(("members", "said"), [
    ([("linux/../../etc/x", {}, b"x")], "outside itself"), ([("/etc/x", {}, b"x")], "outside itself"),
    ([("linux/dev", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}, b"")], "neither a file nor a link"),
    ([("linux/fifo", {"type": tarfile.FIFOTYPE}, b"")], "neither a file nor a link"),
    ([("linux/hard", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, b"")], "outside itself"),
    ([("linux/hard", {"type": tarfile.LNKTYPE, "linkname": "linux/none"}, b"")], "which is not there"),
    ([("linux/big", {}, b"x" * 3000)], "a file of 0 MiB"),
    ([("linux/" + "d/" * 700_000, {}, b"x")], "a header of 14"),
    ([("linux/sparse", {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                                        "GNU.sparse.realsize": str(1 << 50)}}, b"1\n0\n1\n")], "a sparse file"),
    ([("linux/sparse", {"type": tarfile.GNUTYPE_SPARSE}, b"")], "a sparse file"),
    ([(f"linux/{number}", {}, b"x" * 1900) for number in range(30)], "holds more than"),
])
def test_hostile_tarballs_give_no_tree_and_say_why(tmp_path, store, monkeypatch, members, said):
    monkeypatch.setattr("backport.trees.tarball.FILE", 2000)
    monkeypatch.setattr("backport.trees.tarball.TREE", 60_000 if "more than" in said else 10 << 20)
    pax = any("pax_headers" in fields for _name, fields, _data in members)
    _tar(tmp_path / "l.tar.xz", *members, form=tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)
    [result] = fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/l.tar.xz}}"))
    assert result.head is None
    assert said in result.reason
    with store.git() as git:
        assert git.run("for-each-ref").text == ""


def test_modes_links_and_doubles_of_a_tarball_are_harmless(tmp_path, store):
    _tar(tmp_path / "l.tar.xz", ("linux/run", {"mode": 0o6777}, b"x"), ("linux/.git/hooks/x", {"mode": 0o755}, b"x"),
         ("linux/out", {"type": tarfile.SYMTYPE, "linkname": "/etc"}, b""), ("linux/out/passwd", {}, b"mine"),
         ("linux/twice", {}, b"1"), ("linux/twice", {}, b"2"))
    [result] = fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/l.tar.xz}}"))
    with store.git() as git:
        rows = {path: (mode, git.blob(sha)) for mode, sha, path in git.ls_tree(result.head.commit)}
    assert rows.pop("Makefile")
    # what is below the link takes its place, and nothing was written where it led
    assert rows == {"run": ("100755", b"x"), "out/passwd": ("100644", b"mine"), "twice": ("100644", b"2")}


def test_hard_links_and_paths_outside(tmp_path, store):
    import io
    import tarfile
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files().items():
            info = tarfile.TarInfo(f"top/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("top/hard.h")
        link.type, link.linkname = tarfile.LNKTYPE, "top/include/a.h"
        archive.addfile(link)
    (tmp_path / "t.tar").write_bytes(out.getvalue())
    fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/t.tar}}"))
    assert content(store) == {**files(), "hard.h": b"#define A 1\n"}
    (tmp_path / "t.tar").write_bytes(tarball({"../../x": b"evil"}, mode="w"))
    [result] = fetch(store, one(tmp_path, f"{{tarball: {tmp_path}/t.tar}}"))
    assert "outside itself" in result.reason
    assert result.head.version == "6.1.7"                               # what was there stays


class _Server(http.server.ThreadingHTTPServer):
    """Serves one file; the first answers break off after `cut` bytes; counts bytes and ranges."""

    def __init__(self, data: bytes, cut: int) -> None:
        self.data, self.cut, self.ranges, self.sent = data, cut, [], 0
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/linux.tar.xz"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        start = 0
        tag = f'"{hashlib.md5(self.server.data).hexdigest()}"'
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if asked and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        body = self.server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", tag)
        self.end_headers()
        if self.server.cut:
            body, self.server.cut = body[:self.server.cut], 0
        self.wfile.write(body)
        self.server.sent += len(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serve():
    running = []

    def start(data: bytes, cut: int = 0) -> _Server:
        server = _Server(data, cut)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_broken_download_is_continued_where_it_broke(tmp_path, store, serve):
    data = tarball(files(big=bytes(range(256)) * 4000), mode="w")
    server = serve(data, cut=300_000)
    trees = one(tmp_path, f"{{tarball: '{server.url}', sha256: {hashlib.sha256(data).hexdigest()}}}")
    [broken] = fetch(store, trees)
    assert broken.head is None
    assert f"300000 of {len(data)} bytes" in broken.reason
    [whole] = fetch(store, trees, update=True)
    assert whole.head.version == "6.1.7"
    assert server.ranges == [None, "bytes=300000-"]
    assert server.sent == len(data)                                     # not one byte twice
    assert list((store.cache / "downloads").iterdir()) == []


def test_a_file_that_changed_meanwhile_is_downloaded_from_the_start(tmp_path, store, serve):
    server = serve(tarball(files("6.1.1", big=bytes(500_000)), mode="w"), cut=300_000)
    trees = one(tmp_path, f"{{tarball: '{server.url}'}}")
    fetch(store, trees)
    server.data = tarball(files("6.1.2", big=bytes(500_000)), mode="w")
    [result] = fetch(store, trees, update=True)
    assert result.head.version == "6.1.2"


def test_a_wrong_checksum_imports_nothing_and_is_not_kept(tmp_path, store, serve):
    server = serve(tarball(files()))
    trees = one(tmp_path, f"{{tarball: '{server.url}', sha256: {'0' * 64}}}")
    [result] = fetch(store, trees)
    assert result.head is None
    assert f"not {'0' * 64}" in result.reason
    assert list((store.cache / "downloads").iterdir()) == []
    assert fetch(store, trees)[0].from_memory
