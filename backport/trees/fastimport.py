"""Put a tree that is no git repository (tarball, directory) into the object store as one commit.

`git fast-import` takes the files as they stream by, so that a 1.5 GB tree never lies unpacked on disk. The
commit is a container, made the same way every time: the same tarball gives the same commit on every machine,
which is what lets a cached result be compared with somebody else's.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backport.errors import GitError, SourceUnavailable
from backport.git import Git

Progress = Callable[[int], None]   # called with the number of bytes read since the last call


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a tree: git mode ("100644", "100755", "120000"), path, content.

    `same_as` names an earlier entry that has the content (a hard link in a tarball); `data` is b"" then.
    """

    mode: str
    path: bytes
    data: bytes
    same_as: bytes | None = None


def import_tree(git: Git, ref: str, entries: Iterable[TreeEntry], message: str | Callable[[bytes | None], str],
                *, strip: bool = False) -> str:
    """Write `entries` as one parentless commit under `ref`; return its object name.

    `strip` cuts the directory that all paths share, as tarballs have one (linux-6.1.187/Makefile). `message` may be
    a function of the top-level Makefile's bytes (None where there is none), which is known only once the files have
    passed by. The ref moves only when everything arrived: fast-import writes refs at the very end. Raises
    SourceUnavailable where there is no file at all.
    """
    # --depth=0: a delta against whatever file came before costs time and finds nothing
    process = git.stream("fast-import", "--quiet", "--force", "--done", "--depth=0")
    assert process.stdin is not None
    feed = process.stdin
    listing: dict[bytes, tuple[str, int]] = {}      # path -> mode, mark; the last of two equal paths wins
    makefiles: dict[bytes, bytes] = {}
    try:
        feed.write(b"feature done\n")
        for number, entry in enumerate(entries, 1):
            if entry.same_as is not None:
                if entry.same_as not in listing:
                    raise SourceUnavailable(f"{entry.path!r} is a link to {entry.same_as!r}, which is not there")
                listing[entry.path] = (entry.mode, listing[entry.same_as][1])
                continue
            feed.write(b"blob\nmark :%d\ndata %d\n" % (number, len(entry.data)))
            feed.write(entry.data)
            listing[entry.path] = (entry.mode, number)
            if entry.path.count(b"/") < 2 and entry.path.endswith(b"Makefile"):
                makefiles[entry.path] = entry.data
        if not listing:
            raise SourceUnavailable("holds no file")
        cut = _shared_top(listing) if strip else b""
        note = (message if isinstance(message, str) else message(makefiles.get(cut + b"Makefile"))).encode()
        feed.write(b"commit %s\ncommitter backport <backport@localhost> 0 +0000\ndata %d\n%s\ndeleteall\n"
                   % (ref.encode(), len(note), note))
        feed.writelines(b"M %s :%d %s\n" % (mode.encode(), mark, _quote(path[len(cut):]))
                        for path, (mode, mark) in listing.items())
        feed.write(b"done\n")
    except BrokenPipeError:
        pass                             # fast-import gave up; its own words follow
    except BaseException:
        process.kill()
        process.communicate()
        raise
    _out, err = process.communicate()
    if process.returncode:
        raise GitError(["git", "fast-import"], process.returncode, err.decode("utf-8", "replace"))
    commit = git.rev(ref)
    if commit is None:
        raise GitError(["git", "fast-import"], 0, f"{ref} was not written")
    return commit


def directory_entries(top: Path, progress: Progress | None = None) -> Iterator[TreeEntry]:
    """The files below `top`, sorted, `.git` left out."""
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top)
        if ".git" in relative.parts:
            continue
        name = str(relative).encode("utf-8", "surrogateescape")
        if path.is_symlink():
            yield TreeEntry("120000", name, str(path.readlink()).encode("utf-8", "surrogateescape"))
        elif path.is_file():
            mode = "100755" if path.stat().st_mode & stat.S_IXUSR else "100644"
            data = path.read_bytes()
            if progress is not None:
                progress(len(data))
            yield TreeEntry(mode, name, data)


def _shared_top(paths: Iterable[bytes]) -> bytes:
    """The one directory, with its slash, that all paths begin with; b"" where there is none."""
    tops = {path.partition(b"/")[0] + b"/" if b"/" in path else b"" for path in paths}
    return tops.pop() if len(tops) == 1 else b""


def _quote(path: bytes) -> bytes:
    """A path as fast-import reads it: quoted when it holds a quote, a newline or a leading quote."""
    if path.startswith(b'"') or b"\n" in path or b"\\" in path:
        return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    return path
