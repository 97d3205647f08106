"""apt with directories of its own: lists and downloads in the cache, the system's sources, no root, no trace."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backport.errors import SourceUnavailable
from backport.trees.aptsources import Archive, archives, deb822
from backport.trees.net import HostDown
from backport.trees.progress import Progress
from backport.trees.store import read_json, write_json
from backport.version import version_key
from backport.wholefile import private_directory

ETC = Path("/etc/apt")
_HELPER = Path("/usr/lib/apt/apt-helper")
_UNREACHED = re.compile(r"Could not (?:connect|resolve)|Temporary failure|Unable to connect|Network is unreachable"
                        r"|No route to host|Connection (?:failed|timed out|refused)|timed out")
# Hooks in the system's configuration would run after our private update; and as root apt drops to a user who
# cannot read a cache below /root.
_CONF = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "/nonexistent";
Dir::Etc::sourceparts "{parts}";
Dir::State "{state}";
Dir::State::Lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "{state}/log";
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Acquire::http::ConnectionAttemptDelayMsec "250";
"""


@dataclass(frozen=True, slots=True)
class Original:
    """One upstream tarball that an archive lists."""

    version: str                     # 6.1.187
    name: str                        # linux_6.1.187.orig.tar.xz
    uri: str
    size: int
    sha256: str


class Apt:
    """The archives of this system, seen through private lists below `folder`."""

    def __init__(self, folder: Path, *, etc: Path | None = None) -> None:
        self.folder = folder
        self.etc = etc if etc is not None else Path(os.environ.get("BACKPORT_APT_ETC") or ETC)
        self._conf = folder / "apt.conf"

    def update(self, suites: tuple[str, ...], *, since: float, progress: Progress) -> list[str]:
        """Have lists of `suites` that were asked for at or after `since` (seconds since the epoch); returns what apt
        complained about.

        Raises SourceUnavailable where apt is missing, no Debian archive is configured, or no list is available.
        """
        if shutil.which("apt-get") is None or not _HELPER.exists():
            raise SourceUnavailable("no apt on this system, so no Debian source packages",
                                    hint="use a git, local or tarball source for this tree")
        known = archives(self.etc)
        if not known:
            raise SourceUnavailable(f"apt's configuration in {self.etc} names no Debian archive",
                                    hint="use a git, local or tarball source for this tree")
        state = read_json(self.folder / "updated.json")
        same = state.get("archives") == repr(known) and self._conf.is_file()
        before = tuple(state.get("suites", ())) if same else ()
        if set(suites) <= set(before) and since <= float(state.get("when", 0)) <= time.time() and self._lists():
            return list(state.get("complaints", ()))
        suites = tuple(dict.fromkeys((*suites, *before)))    # keep up what is here, or the next run lacks it
        for name in ("sources", "lists/partial", "cache/archives/partial", "log"):
            private_directory(self.folder / name)
        (self.folder / "status").touch()
        (self.folder / "sources" / "backport.sources").write_text(self._sources(known, suites))
        self._conf.write_text(_CONF.format(parts=self.folder / "sources", state=self.folder))
        with progress.start("package lists"):
            result = self._run("apt-get", "update", "-qq", seconds=600)
        complaints = _complaints(result.stderr)
        if not self._lists():
            why = complaints[0] if complaints else f"apt-get update ended with {result.returncode}"
            host = _host(known)
            if host and _UNREACHED.search(result.stderr):
                raise HostDown(host, f"{host} not reached: {why}")
            raise SourceUnavailable(f"no package lists: {why}")
        write_json(self.folder / "updated.json", {"archives": repr(known), "suites": list(suites), "when": time.time(),
                                                  "complaints": complaints})
        return complaints

    def _sources(self, known: list[Archive], suites: tuple[str, ...]) -> str:
        plain = tuple(suite for suite in suites if not suite.endswith("-security"))
        security = tuple(suite for suite in suites if suite.endswith("-security"))
        out = ""
        for archive in known:
            chosen = security if archive.security else plain
            if chosen:
                out += deb822(archive, chosen)
        return out

    def originals(self, package: str, suites: tuple[str, ...]) -> list[Original]:
        """Every pristine upstream tarball of `package` that Debian's lists for `suites` name, newest first."""
        found: dict[tuple[str, str], Original] = {}
        kept = read_json(self.folder / "originals.json")
        for origin, suite, codename, base, file in self._lists():
            if origin.startswith("Debian") and ({suite, codename} & set(suites)):
                for original in self._remembered(kept, package, base, file):
                    found.setdefault((original.sha256, original.uri), original)
        return sorted(found.values(), key=lambda item: version_key(item.version), reverse=True)

    def download(self, original: Original, path: Path, progress: Progress) -> None:
        """Bring a tarball to `path`, checked by apt against the index; a part that is there is continued.

        Raises Gone where the archive lists it but does not hold it, SourceUnavailable for anything else.
        """
        private_directory(path.parent)
        command = [str(_HELPER), "-c", str(self._conf), "download-file", original.uri, str(path),
                   f"SHA256:{original.sha256}"]
        with _held(path, progress) as descriptor, \
                progress.start(f"{original.name} download", original.size) as bar:
            result = _watched(command, lambda: bar.at(_size(path)), descriptor)
        if result.returncode == 0 and path.is_file():
            return
        why = (_complaints(result.stderr) or [f"apt ended with {result.returncode}"])[0]
        # first: what apt says of it has the size of the file, which may be 404
        if "Hash Sum mismatch" in result.stderr or "hashes" in result.stderr.lower():
            path.unlink(missing_ok=True)
            raise Gone("its checksum does not match the index")
        if re.search(r"\b(404|403|410)\b|File not found|Not Found|No such file", result.stderr):
            path.unlink(missing_ok=True)
            raise Gone("404" if "404" in result.stderr else "not found")
        raise SourceUnavailable(f"{original.name}: {why}")

    def _lists(self) -> list[tuple[str, str, str, str, Path]]:
        """(origin, suite, codename, base address, file) of every Sources index that is here."""
        if not self._conf.is_file():
            return []
        form = "$(ORIGIN)\t$(SUITE)\t$(CODENAME)\t$(REPO_URI)\t$(FILENAME)"
        result = self._run("apt-get", "indextargets", "--format", form, "Created-By: Sources", seconds=60)
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        return [(row[0], row[1], row[2], row[3], Path(row[4])) for row in rows if len(row) == 5 and row[4]]

    def _remembered(self, kept: dict[str, Any], package: str, base: str, file: Path) -> list[Original]:
        """What a list names, read once: unpacking the larger ones takes a fifth of a second each, and every tree asks.

        apt gives a list that it renews the archive's time.
        """
        try:
            told = file.stat()
        except OSError:
            return []
        key, state = f"{package} {base} {file}", f"{told.st_mtime_ns} {told.st_size}"
        entry = kept.get(key)
        if isinstance(entry, dict) and entry.get("state") == state:
            with suppress(TypeError, KeyError):      # written by another version of this file
                return [Original(**original) for original in entry["originals"]]
        listed = self._listed(package, base, file)
        kept[key] = {"state": state, "originals": [asdict(original) for original in listed]}
        write_json(self.folder / "originals.json", kept)
        return listed

    def _listed(self, package: str, base: str, file: Path) -> list[Original]:
        # cat-file knows every compression that apt keeps its lists in
        result = subprocess.run([str(_HELPER), "-c", str(self._conf), "cat-file", str(file)], capture_output=True,
                                check=False, env=_environment(), timeout=120)
        found = []
        head = b"Package: %s\n" % package.encode()
        start = 0 if result.stdout.startswith(head) else result.stdout.find(b"\n\n" + head)
        while start >= 0:
            end = result.stdout.find(b"\n\n", start + 2)
            stanza = result.stdout[start:end if end >= 0 else None].decode("utf-8", "replace").strip("\n")
            found += _originals(stanza, base, package)
            start = result.stdout.find(b"\n\n" + head, end) if end >= 0 else -1
        return found

    def _run(self, *command: str, seconds: float) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run([command[0], "-c", str(self._conf), *command[1:]], capture_output=True, text=True,
                                  errors="replace", check=False, env=_environment(), timeout=seconds,
                                  stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise SourceUnavailable(f"{' '.join(command[:2])} did not end within {seconds:.0f} s") from None


class Gone(SourceUnavailable):
    """Listed, but cannot be downloaded: an older one may be."""


def _originals(stanza: str, base: str, package: str) -> list[Original]:
    directory, section, found = "", "", []
    for line in stanza.split("\n"):
        if line.startswith("Directory:"):
            directory = line.split(":", 1)[1].strip()
        if not line.startswith(" "):
            section = line.split(":", 1)[0]
        elif section == "Checksums-Sha256":
            words = line.split()
            match = re.fullmatch(re.escape(package) + r"_([0-9][0-9.]*)\.orig\.tar\.(?:xz|gz|bz2|zst)", words[2]) \
                if len(words) == 3 else None
            if match and re.fullmatch(r"[0-9a-f]{64}", words[0]):
                found.append((match[1], words[2], int(words[1]), words[0]))
    return [Original(version, name, f"{base.rstrip('/')}/{directory}/{name}", size, sha)
            for version, name, size, sha in found]


@contextmanager
def _held(path: Path, progress: Progress) -> Iterator[int]:
    """Hold the lock of a download. The program that downloads inherits it, so that a run that was killed does not
    let a second download write into the file of the first, which is still alive."""
    with path.with_name(f".{path.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"waiting for another download of {path.name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _watched(command: list[str], look: Callable[[], None], inherited: int) -> subprocess.CompletedProcess[str]:
    """Run a program and call `look` a few times a second meanwhile."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True, errors="replace", env=_environment(), pass_fds=(inherited,))
    try:
        while True:
            try:
                _out, err = process.communicate(timeout=0.2)
                return subprocess.CompletedProcess(command, process.returncode, "", err)
            except subprocess.TimeoutExpired:
                look()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "LANGUAGE": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _complaints(stderr: str) -> list[str]:
    lines = [line.strip() for line in stderr.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return [line[2:].strip() if line[1] == ":" else line for line in lines]


def _host(known: list[Archive]) -> str:
    match = re.match(r"\w+://([^/:@]+)", known[0].uri)
    return match[1] if match else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
