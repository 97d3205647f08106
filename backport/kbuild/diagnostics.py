"""From the output of make to diagnostics, and the difference between two such sets.

Reads gcc and clang, ld, objtool, modpost, dtc, Kconfig and make's own errors. What belongs to one message (include
chain, function, excerpt, notes) stays with it. Two builds are compared as multisets, the baseline's line
numbers mapped through the patch: a warning that only moved is not new.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from backport.kbuild.delta import Delta
from backport.kbuild.result import Diagnostic

# Each expression takes time that grows with the line and not with its square: a patch decides what a compiler prints,
# and 64 MiB of it are read. So no two parts that can match the same text stand side by side, and a question such as
# "is gcc somewhere in this word" is asked of the word when it was cut out.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*\x07|[\x00-\x08\x0b-\x1f\x7f]")
_LINE = r"(?P<line>[0-9]{1,9})"
_MESSAGE = re.compile(rf"^(?P<path>[^\s:][^:]*):{_LINE}:(?:(?P<col>[0-9]{{1,9}}):)? ?"
                      r"(?P<level>fatal error|internal compiler error|error|warning|note): ?(?P<text>.*)$")
_BARE = re.compile(r"^(?P<tool>[\w./+-]+): (?P<level>fatal error|error|warning): (?P<text>.*)$")
_TOOL = re.compile(r"gcc|clang|cc1|as|ld|modpost|objtool")
_AS_LINE = re.compile(rf"^(?P<path>[^\s:][^:]*):{_LINE}: (?P<level>Error|Warning): (?P<text>.*)$")
_OBJTOOL = re.compile(r"^(?P<path>[^\s:]+\.o): (?P<level>warning|error): (?P<text>objtool: .*)$")
_MODPOST = re.compile(r"^(?P<level>ERROR|WARNING): (?P<text>modpost: .*)$")
_KCONFIG = re.compile(rf"^(?P<path>\S+?):{_LINE}:(?P<level>error|warning): ?(?P<text>.*)$")
_UNMET = re.compile(r"^WARNING: (?P<text>unmet direct dependencies detected for \w+)$")
_MAKE_STOP = re.compile(rf"^(?P<path>\S+?):{_LINE}: \*\*\* (?P<text>.*)$")
_MAKEFILE = re.compile(r"Makefile|Kbuild")
_MAKE_RULE = re.compile(r"^make(?:\[\d+\])?: \*\*\* (?P<text>No rule to make target .*)$")
# dtc: `Error: x.dts:30.1-7 syntax error`, `x.dts:12.3-20.4: Warning (unit_address): ...`
_DTC = re.compile(rf"^(?P<path>[^\s:]+):{_LINE}\.[0-9.-]{{1,40}}: (?P<level>Warning|ERROR) (?P<text>\(.*)$")
_DTC_STOP = re.compile(rf"^Error: (?P<path>[^\s:]+):{_LINE}\.[0-9.-]{{1,40}} (?P<text>.*)$")
_LINK = re.compile(r"(?P<symbol>undefined reference to|multiple definition of|undefined symbol:) .*$")
_LINKED_FILE = re.compile(r"^(?:error: )?(?P<path>[^\s:]+\.[oa])")
_LINKED_AT = re.compile(r"^(?P<path>[^\s:]+):(?:\([^)]*\):|[0-9]{1,9}:)? $")
_LINKER = re.compile(r"\bld")
_STEP = re.compile(r"^  (?P<what>[A-Z][A-Z0-9_]*)(?: +\[M\])? +(?P<object>\S+)\s*$")
_PREFIX = re.compile(r"^(?:In file included from |                 from |\S+: In function |\S+: At top level:|"
                     r"\S+: In member function|In function '|    inlined from )")
# clang's own count: it is nobody's excerpt, and another warning elsewhere in the file changes it
_COUNT = re.compile(r"^\d+ (?:warning|error)s?(?: and \d+ errors?)? generated\.$")
_MAKE = re.compile(r"^make(?:\[\d+\])?: ")
_MADE = frozenset({"CC", "AS", "LD", "AR", "HOSTCC", "HOSTLD", "MODPOST", "OBJTOOL", "LDS", "CPP", "VDSO", "GEN", "UPD",
                   "CALL", "DESCEND", "WRAP", "SYNC", "CHK", "SYSTBL", "SYSHDR", "DTC", "CC_M", "BTF", "OBJCOPY"})
# `x()+0x12: ` moves with every instruction that the patch adds before it
_OFFSET = re.compile(r"\+0x[0-9a-f]+")
_LONGEST = 8192          # characters of one line that are looked at: more than a path may have before the message
_TEXT = 2000             # characters of one message that are kept
_BESIDE = 400            # the same of a line beside it
_LINES = 60              # lines beside one message
_NAMED = re.compile(r"'([A-Za-z_]\w{3,})'")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "`": "'"})


def named_in(text: str) -> frozenset[str]:
    """The names that a message is about: those it quotes alone; no type, nor what the compiler would have guessed."""
    return frozenset(_NAMED.findall(text.partition("; did you mean")[0]))


class Paths:
    """Turns the paths that a build prints into paths below the tree."""

    def __init__(self, source: Path, *builds: Path) -> None:
        self._prefixes = [str(path).rstrip("/") + "/" for path in (source, *builds)]

    def clean(self, path: str) -> str:
        """Below the tree where it is there; `..` and `.` taken out."""
        for prefix in self._prefixes:
            if path.startswith(prefix):
                path = path[len(prefix):]
        return posixpath.normpath(path) if path else path

    def text(self, line: str) -> str:
        """A whole line with every such prefix cut."""
        for prefix in self._prefixes:
            line = line.replace(prefix, "")
        return line


def of_configuration(output: bytes, before: bytes, path: str) -> tuple[Diagnostic, ...]:
    """Warnings of Kconfig, which ends well with them, that the output `before` the patch does not have. One that names
    no file is told for `path`."""
    def warnings(text: bytes) -> dict[str, Diagnostic]:
        found: dict[str, Diagnostic] = {}
        for row in text.decode("utf-8", "replace").split("\n"):
            line = row[:_LONGEST].rstrip("\r")
            if match := _UNMET.match(line):
                found[match["text"]] = Diagnostic(path, 0, "warning", match["text"])
            elif (match := _KCONFIG.match(line)) and "Kconfig" in match["path"]:
                found[match["text"]] = Diagnostic(posixpath.normpath(match["path"]), int(match["line"]), "warning",
                                                  match["text"][:_TEXT])
        return found
    old = warnings(before)
    return tuple(item for text, item in warnings(output).items() if text not in old)


def parse(output: bytes, paths: Paths) -> tuple[Diagnostic, ...]:
    """Every diagnostic in the order printed; run make with --output-sync=target, or objects get mixed up."""
    found: list[Diagnostic] = []
    before: list[str] = []             # include chain and function, printed ahead of their message
    after: list[str] = []
    current: Diagnostic | None = None
    made = ""

    def close() -> None:
        nonlocal current
        if current is not None:
            found.append(_bounded(current, [*current.detail, *after]))
        current = None
        after.clear()

    for raw in output.decode("utf-8", "replace").split("\n"):
        line = _short(paths.text(_CONTROL.sub("", raw.rstrip("\r"))).translate(_QUOTES), _LONGEST)
        step = _STEP.match(line)
        if step and step["what"] in _MADE:
            close()
            before.clear()
            made = paths.clean(step["object"])
            continue
        if _COUNT.match(line) or (_MAKE.match(line) and not _MAKE_RULE.match(line)):
            close()
            before.clear()
            continue
        diagnostic = _message(line, made, paths)
        if diagnostic is not None and diagnostic.level == "note":
            if current is not None:
                after.extend([*before, line])
                before.clear()
            continue
        if diagnostic is not None:
            close()
            current = replace(diagnostic, detail=tuple(before))
            before.clear()
        elif _PREFIX.match(line):
            # "from" lines that follow a message belong to the next one or to its note
            before.append(line)
        elif current is not None and line.strip():
            after.append(line)
    close()
    return tuple(found)


def _short(text: str, most: int) -> str:
    """At most about `most` characters; what is cut leaves a mark, so that two long messages do not become one."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{text[:most]} ... ({len(text) - most} more characters, {digest})"


def _bounded(item: Diagnostic, beside: Sequence[str]) -> Diagnostic:
    """As it is kept in baselines and cells: a patch decides how much a compiler prints."""
    kept = [_short(line, _BESIDE) for line in beside[:_LINES]]
    if len(beside) > _LINES:
        kept.append(f"... ({len(beside) - _LINES} more lines)")
    return replace(item, path=_short(item.path, _BESIDE), object=_short(item.object, _BESIDE),
                   text=_short(item.text, _TEXT), detail=tuple(kept))


def _message(line: str, made: str, paths: Paths) -> Diagnostic | None:
    """One line as a diagnostic (level "note" for a note), None where it is none."""
    if match := _OBJTOOL.match(line):
        path = paths.clean(match["path"])
        return Diagnostic(path, 0, match["level"], match["text"], object=path)
    if match := _MESSAGE.match(line):
        level = "error" if match["level"] == "internal compiler error" else match["level"]
        return Diagnostic(paths.clean(match["path"]), int(match["line"]), level, match["text"], object=made,
                          column=int(match["col"] or 0))
    if (match := _KCONFIG.match(line)) and "Kconfig" in match["path"]:
        return Diagnostic(paths.clean(match["path"]), int(match["line"]), match["level"], match["text"])
    if match := _AS_LINE.match(line):
        return Diagnostic(paths.clean(match["path"]), int(match["line"]), match["level"].lower(), match["text"],
                          object=made)
    if match := _DTC.match(line) or _DTC_STOP.match(line):
        level = match.groupdict().get("level") or "error"
        return Diagnostic(paths.clean(match["path"]), int(match["line"]), level.lower(), match["text"], object=made)
    if match := _MODPOST.match(line):
        return Diagnostic("", 0, match["level"].lower(), match["text"])
    if (match := _MAKE_STOP.match(line)) and _MAKEFILE.search(match["path"]):
        return Diagnostic(paths.clean(match["path"]), int(match["line"]), "error", match["text"])
    if match := _MAKE_RULE.match(line):
        return Diagnostic("", 0, "error", match["text"])
    if found := _linked(line):
        return Diagnostic(paths.clean(found[0]), 0, "error", found[1], object=made)
    # the tool's name is the last part of its path
    if (match := _BARE.match(line)) and _TOOL.search(re.split("[/+]", match["tool"])[-1]):
        return Diagnostic(posixpath.basename(match["tool"]), 0, match["level"], match["text"], object=made)
    return None


def _linked(line: str) -> tuple[str, str] | None:
    """(file, message) of a linker that misses a symbol or has two of it."""
    match = _LINK.search(line)
    if match is None:
        return None
    before = line[:match.start()]
    tool, blank, rest = before.partition(" ")
    # `/usr/bin/ld: FILE: ` or `FILE: `, which may be the linker itself
    places = [rest, before] if blank and tool.endswith(":") and _LINKER.search(tool) else [before]
    at = [found for text in places if match["symbol"] != "undefined symbol:" and (found := _LINKED_AT.match(text))]
    files = [found for text in places if (found := _LINKED_FILE.match(text))]
    return next(((found["path"], match[0]) for found in (*at, *files)), None)


def compare(baseline: Sequence[Diagnostic], patched: Sequence[Diagnostic], lines: Delta, *, rebuilt: frozenset[str],
            existed: Callable[[str], bool] = lambda _target: True,
            ) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]:
    """(new, fixed). `rebuilt` are the objects that the patched build made: only their baseline messages can be
    fixed, the others were not asked again. A header's message counts once, not once for each of its users.

    A line that the patch takes away and adds again in the same function, word for word (indented, moved), keeps its
    message. An object that the baseline did not have (`existed`) brings the messages of the headers that it reads,
    which are as old as these.
    """
    before: Counter[tuple[str, str, int, str, str]] = Counter()
    shown: dict[tuple[str, str, int, str, str], Diagnostic] = {}
    gone: Counter[tuple[str, ...]] = Counter()
    for item in baseline:
        path, line = lines.map(item.path, item.line) if item.line else (item.path, 0)
        here = replace(item, path=path, line=line, object=lines.object(item.object))
        if line < 0:
            gone[_words_of(here, lines.before(item.path, item.line))] += 1
        before[_key(here)] += 1
        shown[_key(here)] = here
    after = Counter(_key(item) for item in patched)
    known = {key[1:] for key in before}
    new: list[Diagnostic] = []
    seen: set[tuple[str, int, str, str]] = set()
    budget = Counter(before)
    for item in patched:
        key = _key(item)
        if budget[key] > 0:
            budget[key] -= 1
            continue
        if gone and gone[words := _words_of(item, lines.after(item.path, item.line))] > 0:
            gone[words] -= 1
            after[_key(replace(item, line=-1))] += 1
            continue
        once = key[1:]
        if once in known and item.object and not existed(item.object):
            continue
        if once not in seen:
            seen.add(once)
            new.append(item)
    fixed = [shown[key] for key, count in before.items()
             if key[0] in rebuilt and count > after.get(key, 0)]
    unique = {(item.path, item.line, item.level, item.text): item for item in fixed}
    return tuple(new), tuple(unique.values())


def _words_of(item: Diagnostic, place: tuple[str, str]) -> tuple[str, ...]:
    """A message by what it says and by its line's function and words instead of its number."""
    return (item.object, item.path, item.level, _OFFSET.sub("+0x", item.text), *place)


def _key(item: Diagnostic) -> tuple[str, str, int, str, str]:
    return (item.object, item.path, item.line, item.level, _OFFSET.sub("+0x", item.text))
