"""trees.yaml -> Tree records, validated; every error names file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """One place to get a tree from; tried in the order of the manifest."""

    kind: str                                    # git | local | directory | tarball | debian
    options: Mapping[str, Any]                   # validated by the source's own module
    line: int = 0


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How a tree is compiled. `cc` "" means the system compiler; `make` are extra make variables."""

    cc: str = ""
    llvm: bool = False
    make: Mapping[str, str] = field(default_factory=dict)
    fixes: tuple[str, ...] = ()                  # build-fix patches, paths beside the manifest


@dataclass(frozen=True, slots=True)
class Tree:
    """One branch that patches are carried to (or the upstream reference, which is only read)."""

    name: str                                    # linux-6.1.y
    series: str                                  # 6.1
    sources: tuple[Source, ...]
    status: str = "longterm"                     # mainline | stable | longterm | eol
    upstream: bool = False                       # the reference that has the fixes already
    config: str = "x86_64_defconfig"
    fragments: tuple[str, ...] = ("kvm-builtin",)
    targets: tuple[str, ...] = ("arch/x86/kvm/",)
    toolchain: Toolchain = Toolchain()
    required: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """All trees, newest first, the upstream reference among them."""

    path: Path
    trees: tuple[Tree, ...]

    @property
    def upstream(self) -> Tree | None:
        return next((tree for tree in self.trees if tree.upstream), None)

    def tree(self, name: str) -> Tree | None:
        """By name, or by series ("6.1", "6.1.y"), as people type it."""
        short = name.removeprefix("linux-").removesuffix(".y")
        return next((tree for tree in self.trees if name == tree.name or short == tree.series), None)
