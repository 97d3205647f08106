"""Does the function have the variables and labels that the added lines use?"""

from __future__ import annotations

from backport.adapt.checks.base import Check, Context, Finding, Names, Result, bare_lines, named, quote
from backport.adapt.revisions import Problem
from backport.adapt.signals import Signal
from backport.csource.declarations import declares, has_parameter, lists
from backport.csource.functions import Function, enclosing
from backport.csource.pieces import KEYWORDS, code
from backport.csource.statements import first_word, gotos, label
from backport.csource.tokens import identifiers
from backport.csource.uses import assigned, locals_of
from backport.patch.edits import Edit

_BUILT_IN = frozenset({b"__func__", b"__FUNCTION__", b"__LINE__", b"__FILE__"})


def ask(context: Context) -> list[Finding]:
    """Names in added lines that nothing in this tree's function declares, although upstream's has them."""
    result, edits, names = context.result, context.edits, context.names
    found: list[Finding] = []
    target = context.target
    for edit in edits:
        after = enclosing(result.source, result.new_line(edit) + 1) if edit.new else None
        if after is not None and target.functions_named(after.name):    # a function that is new is as upstream has it
            found += _scope(result, edit, after, names)
    return found


def _scope(result: Result, edit: Edit, after: Function, known: Names) -> list[Finding]:
    """Variables and labels that upstream's function has beside the added lines, and this one has not."""
    problem = result.problem
    upstream = named(problem.upstream, after.name)
    if upstream is None:
        return []
    added = result.code(edit)
    # cut after the comments are gone: of a comment that the patch rewrites in part, one half alone reads as code
    bare = bare_lines(result.source)
    inside = range(after.start - 1, min(after.end, len(result.lines)))
    own = b"\n".join(bare[i] for i in inside if i not in result.added)
    written = b"\n".join(bare[i] for i in inside if i in result.added)
    file_level = None
    found = []
    names = locals_of(added)
    up_rest = _without(upstream, problem.added_upstream)
    own_words = set(identifiers(own))
    for name in sorted(names - KEYWORDS - _BUILT_IN - own_words):
        if declares(written, name):
            continue
        if name not in up_rest:
            if not problem.target_has(name) and not declares(upstream, name) \
                    and not lists(written, name) and _parameter(problem, name):
                found.append(Finding(Signal.SCOPE, f"the patch declares {quote(name)} in another function than "
                                                   f"{after.name}(), which uses it"))
            elif not problem.target_has(name) and _from_nowhere(name, added, known) \
                    and not declares(code(b"".join(line for h in problem.hunks for line in h.added)), name):
                found.append(Finding(Signal.SCOPE, f"nothing declares {quote(name)}, which {after.name}() sets"))
            continue
        if file_level is None:
            file_level = _file_level(problem)
        if name not in file_level:
            found.append(Finding(Signal.SCOPE, f"{after.name}() has no {quote(name)} in this tree",
                               name.decode()))
    labels = {label(line) for text in (own, written) for line in text.split(b"\n")}
    found += [Finding(Signal.NO_LABEL, f"{after.name}() has no label {quote(one)} in this tree", one.decode())
              for one in gotos(added) if one not in labels]
    return found


def _from_nowhere(name: bytes, added: bytes, known: Names) -> bool:
    """True for a variable that added lines set, and that neither tree nor any added line of the patch declares."""
    text = name.decode("ascii", "replace")
    return (known.index is not None and known.upstream is not None and text not in known.own
            and not known.index.contains(text) and not known.upstream.contains(text)
            and any(first_word(line) == name and line[:1] in (b" ", b"\t") and name in assigned(line)
                    for line in added.split(b"\n")))


def _without(body: bytes, added: frozenset[bytes]) -> set[bytes]:
    lines = zip(body.split(b"\n"), code(body).split(b"\n"), strict=True)
    return {word for line, bare in lines if line.strip() not in added for word in identifiers(bare)}


def _parameter(problem: Problem, name: bytes) -> bool:
    """True where added lines of the patch have `name` as the parameter of some function, and nothing at file level."""
    added = b"".join(line for hunk in problem.hunks for line in hunk.added)
    return has_parameter(code(added), name)


def _file_level(problem: Problem) -> frozenset[bytes]:
    """Names on lines of the target that begin at column 0 and are no function's: file-level objects and macros."""
    if "file_level" not in problem.seeds:
        names: set[bytes] = set()
        for line in bare_lines(problem.target):
            if line[:1] not in (b"", b" ", b"\t", b"}", b"{"):
                # the parameters of a function are nothing that another one could use
                names.update(identifiers(line.split(b"(", 1)[0]))
        problem.seeds["file_level"] = frozenset(names)
    level: frozenset[bytes] = problem.seeds["file_level"]
    return level


CHECK = Check(__name__, __doc__, ask, (Signal.NO_LABEL, Signal.SCOPE))
