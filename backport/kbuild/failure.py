"""Why a make call failed: the code, or the environment. Only the first may be held against a patch."""

from __future__ import annotations

import errno
import re
import shutil
from dataclasses import dataclass

from backport.errors import BuildError
from backport.gitfault import LIMITS
from backport.kbuild.make import Exited


@dataclass(frozen=True, slots=True)
class Trouble:
    """The environment's fault: what happened, and how to fix it."""

    what: str
    hint: str

    @property
    def lacks(self) -> bool:
        """Is it only that a program or a header is not installed, which a part of a build may do without?"""
        return self.what.startswith((_NO_TOOL, _NO_HEADER))

    def error(self, where: str) -> BuildError:
        """The exception for it; `where` stands in front, the log behind."""
        return (TooOld if self.what.startswith(_TOO_OLD) else BuildError)(where.format(self.what), hint=self.hint)


class TooOld(BuildError):
    """The tree refuses a compiler or another tool as too old: no other tree says so of it."""


@dataclass(frozen=True, slots=True)
class _Says:
    """How a tool prints one trouble, in one line: `start` where the line begins, `then` each somewhere behind the one
    before; `tool` has to be in the first word.

    In parts, because `.*A.*B` in one expression takes the square of a line's length, which a patch decides."""

    start: re.Pattern[str]
    what: str
    hint: str
    then: tuple[re.Pattern[str], ...] = ()
    tool: re.Pattern[str] | None = None

    def match(self, line: str) -> bool:
        found = self.start.match(line)
        if found is None or (self.tool and not self.tool.search(line.partition(" ")[0])):
            return False
        for part in self.then:
            found = part.search(line, found.end())
            if found is None:
                return False
        return True


def _says(start: str, what: str, hint: str, *then: str, tool: str = "") -> _Says:
    return _Says(re.compile(start), what, hint, tuple(map(re.compile, then)), re.compile(tool) if tool else None)


_MAKE = r"make(?:\[\d+\])?: "
_MEMORY = "usually too little memory: use fewer jobs (-j 1)"
_OTHER_COMPILER = "try another compiler for this tree (toolchain: cc: in trees.yaml)"
_FEWER = "use fewer jobs (-j 1); the limits are in docs/build.md"
_SIGNAL = "Killed|Terminated|Segmentation fault|Bus error|Aborted"
_LOG = "the end of the log shows which; the limits are in docs/build.md"
_FULL = "(?:No space left on device|Disk quota exceeded|File too large|File size limit exceeded)"

_TOO_OLD = "this tree needs a newer tool"
_NO_TOOL = "a build tool is missing"
_NO_HEADER = "a header that the build's own tools need is missing"

# Each is anchored to how the tool itself prints it: a patch's `#error No space left on device` is code. The first that
# any line says counts, in this order.
_PATTERNS: tuple[_Says, ...] = (
    # gcc calls it its own error when a signal ends cc1: a limit, or the kernel that ran out of memory
    _says(r"\S+: (?:internal compiler |fatal )?error: File size limit exceeded signal terminated program ",
          "a file grew over the limit", _LOG),
    _says(r"\S+: internal compiler error: (?:Killed|Terminated) (?:signal terminated program |\(program )",
          "the compiler was killed by a signal", _MEMORY),
    _says(r"(?:[^\s:]+:(?:\d+:){0,2} )?internal compiler error: ", "the compiler crashed", _OTHER_COMPILER),
    _says(r"\S+: error: (?:unable to execute command|clang frontend command failed)", "the compiler crashed",
          _OTHER_COMPILER, tool="clang"),
    _says(r"PLEASE submit a bug report to |Stack dump:$", "the compiler crashed", _OTHER_COMPILER),
    _says(r"\*\*\* (?:(?:C |Rust )?[Cc]ompiler|Assembler|Linker) is too old\.$", _TOO_OLD,
          "name a newer one for this tree (toolchain: cc: in trees.yaml)"),
    _says(r"virtual memory exhausted|cc1: out of memory|LLVM ERROR: out of memory|"
          r"terminate called after throwing an instance of 'std::bad_alloc'$|"
          rf"{_MAKE}(?:fork|vfork): Cannot allocate memory", "out of memory", _FEWER),
    _says(r"\S+: (?:fatal error: |memory exhausted)", "out of memory", _FEWER,
          "out of memory|Cannot allocate memory|memory exhausted"),
    _says(r"\S+: (?:fatal )?error: ", "the compiler was killed by a signal", _MEMORY, _SIGNAL,
          "signal terminated program", tool="gcc|cc1|clang|as|ld"),
    _says(rf"{_MAKE}\*\*\* ", "a build tool was killed by a signal", _MEMORY,
          rf"\] (?:{_SIGNAL}|Error 1(?:29|3\d|4[0-3]))"),
    # behind the first ": " of the line, and no excerpt of the source (`12 | ...`)
    _says(r"[^|:]*(?::(?! )[^|:]*)*: ", "the disk is full",
          "free some space, or give another cache directory (--cache)", rf"(?<=: ){_FULL}\s*$"),
    _says(rf"{_MAKE}\*\*\* ", "a file grew over the limit", _LOG, r"\] File size limit exceeded"),
    _says(rf"{_MAKE}warning:  ?Clock skew detected",
          "the clock went backwards, so make cannot tell what is up to date",
          "set the clock (timedatectl), then run again"),
    _says(rf"{_MAKE}warning:  ?File ", "the clock went backwards, so make cannot tell what is up to date",
          "set the clock (timedatectl), then run again", " has modification time ", " in the future$"),
    _says(r"(?:/bin/sh|bash|sh): (?:line )?(?:\d+: )*(?P<tool>\S+): (?:command )?not found$",
          _NO_TOOL, "run `backport doctor`"),
    _says(rf"{_MAKE}(?P<tool>\S+): (?:No such file or directory|Command not found|Permission denied)$",
          _NO_TOOL, "run `backport doctor`"),
    _says("", _NO_HEADER, "apt-get install libelf-dev libssl-dev",
          r"fatal error: (?:gelf|libelf|elf|openssl/\w+|gmp|mpc)\.h: No such file or directory"),
)


# words of the source itself, quoted by the compiler: a patch may write what it likes there
_QUOTED = re.compile(r"(?:error|warning): (?:#error|#warning|static assertion)|^ *\d* \|")
_CALLED = _says("", "", "", r"(?:error|warning): call to ", " declared with attribute")


LOWERED = "raise them in the shell that calls backport (ulimit -a shows them), then run again"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LIMITS = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def machine_trouble(error: OSError | MemoryError) -> Trouble:
    """What an operation of ours met, with its cure."""
    said = str(error)
    if isinstance(error, MemoryError):
        return Trouble(f"out of memory{said and ': '}{said}", LIMITS)
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        said = f"{error.args[0][0][2]} (and {len(error.args[0]) - 1} more)"     # a copied tree: one entry a file
    full = error.errno in _DISK or "No space left" in said or "quota exceeded" in said
    if full:
        return Trouble(f"the disk is full: {said}", "free some space, or give another cache directory (--cache)")
    if error.errno in _LIMITS:
        return Trouble(f"the machine: {said}", LIMITS)
    if error.errno in _CLOSED:
        return Trouble(f"the machine: {said}", "check owner and mode, or give another cache directory (--cache)")
    if "No usable temporary directory" in said:
        return Trouble(f"the machine: {said}", "set TMPDIR to a writable directory with free space")
    return Trouble(f"the machine: {said}", "run `backport doctor`")


def trouble(ended: Exited) -> Trouble | None:
    """The environment's fault in the output of one make call, None where there is none.

    Clock skew counts even when make succeeded: what it thought up to date may not be.
    """
    if ended.stopped:
        return Trouble(f"the build was stopped: {ended.stopped}",
                       "the end of the log shows what was running; the limits are in docs/build.md")
    found: tuple[int, str] | None = None
    for line in ended.output.decode("utf-8", "replace").split("\n"):
        if _QUOTED.search(line) or _CALLED.match(line):
            continue
        for number, pattern in enumerate(_PATTERNS[:found[0]] if found else _PATTERNS):
            if (ended.code or "clock" in pattern.what) and pattern.match(line):
                found = (number, line)
                break
    if found:
        return Trouble(f"{_PATTERNS[found[0]].what}: {found[1].strip()[:200]}", _PATTERNS[found[0]].hint)
    if ended.code < 0 or ended.code > 128:
        signal = -ended.code if ended.code < 0 else ended.code - 128
        return Trouble(f"make was ended by signal {signal}", "run again; if it repeats, see the log")
    if ended.code and ended.lowered:
        return Trouble(f"it failed under the limits of the calling shell: {ended.lowered}", LOWERED)
    return None
