"""Bring trees into the store: ask each tree's sources in order, take the first that has it.

Nothing is asked twice within some hours: neither about a tree that is in the store, nor at a source that failed,
unless `update` says so. Sources on this machine (a directory, a local repository) are looked at every time,
because looking is cheap and somebody may be working there.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from backport.errors import BackportError, GitError, InfraError, SourceUnavailable, UserError
from backport.git import Git
from backport.gitfault import not_written
from backport.manifest import Manifest, Tree, TreeSource
from backport.trees.catalog import Catalog, extend
from backport.trees.failure_cache import Memory, age
from backport.trees.net import HostDown
from backport.trees.progress import Progress
from backport.trees.sources import KINDS
from backport.trees.sources.base import PENDING, Made, Ready, SourceRequest
from backport.trees.store import RELEASES, TREES, Head, Heads, Store, touched
from backport.version import in_series, makefile_version
from backport.wholefile import DISK, disk

REMEMBER_HOURS = 12.0

# trees that may lie downloaded while an earlier one is imported: enough to keep both sides busy, and the disk free
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class FetchResult:
    """One tree after a fetch.

    `head` is None where the tree is not available, with the `reason` in one line; with a head, `reason` says why
    it could not be refreshed ("" where nothing is wrong). `from_memory`: nobody was asked this time. `changed`:
    the tree was not in the store before, or moved. `notes`: what a reader should know about where it came from.
    """

    tree: str
    head: Head | None
    reason: str = ""
    from_memory: bool = False
    changed: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """One ref to fill: a tree of the manifest, or one pinned release of it."""

    tree: Tree
    release: str = ""

    @property
    def name(self) -> str:
        return self.release or self.tree.name

    @property
    def prefix(self) -> str:
        return RELEASES if self.release else TREES


@dataclass(slots=True)
class _Try:
    """Where one tree stands: sources that failed so far, and the one that has it."""

    wanted: _Wanted
    head: Head | None
    reasons: list[str] = field(default_factory=list)
    asked: bool = False              # somebody was asked just now
    next: int = 0                    # index of the next source to ask
    ready: Ready | None = None
    source: TreeSource | None = None


def fetch(store: Store, manifest: Manifest, names: Sequence[str] = (), *, update: bool = False,
          full_history: bool = False, progress: Progress | None = None,
          remember_hours: float = REMEMBER_HOURS) -> list[FetchResult]:
    """Make the named trees (all where none is named) present and reasonably fresh; in manifest order.

    `update` asks every source now; `full_history` makes git sources bring all commits. A tree that is not available
    is a FetchResult without head, never an exception. Raises UserError for a name that is not in the manifest.
    """
    wanted = [_Wanted(tree) for tree in _chosen(manifest, names)]
    results = _Run(store, wanted, update, full_history, progress or Progress(), remember_hours).run()
    read_names(store, [result for result in results if result.changed], progress or Progress())
    return results


def fetch_releases(store: Store, manifest: Manifest, versions: Sequence[str], *, update: bool = False,
                   progress: Progress | None = None, remember_hours: float = REMEMBER_HOURS) -> list[FetchResult]:
    """Pin exact releases ("6.1.176") under refs/releases/; a series that the manifest lacks is asked of its
    upstream tree's sources. Results carry the version as `tree`."""
    wanted = []
    for version in dict.fromkeys(versions):
        home = next((tree for tree in manifest.trees if not tree.upstream and in_series(version, tree.series)
                     and tree.series[:1].isdigit()), manifest.upstream or manifest.trees[0])
        wanted.append(_Wanted(home, version))
    results = _Run(store, wanted, update, False, progress or Progress(), remember_hours).run()
    read_names(store, [result for result in results if result.changed], progress or Progress())
    return results


def read_names(store: Store, results: Sequence[FetchResult], progress: Progress) -> None:
    """Bring the names of these trees into the index, while somebody waits anyway. That of a tree which was there before
    is otherwise read when a name is first asked for."""
    wanted = {result.head.commit: result.tree for result in results if result.head is not None}
    if not wanted:
        return
    try:
        for commit, name in wanted.items():
            extend(Catalog.beside(store.path), store.path, {commit: name}, quiet=progress.quiet,
                   say=partial(_named, progress, name))
    except InfraError as error:                          # the trees are there; who asks for a name is told again
        progress.say(f"the names of {', '.join(wanted.values())} were not read: {error.message}")


def _named(progress: Progress, name: str, text: str) -> None:
    progress.say(f"{name}: {text}")


def status(store: Store, manifest: Manifest, *, remember_hours: float = REMEMBER_HOURS) -> list[FetchResult]:
    """What the store has of every tree of the manifest, and why it lacks one as far as that is remembered; asks no
    host and changes nothing."""
    wanted = [_Wanted(tree) for tree in manifest.trees]
    run = _Run(store, wanted, False, False, Progress(), remember_hours)
    now = store.now()
    heads = {head.tree: head for head in now.heads()}
    found = []
    for one in wanted:
        head = own_head(now, one.tree)
        if head is None and one.name in heads:
            found.append(FetchResult(one.name, None, foreign(heads[one.name]), from_memory=True))
            continue
        result = run.without_asking(one, head) if head is None else None
        reason = result.reason if result is not None else "" if head is not None else "not fetched yet"
        found.append(FetchResult(one.name, head, reason, from_memory=True, notes=head.notes if head else ()))
    return found


def _chosen(manifest: Manifest, names: Iterable[str]) -> list[Tree]:
    chosen = []
    for name in names:
        tree = manifest.tree(name)
        if tree is None:
            raise UserError(f"{manifest.path} has no tree {name!r}",
                            hint="it has " + ", ".join(tree.name for tree in manifest.trees))
        chosen.append(tree)
    return [tree for tree in manifest.trees if tree in chosen] if chosen else list(manifest.trees)


def source_key(source: TreeSource) -> str:
    """Names a source with all its options: failures and trees are remembered under it."""
    text = json.dumps([source.kind, dict(source.options)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def own_head(store: Store | Heads, tree: Tree) -> Head | None:
    """What the store has of `tree`, None where that came from no source of it.

    Manifests share a store, and trees of one name may be another thing in each: a head of the other manifest's would
    be an answer for a tree that nobody asked about. One of an older version does not say what brought it.
    """
    now = store.now()
    head = now.head(tree.name)
    keys = [source_key(source) for source in tree.sources]
    if head is not None and head.source_key in keys:
        return head
    kept = [one for one in now.by_source(tree.name) if one.source_key in keys]
    return max(kept, key=lambda one: one.asked, default=head if head is not None and not head.source_key else None)


def own_heads(store: Store | Heads, trees: Iterable[Tree]) -> list[Head]:
    """`own_head` of each of `trees` that has one, in their order."""
    now = store.now()
    return [head for tree in trees if (head := own_head(now, tree)) is not None]


def foreign(head: Head) -> str:
    """Why a head of the tree's name is none of the tree's."""
    return f"what the store has, {head.version} from {head.source}, is from no source of this manifest; " \
           f"`backport trees fetch {head.tree}` fetches this manifest's beside it"


class _Run:
    def __init__(self, store: Store, wanted: list[_Wanted], update: bool, full_history: bool, progress: Progress,
                 remember_hours: float) -> None:
        self.store = store
        self.wanted = wanted
        self.update = update
        self.full_history = full_history
        self.progress = progress
        self.fresh = remember_hours * 3600
        self.memory = Memory(store.cache / "failures.json", self.fresh)
        self.dead: dict[str, str] = {}              # hosts that did not answer in this very run
        self.pending: set[str] = set()              # stamps that an earlier tree of this run brings
        self.began = time.time()
        self.stop = threading.Event()
        self.ahead = threading.Semaphore(_AHEAD)

    def run(self) -> list[FetchResult]:
        self.store.create()
        self.store.tidy()
        known = self._known_heads()
        results: dict[_Wanted, FetchResult | None] = {
            one: self.without_asking(one, known.get((one.prefix, one.name))) for one in self.wanted}
        left = [one for one in self.wanted if results[one] is None]
        if left:
            with self.store.writing(self.progress.say):
                self.memory.load()
                known = self._known_heads()         # another process may have fetched while we waited
                for one in left:
                    results[one] = self.without_asking(one, known.get((one.prefix, one.name)))
                left = [one for one in left if results[one] is None]
                results.update(zip(left, self._fetch_all(left, known), strict=True))
                self.memory.save()
        return [result for one in self.wanted if (result := results[one]) is not None]

    def _known_heads(self) -> dict[tuple[str, str], Head]:
        now = self.store.now()
        trees = own_heads(now, [one.tree for one in self.wanted if not one.release])
        return {**{(TREES, head.tree): head for head in trees},
                **{(RELEASES, head.tree): head for head in now.releases()}}

    # what needs nobody to be asked

    def without_asking(self, one: _Wanted, head: Head | None) -> FetchResult | None:
        """The answer where memory suffices, None where a source must be asked."""
        if head is not None and one.release and head.version == one.release and not self.update:
            return FetchResult(one.name, head, from_memory=True, notes=head.notes)
        reasons: list[str] = []
        for source in one.tree.sources:
            kind = KINDS[source.kind]
            ours = head is not None and head.source_key == source_key(source)
            if not kind.remote(source.options):
                try:
                    ready = kind.prepare(self._request(one, source, head))
                except (SourceUnavailable, GitError, OSError) as error:
                    self._not_the_disk(one, error)
                    reasons.append(_reason(error))
                    continue
                if head is None or not ours or ready.stamp != head.stamp or ready.again:
                    return None
                return FetchResult(one.name, head, from_memory=True, notes=head.notes)
            if self.update:
                return None
            remembered = self._remembered(one, source)
            if remembered is not None:
                reasons.append(remembered)
                continue
            if (head is None or not ours or not 0 <= self.began - head.asked < self.fresh
                    or (self.full_history and not head.history and source.kind == "git")):
                return None
            return FetchResult(one.name, head, from_memory=True, notes=head.notes)
        reason = "; ".join(reasons)
        return FetchResult(one.name, head, f"not refreshed: {reason}" if head else reason, from_memory=True,
                           notes=head.notes if head else ())

    def _remembered(self, one: _Wanted, source: TreeSource) -> str | None:
        if self.update:
            return None
        for key in (f"host:{KINDS[source.kind].host(source.options)}", self._failure_key(one, source)):
            failure = self.memory.get(key)
            if failure is not None:
                when = age(self.began - failure.when)
                return f"{failure.reason} (tried {when} ago; --update asks again)"
        return None

    def _failure_key(self, one: _Wanted, source: TreeSource) -> str:
        return f"{source_key(source)}:{one.release}"

    # asking

    def _fetch_all(self, left: list[_Wanted], known: dict[tuple[str, str], Head]) -> list[FetchResult]:
        tries = [_Try(one, known.get((one.prefix, one.name))) for one in left]
        # one thread asks and downloads, this one imports: the network and the processor work at the same time
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="download")
        try:
            asked: list[Future[None]] = [pool.submit(self._ask_ahead, attempt) for attempt in tries]
            results = []
            for attempt, future in zip(tries, asked, strict=True):
                future.result()
                result = self._take(attempt)
                self.ahead.release()
                self._tell(result)
                results.append(result)
            return results
        finally:
            self.stop.set()
            self.ahead.release()
            pool.shutdown(wait=True, cancel_futures=True)

    def _ask_ahead(self, attempt: _Try) -> None:
        self.ahead.acquire()
        self._ask(attempt)

    def _ask(self, attempt: _Try) -> None:
        """Ask the sources from `attempt.next` on until one is ready."""
        one, head = attempt.wanted, attempt.head
        attempt.ready = attempt.source = None
        while attempt.next < len(one.tree.sources) and not self.stop.is_set():
            source = one.tree.sources[attempt.next]
            attempt.next += 1
            kind = KINDS[source.kind]
            host = kind.host(source.options)
            remembered = self.dead.get(host) if host else None
            remembered = remembered or self._remembered(one, source)
            if remembered is not None:
                attempt.reasons.append(remembered)
                continue
            attempt.asked = attempt.asked or kind.remote(source.options)
            try:
                ready = kind.prepare(self._request(one, source, head))
            except (SourceUnavailable, GitError, OSError) as error:
                self._failed(attempt, source, error)
                continue
            self.pending.add(ready.stamp)
            attempt.ready, attempt.source = ready, source
            return

    def _request(self, one: _Wanted, source: TreeSource, head: Head | None) -> SourceRequest:
        ours = head is not None and head.source_key == source_key(source)
        current = head is not None and head.source_key in map(source_key, one.tree.sources)
        return SourceRequest(one.name, one.tree.series, self.store, source.options, one.release, head,
                             self.full_history,
                       self.began if self.update else self.began - self.fresh, self._known, self.progress,
                       at_least=head.version if head and current else "", ours=ours, suites=self._suites())

    def _take(self, attempt: _Try) -> FetchResult:
        """Import what is ready; where that fails, go on with the next source."""
        one = attempt.wanted
        while attempt.ready is not None and attempt.source is not None:
            ready, source, head = attempt.ready, attempt.source, attempt.head
            kind = KINDS[source.kind]
            try:
                if head is not None and head.stamp == ready.stamp and not ready.again:
                    new = replace(touched(head, notes=ready.notes), source=ready.source, source_key=source_key(source),
                                  checksum=ready.checksum or head.checksum)
                else:
                    new = self._import(one, ready, source)
            except (SourceUnavailable, GitError, OSError) as error:
                self.pending.discard(ready.stamp)
                self._failed(attempt, source, error)
                self._ask(attempt)
                continue
            self.memory.forget(f"host:{kind.host(source.options)}", self._failure_key(one, source))
            changed = head is None or head.commit != new.commit
            if changed or head is None or head.source_key != new.source_key:
                self.store.set(new, prefix=one.prefix)
            elif new != head:
                self.store.note(new, prefix=one.prefix)
            return FetchResult(one.name, new, changed=changed, notes=(*new.notes, *self._why_not_first(attempt)))
        reason = "; ".join(attempt.reasons) or "no source"
        if attempt.head is not None:
            kept = touched(attempt.head) if attempt.asked else attempt.head
            self.store.note(kept, prefix=one.prefix)
            return FetchResult(one.name, kept, f"not refreshed: {reason}", notes=kept.notes)
        return FetchResult(one.name, None, reason, from_memory=not attempt.asked)

    def _import(self, one: _Wanted, ready: Ready, source: TreeSource) -> Head:
        twin = self.store.known(ready.stamp)
        made = Made(twin.commit, twin.history, twin.signature) if twin is not None and not ready.again else ready.put()
        with self.store.git() as git:
            version = makefile_version(git.blob(f"{made.commit}:Makefile"))
            size, files = (twin.size, twin.files) if twin is not None and twin.size else _measure(git, made.commit)
        if version and not one.tree.upstream and not in_series(version, one.tree.series) and not one.release:
            raise SourceUnavailable(f"{ready.source} holds {version}, which is not {one.tree.series}")
        if one.release and version != one.release:
            raise SourceUnavailable(f"{ready.source} holds {version or 'no version'}, which is not {one.release}")
        now = time.time()
        return Head(one.name, made.commit, version, ready.source, now, ready.checksum, made.history, size, files,
                    ready.stamp, source_key(source), now, ready.notes, made.signature)

    def _known(self, stamp: str) -> str | None:
        head = self.store.known(stamp)
        return head.commit if head is not None else PENDING if stamp in self.pending else None

    def _suites(self) -> tuple[str, ...]:
        every = [suite for one in self.wanted for source in one.tree.sources if source.kind == "debian"
                 for suite in source.options["suites"]]
        return tuple(dict.fromkeys(every))

    def _failed(self, attempt: _Try, source: TreeSource, error: BackportError | OSError) -> None:
        kind = KINDS[source.kind]
        reason = _reason(error)
        self._not_the_disk(attempt.wanted, error)
        attempt.reasons.append(reason)
        if isinstance(error, HostDown):
            self.dead[kind.host(source.options)] = reason
            self.memory.put(f"host:{kind.host(source.options)}", reason, self.began)
        elif isinstance(error, SourceUnavailable) and kind.remote(source.options):
            self.memory.put(self._failure_key(attempt.wanted, source), reason, self.began)

    def _not_the_disk(self, one: _Wanted, error: BackportError | OSError) -> None:
        """Raise InfraError where it is: no source is to blame, and none is remembered as one that failed."""
        if _disk_here(error):
            raise InfraError(f"{one.name} cannot be stored: {_reason(error)}", hint=disk(self.store.path)) from error

    def _why_not_first(self, attempt: _Try) -> tuple[str, ...]:
        return tuple(f"an earlier source failed: {reason}" for reason in attempt.reasons)

    def _tell(self, result: FetchResult) -> None:
        if result.head is None:
            self.progress.say(f"{result.tree}: no tree: {result.reason}")
        elif result.changed:
            head = result.head
            self.progress.say(f"{result.tree}: {head.version or head.commit[:12]} from {head.source}"
                              f"{'; ' if head.signature else ''}{head.signature}")
        elif result.reason:
            self.progress.say(f"{result.tree}: {result.reason}")


def _disk_here(error: BackportError | OSError) -> bool:
    """Is it this machine's disk that took no more, whichever source was asked?"""
    if isinstance(error, OSError):
        return error.errno in DISK
    return isinstance(error, GitError) and not_written(error.stderr)


def _reason(error: BackportError | OSError) -> str:
    if isinstance(error, BackportError):
        return error.message
    return f"{error.filename or 'disk'}: {error.strerror or error}"


def _measure(git: Git, commit: str) -> tuple[int, int]:
    """(bytes, number) of all files."""
    size = files = 0
    for record in git.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit).out.split(b"\0"):
        if record:
            length = record.split(b"\t", 1)[0].rsplit(b" ", 1)[1]
            size += int(length) if length.isdigit() else 0
            files += 1
    return size, files
