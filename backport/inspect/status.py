"""Phase 6: where the patch stands in each tree, and what adaptation it needs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backport.cell import Cell
from backport.inspect.facts import Fact
from backport.manifest import Manifest
from backport.patch.mail import Mail
from backport.stable.newer import newer_trees, warning
from backport.stable.nomination import asked
from backport.trees.store import Head
from backport.verdict import Apply, Build


def status_facts(mail: Mail, heads: Sequence[Head], cells: Mapping[str, Cell],
                 manifest: Manifest | None, missing: Sequence[str] = ()) -> tuple[Fact, ...]:
    """One line for each tree of `heads`, with its adaptation; the source is the command to run again."""
    facts: list[Fact] = []
    for head in heads:
        cell = cells.get(head.tree)
        if cell is None:
            facts.append(Fact("status", f"{head.tree} {head.version}: not tried"))
            continue
        words = f"{head.tree} {head.version}: {cell.apply} ({cell.apply.legend})"
        if cell.build is not Build.SKIPPED:
            words += f", build {cell.build}"
        if cell.reason:
            words += f"; {cell.reason}"
        source = cell.command or "git apply --check"
        facts.append(Fact("status", words, source, str(cell.apply), detail=_changed(cell)))
        facts += [Fact("adaptation", f"{head.tree}: {note}", source) for note in cell.notes]
        if manifest is not None and cell.apply.good:
            marked = warning(newer_trees(manifest, head.tree, with_missing(cells, missing)))
            if marked:
                facts.append(Fact("newer", f"{head.tree}: {marked}", "cells of this run"))
        tree = manifest.tree(head.tree) if manifest is not None else None
        if tree is not None and not tree.upstream:
            wish = asked(mail, tree.series)
            facts.append(Fact("asked", f"{head.tree}: {wish.words} ({wish.why})", "mail: tags and subject prefix"))
    facts += [Fact("status", f"{name}: no-tree (not in the store; `backport trees fetch {name}` asks its sources)",
                   "backport trees", str(Apply.NO_TREE)) for name in missing]
    return tuple(facts)


def in_mainline(mail: Mail, upstream: Head | None, cells: Mapping[str, Cell], found: Sequence[Fact]) -> Fact:
    """The first stable rule: it, or an equivalent, is in mainline. By history where there is one, else by content."""
    for fact in found:
        if fact.key == "fix-release" and fact.verified:
            there = fact.answer != "no"
            return Fact("rule:mainline", f"in mainline: {fact.text}", fact.source, "yes" if there else "no",
                        "for" if there else "against")
    cell = cells.get(upstream.tree) if upstream is not None else None
    if upstream is not None and cell is not None and cell.apply is Apply.ALREADY:
        return Fact("rule:mainline", f"in mainline: {upstream.tree} {upstream.version} has the change (by content)",
                    cell.command or "git apply --check --reverse", "yes", "for")
    return Fact("rule:mainline", "in mainline: unknown (no upstream tree here that has it)", "", "unknown")


def _changed(cell: Cell) -> tuple[str, ...]:
    """The changed lines of an adapted patch, where it differs from upstream's."""
    lines = []
    for hunk in cell.hunks:
        if hunk.changed:
            lines += [line for line in hunk.adapted.split("\n")
                      if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]
    return tuple(lines[:12])


def with_missing(cells: Mapping[str, Cell], missing: Sequence[str]) -> list[Cell]:
    """`cells`, and one for each tree that is not in the store."""
    return [*cells.values(), *(Cell("", name, Apply.NO_TREE, reason="not in the store") for name in missing)]
