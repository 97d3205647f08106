"""A directory that holds an unpacked tree: imported as one commit."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from backport.errors import SourceUnavailable
from backport.trees.fastimport import directory_entries, import_tree
from backport.trees.sources.base import Made, Ready, SourceKind, SourceRequest, path_option
from backport.version import makefile_version


def _prepare(request: SourceRequest) -> Ready:
    path = Path(request.options["path"])
    if request.release:
        raise SourceUnavailable(f"{path} is one tree, not a set of releases")
    if not path.is_dir():
        raise SourceUnavailable(f"{path} is not a directory" if path.exists() else f"{path} does not exist")
    if not any(path.iterdir()):
        raise SourceUnavailable(f"{path} is empty")
    stamp = "directory:" + fingerprint(path)

    def put() -> Made:
        makefile = path / "Makefile"
        version = makefile_version(makefile.read_bytes() if makefile.is_file() else None)
        message = f"{request.tree} {version}".strip() + "\n\nsource: directory\n"
        with request.store.git() as git, request.progress.start(f"{request.tree} import") as bar:
            commit = import_tree(git, f"refs/incoming/{request.tree}", directory_entries(path, bar.advance), message)
            git.run("update-ref", "-d", f"refs/incoming/{request.tree}")
        if fingerprint(path) != stamp.removeprefix("directory:"):
            raise SourceUnavailable(f"{path} changed while it was read", hint="fetch again when nothing writes there")
        return Made(commit)

    return Ready(stamp, f"directory {path}", put)


def fingerprint(top: Path) -> str:
    """Changes when a file appears, disappears or is written: names, sizes, modes and times, not contents."""
    digest = hashlib.sha256(str(top.resolve()).encode("utf-8", "surrogateescape"))
    stack = [os.fsencode(top)]
    while stack:
        folder = stack.pop()
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                if entry.name == b".git":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    about = entry.stat(follow_symlinks=False)
                    digest.update(b"%s\0%d\0%d\0%o\n" % (entry.path, about.st_size, about.st_mtime_ns, about.st_mode))
    return digest.hexdigest()


KIND = SourceKind(name="directory", main="path", read_main=path_option, options={}, prepare=_prepare)
