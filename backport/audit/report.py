"""An audit for people and machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from backport.audit.model import NOT_ASKED, Suspect
from backport.audit.result import Audit, Group
from backport.report import html
from backport.report.escape import columns, cut, line, markdown, markdown_block, visible, wrap
from backport.report.sidebyside import rows

FORMATS = ("text", "markdown", "json", "html")
_LINES = 40              # of a hunk that is shown
_PLACES = 5              # of one cause that are shown with their hunks
_BESIDE = 100            # columns from which two hunks are shown beside each other


def render(audit: Audit, form: str, width: int = 0) -> bytes:
    """The report in one of FORMATS. `width` 0 means no limit."""
    if form == "html":
        return as_html(audit)
    made = {"text": text, "markdown": as_markdown, "json": as_json}[form]
    return (made(audit, width) if form == "text" else made(audit, 0)).encode("utf-8", "backslashreplace")


def headline(audit: Audit) -> str:
    """One sentence: how much was examined, how much of it is upstream's line by line, how much is to be looked at."""
    counts = audit.counts
    examined = f"{counts.changes} commits, " if counts.changes else ""
    said = (f"{examined}{counts.files} files, {counts.groups} changes; {counts.paired} have a counterpart upstream, "
            f"{counts.equal} of them are equal line by line; {len(audit.groups)} to look at")
    more = [f"{len(audit.accepted)} accepted"] if audit.accepted else []
    more += [f"{len(audit.mended)} mended since"] if audit.mended else []
    more += [f"{len(audit.counts.passed)} not compared"] if audit.counts.passed else []
    return f"{said} ({', '.join(more)})" if more else said


def unjudged(audit: Audit) -> list[str]:
    """Of releases: how much nothing was compared with, and what was seen and rests on too little. Silence about it
    would read as praise."""
    counts = audit.counts
    alone = 0 if counts.changes else counts.groups - counts.paired
    told = []
    if alone:
        more = ("; most of them can have come into the newer branches before the first release that was read of those: "
                "an earlier one in the store, or in --against, lets more be judged" if alone > counts.paired else "")
        told.append(f"{alone} changes were not judged: no step of a newer branch has them{more}")
    if counts.weak[NOT_ASKED]:
        told.append(f"{counts.weak[NOT_ASKED]} changes stand beside a merge window that changed more of the place: not "
                    "asked")
    weak = {name: count for name, count in sorted(counts.weak.items()) if name != NOT_ASKED and count}
    if weak:
        classes = ", ".join(f"{name} {count}" for name, count in weak.items())
        told.append(f"{sum(weak.values())} differences are not listed, because another commit of the same releases "
                    f"can have made them: {classes}")
    return told


def text(audit: Audit, width: int) -> str:
    """For a terminal or a mail."""
    out = [wrap(one, width, rest="  ") for one in (line(audit.title), headline(audit), *unjudged(audit))]
    for number, group in enumerate(audit.groups, 1):
        out.append("\n" + finding(group, number, width, audit.notes.get(group.first.key, ())))
    out += [("\n" if not n else "") + wrap(f"not compared: {line(said)}", width, rest="   ")
            for n, said in enumerate(audit.counts.passed)]
    for one, why in audit.accepted:
        out.append("\n" + wrap(f"accepted: {title(one)}: {line(why)}", width, rest="   "))
    for one in audit.mended:
        out.append("\n" + wrap(f"mended since: {title(one)}: {line(one.text)}", width, rest="   "))
    return "".join(out)


def finding(group: Group, number: int, width: int, notes: Sequence[str] = ()) -> str:
    """One entry of the list; `notes` is what was tried."""
    one = group.first
    out = [wrap(f"{number}. {title(one, listed=True)}", width, rest="   "),
           wrap(line(one.text), width, first="   ", rest="   ")]
    out += [wrap(line(said), width, first="   - ", rest="     ") for said in (*one.evidence, *notes)]
    out.append(_hunks(one, width))
    for other in group.others[:_PLACES - 1]:
        out.append(wrap(f"of the same cause: {line(_also(other))}", width, first="   ", rest="   "))
        out.append(_hunks(other, width))
    if rest := group.others[_PLACES - 1:]:
        out.append(wrap(f"of the same cause, too: {', '.join(line(_also(other)) for other in rest)}", width,
                        first="   ", rest="   "))
    # an id alone is that of one place
    how = f"the same command with --accept {one.key}" if group.others else f"backport audit --accept {one.key}"
    out.append(wrap(f"right as it is? {how} --why '...'", width, first="   ", rest="   "))
    return "".join(out)


def title(one: Suspect, *, listed: bool = False) -> str:
    """The class, the file, where it came in, and how sure that something is wrong; of what is listed, and not mended,
    that it is still there."""
    origin = one.change.origin
    came = " ".join(part for part in (origin.name, origin.subject) if part)
    last = f" and still in {one.change.still_in}" if listed and one.change.still_in else ""
    return line(f"{one.kind.id}: {one.change.path}, {came}{last} [{one.key}] {one.confidence:.0%}")


def _also(one: Suspect) -> str:
    """A further place of one cause."""
    return f"{one.kind.id}: {one.change.path} [{one.key}]: {one.text}"


def _hunks(one: Suspect, width: int) -> str:
    here, there = one.change.tree.hunk, one.change.upstream.hunk
    upstream = f"upstream ({line(one.change.origin.beside)})"
    if width < _BESIDE or not here:
        return _one("here", here) + _one(upstream, there)
    half = (width - 8) // 2
    out = [f"   {'here'.ljust(half)}  {upstream}\n"]
    for row in rows(here, there)[:_LINES]:
        left, right = (cut(visible(f"{side.kind.strip('@')}{side.text}".expandtabs(4)), half)
                       for side in (row.left, row.right))
        out.append(f"   {left}{' ' * (half - columns(left))}  {right}".rstrip() + "\n")
    return "".join(out)


def _one(name: str, hunk: str) -> str:
    shown = visible(hunk).splitlines() or ["nothing"]
    more = [f"... {len(shown) - _LINES} more lines"] if len(shown) > _LINES else []
    return f"   {name}:\n" + "".join(f"   {row}".rstrip() + "\n" for row in [*shown[:_LINES], *more])


def as_markdown(audit: Audit, _width: int) -> str:
    """For a web page or an issue."""
    out = [f"# {markdown(audit.title)}\n\n" + "\n".join(
        f"{markdown(said)}\n" for said in (headline(audit), *unjudged(audit)))]
    for number, group in enumerate(audit.groups, 1):
        one = group.first
        out.append(f"\n## {number}. {markdown(title(one, listed=True))}\n\n{markdown(one.text)}\n\n")
        out += [f"- {markdown(said)}\n" for said in (*one.evidence, *audit.notes.get(one.key, ()))]
        out.append(_markdown_hunks(one))
        for other in group.others:
            out.append(f"\nOf the same cause: {markdown(_also(other))}\n{_markdown_hunks(other)}")
    return "".join(out)


def _markdown_hunks(one: Suspect) -> str:
    upstream = f"Upstream ({markdown(one.change.origin.beside)})"
    return "".join(f"\n{name}:\n\n{markdown_block(hunk or 'nothing', 'diff')}\n" for name, hunk in (
        ("Here", one.change.tree.hunk), (upstream, one.change.upstream.hunk)))


def as_html(audit: Audit) -> bytes:
    """One page for a browser, which fetches nothing."""
    made = [{"id": group.first.key, "title": title(group.first, listed=True), "text": group.first.text,
             "evidence": [*group.first.evidence, *audit.notes.get(group.first.key, ())],
             "places": [{"path": one.change.path, "also": _also(one) if n else "",
                         "upstream": f"upstream ({one.change.origin.beside})",
                         "rows": rows(one.change.tree.hunk, one.change.upstream.hunk)}
                        for n, one in enumerate(group.findings)]} for group in audit.groups]
    lists = [("Not compared", audit.counts.passed),
             ("Accepted", [f"{title(one)}: {why}" for one, why in audit.accepted]),
             ("Mended since", [f"{title(one)}: {one.text}" for one in audit.mended])]
    return html.alone("audit.html.j2", title=audit.title, said=[headline(audit), *unjudged(audit)], findings=made,
                      lists=lists, vocabulary=_legend(audit))


def _legend(audit: Audit) -> list[tuple[str, str]]:
    return list(dict.fromkeys((one.kind.id, one.kind.legend) for group in audit.groups for one in group.findings))


def as_json(audit: Audit, _width: int) -> str:
    """For machines; ASCII only."""
    counts = audit.counts
    told: dict[str, Any] = {
        "schema": "urn:backport:audit:1", "title": audit.title,
        "examined": {"changes": counts.changes, "files": counts.files, "groups": counts.groups,
                     "paired": counts.paired, "equal": counts.equal, "not_compared": counts.passed,
                     "not_listed": dict(sorted(counts.weak.items()))},
        "findings": [_finding(group, audit) for group in audit.groups],
        "accepted": [{"id": one.key, "why": why, "path": one.change.path} for one, why in audit.accepted],
        "mended": [{"id": one.key, "path": one.change.path, "text": one.text} for one in audit.mended],
    }
    return json.dumps(told, indent=1, ensure_ascii=True) + "\n"


def _finding(group: Group, audit: Audit) -> dict[str, Any]:
    one = group.first
    return {**_place(one), "subject": one.subject, "confidence": round(one.confidence, 2),
            "evidence": list(one.evidence), "tried": list(audit.notes.get(one.key, ())),
            "still_in": one.change.still_in, "same_cause": [other.key for other in group.others],
            "other_places": [_place(other) for other in group.others]}


def _place(one: Suspect) -> dict[str, Any]:
    origin = one.change.origin
    return {"id": one.key, "kind": one.kind.id, "path": one.change.path, "text": one.text,
            "here": {"name": origin.name, "commit": origin.commit, "subject": origin.subject,
                     "place": one.change.tree.place, "hunk": one.change.tree.hunk},
            "upstream": {"name": origin.upstream, "form": origin.form, "place": one.change.upstream.place,
                         "hunk": one.change.upstream.hunk}}
