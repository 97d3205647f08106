"""Where a tree may come from: one file a kind, and this table."""

from __future__ import annotations

from backport.trees.sources import debian, directory, gitremote, local, tarball
from backport.trees.sources.base import SourceKind

KINDS: dict[str, SourceKind] = {
    "git": gitremote.KIND,
    "local": local.KIND,
    "directory": directory.KIND,
    "tarball": tarball.KIND,
    "debian": debian.KIND,
}
