"""One bare object store under the user's cache directory; a tree is a ref in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Head:
    """A tree as the store has it now."""

    tree: str                        # name in the manifest
    commit: str                      # object name in the store, 40 hex
    version: str                     # from the tree's Makefile: 6.1.187
    source: str                      # one line for people: "debian linux_6.1.187.orig.tar.xz"
    fetched: float                   # seconds since the epoch
    checksum: str = ""               # "sha256:..." where the source published one and it was verified
    history: bool = False            # more than a container commit: log, merge-base and describe mean something
