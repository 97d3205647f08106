"""Which file of the target tree a hunk belongs to, and the file diffs that follow from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backport.csource.declarations import headed
from backport.csource.functions import enclosing, functions
from backport.patch.model import FileDiff, Hunk
from backport.patch.retarget import renamed
from backport.rules.facts import Facts
from backport.rules.model import Rule
from backport.rules.results import HunkResult


def candidates(path: str, hunk: Hunk, rules: Sequence[Rule], facts: Facts,
                preimage: bytes | None) -> tuple[list[str], dict[str, str]]:
    """Paths to look at, best first, and for those that a rule names, why.

    First those that define the function that the hunk is in (from the pre-image; from the hunk header, which
    names the function before where a hunk is at the top of one, only without it), then the path itself, then
    where a rule says that the code came from.
    """
    out = [path] if facts.read(path) is not None else []
    why: dict[str, str] = {}
    name = _function(hunk, preimage)
    for rule in rules:
        targets = [to for move in rule.moves if move.source == path for to in move.targets]
        answer = rule.probe.ask(facts, {}) if targets else None
        for to in targets if answer is not None and answer.holds else ():
            if to not in out and facts.read(to) is not None:
                out.append(to)
                why[to] = f"{rule.id}: {'; '.join(answer.because) if answer else ''}"
    out.sort(key=lambda to: not (name and any(f.name == name for f in functions(facts.read(to) or b""))))
    return out, why


def _function(hunk: Hunk, preimage: bytes | None) -> str:
    """The function that the first changed line is in, as far as that can be known; "" where it cannot."""
    if preimage is not None:
        before = next((i for i, line in enumerate(hunk.lines) if line.kind != b" "), 0)
        inside = enclosing(preimage, hunk.old_start + before)
        return inside.name if inside is not None else ""
    return headed(hunk.section).decode()


def files_of(file: FileDiff, results: Sequence[HunkResult]) -> tuple[FileDiff, ...]:
    """A file diff for each path that the hunks belong to; hunks that change nothing any more are left out."""
    by_path: dict[str, list[Hunk]] = {}
    for result in renumbered(results):
        if not result.vanished:
            by_path.setdefault(result.path, []).append(result.hunk)
    if not by_path:
        return (file.with_hunks(()),)
    own = file.old_path or file.path
    return tuple((file if path == own else renamed(file, path)).with_hunks(tuple(hunks))
                 for path, hunks in by_path.items())


def renumbered(results: Sequence[HunkResult]) -> tuple[HunkResult, ...]:
    """New-file line numbers that follow from the old ones; untouched hunks stay as they came."""
    shift: dict[str, int] = {}
    out = []
    for result in results:
        hunk = result.hunk
        if not hunk.raw and not result.vanished:
            hunk = hunk.with_lines(hunk.lines, new_start=hunk.old_start + shift.get(result.path, 0))
        shift[result.path] = shift.get(result.path, 0) + len(hunk.new) - len(hunk.old)
        out.append(replace(result, hunk=hunk))
    return tuple(out)
