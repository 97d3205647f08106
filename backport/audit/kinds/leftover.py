"""Is a line that upstream replaced still there beside its replacement?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from backport.adapt.align import line_key, similarity
from backport.audit.kinds.base import Question, as_written, given_up, part, same_lines
from backport.audit.model import Backported, Fault, Suspect

_ALIKE = 0.5             # of the words


def ask(change: Backported) -> Iterator[Suspect]:
    """A line that upstream's function lost and this one has as often as before, where the added lines are there."""
    here, there = change.tree, change.upstream
    if not same_lines(here, there) or not there.gone:
        return
    scopes = {here.scope(line) for line, _ in here.telling} & {there.scope(line) for line, _ in there.telling}
    for name in sorted(scopes - {""}):
        now = Counter(part(here.after, name, change.path))
        was = Counter(part(here.before, name, change.path))
        theirs, before = (Counter(part(data, name, change.path)) for data in (there.after, there.before))
        mine = {line_key(line) for _, line in here.removed}
        # beside another change in the same lines, only what is worded alike is a line's replacement
        replaced = {line_key(line) for edit in there.made for line in edit.old
                    if any(similarity(line, new) >= _ALIKE for new in edit.new)}
        for key in dict.fromkeys(key for _, key in there.gone if key in replaced):
            if key not in mine and now[key] and now[key] >= was[key] > 0 and before[key] and not theirs[key]:
                newer = [v for v, data in change.newer.items() if key in part(data, name, change.path)]
                if newer or given_up(change, key):
                    continue
                yield Suspect(Fault.LEFTOVER, change, f"`{as_written(key, here.after)}` is still in {name}; "
                              "upstream replaced it by lines that are there too", 0.7, key.decode("utf-8", "replace"))


QUESTION = Question(Fault.LEFTOVER, ask)
