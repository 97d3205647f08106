"""Resolutions that people made: a file each, to read, to review and to share; and found again.

patches/<slug>.resolved/5.10.patch is the mail of the resolution, with a few headers that say who made it, when, on
which commit, and of which patch. For its own series it is used while git takes it, in the functions that it was made
for; when that ends, the conflict is back. For an older series it is a donor (backport/donors).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backport.carry import Carried, Carrier
from backport.check import check
from backport.donors.match import bracketed
from backport.donors.model import Donor, DonorKind
from backport.errors import InfraError
from backport.git import Git
from backport.history.presence import patch_id
from backport.manifest import Tree
from backport.patch import clean
from backport.patch.compose import adapted_mail, branch
from backport.patch.intake import read_bytes
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.slug import slug
from backport.resolve.rerere import Conflict, read
from backport.trees.store import Head
from backport.verdict import Apply, Sure
from backport.version import version_key
from backport.wholefile import write_whole

_CONFLICTS = ".conflicts"            # beside 5.10.patch
_HEADERS = ("X-Backport-Resolved-By", "X-Backport-Resolved-On", "X-Backport-Base", "X-Backport-Patch-Id")


@dataclass(frozen=True, slots=True)
class Resolution:
    """One of them: `file` on disk, `patch` as it was made for `series` on the commit `base`, by `who` on `day`."""

    file: Path
    series: str
    patch: Patch
    who: str
    day: str
    base: str
    patch_id: str

    @property
    def sentence(self) -> str:
        """For whoever gets it again."""
        return f"resolved by {self.who} on {self.day} for {self.series}: {self.file}"


@dataclass(frozen=True, slots=True)
class Kept:
    """The resolutions in one directory."""

    place: Path

    def keep(self, patch: Patch, mail: bytes, series: str, who: str, head: Head, git: Git,
             conflicts: bytes = b"") -> Path:
        """Write what `who` made of `patch` for `series`, and what became of its `conflicts` (backport.resolve.rerere);
        an older resolution of the same is replaced."""
        title = read_mail(patch).title
        folder = self.place / f"{slug(title, patch.slug or 'patch')}.resolved"
        file = folder / f"{series}.patch"
        values = (clean.one_line(who), datetime.datetime.now(datetime.UTC).date().isoformat(),
                  f"{head.commit} {head.version}", patch_id(git, patch.diff))
        lines = "".join(f"{name}: {value}\n" for name, value in zip(_HEADERS, values, strict=True))
        first, _, rest = mail.partition(b"\n")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(file, first + b"\n" + lines.encode("utf-8", "surrogateescape") + rest)
            if conflicts:
                write_whole(file.with_suffix(_CONFLICTS), conflicts)
            else:
                file.with_suffix(_CONFLICTS).unlink(missing_ok=True)
        except OSError as error:
            raise InfraError(f"{file} cannot be written: {error.strerror}",
                             hint="git config backport.resolutions DIR names another place") from error
        return file

    def of(self, git: Git, patch: Patch) -> list[Resolution]:
        """Every resolution of this very patch: the same upstream commit, or the same diff."""
        wanted, sha = patch_id(git, patch.diff), read_mail(patch).upstream
        found = []
        for one in self._all():
            other = read_mail(one.patch).upstream
            if one.patch_id == wanted or (sha and other and (sha.startswith(other) or other.startswith(sha))):
                found.append(one)
        return found

    def made(self, git: Git, base: str, diff: bytes) -> bool:
        """Whether `diff` on the commit `base` is one of them."""
        same = [one for one in self._all() if one.base == base]
        return bool(same) and patch_id(git, diff) in {patch_id(git, one.patch.diff) for one in same}

    def again(self, carrier: Carrier, patch: Patch, tree: Tree, head: Head) -> Carried | None:
        """`patch` on `head` as somebody resolved it for this very series; None where that does not fit (any more)."""
        for one in self.of(carrier.git, patch):
            if one.series == tree.series:
                return _exact(carrier, one, patch, tree, head)
        return None

    def donors(self, git: Git, patch: Patch, series: str) -> list[Donor]:
        """What was resolved for newer series, the nearest first: for an older one it is a donor."""
        newer = [one for one in self.of(git, patch) if version_key(one.series) > version_key(series)]
        return [Donor(one.patch, one.series, DonorKind.RESOLUTION, f"what {one.who} resolved on {one.day} ({one.file})",
                      f"the resolution for {branch(one.series)}",
                      note=bracketed(read_mail(one.patch), read_mail(patch)))
                for one in sorted(newer, key=lambda one: version_key(one.series))]

    def conflicts(self, series: str) -> dict[Conflict, tuple[bytes, Resolution]]:
        """What became of every conflict that was resolved, for any patch: for `series`, else for another one. One that
        became two different things is left out."""
        found: dict[Conflict, list[tuple[bytes, Resolution]]] = {}
        for one in self._all():
            try:
                data = one.file.with_suffix(_CONFLICTS).read_bytes()
            except OSError:
                continue
            for conflict, became in read(data):
                found.setdefault(conflict, []).append((became, one))
        out = {}
        for conflict, rows in found.items():
            here = [row for row in rows if row[1].series == series] or rows
            if len({became for became, _one in here}) == 1:
                out[conflict] = here[0]
        return out

    def _all(self) -> Iterator[Resolution]:
        for file in sorted(self.place.glob("*.resolved/*.patch")) if self.place.is_dir() else ():
            try:
                found = read_bytes(file.read_bytes(), str(file))
            except OSError:
                continue
            if len(found) == 1 and isinstance(found[0], Patch):
                known = {name: header.value for name in _HEADERS
                         if (header := read_mail(found[0]).header(name)) is not None}
                if len(known) == len(_HEADERS):
                    who, day, base, same = (known[name] for name in _HEADERS)
                    yield Resolution(file, file.stem, found[0], who, day, base.split(" ")[0], same)


def _exact(carrier: Carrier, one: Resolution, patch: Patch, tree: Tree, head: Head) -> Carried | None:
    """The resolution where git takes it as it is, in the functions that it was made for."""
    if one.series != tree.series:
        return None
    before = {path: data for file in one.patch.files if (path := file.old_path) is not None
              and (data := carrier.git.blob(f"{one.base}:{path}")) is not None}
    checked = check(carrier.git, head.commit, one.patch, before)
    if checked.outcome not in (Apply.CLEAN, Apply.OFFSET):
        return None
    mail = adapted_mail(patch, one.patch.files, series=tree.series, upstream_sha=read_mail(patch).upstream_sha,
                        notes=(bracketed(read_mail(one.patch), read_mail(patch)),), signoff=carrier.signoff)
    return Carried(Apply.RESOLVED, Sure.CERTAIN if checked.outcome is Apply.CLEAN else Sure.REVIEW, one.patch, mail,
                   "as a person resolved it", (one.sentence, *checked.notes), checked.hunks)
