"""What kind of file a patch touches, as far as a build is concerned."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from enum import StrEnum

from backport.kbuild.result import first_of


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
SELFTESTS = "tools/testing/selftests/"
_SCRIPTS = (".sh", ".py", ".pl", ".awk", ".sed", ".tc", ".bt")
# what a file is that nothing here builds, and what it says of that: (beginnings, endings, words); the first that fits
_UNBUILT: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("Documentation/devicetree/bindings/",), (".yaml",),
     "a binding schema, which is not checked (make dt_binding_check of Debian's dt-schema does it)"),
    (("Documentation/netlink/specs/",), (".yaml",),
     "a netlink specification, which is not checked (tools/net/ynl reads it)"),
    (("Documentation/",), ("",),
     "documentation text, which is not checked (make htmldocs of Debian's python3-sphinx does it)"),
    (("tools/", "samples/"), _SCRIPTS, "a script, which nothing compiles"),
    ((SELFTESTS,), ("/config", "/settings"), "the options of a selftest, which nothing compiles"),
    ((SELFTESTS,), ("",), "a file of a selftest that no compiler reads"),
    (("tools/",), ("",), "a tool, whose own make is not run"),
    (("samples/",), ("",), "a sample, which is not built"),
    (("",), ("",), "text, which nothing compiles"),
)


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


def is_selftest(path: str) -> bool:
    """Does the make of a directory of selftests read it? It is NOTHING for the kernel's own build."""
    name = posixpath.basename(path)
    return path.startswith(SELFTESTS) and (name == "Makefile" or name.endswith((".c", ".h", ".S", ".mk")))


def nothing_to_build(paths: Iterable[str]) -> bool:
    """True where no path can change what a compiler makes."""
    return all(kind_of(path) is TouchedKind.NOTHING and not is_selftest(path) for path in paths)


def unbuilt(paths: Iterable[str]) -> str:
    """What the files of a patch are of which nothing is built, in words."""
    found: dict[str, list[str]] = {}
    for path in paths:
        words = next(words for begin, end, words in _UNBUILT if path.startswith(begin) and path.endswith(end))
        found.setdefault(words, []).append(path)
    return "; ".join(f"{first_of(some)}: {words}" for words, some in found.items())
