"""One bare object store under the user's cache directory; a tree is a ref in it.

`refs/trees/NAME` is what was fetched last under that name. Manifests share a store, and a name may be another thing in
each: `refs/sources/KEY/NAME` keeps what each source brought, so that none takes the place of another manifest's.

The ref is the truth. What is known beside it (source, checksum, when it was fetched) lies in one small JSON file
a tree, written after the ref and by rename, and counts only while it names the ref's commit: a run that was
killed between the two leaves a tree whose origin is read from the commit, never a wrong one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from backport.errors import InfraError
from backport.git import Git
from backport.locks import FileLock, Timeout
from backport.temporary import sweep_once
from backport.version import makefile_version
from backport.wholefile import private_directory, write_whole

_REFS = "refs/"
TREES = "refs/trees/"
RELEASES = "refs/releases/"
_SOURCES = "refs/sources/"           # then the key of the source, and the name

# The store is read by many and written by one, so nothing may tidy it up behind their backs; packs are written
# for speed (a tree is 1.4 GB of text, level 1 costs 15 % of the size and saves half of the time).
_CONFIG = {
    "gc.auto": "0", "maintenance.auto": "false", "receive.autogc": "false", "fetch.unpackLimit": "1",
    "core.compression": "1", "pack.compression": "1", "core.looseCompression": "1", "core.logAllRefUpdates": "false",
    "fetch.writeCommitGraph": "false", "core.bigFileThreshold": "64m", "fastimport.unpackLimit": "0",
}


@dataclass(frozen=True, slots=True)
class Head:
    """A tree as the store has it now."""

    tree: str                        # name in the manifest
    commit: str                      # object name in the store, 40 hex
    version: str                     # from the tree's Makefile: 6.1.187
    source: str                      # one line for people: "debian linux_6.1.187.orig.tar.xz"
    fetched: float                   # seconds since the epoch
    checksum: str = ""               # "sha256:..." where the source published one and it was verified
    history: bool = False            # more than a container commit: log, merge-base and describe mean something
    size: int = 0                    # bytes of all files, 0 where it is not known
    files: int = 0
    stamp: str = ""                  # names the content at its source: the same stamp is the same tree
    source_key: str = ""             # which source of the manifest it came from
    asked: float = 0.0               # when a source was last asked about this tree, seconds since the epoch
    notes: tuple[str, ...] = ()      # "7.2.13 is listed but cannot be downloaded (404)"
    signature: str = ""              # what was found out about the signature of its tag, "" where nobody looked
    base: str = ""                   # the tree's own commit where `commit` is a state with patches on top, else ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


class Store:
    """The object store of one cache directory. Reading needs no lock; writing goes through `writing()`."""

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = Path(cache).expanduser() if cache is not None else default_cache()
        self.path = self.cache / "store.git"

    def git(self) -> Git:
        """A new git object at the store (made where there is none); the caller closes it."""
        self.create()
        return Git(self.path)

    def create(self) -> None:
        """Make the store; nothing happens where it is there."""
        if (self.path / "backport.json").is_file():
            return
        try:
            private_directory(self.path)
        except OSError as error:
            raise InfraError(f"{self.path}: the store cannot be made: {error.strerror}",
                             hint="choose another place with --cache DIR or BACKPORT_CACHE") from error
        with FileLock(self.path / "backport.lock"), Git(self.path) as git:
            self._clear_wreckage()               # git refuses to go on where a kill left config.lock
            git.run("init", "--bare", "--quiet", "--initial-branch=none", ".")
            for key, value in _CONFIG.items():
                git.run("config", key, value)
            write_json(self.path / "backport.json", {"format": 1})

    def head(self, name: str) -> Head | None:
        """What the store has under `refs/trees/<name>`, None where it has nothing."""
        return self.now().head(name)

    def by_source(self, name: str = "") -> list[Head]:
        """What each source brought last, for the tree `name` or all: that of manifests which share the store too."""
        return self.now().by_source(name)

    def release(self, version: str) -> Head | None:
        """What the store has under `refs/releases/<version>`, None where it has nothing."""
        return self.now().release(version)

    def heads(self) -> list[Head]:
        """Every tree in the store, by name."""
        return self.now().heads()

    def releases(self) -> list[Head]:
        """Every pinned release in the store, by name."""
        return self.now().releases()

    def now(self) -> Heads:
        """What is there at this moment, for who asks for more than one: git is started once."""
        return Heads(self, self._refs(_REFS))

    def set(self, head: Head, *, prefix: str = TREES) -> None:
        """Move the ref to `head.commit`, then write what is known about it.

        What another source brought under a tree's name stays under the key of that source.
        """
        before = self.head(head.tree) if prefix == TREES else None
        kept = [one for one in (before, head) if one is not None and one.source_key and prefix == TREES]
        moved = {f"{_SOURCES}{one.source_key}/": one for one in kept} | {prefix: head}
        with self.git() as git:
            for place, one in moved.items():
                if one.tree in self._broken(git, place):
                    (self.path / f"{place}{one.tree}").unlink(missing_ok=True)   # git refuses to write over it
            # all of them or none
            git.run("update-ref", "--stdin", stdin="".join(
                f"update {place}{one.tree} {one.commit}\n" for place, one in moved.items()).encode())
        for place, one in moved.items():
            write_json(self._meta(place, one.tree), one.as_dict())

    def note(self, head: Head, *, prefix: str = TREES) -> None:
        """Write what is known about a tree without moving its ref."""
        places = [f"{_SOURCES}{head.source_key}/"] if prefix == TREES and head.source_key else []
        if prefix != TREES or not places or self._refs(TREES).get(head.tree) == head.commit:
            places.append(prefix)
        for place in places:
            write_json(self._meta(place, head.tree), head.as_dict())

    def remove(self, name: str, *, prefix: str = TREES) -> None:
        """Forget a tree; its objects stay."""
        with self.git() as git:
            git.run("update-ref", "-d", prefix + name)
        self._meta(prefix, name).unlink(missing_ok=True)

    def forget(self, head: Head) -> None:
        """Forget one that `by_source` lists."""
        self.remove(head.tree, prefix=f"{_SOURCES}{head.source_key}/")

    def damage(self, name: str, *, prefix: str = TREES) -> str:
        """Why a tree that the store should have cannot be read, with the cure; "" where it can, or never was there.

        A tree whose ref is damaged is not one that no source has: the sources are not to blame.
        """
        commit = self._refs(prefix).get(name)
        again = f"`backport trees fetch {name}` fetches it again"
        if commit is None:
            if self.path.is_dir():
                with Git(self.path) as git:
                    if name in self._broken(git, prefix):
                        return f"{self.path / prefix / name} is damaged: no commit is named there; {again}"
            known = str(read_json(self._meta(prefix, name)).get("commit", ""))
            return f"{self._meta(prefix, name)} names the commit {known[:12]}, and {self.path} has no ref for it; " \
                   f"{again}" if known else ""
        if self._holds(commit):
            return ""
        borrowed = self.path / "objects" / "info" / "alternates"
        if borrowed.is_file():
            return f"the commit {commit[:12]} is in none of the clones that {borrowed} names; {again}"
        return f"the commit {commit[:12]} is lost from {self.path}; remove it and run `backport trees fetch`"

    def known(self, stamp: str) -> Head | None:
        """What has this content already, under whatever name."""
        now = self.now()
        return next((head for head in (*now.heads(), *now.releases(), *now.by_source())
                     if stamp and head.stamp == stamp), None)

    @contextmanager
    def writing(self, say: Callable[[str], None] = lambda text: None) -> Iterator[None]:
        """Be the one writer; says who is waited for. What a killed writer left behind is cleared first."""
        self.create()
        lock = FileLock(self.cache / "store.lock")
        holder = self.cache / "store.lock.holder"
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"waiting for another backport process that writes {self.path}{_holder(holder)}")
            lock.acquire()
        try:
            holder.write_text(f"{os.getpid()}\n")
            self._clear_wreckage()
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def tidy(self) -> None:
        """Remove what a writer left beside the store that was killed between a ref and its note: where the ref says it
        all, nobody writes there again."""
        for folder in ("trees", "releases", *(f"sources/{one.name}" for one in (self.cache / "sources").glob("*"))):
            sweep_once(str((self.cache / folder).absolute()))
        holder = self.cache / "store.lock.holder"
        with suppress(OSError, Timeout):
            if holder.exists():
                lock = FileLock(self.cache / "store.lock")
                lock.acquire(timeout=0)
                try:
                    holder.unlink(missing_ok=True)
                finally:
                    lock.release()

    # reading

    def _refs(self, prefix: str) -> dict[str, str]:
        if not (self.path / "backport.json").is_file():
            if (self.path / "objects").is_dir():
                raise InfraError(f"{self.path} has no backport.json: it was not finished, or it is damaged",
                                 hint="`backport trees fetch` completes it; nothing in it is lost")
            return {}
        with Git(self.path) as git:
            rows = git.run("for-each-ref", "--format=%(objectname) %(refname)", prefix).text.splitlines()
        return {ref.removeprefix(prefix): sha for sha, _, ref in (row.partition(" ") for row in rows)}

    def _broken(self, git: Git, prefix: str) -> frozenset[str]:
        """Names of refs that are there and say nothing: git passes them over with a warning."""
        told = git.run("for-each-ref", "--format=%(refname)", prefix).err.splitlines()
        return frozenset(line.rpartition(prefix)[2].strip() for line in told if "ignoring" in line and prefix in line)

    def read(self, prefix: str, name: str, commit: str) -> Head | None:
        """What is known about the commit that the ref names; None where the store does not hold it."""
        noted = read_json(self._meta(prefix, name))
        # objects that are borrowed can be gone: then the tree is as good as not there
        borrowed = (self.path / "objects" / "info" / "alternates").is_file()
        if noted.get("commit") == commit and not (borrowed and not self._holds(commit)):
            names = {field.name for field in fields(Head)}
            values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value
                                      for key, value in noted.items() if key in names}
            return Head(**{**values, "tree": name})
        with Git(self.path) as git:
            if git.rev(f"{commit}^{{tree}}") is None:
                return None
            version = makefile_version(git.blob(f"{commit}:Makefile"))
            when = git.run("log", "-1", "--format=%ct", commit, ok=()).text
        return Head(name, commit, version, "unknown", float(when) if when.isdigit() else 0.0)

    def _holds(self, commit: str) -> bool:
        with Git(self.path) as git:
            return git.rev(f"{commit}^{{tree}}") is not None

    def _meta(self, prefix: str, name: str) -> Path:
        return self.cache / prefix.removeprefix("refs/").strip("/") / f"{name}.json"

    # writing

    def _clear_wreckage(self) -> None:
        """Remove what a killed git left: locks that nobody holds and half-written packs."""
        locks = [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock"),
                 *(self.path / "objects" / "info").glob("*.lock")]
        locks = [lock for lock in locks if lock.name != "backport.lock"]
        wreck = [*(self.path / "objects" / "pack").glob("tmp_*"), *(self.path / "objects" / "pack").glob("*.lock"),
                 *self.path.glob("fast_import_crash_*"), *(self.path / "objects").glob("tmp_objdir*"),
                 *(self.path / "objects").glob("??/tmp_obj_*")]
        if (locks or wreck) and _wait_for_orphans(self.path):
            for path in (*locks, *wreck):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Heads:
    """What the refs of a store said at one moment."""

    store: Store
    refs: Mapping[str, str]          # name without `refs/` -> commit

    def now(self) -> Heads:
        """Itself: who is given a store or its heads asks either for them."""
        return self

    def head(self, name: str) -> Head | None:
        """See `Store.head`."""
        head = self._named(TREES, name)
        if head is None or head.source_key:
            return head
        # not noted, as a kill or a fetch in this moment leaves it: the ref of its source says where it is from
        return next((one for one in self.by_source(name) if one.commit == head.commit), head)

    def by_source(self, name: str = "") -> list[Head]:
        """See `Store.by_source`."""
        places = [place for place in (ref.split("/") for ref in sorted(self._below(_SOURCES)))
                  if len(place) == 2 and name in ("", place[1])]
        heads = ((key, self._named(f"{_SOURCES}{key}/", tree)) for key, tree in places)
        return [replace(head, source_key=key) for key, head in heads if head is not None]

    def release(self, version: str) -> Head | None:
        """See `Store.release`."""
        return self._named(RELEASES, version)

    def heads(self) -> list[Head]:
        """See `Store.heads`."""
        return self._every(TREES)

    def releases(self) -> list[Head]:
        """See `Store.releases`."""
        return self._every(RELEASES)

    def _below(self, prefix: str) -> dict[str, str]:
        place = prefix.removeprefix(_REFS)
        return {name.removeprefix(place): commit for name, commit in self.refs.items() if name.startswith(place)}

    def _every(self, prefix: str) -> list[Head]:
        heads = (self.store.read(prefix, name, commit) for name, commit in sorted(self._below(prefix).items()))
        return [head for head in heads if head is not None]

    def _named(self, prefix: str, name: str) -> Head | None:
        commit = self.refs.get(prefix.removeprefix(_REFS) + name) if safe_name(name) else None
        return self.store.read(prefix, name, commit) if commit else None


def default_cache() -> Path:
    """$BACKPORT_CACHE, or the user's cache directory."""
    named = os.environ.get("BACKPORT_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("backport"))


def safe_name(name: str) -> bool:
    """Whether `name` can be one component of a ref and of a file name."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name) is not None and ".." not in name \
        and not name.endswith((".lock", "."))


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; {} where there is none or it is damaged (a cache may always be empty)."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write by rename, so that a reader or a kill never sees half a file."""
    private_directory(path.parent)
    write_whole(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def touched(head: Head, *, asked: float | None = None, notes: tuple[str, ...] | None = None) -> Head:
    """`head` as asked about just now."""
    return replace(head, asked=time.time() if asked is None else asked,
                   notes=head.notes if notes is None else notes)


def _holder(path: Path) -> str:
    try:
        return f" (process {path.read_text().strip()})"
    except OSError:
        return ""


def _wait_for_orphans(store: Path, seconds: float = 20.0) -> bool:
    """True once no git runs in the store any more: the child of a killed run may still be writing."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _git_running_in(store):
            return True
        time.sleep(0.2)
    return False


def _git_running_in(store: Path) -> bool:
    here = store.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().startswith("git") and (process / "cwd").resolve() == here:
                command = (process / "cmdline").read_bytes()
                if b"cat-file" not in command:      # a reader, which may well run beside us
                    return True
        except OSError:
            continue                                # ended meanwhile, or not ours to look at
    return False
