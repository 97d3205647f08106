"""The fewest options to set so that a condition holds, by the tree's Kconfig and a configuration as it is.

The answer is a proposal: olddefconfig decides, and whoever uses it looks at what came of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backport.kbuild.kconfig import ALWAYS, UNKNOWN, Expression, OptionTable, Unsolved, joined, parse

_STEPS = 4000            # options that are looked at
_PARTS = 400_000         # parts of expressions
_DEEP = 12
Wishes = dict[str, str]
_DIRECTIVE = re.compile(r"^#\s*(if|ifdef|ifndef)\b(.*)$")
_MACRO = re.compile(r"\b(?:defined|IS_ENABLED|IS_BUILTIN|IS_MODULE|IS_REACHABLE)\s*\(\s*(\w+)\s*\)|\bdefined\s+(?=\w)")


def wishes(options: OptionTable, values: Mapping[str, str], conditions: Sequence[str], given: Wishes) -> Wishes:
    """`given` and what else to set for all `conditions`: CONFIG_X -> "y", "m" or "n", to be put on top of the
    configuration `values` (CONFIG_X -> value, the rest is off).

    A condition is `CONFIG_X`, `!CONFIG_X` or a preprocessor line as conditional.py has it (`#else of #ifdef CONFIG_X`).
    Raises Unsolved.
    """
    search = _Search(options, values)
    found = {name.removeprefix("CONFIG_"): value for name, value in given.items()}
    for condition in conditions:
        try:
            found = search.hold(_condition(condition), True, found, 0)
        except RecursionError:
            raise Unsolved(f"what {condition[:80]} needs is nested too deep") from None
    if not conditions or (len(found) == len(given) and not given):
        raise Unsolved(f"nothing is known to set for {conditions[0]}" if conditions else "no option is named")
    return {f"CONFIG_{name}": value for name, value in found.items()}


def _condition(text: str) -> Expression:
    before, of, outer = text.partition(" of #")
    if of and before == "#else":
        return ("not", _condition(f"#{outer}"))
    if of and before.startswith("#elif"):
        return ("and", _condition(f"#if{before[5:]}"), ("not", _condition(f"#{outer}")))
    match = _DIRECTIVE.match(text)
    if match is None:
        plain = text.removeprefix("!")
        name: Expression = ("name", plain.removeprefix("CONFIG_"))
        return ("not", name) if plain != text else name
    body = _MACRO.sub(r"\1", match[2])
    if "CONFIG_" not in body or "==" in body:
        raise Unsolved(f"{text} names no option")
    found = parse(body.replace("CONFIG_", ""))
    return ("not", found) if match[1] == "ifndef" else found


class _Search:
    def __init__(self, options: OptionTable, values: Mapping[str, str]) -> None:
        self._options = options
        self._values = values
        self._left = _STEPS
        self._parts = _PARTS
        self._busy: set[tuple[str, bool]] = set()

    def _value(self, name: str, have: Wishes) -> str:
        if name in ("y", "m", "n"):
            return name
        return have.get(name) or self._values.get(f"CONFIG_{name}", "n")

    def _turn(self, name: str, on: bool, have: Wishes, depth: int) -> Wishes:
        """`have` and what it takes for `name`."""
        self._left -= 1
        if (self._value(name, have) != "n") == on:
            return have
        what = f"{name} cannot be {'on' if on else 'off'}"
        if name in ("y", "m", "n"):
            raise Unsolved("")
        if name in have or (name, on) in self._busy or depth > _DEEP or self._left < 0:
            raise Unsolved(what)
        if name not in self._options.defined:
            raise Unsolved(f"no Kconfig file of this architecture has {name}")
        self._busy.add((name, on))
        try:
            return self._on(name, have, depth) if on else self._off(name, have, depth)
        finally:
            self._busy.discard((name, on))

    def _on(self, name: str, have: Wishes, depth: int) -> Wishes:
        ways: list[tuple[str, str, list[Expression]]] = []         # (option to set or "", its value, what must hold)
        for one in self._options.defined[name]:
            if one.prompt is not None:
                ways.append((name, "m" if one.tristate else "y", [*one.depends, one.prompt]))
            else:
                ways += [("", "", [*one.depends, value, condition]) for value, condition in one.defaults
                         if value != ("name", "n")]
        prompted = any(one.prompt is not None for one in self._options.defined[name])
        if not prompted:
            ways += [("", "", [("name", other), condition]) for other, condition in self._options.selected[name]]
        if not ways:
            raise Unsolved(f"nothing sets {name}")
        return self._cheapest(ways, have, depth, f"{name} cannot be on")

    def _off(self, name: str, have: Wishes, depth: int) -> Wishes:
        must: list[Expression] = [("not", ("and", ("name", other), condition))
                                  for other, condition in self._options.selected[name]]
        definitions = self._options.defined[name]
        if prompts := [one.prompt for one in definitions if one.prompt is not None]:
            return self._cheapest([(name, "n", [*must, one]) for one in prompts], have, depth, f"{name} cannot be off")
        must += [("not", _all([*one.depends, value, condition])) for one in definitions
                 for value, condition in one.defaults]
        return self._cheapest([("", "", must)], have, depth, f"{name} cannot be off")

    def _cheapest(self, ways: Sequence[tuple[str, str, list[Expression]]], have: Wishes, depth: int,
                  what: str) -> Wishes:
        best: Wishes | None = None
        why = ""
        for name, value, must in ways:
            try:
                found = have
                for one in must:
                    found = self.hold(one, True, found, depth + 1)
            except Unsolved as error:
                why = why or str(error)      # the first way is the likeliest
                continue
            if name:
                found = {**found, name: value}
            if best is None or len(found) < len(best):
                best = found
        if best is None:
            raise Unsolved(f"{what}: {why}" if why and why != what else what)
        return best

    def hold(self, one: Expression, want: bool, have: Wishes, depth: int) -> Wishes:
        """`have` and what it takes for `one` to be what `want` says."""
        self._parts -= 1
        if self._parts < 0:
            raise Unsolved("more depends on it than is looked at")
        kind = one[0]
        if one == UNKNOWN:
            return have                      # a macro: olddefconfig knows
        if kind == "not":
            return self.hold(_part(one, 1), not want, have, depth)
        if kind == "name":
            return self._turn(str(one[1]), want, have, depth)
        if kind == "is":
            return self._is(str(one[1]), str(one[2]), want, have, depth)
        first, second = _part(one, 1), _part(one, 2)
        if (kind == "and") == want:
            return self.hold(second, want, self.hold(first, want, have, depth), depth)
        found: list[Wishes] = []
        why: list[str] = []
        for part in (first, second):
            try:
                found.append(self.hold(part, want, have, depth))
            except Unsolved as error:
                why.append(str(error))
        if not found:
            raise Unsolved(why[0])
        return min(found, key=len)

    def _is(self, name: str, value: str, want: bool, have: Wishes, depth: int) -> Wishes:
        now = self._value(name, have)
        if (now == value) == want:
            return have
        if value == "n" or not want:
            return self._turn(name, value == "n", have, depth)
        found = self._turn(name, True, have, depth)
        return found if self._value(name, found) == value else {**found, name: value}


def _part(one: Expression, at: int) -> Expression:
    part = one[at]
    return part if isinstance(part, tuple) else UNKNOWN


def _all(parts: Sequence[Expression]) -> Expression:
    return joined("and", [ALWAYS, *parts])
