"""Does this tree's file have the members that added lines use?"""

from __future__ import annotations

from collections.abc import Iterator

from backport.adapt.checks.base import Check, Context, Finding
from backport.adapt.signals import Signal
from backport.csource.calls import member_names


def ask(context: Context) -> Iterator[Finding]:
    """MEMBER: `->x` in an added line, in upstream's file before the patch, and nowhere in this tree's file."""
    added = {member for edit in context.edits for member in member_names(context.result.code(edit))}
    for member in sorted(added):
        name = member.decode()
        if name not in context.names.own and context.base.has_member(member) and not context.target.has_member(member):
            yield Finding(Signal.MEMBER, f"this tree's file has no member `{name}`", name)


CHECK = Check(__name__, __doc__, ask, (Signal.MEMBER,))
