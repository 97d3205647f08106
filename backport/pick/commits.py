"""A patch becomes a commit, and a branch gets it: the only writing into somebody's clone."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backport.errors import GitError, InfraError, UserError
from backport.git import Git
from backport.gitfault import damaged
from backport.pick.clone import Clone
from backport.pick.message import Wording
from backport.resolve.place import put_back
from backport.temporary import temporary_directory


@dataclass(frozen=True, slots=True)
class Manner:
    """How the user commits: `committer` is "Name <address>"; `sign` asks gpg; hooks are left out without `verify`."""

    committer: str
    sign: bool = False
    verify: bool = True


def manner(git: Git, *, verify: bool) -> Manner:
    """As git commit would do it here. Raises UserError where git does not know who the user is."""
    asked = git.run("var", "GIT_COMMITTER_IDENT", ok=())
    if asked.code:
        raise UserError("git does not know who you are, and a commit needs it",
                        hint="git config --global user.name 'NAME'; git config --global user.email ADDRESS")
    signed = git.run("config", "--type=bool", "--get", "commit.gpgsign", ok=()).text == "true"
    return Manner(asked.text.rpartition(" ")[0].rpartition(" ")[0], signed, verify)


def tree_with(loan: Git, commit: str, diff: bytes) -> str:
    """The tree of `commit` with `diff` applied, exactly, written into the repository on loan."""
    with temporary_directory("tree") as name:
        env = {"GIT_INDEX_FILE": str(Path(name, "index"))}
        loan.run("read-tree", commit, env=env)
        done = loan.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=diff, ok=(), env=env)
        if done.code or "Skipped patch" in done.err:
            raise GitError(["git", "apply", "--cached"], done.code, done.err, hint=damaged(loan.path))
        return loan.run("write-tree", env=env).text


def handed_over(loan: Git, clone: Git, tree: str, commit: str) -> None:
    """Copy what `tree` has beyond `commit` from the repository on loan into the clone."""
    # not rev-list --objects: a tree without a commit is walked whole there, a hundred thousand objects
    rows = loan.run("diff-tree", "-r", "-t", "--raw", "--no-renames", "--full-index", f"{commit}^{{tree}}", tree).text
    new = {row.split(" ", 4)[3] for row in rows.splitlines() if row.split(" ", 4)[1] not in ("160000", "000000")}
    pack = loan.run("pack-objects", "--stdout", "-q", stdin="".join(f"{name}\n" for name in (*new, tree)).encode()).out
    clone.run("unpack-objects", "-q", stdin=pack)


def committed(clone: Git, how: Manner, tree: str, parent: str, says: Wording) -> str:
    """The new commit; no branch has it yet. Raises UserError where the commit-msg hook or gpg refuses."""
    message = _hooked(clone, says.message, how)
    done = clone.run("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *(["-S"] if how.sign else []), "-p", parent,
                     "-F", "-", tree, stdin=message, env=says.env, ok=())
    if done.code:
        raise UserError(f"git commit-tree refused \"{says.title}\": {done.err.strip()}",
                        hint="commit.gpgsign is set: look whether gpg can sign here" if how.sign else "")
    return done.text


def _hooked(clone: Git, message: bytes, how: Manner) -> bytes:
    """`message` as the commit-msg hook leaves it; as for git cherry-pick, pre-commit is not asked."""
    if not how.verify or not _has_hook(clone, "commit-msg"):
        return message
    with temporary_directory("message") as name:
        file = Path(name, "COMMIT_EDITMSG")
        file.write_bytes(message)
        done = clone.run("hook", "run", "--ignore-missing", "commit-msg", "--", str(file), ok=())
        if done.code:
            title = message.split(b"\n", 1)[0].decode("utf-8", "replace")
            raise UserError(
                f"the hook commit-msg refused \"{title}\": {done.err.strip() or f'exit {done.code}'}",
                hint="fix what it complains about, or skip it with --no-verify; nothing was moved")
        return file.read_bytes()


def _has_hook(clone: Git, name: str) -> bool:
    place = clone.run("rev-parse", "--path-format=absolute", "--git-path", f"hooks/{name}").text
    return os.access(place, os.X_OK)


def refusal(clone: Clone, git: Git, old: str, new: str) -> str:
    """Why the work tree cannot go from `old` to `new`: what of the user's is in the way, "" where nothing is.

    Asked of a copy of the index, so that a question leaves no trace.
    """
    index = _index(git)
    with temporary_directory("index") as name:
        copy = Path(name, "index")
        if index.is_file():
            shutil.copyfile(index, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        git.run("update-index", "-q", "--refresh", env=env, ok=())
        asked = git.run("read-tree", "-m", "-u", "-n", old, new, env=env, ok=())
    return asked.err.strip() if asked.code else ""


def move_here(clone: Clone, git: Git, old: str, new: str, note: str) -> None:
    """Take HEAD, the index and the touched files of the work tree from `old` to `new`; other files stay as they are.

    Nothing is done where something of the user's is in the way (UserError), or HEAD is not at `old` any more.
    """
    if old == new:
        return
    if git.rev("HEAD") != old:
        raise UserError(f"HEAD moved away from {old[:12]} meanwhile: nothing was done",
                        hint="look who else works here, and run it again")
    said = refusal(clone, git, old, new)
    half = _half_moved(clone, git, old, new) if said else []
    if said and not half:
        raise UserError(f"files of yours are in the way, and nothing was done:\n{said}",
                        hint="commit or stash them first; files that the patch does not touch may stay as they are")
    with _undisturbed():
        git.run("update-index", "-q", "--refresh", ok=())
        if half and clone.top is not None:
            put_back(git, clone.top, new, half)
        else:
            git.run("read-tree", "-m", "-u", old, new)
        move_ref(git, "HEAD", old, new, note)


def _half_moved(clone: Clone, git: Git, old: str, new: str) -> list[str]:
    """The paths that differ, where each file is as the one or the other has it, or the beginning of that: what a kill
    in the middle of a move leaves, with the index still the old one. [] where a file is the user's."""
    if clone.top is None:
        return []
    rows = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new).out.split(b"\0")
    paths = [row.decode("utf-8", "surrogateescape") for row in rows if row]
    sides = [{path: sha for _mode, sha, path in git.ls_tree(commit, paths)} for commit in (old, new)]
    for path in paths:
        file = clone.top / path
        if file.is_symlink() or file.is_dir():
            return []
        known = [side.get(path) for side in sides]
        if (git.run("hash-object", "--", path).text if file.exists() else None) in known:
            continue
        data = file.read_bytes()
        if not any((git.blob(sha) or b"").startswith(data) for sha in known if sha is not None):
            return []
    return paths


def move_ref(git: Git, ref: str, old: str, new: str, note: str) -> None:
    """Move `ref` from `old` to `new`; raises UserError where it is elsewhere by now."""
    if old == new:
        return
    done = git.run("update-ref", "-m", f"backport pick: {note}", "--end-of-options", ref, new, old, ok=())
    if done.code:
        raise UserError(f"{ref} could not be moved from {old[:12]} to {new[:12]}: {done.err.strip()}",
                        hint=f"the commits are made: `git log {new[:12]}` has them")


def _index(git: Git) -> Path:
    return Path(git.run("rev-parse", "--path-format=absolute", "--git-path", "index").text)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the files and the branch agree again: it takes a moment, and half of it is worse.

    Children inherit the mask, so git is not stopped either.
    """
    wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def snapshot(git: Git, place: Path) -> None:
    """A copy of the index, for --abort."""
    index = _index(git)
    try:
        if index.is_file():
            shutil.copy2(index, place)
    except OSError as error:
        raise InfraError(f"{place} cannot be written: {error.strerror}") from error


def index_bytes_back(git: Git, place: Path) -> None:
    """Put the copy back where it says the same as the index does now: the bytes are then the user's own again."""
    if not place.is_file():
        return
    now = git.run("ls-files", "--stage", "-z").out
    env: Mapping[str, str] = {"GIT_INDEX_FILE": str(place)}
    if git.run("ls-files", "--stage", "-z", env=env).out == now:
        index = _index(git)
        scratch = index.with_name("index.backport")
        shutil.copy2(place, scratch)
        scratch.replace(index)
