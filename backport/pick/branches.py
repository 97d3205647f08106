"""Which kernels a clone has: the branches by series, and the one that is upstream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from backport.errors import UserError
from backport.git import Git
from backport.trees.store import Head
from backport.version import makefile_version, version_key

_STABLE = re.compile(r"(?:^|/)(?:linux-|v|stable-)?(\d+\.\d+)\.y$")
_MAINLINE = re.compile(r"(?:^|/)(?:master|main|mainline|linus)$")
_MOST = 400              # branches whose Makefile is read, the newest first: a clone may have thousands of topics


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch of the clone: `name` as people type it (linux-6.1.y, origin/master), what its Makefile says."""

    name: str
    commit: str
    version: str
    when: int                        # committer date, seconds since the epoch
    local: bool

    @property
    def head(self) -> Head:
        """As the rest of the program wants a tree."""
        return Head(self.name, self.commit, self.version, "a branch of the clone", float(self.when), history=True)

    @property
    def stable(self) -> str:
        """The series whose stable branch this is by its name, "" for another branch."""
        match = _STABLE.search(self.name)
        return match[1] if match and series_of(self.version) == match[1] else ""


@dataclass(frozen=True, slots=True)
class Kernels:
    """`upstream` is None where no branch looks like it; `stable` is newest first, one a series."""

    upstream: Ref | None
    stable: tuple[Ref, ...]
    refs: tuple[Ref, ...] = field(repr=False)

    def heads(self, *, without: str = "") -> tuple[Head, ...]:
        """All of them, newest first, without the series of the branch that is worked on."""
        newest = (self.upstream,) if self.upstream is not None else ()
        # a branch goes by its series, whatever its remote is called: a donor's own tree is found by that name
        stable = (replace(ref.head, tree=f"linux-{ref.stable}.y") for ref in self.stable if ref.stable != without)
        return (*(ref.head for ref in newest), *stable)


def series_of(version: str) -> str:
    """"6.1" of "6.1.187" and of "6.1-rc3"; "" where there is no version."""
    numbers = version_key(version)[0]
    return f"{numbers[0]}.{numbers[1]}" if numbers else ""


def kernels(clone: Git, objects: Git, wanted: str = "") -> Kernels:
    """What `clone` has; its Makefiles are read from `objects`. `wanted` is the upstream branch that the user named.

    Raises UserError where there is none of that name.
    """
    refs = _refs(clone, objects)
    if wanted:
        commit = clone.rev(f"{wanted}^{{commit}}")
        if commit is None:
            raise UserError(f"backport.upstream is {wanted}, which this clone does not have",
                            hint="git config backport.upstream origin/master")
        upstream: Ref | None = Ref(wanted, commit, makefile_version(objects.blob(f"{commit}:Makefile")), 0, True)
    else:
        upstream = _best(ref for ref in refs if _MAINLINE.search(ref.name))
    by_series: dict[str, list[Ref]] = {}
    for ref in refs:
        if ref.stable:
            by_series.setdefault(ref.stable, []).append(ref)
    stable = [best for found in by_series.values() if (best := _best(found)) is not None]
    stable.sort(key=lambda ref: version_key(ref.version), reverse=True)
    return Kernels(upstream, tuple(stable), tuple(refs))


def _best(refs: Iterable[Ref]) -> Ref | None:
    """The newest kernel; of several, the one with the newest commit, and somebody else's before the user's own."""
    return max(refs, key=lambda ref: (version_key(ref.version), ref.when, not ref.local), default=None)


def _refs(clone: Git, objects: Git) -> list[Ref]:
    rows = [row.split("\0") for row in clone.run(
        "for-each-ref", "--sort=-committerdate", "--format=%(refname)%00%(objectname)%00%(committerdate:unix)%00"
        "%(symref)", "refs/heads/", "refs/remotes/").text.splitlines()]
    rows = [row for row in rows if len(row) == 4 and not row[3]]
    first = [row for row in rows if _STABLE.search(row[0]) or _MAINLINE.search(row[0])]
    found = []
    for name, commit, when, _symref in [*first, *(row for row in rows if row not in first)][:_MOST]:
        version = makefile_version(objects.blob(f"{commit}:Makefile"))
        if version:
            short = name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
            found.append(Ref(short, commit, version, int(when or 0), name.startswith("refs/heads/")))
    return found


def nearest_newer(stable: Sequence[Ref], series: str) -> list[Ref]:
    """The stable branches that are newer than `series`, the next one first."""
    here = version_key(series)
    return sorted((ref for ref in stable if version_key(ref.stable) > here), key=lambda ref: version_key(ref.version))


def first_words(clone: Git, objects: Git, known: Kernels, onto: str) -> str:
    """What is picked onto, and what was found to do it with."""
    commit = clone.rev(f"{onto or 'HEAD'}^{{commit}}") if not onto.startswith("-") else None
    name = onto or clone.run("rev-parse", "--abbrev-ref", "HEAD", ok=()).text
    version = makefile_version(objects.blob(f"{commit}:Makefile")) if commit else ""
    upstream = f"{known.upstream.name} ({known.upstream.version})" if known.upstream else "not among the branches"
    stable = ", ".join(ref.name for ref in known.stable) or "none"
    return f"onto {name} ({version or 'no kernel'}); upstream is {upstream}; stable branches: {stable}"
