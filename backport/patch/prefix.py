"""How many leading directories a diff's paths carry: one, as git writes them (a/ and b/), or what `series` says.

git apply and patch -p1 strip the first directory whatever it is: `tools/arch/x86/x.S`, written without a/ and b/,
becomes `arch/x86/x.S`, which is another file and may well take the patch. So a directory that is stripped has to be one
that no kernel tree has inside it; where the paths do not tell, the patch is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backport.errors import InvalidPatch
from backport.patch.model import FileDiff
from backport.patch.paths import NO_PREFIX, PREFIX_HINT, quoted

_GIT = frozenset((b"a", b"b", b"c", b"i", b"o", b"w", b"1", b"2", b"."))    # diff.mnemonicPrefix among them
# what stands at the top of a kernel tree, 5.10 to 7.2
_TOP = frozenset(b"""arch block certs crypto Documentation drivers fs include init io_uring ipc kernel lib LICENSES mm
net rust samples scripts security sound tools usr virt COPYING CREDITS Kbuild Kconfig MAINTAINERS Makefile README
.clang-format .clippy.toml .cocciconfig .editorconfig .get_maintainer.ignore .gitattributes .gitignore .mailmap
.pylintrc .rustfmt.toml""".split())
# the name of a directory that holds a whole tree: linux-6.1.y, kernel-5.10.orig, stable-6.1, old, new
_TREE = re.compile(rb"(?:linux|kernel[-_.]).*|.*\d\.\d.*|(?:orig|original|old|new|vanilla|mainline|stable|upstream)"
                   rb"(?:[-_.~].*)?", re.S)


@dataclass(frozen=True, slots=True)
class TreeNames:
    """Both paths of a file as the diff writes them, None for /dev/null, and the 1-based line of its header."""

    old: bytes | None
    new: bytes | None
    line: int

    @property
    def given(self) -> tuple[bytes, ...]:
        return tuple(name for name in (self.old, self.new) if name is not None)

    @property
    def first(self) -> frozenset[bytes]:
        """The leading directory of each side: two of them where a tree was compared with its copy."""
        return frozenset(name.split(b"/", 1)[0] for name in self.given)


def refuse_unstripped(files: Sequence[TreeNames], source: str, *, stated: bool) -> tuple[str, ...]:
    """The directories other than git's own that come off the paths when one is stripped, in order, each once.

    `stated`: somebody said -p1 for this very patch (quilt's `series` does). Raises InvalidPatch where stripping one
    directory would name another file, or where nobody said it and the paths do not tell.
    """
    copies = frozenset(first for file in files if len(file.first) == 2 for first in file.first)
    found: dict[bytes, None] = {}
    for file in files:
        for name in file.given:
            first, *rest = name.split(b"/")
            if first in _GIT:
                continue
            if first in _TOP:
                raise InvalidPatch(NO_PREFIX, line=file.line, source=source, hint=PREFIX_HINT)
            if not stated and not _is_tree(first, rest, copied=first in copies):
                shown = name[:80].decode("utf-8", "backslashreplace")
                raise InvalidPatch(f"{NO_PREFIX}, and whether the first directory of {shown!r} is one of the kernel's "
                                   "cannot be told", line=file.line, source=source, hint=PREFIX_HINT)
            found[first] = None
    return tuple(first.decode("utf-8", "backslashreplace") for first in found)


def _is_tree(first: bytes, rest: Sequence[bytes], *, copied: bool) -> bool:
    """Is `first` the directory of a whole tree, with `rest` below it."""
    if _TREE.fullmatch(first) is None:
        return False
    if rest and rest[0] in _TOP:
        return True
    # `linux/sched.h` on both sides is a file of include/linux; `x/linux/arch/...` has one directory more
    return copied and not any(part in _TOP for part in rest[1:-1])


def with_prefixes(file: FileDiff) -> FileDiff:
    """`file` with a/ and b/ before the paths of its header, as git writes them: what git apply reads without -pN."""
    old = file.old_path or file.new_path or ""
    new = file.new_path or file.old_path or ""
    known = {b"--- ": "a/" + old, b"+++ ": "b/" + new, b"rename from ": old, b"copy from ": old, b"rename to ": new,
             b"copy to ": new}
    lines = []
    for line in file.header.split(b"\n"):
        word = next((word for word in known if line.startswith(word)), b"")
        if line.startswith(b"diff --git "):
            line = b"diff --git " + quoted("a/" + old) + b" " + quoted("b/" + new)
        elif word and not line.startswith(word + b"/dev/null"):
            # the date stays: that of a file which is not there tells git apply so
            line = word + quoted(known[word]) + b"".join(line.partition(b"\t")[1:])
        lines.append(line)
    return replace(file, header=b"\n".join(lines))
