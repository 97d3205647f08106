"""What stands behind the verdict of a cell, in words: the same for every format."""

from __future__ import annotations

from backport.architecture import named
from backport.cell import Cell
from backport.donors.model import Form


def circumstances(cell: Cell) -> list[tuple[str, str]]:
    """(label, text) of what is known around the verdict: nomination, series, boot, where the pre-image came from."""
    preimages = dict.fromkeys(cell.adaptation.preimages.values() if cell.adaptation is not None else ())
    rows = [
        ("Stable", [cell.nomination.standing, cell.nomination.why] if cell.nomination is not None else []),
        ("This series", [cell.asked.words, cell.asked.why] if cell.asked is not None else []),
        ("Patch series", [cell.series.text] if cell.series is not None else []),
        *_history(cell),
        ("Booted", [cell.booted.verdict, cell.booted.reason] if cell.booted is not None else []),
        ("Pre-image", ["; ".join(preimages)]),
        ("Donors", ["; ".join(_donor(form) for form in cell.adaptation.donors)] if cell.adaptation is not None else []),
    ]
    return [(label, ": ".join(part for part in parts if part)) for label, parts in rows if any(parts)]


_STANDS = {"used": "its form is given", "agrees": "leads to the same result", "differs": "leads to another result",
           "fits": "goes in as well", "refused": "not taken"}


def _donor(form: Form) -> str:
    """A form for a newer tree and what became of it here, with the reason where it was not taken."""
    why = f" ({'; '.join(form.said)})" if form.said else ""
    return f"{form.name}: {_STANDS.get(form.stands, form.stands)}{why}"


def _history(cell: Cell) -> list[tuple[str, list[str]]]:
    """What history says: is the bug in the tree and since when, is the fix, what followed upstream."""
    told = cell.history
    if told is None:
        return []
    held = {True: "in this tree", False: "not in this tree", None: "unknown"}[told.bug.held]
    rows = [f"{one.sha[:12]} (\"{one.subject}\") {one.kind} {one.of[:12]}{f', {one.release}' if one.release else ''}, "
            f"{one.here} here" for one in told.follow_ups]
    unknown = told.follow_ups_unknown
    after = "; ".join(rows) or (f"unknown: {unknown}" if unknown else "nothing fixes or reverts it")
    return [("Bug", [held + (f" since {told.bug.since}" if told.bug.since else ""), told.bug.reason]),
            ("Fix", [told.fix.line]), ("Upstream", [after])]


def built_with(cell: Cell) -> list[tuple[str, str]]:
    """(label, text) of what the build was made with, as far as it is known."""
    made = cell.built
    if made is None:
        return []
    fixes = f"{', '.join(made.fixes)} (on both sides)" if made.fixes else ""
    rows = [("Configuration", made.config), ("Compiler", made.compiler), ("Build fixes", fixes),
            ("Sandbox", made.sandbox)]
    return [(label, value) for label, value in rows if value]


def code_effect(cell: Cell) -> list[tuple[str, str]]:
    """(whose patch, the functions whose machine code it changes in words): the backport's, and upstream's own."""
    changes = cell.built.changes if cell.built is not None else None
    if changes is None:
        return []
    here = ", ".join(changes.names) or (
        "no machine code at all: the patch has no effect in this tree" if changes.nothing else "data only")
    rows = [("This tree", f"not compared: {changes.reason}" if changes.reason else here)]
    rows += [("Inlined", f"{name}() went into {', '.join(into)}") for name, into in changes.inlined.items()]
    rows += [("Data", ", ".join(changes.data))] if changes.data else []
    if cell.functions is not None:
        upstream = cell.functions.upstream
        same = not upstream.reason and not changes.reason and set(upstream.functions) == set(changes.names)
        said = f"not known: {upstream.reason}" if upstream.reason else (
            ("the same: " if same and upstream.functions else "") + (", ".join(upstream.functions) or "none"))
        rows.append((f"Upstream's patch, {upstream.tree}", said))
    return rows


def code_changes(cell: Cell) -> list[tuple[str, str, str]]:
    """(object, function, what happened) for each function whose machine code differs."""
    changes = cell.built.changes if cell.built is not None else None
    return [(one.object, one.name, {"appeared": f"appeared, {one.new_size} bytes",
                                    "vanished": f"vanished, {one.old_size} bytes"}.get(
        one.kind, f"{one.difference:+d} bytes ({one.old_size} to {one.new_size})"))
        for one in (changes.functions if changes is not None else ())]


def uncompiled(cell: Cell) -> list[str]:
    """Touched lines that the configuration does not compile."""
    return [str(one) for one in (cell.built.uncompiled if cell.built is not None else ())]


def unproved(cell: Cell) -> tuple[str, ...]:
    """What the proof of the build cannot speak about."""
    return cell.built.unproved if cell.built is not None else ()


def fixed(cell: Cell) -> list[str]:
    """Diagnostics of the tree that the patch takes away."""
    return [str(one) for one in (cell.built.fixed if cell.built is not None else ())]


def architecture(cell: Cell) -> str:
    """What it was built for as KCIDB calls it, "" where that is not known."""
    name = cell.built.architecture if cell.built is not None else ""
    found = named(name)
    return (found.kcidb or found.name) if found is not None else name
