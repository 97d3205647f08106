"""Does this tree have the names that added lines use?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, unseen
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.csource import calls, scopes
from backport.csource.includes import included
from backport.csource.pieces import KEYWORDS
from backport.csource.source import Source
from backport.csource.tokens import identifiers
from backport.sections import devicetree, make


def ask(context: Context) -> list[Finding]:
    """Names in added lines that the tree does not have, or not where the file could see them."""
    result, edits, names = context.result, context.edits, context.names
    if names.index is None:
        return []
    problem = result.problem
    also = tuple(header for hunk in problem.hunks for header in included(b"".join(hunk.added)))
    found = []
    for edit in edits:
        added = result.code(edit)
        called = {name for name, _, _ in calls.call_heads(added)}
        gone = {w for line in problem.target_lines[edit.lo:edit.hi] for w in identifiers(line, comments=True)}
        for name in sorted(_looked_up(problem.path, added) - KEYWORDS - gone):
            if problem.target_has(name):
                continue
            text = name.decode("ascii", "replace")
            if text in names.own:
                continue
            where = unseen(names.index, text, problem.path, also, names.upstream, problem.upstream_path)
            if where is not None:
                if where or names.upstream is None or names.upstream.contains(text) or _there_before(problem, name):
                    found.append(Finding(Signal.SYMBOL, f"`{text}` is {where or 'not'} in this tree", text))
            elif name in called and names.upstream is not None and names.upstream.defines(text) \
                    and not names.index.defines(text):
                # an everyday word (`guard`) stands somewhere in every tree
                found.append(Finding(Signal.SYMBOL, f"`{text}()` is not defined in this tree", text))
    return found


def _there_before(problem: Problem, name: bytes) -> bool:
    """Whether the file that the patch was made for had the name: upstream has renamed it since (`mnt_userns`), and the
    patch does not bring it. A tracepoint's name is made by a macro."""
    if name.startswith(b"trace_"):
        return False
    return Source.of(problem.base or b"").has_name(name) or any(
        name in identifiers(b"".join(hunk.old)) for hunk in problem.hunks)


def _looked_up(path: str, added: bytes) -> set[bytes]:
    """The names of added lines that an index of C knows of. In a device tree those are its macros, in a Makefile the
    options that code asks for; the prose of a Kconfig entry, a script or a document has none."""
    words = set(identifiers(added))
    if scopes.is_c(path):
        return words
    if devicetree.KIND.owns(path):
        return {word for word in words if word.isupper()}
    return {word for word in words if word.startswith(b"CONFIG_")} if make.KIND.owns(path) else set()


CHECK = Check(__name__, __doc__, ask, (Signal.SYMBOL,))
