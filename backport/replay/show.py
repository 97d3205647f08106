"""One case for a person: upstream's hunks, what came out, what the maintainers did."""

from __future__ import annotations

from backport.adapt.checks.base import SymbolIndex
from backport.carry import Carrier
from backport.manifest import Manifest
from backport.patch.edits import file_edits, render_hunks
from backport.patch.parse import split_lines
from backport.replay.cases import Case
from backport.replay.commits import CommitCase, carried, commit_score
from backport.replay.score import case_patch, result_of, run, score
from backport.trees.store import Store


def show(case: Case, symbols: SymbolIndex | None = None, upstream_symbols: SymbolIndex | None = None) -> str:
    """Plain text; nothing here is looked at by the engine."""
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


def show_commit(case: CommitCase, store: Store, carrier: Carrier, manifest: Manifest) -> str:
    """Plain text of a whole commit; the truth is read once the answer is there."""
    base, answer = carried(case, store, carrier, manifest)
    judged = commit_score(case, base, answer, carrier.git)
    made = judged.made or {}
    parts = [f"{case.name}\n{judged.score}: {answer.outcome}, {answer.sure} {answer.reason}\n"]
    parts += [f"  {note}\n" for note in answer.notes]
    parts.append("\n--- upstream\n" + case.patch.diff.decode("utf-8", "replace"))
    for path in sorted({*made, *judged.truth}):
        before = carrier.git.blob(f"{base.commit}:{path}")
        ours, theirs = made.get(path, before) or b"", judged.truth.get(path, before) or b""
        parts += [f"\n--- {path}: came out\n" + changes(before or b"", ours),
                  f"\n--- {path}: the maintainers\n" + changes(before or b"", theirs)]
        if made:
            parts.append(f"\n--- {path}: from what came out to the maintainers' file\n" + changes(ours, theirs))
    return "".join(parts)


def changes(before: bytes, after: bytes) -> str:
    """A unified diff's hunks, as text."""
    lines = split_lines(before)
    hunks = render_hunks(lines, file_edits(lines, split_lines(after)))
    return "".join(hunk.render().decode("utf-8", "replace") for hunk in hunks) or "no difference\n"
