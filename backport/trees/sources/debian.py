"""A Debian source package: its orig tarball is the pristine upstream release, signed and checksummed by the archive."""

from __future__ import annotations

import fnmatch
import re
import threading

from backport.errors import SourceUnavailable
from backport.trees.apt import Apt, Gone, Original
from backport.trees.sources.base import PENDING, Made, Option, Ready, SourceKind, SourceRequest, texts
from backport.trees.sources.tarball import import_tarball, sha256_of
from backport.version import version_key
from backport.yaml_nodes import Marked

_one_update = threading.Lock()     # two trees of one run share the lists


def _prepare(request: SourceRequest) -> Ready:
    options = request.options
    package, suites = str(options["package"]), tuple(options["suites"])
    apt = Apt(request.store.cache / "apt")
    with _one_update:
        complaints = apt.update(tuple(dict.fromkeys((*suites, *request.suites))), progress=request.progress,
                                since=request.since)
        listed = apt.originals(package, suites)
    pattern = request.release or str(options["version"])
    candidates = [item for item in listed if fnmatch.fnmatchcase(item.version, pattern)]
    if not candidates:
        have = sorted({".".join(item.version.split(".")[:2]) for item in listed}, key=version_key)
        raise SourceUnavailable(f"Debian lists no {package} {pattern} in {', '.join(suites)}"
                                + (f" (only {', '.join(have)})" if have else "")
                                + (f"; apt said: {complaints[0]}" if complaints and not listed else ""))
    return _first(request, apt, candidates)


def _first(request: SourceRequest, apt: Apt, candidates: list[Original]) -> Ready:
    """The newest of `candidates` (newest first) that can be downloaded; newer ones that cannot are noted."""
    missing: dict[str, str] = {}
    for item in candidates:
        if request.at_least and version_key(item.version) < version_key(request.at_least):
            break                        # what the store has is newer than all that is left
        stamp = f"sha256:{item.sha256}"
        source = f"debian {item.name}"
        commit = request.known(stamp)
        if commit is None:
            path = request.store.cache / "downloads" / item.name
            try:
                apt.download(item, path, request.progress)
            except Gone as error:
                missing.setdefault(item.version, error.message)
                continue
            got = sha256_of(path)        # apt checked it; this is what the commit message and the matrix will say
            if got != item.sha256:
                path.unlink(missing_ok=True)
                missing.setdefault(item.version, f"its sha256 is {got}, the index says {item.sha256}")
                continue
        missing.pop(item.version, None)  # another archive had the same version

        def put(item: Original = item, commit: str | None = commit) -> Made:
            if commit == PENDING:        # the other tree's import would have given it
                raise SourceUnavailable(f"{item.name} could not be imported")
            if commit is not None:
                return Made(commit)
            path = request.store.cache / "downloads" / item.name
            made = import_tarball(request, path, f"debian {item.name}", item.sha256)
            path.unlink(missing_ok=True)
            return Made(made)

        return Ready(stamp, source, put, stamp, _notes(missing, item.version))
    if request.at_least and request.head is not None:
        nothing = f"Debian has nothing newer than {request.at_least}"
        if not request.ours:
            raise SourceUnavailable(nothing)
        head = request.head
        return Ready(head.stamp, head.source, lambda: Made(head.commit, head.history), head.checksum,
                     (f"{nothing}: it lists {_listing(missing)}",) if missing else head.notes)
    raise SourceUnavailable(f"Debian lists {_listing(missing)} but none of them can be downloaded")


def _notes(missing: dict[str, str], took: str) -> tuple[str, ...]:
    return (f"Debian lists {_listing(missing)}, which cannot be downloaded: took {took}",) if missing else ()


def _listing(missing: dict[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for version, reason in missing.items():
        by_reason.setdefault(reason, []).append(version)
    return "; ".join(f"{', '.join(versions)} ({reason})" for reason, versions in by_reason.items())


def _version(place: Marked) -> str:
    value = place.text()
    if not re.fullmatch(r"[0-9*?.\[\]!-]+", value):
        place.fail(f"{value!r} is not a version pattern", hint="like 6.1.* or 6.1.176")
    return value


def _package(place: Marked, _folder: object) -> str:
    value = place.text()
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", value):
        place.fail(f"{value!r} is not a Debian source package name")
    return value


def _suites(place: Marked) -> tuple[str, ...]:
    values = texts(place)
    for value in values:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", value):
            place.fail(f"{value!r} is not a suite name", hint="like bookworm, bookworm-security, sid")
    if not values:
        place.fail("lists no suite")
    return values


KIND = SourceKind(
    name="debian", main="package", read_main=_package,
    options={"version": Option(_version, "a pattern of upstream versions, e.g. 6.1.*", needed=True),
             "suites": Option(_suites, "the Debian suites to look in, e.g. [bookworm, sid]", needed=True)},
    prepare=_prepare, remote=lambda options: True, host=lambda options: "the Debian archive",
)

