"""A conflict in a work tree and its index, as git leaves one; and the work tree put back as it was."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backport.errors import InfraError, UserError
from backport.git import Git
from backport.resolve.sides import Merge, Parted, markers
from backport.temporary import temporary_directory

_GONE = "0" * 40


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file of the user's was before: its times in nanoseconds; None where there was no file."""

    path: str
    times: tuple[int, int] | None


def merge_with(git: Git, label: str) -> Merge:
    """A three-way merge by git merge-file, with zdiff3 markers; `label` names the commit on upstream's side."""
    def merged(ours: bytes, base: bytes, theirs: bytes) -> tuple[bytes, int]:
        with temporary_directory("merge") as name:
            files = [Path(name, part) for part in ("ours", "base", "theirs")]
            for file, data in zip(files, (ours, base, theirs), strict=True):
                file.write_bytes(data)
            done = git.run("merge-file", "-p", "-q", "--zdiff3", "-L", "ours", "-L", f"before {label}", "-L", label,
                           *map(str, files), ok=range(128))
        return done.out, done.code
    return merged


def stamps(top: Path, paths: Iterable[str]) -> list[Stamp]:
    """The times of these files of a work tree."""
    found = []
    for path in sorted(set(paths)):
        try:
            told = os.lstat(top / path)
            found.append(Stamp(path, (told.st_atime_ns, told.st_mtime_ns)))
        except OSError:
            found.append(Stamp(path, None))
    return found


def restamp(top: Path, known: Sequence[Stamp]) -> None:
    """Give the files their times again: what make and editors saw of them before is what they see now."""
    for stamp in known:
        if stamp.times is not None and (top / stamp.path).exists():
            os.utime(top / stamp.path, ns=stamp.times, follow_symlinks=False)


def lay_out(git: Git, top: Path, commit: str, parted: Parted) -> None:
    """Stage what fits, and give every open file its three stages and its markers. `top` is at `commit`, clean there."""
    modes = {path: mode for mode, _sha, path in git.ls_tree(commit, [*parted.fits, *(one.path for one in parted.open)])}
    rows: list[str] = []
    for path, data in parted.fits.items():
        rows.append(f"{modes.get(path, '100644')} {_blob(git, data)} 0\t{path}" if data is not None
                    else f"0 {_GONE} 0\t{path}")
    for one in parted.open:
        sides = [(stage, data) for stage, data in ((1, one.base), (2, one.ours), (3, one.theirs)) if data is not None]
        rows.append(f"0 {_GONE} 0\t{one.path}")
        rows += [f"{modes.get(one.path, '100644')} {_blob(git, data)} {stage}\t{one.path}" for stage, data in sides]
    feed = b"".join(row.encode("utf-8", "surrogateescape") + b"\0" for row in rows)
    git.run("update-index", "-z", "--index-info", stdin=feed)
    staged = [path for path, data in parted.fits.items() if data is not None]
    checkout(git, staged)
    for path, data in parted.fits.items():
        if data is None:
            (top / path).unlink(missing_ok=True)
    for one in parted.open:
        if one.merged is not None:
            _write(git, top / one.path, one.path, one.merged)


def checkout(git: Git, paths: Sequence[str]) -> None:
    """Write these files as the index has them, in a sparse work tree too."""
    if paths:
        feed = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
        git.run("update-index", "--no-skip-worktree", "-z", "--stdin", stdin=feed)
        git.run("checkout-index", "--force", "-u", "-z", "--stdin", stdin=feed)


def put_back(git: Git, top: Path, commit: str, paths: Iterable[str]) -> None:
    """Make these files what `commit` has, in the index and in the work tree; nothing else is looked at."""
    wanted = sorted(set(paths))
    known = {path: (mode, sha) for mode, sha, path in git.ls_tree(commit, wanted)} if wanted else {}
    rows = [f"0 {_GONE} 0\t{path}" for path in wanted]
    rows += [f"{known[path][0]} {known[path][1]} 0\t{path}" for path in wanted if path in known]
    feed = b"".join(row.encode("utf-8", "surrogateescape") + b"\0" for row in rows)
    git.run("update-index", "-z", "--index-info", stdin=feed)
    checkout(git, [path for path in wanted if path in known])
    for path in wanted:
        if path not in known:
            (top / path).unlink(missing_ok=True)


def unfinished(git: Git, top: Path, paths: Iterable[str]) -> list[str]:
    """What keeps the work tree from being a commit, a sentence each: unmerged paths, markers, what is not staged."""
    out = []
    unmerged = sorted({row.split(b"\t", 1)[1].decode("utf-8", "surrogateescape")
                       for row in git.run("ls-files", "--unmerged", "-z").out.split(b"\0") if row})
    for path in sorted({*paths, *unmerged}):
        file = top / path
        lines = markers(file.read_bytes()) if file.is_file() else []
        if lines:
            out.append(f"{path}:{lines[0]}: a conflict marker ({len(lines)} lines of them in the file)")
        elif path in unmerged:
            out.append(f"{path}: unmerged; `git add {path}` when it is as you want it (`git rm` to leave it out)")
        elif _unstaged(git, path):
            out.append(f"{path}: changed and not staged: `git add {path}`")
    return out


def _unstaged(git: Git, path: str) -> bool:
    """Does the file differ from the index? By its content: diff-files calls one changed that was only touched."""
    return git.run("diff", "--quiet", "--no-ext-diff", "--no-textconv", "--", path, ok=(0, 1)).code == 1


def staged_tree(git: Git) -> str:
    """The tree that the index makes. Raises UserError where git cannot write it."""
    done = git.run("write-tree", ok=())
    if done.code:
        raise UserError(f"git cannot write a tree from the index: {done.err.strip()}")
    return done.text


def take(git: Git, top: Path, commit: str, diff: bytes) -> list[str]:
    """Make the files what `diff` makes of `commit`; returns their paths. Raises UserError where it does not fit."""
    with temporary_directory("take") as name:
        env = {"GIT_INDEX_FILE": str(Path(name, "index"))}
        git.run("read-tree", commit, env=env)
        done = git.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=diff, env=env, ok=())
        if done.code:
            raise UserError(f"that answer does not fit: {done.err.strip()}")
        tree = git.run("write-tree", env=env).text
    rows = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", commit, tree).out.split(b"\0")
    paths = [row.decode("utf-8", "surrogateescape") for row in rows if row]
    put_back(git, top, tree, paths)
    return paths


def _blob(git: Git, data: bytes) -> str:
    return git.run("hash-object", "-w", "--stdin", "--no-filters", stdin=data).text


def _write(git: Git, file: Path, path: str, data: bytes) -> None:
    """`data` as git would check it out (line ends of core.autocrlf)."""
    smudged = git.run("cat-file", "--filters", f"--path={path}", _blob(git, data)).out
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(smudged)
    except OSError as error:
        raise InfraError(f"{file} cannot be written: {error.strerror}") from error
