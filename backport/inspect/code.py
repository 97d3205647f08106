"""Phase 5: callers, callees, the way from user space, and the same pattern elsewhere; each with its place."""

from __future__ import annotations

from collections.abc import Sequence

from backport.csource.includes import is_include
from backport.csource.statements import is_comment
from backport.inspect.calls import Sources, case_above, chains, names_of, similar
from backport.inspect.diff import Touched
from backport.inspect.facts import Fact, cannot_know
from backport.patch.model import Patch

_MOST = 20                           # callers listed one by one; the count is always exact
_BODY = 14                           # lines of a helper shown
_SIMILAR = 5                         # places of one pattern listed for each tree
_LEAST = 4                           # names that a line must have to be called a pattern


def code_facts(patch: Patch, places: Sequence[Touched], trees: Sequence[Sources]) -> tuple[Fact, ...]:
    """`trees` are indexed sources, the reference tree first; a function is looked for in the first that has it."""
    if not trees:
        return (cannot_know("callers", "callers and callees", "no tree in the store"),)
    facts: list[Fact] = []
    for place in places:
        if not place.function:
            facts.append(Fact("callers", f"{place.path}: the change is outside any function; its users are not "
                                         "looked for"))
            continue
        tree = next((t for t in trees if place.function in t.defined), None)
        if tree is None:
            facts.append(cannot_know("callers", f"callers of {place.function}()", "no tree in the store defines it"))
            continue
        facts += _callers(tree, place.function)
        facts += _callees(tree, place.function, patch)
        facts += _reach(tree, place.function)
    facts += _patterns(patch, trees)
    return tuple(facts)


def _callers(tree: Sources, name: str) -> list[Fact]:
    sites = tree.callers.get(name, [])
    source = f"sources of {tree.name}, {_scope(tree)}"
    facts = [Fact("callers", f"{name}() is called at {len(sites)} place{'' if len(sites) == 1 else 's'}", source)]
    for site in sites[:_MOST]:
        label = case_above(tree, site)
        facts.append(Fact("caller", f"{site.function}(){f', case {label}' if label else ''}",
                          f"{site} of {tree.name}", detail=(site.text,)))
    for member, where in tree.members.get(name, ())[:_MOST]:
        table = f"the array {member[1:-1]}" if member.startswith("[") else f"a table as .{member}"
        facts.append(Fact("caller", f"{name}() is in {table}", f"{where} of {tree.name}", detail=(where.text,)))
    return facts


def _callees(tree: Sources, name: str, patch: Patch) -> list[Fact]:
    definition = tree.definition(name)
    assert definition is not None
    facts = []
    near = {n.decode("ascii", "replace") for file in patch.files for hunk in file.hunks
            for line in hunk.lines for n in names_of(line.text)}
    changed = {n.decode("ascii", "replace") for file in patch.files for hunk in file.hunks
               for line in hunk.lines if line.kind != b" " for n in names_of(line.text)}
    for callee in tree.callees(definition):
        target = tree.definition(callee)
        assert target is not None
        inner = tree.callees(target) if callee in near else []
        deeper = ", which calls " + ", ".join(
            f"{n}() ({tree.definition(n)})" for n in inner[:6]) if inner else ""
        body: tuple[str, ...] = ()
        if callee in changed and target.end - target.line < _BODY:
            body = tuple(tree.body(target).decode("utf-8", "replace").split("\n"))
        facts.append(Fact("callee", f"{name}() calls {callee}(){' (macro)' if target.macro else ''}{deeper}",
                          f"{target} of {tree.name}", detail=body))
    return facts


def _reach(tree: Sources, name: str) -> list[Fact]:
    found = chains(tree, name)
    if not found:
        return [Fact("reach", f"no path from an ioctl handler to {name}() was found in {_scope(tree)}; that proves "
                              "nothing about other entry points", f"call graph of {tree.name}", "unknown")]
    facts = []
    for chain in found:
        labels = [label for site in chain.sites if (label := case_above(tree, site))]
        first = f" {labels[0]}" if labels else ""
        steps = " -> ".join([*(f"{site.function}() ({site})" for site in chain.sites), f"{name}()"])
        source = f"call graph of {tree.name}; entry {chain.how}"
        if chain.guessed:
            facts.append(Fact("reach", f"maybe reachable by ioctl{first}, if {', '.join(chain.guessed)} (matched by "
                                       f"name, its type could not be read) is this table's: {steps}", source,
                              "unknown"))
        else:
            facts.append(Fact("reach", f"reachable from user space by ioctl{first}: {steps}", source, "yes"))
    return facts


def _patterns(patch: Patch, trees: Sequence[Sources]) -> list[Fact]:
    facts = []
    seen: set[bytes] = set()
    for file in patch.files:
        for hunk in file.hunks:
            for line in hunk.added:
                key = b" ".join(line.split())
                if key in seen or is_comment(line) or is_include(line) or len(names_of(line)) < 3:
                    continue
                seen.add(key)
                facts += _pattern(line, trees)
    if not facts:
        facts.append(Fact("similar", "the added lines are no code, or have too few names to look for the same pattern",
                          "diff"))
    return facts


def _pattern(line: bytes, trees: Sequence[Sources]) -> list[Fact]:
    text = line.decode("utf-8", "replace").strip()
    own = b"".join(line.split())
    weak = len(names_of(line)) < _LEAST
    facts, itself = [], []
    for tree in trees:
        others = 0
        for site in similar(tree, line):
            if b"".join(site.text.encode("utf-8", "replace").split()) == own:
                itself.append((tree, site))
                continue
            others += 1
            if others <= _SIMILAR and not weak:
                where = f"{site.function}()" if site.function else "no function"
                facts.append(Fact("similar", f"`{text}`: all its names in {where} at {site}", f"{site} of {tree.name}",
                                  detail=(site.text,)))
        if others > _SIMILAR and not weak:
            facts.append(Fact("similar", f"`{text}`: all its names at {others - _SIMILAR} more places of {tree.name}",
                              f"sources of {tree.name}, {_scope(tree)}"))
    if itself:
        at = "; ".join(f"{tree.name}: {site}{f' in {site.function}()' if site.function else ''}"
                       for tree, site in itself[:2 * len(trees)])
        facts.append(Fact("itself", f"`{text}`: the identical line is there", at))
    names = ", ".join(tree.name for tree in trees)
    if weak:
        facts.append(Fact("similar", f"`{text}`: too few names to look for more than the very line",
                          f"sources of {names}"))
    elif not any(fact.key == "similar" for fact in facts):
        facts.append(Fact("similar", f"`{text}`: nowhere else in these sources", f"sources of {names}", "no"))
    return facts


def _scope(tree: Sources) -> str:
    roots = sorted({"/".join(path.split("/")[:3]) if path.startswith("arch/") else "/".join(path.split("/")[:2])
                    for path in tree.files})
    return ", ".join(roots[:6]) + (" ..." if len(roots) > 6 else "")
