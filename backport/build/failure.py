"""Why a make call failed: the code, or the surroundings. Only the first may be held against a patch."""

from __future__ import annotations

import errno
import re
import shutil
from dataclasses import dataclass

from backport.build.make import Ended


@dataclass(frozen=True, slots=True)
class Trouble:
    """The surroundings' fault: what happened, and how to mend it."""

    what: str
    hint: str


# Each pattern is anchored to how the tool itself prints it: a patch's `#error No space left on device` is code.
_PATTERNS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    # gcc calls it its own error when a signal ends cc1: a limit, or the kernel that ran out of memory
    (re.compile(r"^\S+: (?:internal compiler |fatal )?error: File size limit exceeded signal terminated program .*",
                re.MULTILINE),
     "a file grew over the limit", "the end of the log shows which; the limits are in docs/build.md"),
    (re.compile(r"^\S+: internal compiler error: (?:Killed|Terminated) (?:signal terminated program |\(program ).*",
                re.MULTILINE),
     "the compiler was killed by a signal", "usually too little memory: use fewer jobs (-j 1)"),
    (re.compile(r"^(?:[^\s:]+:(?:\d+:){0,2} )?internal compiler error: .*", re.MULTILINE),
     "the compiler crashed", "try another compiler for this tree (toolchain: cc: in trees.yaml)"),
    (re.compile(r"^(?:\S*clang\S*: error: (?:unable to execute command|clang frontend command failed).*|"
                r"PLEASE submit a bug report to .*|Stack dump:)$", re.MULTILINE),
     "the compiler crashed", "try another compiler for this tree (toolchain: cc: in trees.yaml)"),
    (re.compile(r"^\*\*\* (?:Compiler|Assembler|Linker|Rust compiler) is too old\.$", re.MULTILINE),
     "this tree wants a newer tool", "name a newer one for this tree (toolchain: cc: in trees.yaml)"),
    (re.compile(r"^(?:virtual memory exhausted.*|cc1: out of memory.*|\S+: (?:fatal error: |memory exhausted).*"
                r"(?:out of memory|Cannot allocate memory|memory exhausted).*|LLVM ERROR: out of memory.*|"
                r"terminate called after throwing an instance of 'std::bad_alloc'|"
                r"make(?:\[\d+\])?: (?:fork|vfork): Cannot allocate memory.*)$", re.MULTILINE),
     "out of memory", "use fewer jobs (-j 1); the limits are in docs/build.md"),
    (re.compile(r"^\S*(?:gcc|cc1|clang|as|ld)\S*: (?:fatal )?error: .*?(?:Killed|Terminated|Segmentation fault|"
                r"Bus error|Aborted).*signal terminated program.*$", re.MULTILINE),
     "the compiler was killed by a signal", "usually too little memory: use fewer jobs (-j 1)"),
    (re.compile(r"^make(?:\[\d+\])?: \*\*\* .*\] (?:Killed|Terminated|Segmentation fault|Bus error|Aborted|"
                r"Error 1(?:29|3\d|4[0-3])).*$", re.MULTILINE),
     "a tool of the build was killed by a signal", "usually too little memory: use fewer jobs (-j 1)"),
    (re.compile(r"^[^\n|]*?: (?:fatal error: |error: |final link failed: |.*: )?(?:No space left on device|"
                r"Disk quota exceeded|File too large|File size limit exceeded)\s*$", re.MULTILINE),
     "the disk is full", "free some space, or give another cache directory (--cache)"),
    (re.compile(r"^make(?:\[\d+\])?: \*\*\* .*\] File size limit exceeded.*$", re.MULTILINE),
     "a file grew over the limit", "the end of the log shows which; the limits are in docs/build.md"),
    (re.compile(r"^make(?:\[\d+\])?: warning:  ?(?:Clock skew detected.*|"
                r"File .* has modification time .* in the future)$", re.MULTILINE),
     "the clock went backwards, so make cannot tell what is up to date", "set the clock (timedatectl), then run again"),
    (re.compile(r"^(?:/bin/sh|bash|sh): (?:line )?(?:\d+: )*(?P<tool>\S+): (?:command )?not found$", re.MULTILINE),
     "a tool of the build is missing", "run `backport doctor`"),
    (re.compile(r"^make(?:\[\d+\])?: (?P<tool>\S+): (?:No such file or directory|Command not found|Permission denied)$",
                re.MULTILINE),
     "a tool of the build is missing", "run `backport doctor`"),
    (re.compile(r"fatal error: (?P<tool>(?:gelf|libelf|elf|openssl/\w+|gmp|mpc)\.h): No such file or directory"),
     "a header that the build's own tools need is missing", "apt-get install libelf-dev libssl-dev"),
)


# words of the source itself, quoted by the compiler: a patch may write what it likes there
_QUOTED = re.compile(r"(?:error|warning): (?:#error|#warning|static assertion|call to .* declared with attribute)|"
                     r"^ *\d* \|")


def machine_trouble(error: OSError) -> Trouble:
    """What an operation on files of ours met: a full disk is the one with a cure."""
    said = str(error)
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        said = f"{error.args[0][0][2]} (and {len(error.args[0]) - 1} more)"     # a copied tree: one entry a file
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in said or "quota exceeded" in said
    if full:
        return Trouble(f"the disk is full: {said}", "free some space, or give another cache directory (--cache)")
    return Trouble(f"the machine: {said}", "run `backport doctor`")


def trouble(ended: Ended) -> Trouble | None:
    """The surroundings' fault in the output of one make call, None where there is none.

    Clock skew counts even when make succeeded: what it thought up to date may not be.
    """
    if ended.stopped:
        return Trouble(f"the build was stopped: {ended.stopped}",
                       "the end of the log shows what was running; the limits are in docs/build.md")
    text = "\n".join(line for line in ended.output.decode("utf-8", "replace").split("\n")
                     if not _QUOTED.search(line))
    for pattern, what, hint in _PATTERNS:
        if ended.code == 0 and "clock" not in what:
            continue
        if match := pattern.search(text):
            return Trouble(f"{what}: {match[0].strip()[:200]}", hint)
    if ended.code < 0 or ended.code > 128:
        signal = -ended.code if ended.code < 0 else ended.code - 128
        return Trouble(f"make was ended by signal {signal}", "run again; if it repeats, see the log")
    return None
