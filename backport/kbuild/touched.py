"""What kind of file a patch touches, as far as a build is concerned."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from enum import StrEnum


class TouchedKind(StrEnum):
    """SOURCE is compiled, DEVICETREE by dtc; KCONFIG and MAKEFILE steer the build, NOTHING never meets a compiler,
    OTHER may."""

    SOURCE = "source"
    DEVICETREE = "devicetree"
    KCONFIG = "kconfig"
    MAKEFILE = "makefile"
    NOTHING = "nothing"
    OTHER = "other"


_DOCUMENTS = frozenset({"MAINTAINERS", "CREDITS", "COPYING", "README", ".mailmap", ".gitignore", ".gitattributes",
                        ".clang-format", ".editorconfig", ".get_maintainer.ignore", ".cocciconfig"})
_NEVER = ("Documentation/", "LICENSES/", "tools/", "samples/", "rust/doctests/")
# parts of tools/ that build the kernel itself
_TOOLS = ("tools/objtool/", "tools/arch/", "tools/include/", "tools/lib/", "tools/build/")
_TEXT = (".rst", ".md", ".cocci")


def kind_of(path: str) -> TouchedKind:
    """The kind of one path below the tree."""
    name = posixpath.basename(path)
    if name in _DOCUMENTS or name.endswith(_TEXT):
        return TouchedKind.NOTHING
    if path.startswith(_NEVER) and not path.startswith(_TOOLS):
        return TouchedKind.NOTHING
    if name.startswith("Kconfig"):
        return TouchedKind.KCONFIG
    if name in ("Makefile", "Kbuild") or name.startswith(("Makefile.", "Kbuild.")):
        return TouchedKind.MAKEFILE
    if name.endswith((".c", ".h", ".S", ".rs")):
        return TouchedKind.SOURCE
    if name.endswith((".dts", ".dtsi", ".dtso")):
        return TouchedKind.DEVICETREE
    return TouchedKind.OTHER


def nothing_to_build(paths: Iterable[str]) -> bool:
    """True where no path can change what a compiler makes."""
    return all(kind_of(path) is TouchedKind.NOTHING for path in paths)
