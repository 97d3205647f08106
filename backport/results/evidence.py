"""Reading `Cell.detail`: what a report or a comparison wants, from whatever is there.

The detail grows with the tool and old runs lack the newer keys, so nothing here fails on a missing or odd value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backport.cell import Cell


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One new message of the compiler, linker or objtool; `line` 0 where it has none."""

    severity: str
    text: str
    path: str = ""
    line: int = 0
    around: tuple[str, ...] = ()     # what the tool printed with it: include chain, function, excerpt

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{place}{self.severity}: {self.text}" if self.severity else f"{place}{self.text}"


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def behaviour(cell: Cell) -> str:
    """The verdict of booting it, "" where it was not booted."""
    return text(mapping(cell.detail.get("behaviour")).get("verdict"))


def build(cell: Cell) -> Mapping[str, Any]:
    return mapping(cell.detail.get("build"))


def architecture(cell: Cell) -> str:
    """What it was built for, "" where that is not known. Runs before it was recorded have it in their make command."""
    made = build(cell)
    words = text(made.get("command")).split()
    named = next((word.removeprefix("ARCH=") for word in words if word.startswith("ARCH=")), "")
    return text(made.get("architecture")) or named


def hunks(cell: Cell) -> list[Mapping[str, Any]]:
    return [item for item in sequence(cell.detail.get("hunks")) if isinstance(item, Mapping)]


def evidence(cell: Cell) -> list[str]:
    return [text(item) for item in sequence(cell.detail.get("evidence")) if item]


def diagnostics(cell: Cell) -> list[Diagnostic]:
    """The new messages, each once, in the order in which the tools gave them."""
    told = build(cell)
    found: dict[Diagnostic, None] = {}
    for item in [*sequence(told.get("new")), *sequence(told.get("diagnostics"))]:
        if isinstance(item, Mapping):
            said = Diagnostic(severity=text(item.get("level") or item.get("severity")), text=text(item.get("text")),
                              path=text(item.get("path")), line=number(item.get("line")),
                              around=tuple(map(text, sequence(item.get("detail")))))
        else:
            said = Diagnostic("", text(item))
        if said.text:
            found[said] = None
    return list(found)


def circumstances(cell: Cell) -> list[tuple[str, str]]:
    """(label, text) of what is known around the verdict: nomination, series, boot, where the pre-image came from."""
    nomination, behaviour = mapping(cell.detail.get("nomination")), mapping(cell.detail.get("behaviour"))
    preimages = dict.fromkeys(text(one) for one in mapping(cell.detail.get("preimages")).values())
    rows = [
        ("Stable", [text(nomination.get("standing")), text(nomination.get("why"))]),
        ("This series", [text(nomination.get("asked")), text(nomination.get("asked_why"))]),
        ("Patch series", [text(mapping(cell.detail.get("series")).get("text"))]),
        *_history(cell),
        ("Booted", [text(behaviour.get("verdict")), text(behaviour.get("reason"))]),
        ("Pre-image", ["; ".join(preimages)]),
    ]
    return [(label, ": ".join(part for part in parts if part)) for label, parts in rows if any(parts)]


def _history(cell: Cell) -> list[tuple[str, list[str]]]:
    """What history says: is the bug in the tree and since when, is the fix, what followed upstream."""
    told = mapping(cell.detail.get("history"))
    if not told:
        return []
    bug, fix = mapping(told.get("bug")), mapping(told.get("fix"))
    answer = bug.get("held")
    held = "in this tree" if answer is True else "not in this tree" if answer is False else "cannot know"
    since = text(bug.get("since"))
    later = [mapping(one) for one in sequence(told.get("follow_ups"))]
    rows = [f"{text(one.get('sha'))[:12]} (\"{text(one.get('subject'))}\") {text(one.get('kind'))} "
            f"{text(one.get('of'))[:12]}{', ' + text(one.get('release')) if one.get('release') else ''}, "
            f"{text(one.get('here'))} here" for one in later]
    unknown = text(told.get("follow_ups_unknown"))
    after = "; ".join(rows) or (f"cannot know: {unknown}" if unknown else "nothing fixes or reverts it")
    return [("Bug", [held + (f" since {since}" if since else ""), text(bug.get("reason"))]),
            ("Fix", [text(fix.get("line"))]), ("Upstream", [after])]


def built_with(cell: Cell) -> list[tuple[str, str]]:
    """(label, text) of what the build was made with, as far as it is known."""
    made = build(cell)
    fixes = ", ".join(text(item) for item in sequence(made.get("fixes")))
    rows = [("Configuration", text(made.get("config"))), ("Compiler", text(made.get("compiler"))),
            ("Build fixes", f"{fixes} (on both sides)" if fixes else ""), ("Sandbox", text(made.get("sandbox")))]
    return [(label, value) for label, value in rows if value]


def fixed(cell: Cell) -> list[str]:
    """Diagnostics of the tree that the patch takes away."""
    return [text(item) for item in sequence(build(cell).get("fixed_text")) if item]


def code_effect(cell: Cell) -> list[tuple[str, str]]:
    """(whose patch, the functions whose machine code it changes in words): the backport's, and upstream's own."""
    changes, functions = mapping(build(cell).get("changes")), mapping(cell.detail.get("functions"))
    if not changes:
        return []
    here = [text(name) for name in sequence(changes.get("names"))]
    reason = text(changes.get("reason"))
    rows = [("This tree", f"not compared: {reason}" if reason else ", ".join(here) or (
        "no machine code at all: the patch does nothing in this tree" if changes.get("nothing") else "data only"))]
    rows += [("Inlined", f"{text(name)}() went into {', '.join(map(text, sequence(into)))}")
             for name, into in mapping(changes.get("inlined")).items()]
    data = [text(item) for item in sequence(changes.get("data"))]
    rows += [("Data", ", ".join(data))] if data else []
    upstream = mapping(functions.get("upstream"))
    if upstream:
        there = [text(name) for name in sequence(upstream.get("functions"))]
        why = text(upstream.get("reason"))
        same = not why and not reason and set(there) == set(here)
        said = f"not known: {why}" if why else ("the same: " if same and there else "") + (", ".join(there) or "none")
        rows.append((f"Upstream's patch, {text(upstream.get('tree'))}", said))
    return rows


def uncompiled(cell: Cell) -> list[str]:
    """Touched lines that the configuration does not compile, in words."""
    return [text(item) for item in sequence(build(cell).get("uncompiled_text")) if item]


def code_changes(cell: Cell) -> list[tuple[str, str, str]]:
    """(object, function, what happened) for each function whose machine code differs."""
    changes = mapping(build(cell).get("changes"))
    found = []
    for item in sequence(changes.get("functions")):
        told = mapping(item)
        old, new = number(told.get("old_size")), number(told.get("new_size"))
        kind = text(told.get("kind"))
        what = {"appeared": f"appeared, {new} bytes", "vanished": f"vanished, {old} bytes"}.get(
            kind, f"{new - old:+d} bytes ({old} to {new})")
        if told.get("name"):
            found.append((text(told.get("object")), text(told.get("name")), what))
    return found
