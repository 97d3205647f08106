"""What this machine needs before a run: each finding with the one command that fixes it."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from backport.architecture import ARCHITECTURES, I386, X86_64
from backport.errors import BackportError, BuildError, SourceUnavailable
from backport.kbuild import sandbox, toolchain
from backport.manifest import Manifest, Tree, TreeSource
from backport.trees.failure_cache import Memory
from backport.trees.fetch import source_key
from backport.trees.net import check_host
from backport.trees.sources import KINDS
from backport.trees.store import Head

# Measured on release trees: 1.6 GB of work tree, 50 MB of build directories, 1 to 2 GB of objects in the store.
GB = 1 << 30
NEEDED_FOR_A_TREE = 3 * GB
_ASK_SECONDS = 4.0
_REMEMBERED = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. `fix` is one command or one step, "" where nothing is wrong; a finding that is
    not `needed` only takes something away (speed, a strategy, the sandbox)."""

    what: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


_TOOLS: tuple[tuple[str, str, str, bool], ...] = (
    # program, Debian package, what for, needed
    ("git", "git", "trees and patches", True),
    ("make", "make", "kbuild", True),
    ("flex", "flex", "kbuild: Kconfig", True),
    ("bison", "bison", "kbuild: Kconfig", True),
    ("bc", "bc", "kbuild: generated headers", True),
    ("perl", "perl-base", "kbuild scripts", True),
    ("ld", "binutils", "kbuild", True),
    ("xz", "xz-utils", "tarballs", True),
    ("ccache", "ccache", "faster baselines", False),
    ("wiggle", "wiggle", "`backport replay --baselines`", False),
    ("spatch", "coccinelle", "a --proposer that runs semantic patches", False),
    (X86_64.emulator, X86_64.emulator_package, "`backport boot`", False),
    *((f"{one.prefix}gcc", one.package, f"patches to {one.directory} (clang and lld do as well)", False)
      for one in ARCHITECTURES if one.prefix and one is not I386),
)
_HEADERS: tuple[tuple[str, str], ...] = (("gelf.h", "libelf-dev"), ("openssl/opensslv.h", "libssl-dev"),
                                         ("stdio.h", "libc6-dev"))


def examine(manifest: Manifest, cache: Path, heads: Mapping[str, Head], *, offline: bool = False) -> list[Diagnosis]:
    """Look at everything; asks each host of the manifest once, unless `offline`."""
    trees = [tree for tree in manifest.trees if not tree.upstream]
    return [*tools(), *headers(), *compilers(trees), _sandbox(), _dask(), disk(cache, len(manifest.trees), len(heads)),
            *sources(manifest.trees, heads, offline=offline, memory=Memory(cache / "failures.json", _REMEMBERED))]


def tools(which: Callable[[str], str | None] = shutil.which) -> list[Diagnosis]:
    """The programs of a run."""
    found = []
    for program, package, purpose, needed in _TOOLS:
        path = which(program)
        found.append(Diagnosis(program, path is not None, path or f"not installed; {purpose}",
                             "" if path else f"apt-get install {package}", needed))
    return found


def headers() -> list[Diagnosis]:
    """The headers that kbuild's own tools (objtool, sign-file) are compiled with."""
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        return [Diagnosis("C headers", False, "no compiler to test with", "apt-get install gcc libc6-dev")]
    found = []
    for header, package in _HEADERS:
        done = subprocess.run([compiler, "-x", "c", "-fsyntax-only", "-"], input=f"#include <{header}>\n".encode(),
                              capture_output=True, check=False, timeout=30)
        found.append(Diagnosis(header, done.returncode == 0, "found" if done.returncode == 0 else "not found",
                             "" if done.returncode == 0 else f"apt-get install {package}"))
    return found


def compilers(trees: Iterable[Tree]) -> list[Diagnosis]:
    """The compiler of each tree: is it there, and is it not too new for it."""
    found: dict[str, Diagnosis] = {}
    for tree in trees:
        name = tree.toolchain.cc or ("clang" if tree.toolchain.llvm else "gcc")
        try:
            compiler = toolchain.resolve(tree.toolchain)
        except BuildError as error:
            found[name] = Diagnosis(f"{name} for {tree.name}", False, error.message, error.hint)
            continue
        found.setdefault(name, Diagnosis(name, True, compiler.version))
        if too_new(compiler.version, tree.series):
            found[f"{name} {tree.name}"] = Diagnosis(
                f"{name} for {tree.name}", False, f"{compiler.version} is too new for {tree.series}",
                f"apt-get install gcc-12, then `toolchain: {{cc: gcc-12}}` for {tree.name} in trees.yaml")
    return list(found.values())


def too_new(version: str, series: str) -> bool:
    """gcc 15 takes C23 for its default and cannot build 5.4 to 5.15; the baseline says so after a minute, this now."""
    match = re.search(r"\b(\d+)\.\d+", version.rsplit(")", 1)[-1] or version)
    numbers = re.match(r"(\d+)\.(\d+)", series)
    if not match or not numbers or "clang" in version.lower():
        return False
    return int(match[1]) >= 15 and (int(numbers[1]), int(numbers[2])) <= (5, 15)


def disk(cache: Path, trees: int, present: int) -> Diagnosis:
    """Space for what is not there yet, where the cache is (or will be)."""
    place = cache
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    needed = max(trees - present, 0) * NEEDED_FOR_A_TREE + 2 * GB
    detail = f"{free / GB:.1f} GB free at {cache}, about {needed / GB:.0f} GB wanted"
    return Diagnosis("disk space", free >= needed, detail, "" if free >= needed else "backport gc")


def sources(trees: Iterable[Tree], heads: Mapping[str, Head], *, offline: bool,
            memory: Memory | None = None) -> list[Diagnosis]:
    """For each tree: is it in the store, and does one of its sources answer (as far as one may tell without asking
    it for the tree; `memory` holds what fetching was told)."""
    chosen = list(trees)
    hosts: dict[str, str] = {}
    if not offline:
        urls = {url for tree in chosen for source in tree.sources if (url := _url(source))}
        with ThreadPoolExecutor(max_workers=8) as pool:
            hosts = dict(zip(urls, pool.map(_ask, urls), strict=True))
    found = []
    for tree in chosen:
        head = heads.get(tree.name)
        answers = [_remembered(source, memory) or _answer(source, hosts, offline) for source in tree.sources]
        reachable = any(ok for ok, _text in answers)
        text = "; ".join(text for _ok, text in answers)
        text = f"{head.version} in the store; {text}" if head else f"not in the store; {text}"
        fix = "" if head or reachable else "add a source that this machine can reach to trees.yaml (docs/trees.md)"
        found.append(Diagnosis(tree.name, bool(head) or reachable, text, fix, needed=tree.required))
    return found


def _remembered(source: TreeSource, memory: Memory | None) -> tuple[bool, str] | None:
    failure = memory.get(f"{source_key(source)}:") if memory else None
    return None if failure is None else (False, failure.reason)


def _url(source: TreeSource) -> str:
    for key in ("url", "file"):
        value = str(source.options.get(key, ""))
        if "://" in value:
            return value
    return ""


def _ask(url: str) -> str:
    """"" where somebody answers, else why not."""
    try:
        check_host(url, _ASK_SECONDS)
    except (SourceUnavailable, BackportError) as error:
        return error.message
    return ""


def _answer(source: TreeSource, hosts: Mapping[str, str], offline: bool) -> tuple[bool, str]:
    kind = KINDS[source.kind]
    name = f"{source.kind} {kind.host(source.options)}".rstrip()
    url = _url(source)
    if source.kind == "debian":
        ok = shutil.which("apt-get") is not None
        return ok, f"{name}: " + ("apt-get is here" if ok else "no apt-get on this machine")
    if url:
        if offline:
            return False, f"{name}: not asked"
        return not hosts[url], hosts[url] or f"{name} answers"
    path = next((value for value in source.options.values() if isinstance(value, Path)), None)
    if path is not None:
        return path.exists(), f"{path}: " + ("there" if path.exists() else "does not exist")
    return False, f"{name}: not asked"


def _dask() -> Diagnosis:
    """Read, not imported: that takes half a second."""
    try:
        return Diagnosis("distributed", True, f"{importlib.metadata.version('distributed')}: --scheduler")
    except importlib.metadata.PackageNotFoundError:
        return Diagnosis("distributed", False, "--scheduler, which hands cells to other machines",
                         "pip install 'kernel-backport[dask]'", needed=False)


def _sandbox() -> Diagnosis:
    why = sandbox.probe()
    return Diagnosis("sandbox", not why, why or "bubblewrap works: builds have no network and no home directory",
                   sandbox.hint() if why else "", needed=False)
