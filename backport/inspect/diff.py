"""Phase 2: files, functions, lines, and what kind of change it is, as far as its form tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backport.csource.declarations import headed
from backport.csource.functions import enclosing
from backport.csource.statements import is_comment, is_condition
from backport.inspect.calls import names_of
from backport.inspect.facts import Fact
from backport.patch.locate import find_preimage
from backport.patch.model import FileDiff, Hunk, Patch

LIMIT = 100                          # lines with context, from the stable rules


@dataclass(frozen=True, slots=True)
class Touched:
    """A function that the patch changes, by upstream's own pre-image (or the hunk header, where there is none)."""

    path: str
    function: str
    source: str


def touched(patch: Patch, preimages: Mapping[str, bytes],
            sources: Mapping[str, str] | None = None) -> tuple[Touched, ...]:
    """Every (file, function) that a changed line stands in, in order, each once; "" for file level.

    `sources` says where each pre-image was taken from.
    """
    found: dict[tuple[str, str], Touched] = {}
    for file in patch.files:
        before = preimages.get(file.old_path or "")
        said = (sources or {}).get(file.old_path or "", "")
        origin = f" ({said})" if said else ""
        for hunk in file.hunks:
            if before is None:
                name = _header_name(hunk)
                found.setdefault((file.path, name), Touched(file.path, name, "hunk header (no pre-image in the store)"))
                continue
            # a pre-image taken from a release holds the hunk at other lines than its header says
            shift = _shift(before, hunk)
            if shift is None:
                name = _header_name(hunk)
                source = "hunk header (not unique in the pre-image)"
                found.setdefault((file.path, name), Touched(file.path, name, source))
                continue
            for line in _changed(hunk):
                function = enclosing(before, line + shift)
                name = function.name if function else ""
                found.setdefault((file.path, name), Touched(
                    file.path, name, f"pre-image{origin}, line {line + shift}"))
    return tuple(found.values())


def diff_facts(patch: Patch, preimages: Mapping[str, bytes],
               sources: Mapping[str, str] | None = None) -> tuple[Fact, ...]:
    """The inventory."""
    added = sum(len(hunk.added) for file in patch.files for hunk in file.hunks)
    removed = sum(len(hunk.removed) for file in patch.files for hunk in file.hunks)
    facts = [Fact("size", f"{_count(len(patch.files), 'file')}, {_count(added, 'line')} added, "
                          f"{_count(removed, 'line')} removed", "diff")]
    for file in patch.files:
        facts.append(Fact("file", f"{file.path}{_how(file)}: {sum(len(h.added) for h in file.hunks)} added, "
                                  f"{sum(len(h.removed) for h in file.hunks)} removed", "diff"))
    for place in touched(patch, preimages, sources):
        facts.append(Fact("function", f"{place.path}: {place.function + '()' if place.function else 'file level'}",
                          place.source))
    for file in patch.files:
        for index, hunk in enumerate(file.hunks, 1):
            facts.append(Fact("change", f"{file.path}, hunk {index}: {kind(hunk)}", "diff, by its form",
                              detail=tuple((line.kind + line.text).decode("utf-8", "replace").rstrip("\n")
                                           for line in hunk.lines if line.kind != b" ")[:12]))
    if any(path.startswith("include/uapi/") or "/include/uapi/" in path for path in patch.paths):
        facts.append(Fact("uapi", "it changes the interface to user space", "diff: paths", weighs="against"))
    return tuple(facts)


def lines_with_context(patch: Patch) -> int:
    """The number that the stable rules limit: every line of every hunk."""
    return sum(len(hunk.lines) for file in patch.files for hunk in file.hunks)


def kind(hunk: Hunk) -> str:
    """What the change of one hunk is by its form; meaning is for people."""
    added, removed = _joined(hunk.added), _joined(hunk.removed)
    if b"".join(b"".join(added).split()) == b"".join(b"".join(removed).split()):
        return "white space only"
    if all(is_comment(line) for line in [*added, *removed]):
        return "comments only"
    if not removed:
        return "adds a condition" if any(is_condition(line) for line in added) else "only adds lines"
    if not added:
        return "only removes lines"
    if all(is_condition(line) for line in [*added, *removed]):
        more, less = names_of(b" ".join(added)), names_of(b" ".join(removed))
        old, new = b"".join(removed), b"".join(added)
        if less < more or (less == more and len(new) > len(old)):
            alternatives = new.count(b"||") - old.count(b"||")
            requirements = new.count(b"&&") - old.count(b"&&")
            what = ("one more alternative (||)" if alternatives > 0 and not requirements
                    else "one more requirement (&&)" if requirements > 0 and not alternatives else "more in it")
            return f"a condition gets {what}"
        return "a condition changes"
    return "replaces lines"


def _joined(lines: Sequence[bytes]) -> list[bytes]:
    """Lines that are not blank; one whose parentheses are open takes the next ones along."""
    out: list[bytes] = []
    for line in lines:
        if out and out[-1].count(b"(") > out[-1].count(b")") and not is_comment(out[-1]):
            out[-1] += line
        elif line.strip():
            out.append(line)
    return out


def _changed(hunk: Hunk) -> list[int]:
    """1-based lines of the pre-image where something is removed, or before which something is added."""
    found, number = [], hunk.old_start
    for line in hunk.lines:
        if line.kind != b" ":
            found.append(number)
        if line.kind != b"+":
            number += 1
    return found


def _shift(before: bytes, hunk: Hunk) -> int | None:
    """Lines between the hunk's header and its one place in the pre-image; None where there is none, or several."""
    place = find_preimage(before, hunk)
    return place - hunk.old_start if place else None


def _header_name(hunk: Hunk) -> str:
    return headed(hunk.section).decode("ascii")


def _how(file: FileDiff) -> str:
    if file.created:
        return " (new file)"
    if file.deleted:
        return " (deleted)"
    return f" (renamed from {file.old_path})" if file.renamed else " (binary)" if file.binary else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
