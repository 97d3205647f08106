"""One case for a person: upstream's hunks, what came out, what the maintainers did."""

from __future__ import annotations

from backport.adapt.checks.base import SymbolIndex
from backport.patch.edits import file_edits, render_hunks
from backport.patch.parse import split_lines
from backport.replay.cases import Case
from backport.replay.score import case_patch, result_of, run, score


def show(case: Case, symbols: SymbolIndex | None = None, upstream_symbols: SymbolIndex | None = None) -> str:
    """Plain text; nothing here is looked at by the rewriter."""
    answer, seconds = run(case, symbols, upstream_symbols)
    result = result_of(answer, case)
    parts = [f"{case.name}\n{score(result, case)}: {answer.outcome}, {answer.sure} ({seconds:.3f} s of CPU) "
             f"{answer.reason}\n"]
    parts += [f"  hunk {h.index + 1}: {', '.join(h.strategies) or 'no strategy'}"
              f"{' [' + ', '.join(h.signals) + ']' if h.signals else ''} {h.function}\n" for h in answer.hunks]
    parts.append("\n--- upstream\n" + "".join(h.render().decode("utf-8", "replace")
                                              for h in case_patch(case).files[0].hunks))
    parts.append("\n--- came out\n" + (changes(case.target, result) if result is not None else "nothing\n"))
    parts.append("\n--- the maintainers\n" + changes(case.target, case.truth))
    if result is not None:
        parts.append("\n--- from what came out to the maintainers' file\n" + changes(result, case.truth))
    return "".join(parts)


def changes(before: bytes, after: bytes) -> str:
    """A unified diff's hunks, as text."""
    lines = split_lines(before)
    hunks = render_hunks(lines, file_edits(lines, split_lines(after)))
    return "".join(hunk.render().decode("utf-8", "replace") for hunk in hunks) or "no difference\n"
