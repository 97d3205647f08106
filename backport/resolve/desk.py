"""A small clone to resolve one conflict in: the store's objects on loan, one branch, the touched directories."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backport.errors import InfraError
from backport.git import Git, UserGit
from backport.patch.model import Patch
from backport.temporary import mark, sweep_once


@dataclass(frozen=True, slots=True)
class Aim:
    """What the clone was made for: a patch on a tree of a manifest; absolute paths."""

    patch: Path
    tree: str
    manifest: Path
    build: bool
    signoff: bool


def remember(git: Git, aim: Aim) -> None:
    """Write `aim` into the configuration of the clone."""
    for name, value in (("patch", str(aim.patch)), ("tree", aim.tree), ("manifest", str(aim.manifest)),
                        ("build", str(aim.build).lower()), ("signoff", str(aim.signoff).lower())):
        git.run("config", f"backport-resolve.{name}", value)


def aim_of(git: Git) -> Aim | None:
    """What a clone was made for, None for a clone of the user's own."""
    said = {name: git.run("config", "--get", f"backport-resolve.{name}", ok=()).text
            for name in ("patch", "tree", "manifest", "build", "signoff")}
    if not all(said.values()):
        return None
    return Aim(Path(said["patch"]), said["tree"], Path(said["manifest"]), said["build"] == "true",
               said["signoff"] == "true")


def check_out_around(git: UserGit, commit: str, paths: Sequence[str]) -> None:
    """Fill index and work tree with `commit`; files outside the directories of `paths` are left out, as git
    sparse-checkout leaves them out (`git sparse-checkout disable` brings them)."""
    git.run("read-tree", commit)
    folders = {os.fsencode(name).rpartition(b"/")[0] for name in paths}
    rows = [row for row in git.run("ls-files", "-z").out.split(b"\0") if row]
    near = [row for row in rows if row.rpartition(b"/")[0] in folders]
    far = [row for row in rows if row.rpartition(b"/")[0] not in folders]
    git.run("update-index", "--skip-worktree", "-z", "--stdin", stdin=b"".join(row + b"\0" for row in far))
    git.run("checkout-index", "--force", "-u", "-z", "--stdin", stdin=b"".join(row + b"\0" for row in near))


def make(place: Path, store: Path, refs: Mapping[str, str], branch: str, upstream: str, patch: Patch,
         resolutions: Path, aim: Aim) -> None:
    """The clone at `place` with `refs` (full name -> commit), `branch` checked out as far as `patch` needs it.

    It is there as a whole or not at all: made beside its place, where the next one sweeps what a kill leaves.
    `resolutions` is where `backport pick` keeps what is resolved. Raises InfraError where the disk does not allow it.
    """
    made = place.with_name(f".{mark('clone')}{secrets.token_hex(4)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        sweep_once(str(place.parent.absolute()))
        made.mkdir()
    except OSError as error:
        raise InfraError(f"{place} cannot be made: {error.strerror}") from error
    try:
        with UserGit(made) as git:
            git.run("init", "--quiet", "--initial-branch", branch, ".")
            (made / ".git/objects/info/alternates").write_text(f"{store / 'objects'}\n")
            if (store / "shallow").is_file():
                shutil.copyfile(store / "shallow", made / ".git/shallow")
            for name, value in (("backport.resolutions", str(resolutions)), ("gc.auto", "0"),
                                *((("backport.upstream", upstream),) if upstream else ())):
                git.run("config", name, value)
            remember(git, aim)
            feed = "".join(f"create {name} {commit}\n" for name, commit in refs.items())
            git.run("update-ref", "--stdin", stdin=feed.encode())
            check_out_around(git, branch, patch.paths)
        made.rename(place)
    except OSError as error:
        raise InfraError(f"{place} cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
