"""What `backport adapt` says on stderr: the outcome, where every hunk landed and why it looks as it does."""

from __future__ import annotations

from backport.adapt.confidence import explained
from backport.adapt.records import HunkStory
from backport.carry import Carried
from backport.donors.model import Form
from backport.report.escape import columns, line, visible
from backport.report.sidebyside import DiffSide, rows

_WIDTH = 78              # columns of one side
_LINES = 12              # changed lines of a donor that are shown


def render(carried: Carried, *, subject: str, tree: str) -> str:
    """Plain text, one fact a line; `tree` names tree and version."""
    out = [f"{line(subject)}", f"  on {tree}: {carried.outcome}, {carried.sure}: {carried.outcome.legend}"]
    if carried.reason:
        out.append(f"  reason: {line(carried.reason)}")
    if carried.changelog:
        out.append(f"  changelog: [ {line(carried.changelog)} ]")
    out += [f"  pre-image of {line(path)}: {line(source)}" for path, source in carried.preimages.sources.items()]
    for hunk in carried.hunks:
        out += _hunk(hunk)
    out += [f"  note: {line(note)}" for note in carried.notes if note not in carried.changelog]   # not the same twice
    for form in carried.forms:
        out += _form(form)
    if carried.evidence:
        out.append("  what the tree has:")
        out += [f"    {visible(text)}" for item in carried.evidence for text in item.split("\n")]
    for number, other in enumerate(carried.alternatives, 1):
        out.append(f"  another answer ({number}):")
        out += [f"    {visible(text)}" for text in other.decode("utf-8", "replace").split("\n")]
    return "\n".join(out)


def _form(form: Form) -> list[str]:
    """A form for a newer tree: what became of it here, and the lines in which it is not upstream's."""
    out = [f"  donor: {line(form.name)}: {form.stands} ({form.outcome}, {form.sure})"]
    out += [f"    it {line(text)}" if text.startswith(("leaves", "also", "is for")) else f"    {line(text)}"
            for text in form.said]
    for upstream, theirs in form.changed[:_LINES]:
        out += [f"    {who} {line(text)}" for who, text in (("upstream:", upstream), ("donor:   ", theirs)) if text]
    more = len(form.changed) - _LINES
    return out + ([f"    and {more} more lines"] if more > 0 else [])


def _hunk(hunk: HunkStory) -> list[str]:
    if hunk.dropped:
        return [f"  hunk {hunk.index + 1} of {line(hunk.path)}: left out"]
    where = f"{line(hunk.landed_path)}:{hunk.line}" if hunk.line else "nowhere"
    inside = f" in {hunk.function}" if hunk.function else ""
    moved = f" ({hunk.offset:+d} lines)" if hunk.offset else ""
    out = [f"  hunk {hunk.index + 1} of {line(hunk.path)}: {where}{inside}{moved}"
           + (f", by {', '.join(hunk.strategies)}" if hunk.strategies else "")]
    for upstream, adapted in hunk.changed:
        out += [f"    upstream: {line(upstream.strip())}", f"    here:     {line(adapted.strip())}"]
    return out


def side_by_side(hunk: HunkStory) -> str:
    """Upstream's hunk and the adapted one in two columns, differing tokens between ⟦ and ⟧, tabs as four columns."""
    sure = [explained(dict(hunk.measured), hunk.probability)] if hunk.probability is not None else []
    out = [f"{line(hunk.path)}, hunk {hunk.index + 1}", *sure, _columns("upstream", "adapted")]
    out += [_columns(_side(row.left), _side(row.right)) for row in rows(hunk.upstream, hunk.adapted)]
    return "\n".join(out) + "\n\n"


def _side(side: DiffSide) -> str:
    if not side.kind or side.kind == "@":
        return visible(side.text)
    marked = "".join(f"⟦{text}⟧" if differs and text.strip() else text for text, differs in side.spans)
    return side.kind + visible(marked).replace("\t", "    ")


def _columns(left: str, right: str) -> str:
    if columns(left) > _WIDTH:
        return f"{left}\n{'':{_WIDTH}} | {right}".rstrip()
    return f"{left}{' ' * (_WIDTH - columns(left))} | {right}".rstrip()
