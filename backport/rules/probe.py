"""Questions to the target tree, as a rule file writes them.

    present: {identifier: NAME}          absent: {function: NAME, in: arch/x86/kvm/x86.c}
    present: {field: kvm_vcpu_arch.exception_vmexit, in: arch/x86/include/asm/kvm_host.h}
    present: {parameters: kvm_multiple_exception, count: 5}
    present: {file: arch/x86/kvm/regs.c} present: {macro: NAME}  present: {regexp: '...', in: FILE}
    present: {bound: LOCK, like: 'mmu_lock$'}    in `where` only: the text that $LOCK stands for
    all: [...]   any: [...]   not: {...}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backport.rules.facts import Facts
from backport.rules.model import Probe, ProbeAnswer

KINDS = ("identifier", "function", "macro", "field", "parameters", "file", "regexp", "bound")


class ProbeError(ValueError):
    """The data is no probe; the message says why."""


@dataclass(frozen=True, slots=True)
class ProbeFinding:
    """present or absent: one thing, in the files that `globs` name."""

    kind: str
    what: str
    globs: tuple[str, ...]
    wanted: bool
    count: int = 0
    like: str = ""

    def ask(self, facts: Facts, names: Mapping[str, bytes]) -> ProbeAnswer:
        what = re.sub(r"\$\{([A-Z][A-Z0-9_]*)\}", lambda m: names.get(m[1], b"").decode("utf-8", "replace"), self.what)
        if self.kind == "bound":
            text = names.get(self.what, b"")
            hit = re.search(self.like.encode(), text) is not None
            return ProbeAnswer(hit == self.wanted, (f"${self.what} is {text.decode('utf-8', 'replace')}",))
        if self.kind == "file":
            found: tuple[str, ...] = (what,) if facts.read(what) is not None else ()
        elif self.kind == "field":
            struct, _, name = what.rpartition(".")
            found = facts.field(struct, name, self.globs)
        elif self.kind == "parameters":
            found = facts.parameters(what, self.count, self.globs)
        else:
            ask = {"identifier": facts.identifier, "function": facts.function, "macro": facts.macro,
                   "regexp": facts.matches}[self.kind]
            found = ask(what, self.globs)
        label = "" if self.kind == "file" else f"{self.kind} "
        if self.kind == "parameters":
            label, what = "", f"{what}() with {self.count} parameters"
        sentence = (f"{label}{what} is in {found[0]}" if found and self.kind != "file"
                    else f"{what} is there" if found
                    else f"{what} is not there" if self.kind == "file"
                    else f"{label}{what} is nowhere in {', '.join(self.globs)}")
        return ProbeAnswer(bool(found) == self.wanted, (sentence,))


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Probe, ...]

    def ask(self, facts: Facts, names: Mapping[str, bytes]) -> ProbeAnswer:
        because: tuple[str, ...] = ()
        for part in self.parts:
            answer = part.ask(facts, names)
            if not answer.holds:
                return answer
            because += answer.because
        return ProbeAnswer(True, because)


@dataclass(frozen=True, slots=True)
class Any_:
    parts: tuple[Probe, ...]

    def ask(self, facts: Facts, names: Mapping[str, bytes]) -> ProbeAnswer:
        because: tuple[str, ...] = ()
        for part in self.parts:
            answer = part.ask(facts, names)
            if answer.holds:
                return answer
            because += answer.because
        return ProbeAnswer(False, because)


@dataclass(frozen=True, slots=True)
class Not:
    part: Probe

    def ask(self, facts: Facts, names: Mapping[str, bytes]) -> ProbeAnswer:
        answer = self.part.ask(facts, names)
        return ProbeAnswer(not answer.holds, answer.because)


def build(data: Any, default: tuple[str, ...]) -> Probe:
    """A probe from YAML data; `default` are the globs where a finding names none. Raises ProbeError."""
    if not isinstance(data, dict) or len(data) != 1:
        raise ProbeError("a probe is one of all, any, not, present, absent")
    (key, value), = data.items()
    if key in ("all", "any"):
        if not isinstance(value, list) or not value:
            raise ProbeError(f"`{key}` needs a list of probes")
        parts = tuple(build(item, default) for item in value)
        return All(parts) if key == "all" else Any_(parts)
    if key == "not":
        return Not(build(value, default))
    if key not in ("present", "absent"):
        raise ProbeError(f"unknown probe `{key}`; known: all, any, not, present, absent")
    if not isinstance(value, dict):
        raise ProbeError(f"`{key}` needs a mapping such as {{identifier: NAME}}")
    kinds = [kind for kind in KINDS if kind in value]
    unknown = set(value) - set(KINDS) - {"in", "count", "like"}
    if len(kinds) != 1 or unknown:
        raise ProbeError(f"`{key}` takes exactly one of {', '.join(KINDS)} (and `in`, `count`)"
                         + (f"; unknown: {', '.join(sorted(map(str, unknown)))}" if unknown else ""))
    kind, what = kinds[0], value[kinds[0]]
    if not isinstance(what, str) or not what:
        raise ProbeError(f"`{kind}` needs text")
    if kind == "field" and "." not in what:
        raise ProbeError("`field` is written struct_name.member")
    like = value.get("like", "")
    if kind == "bound" and (not isinstance(like, str) or not like):
        raise ProbeError("`bound` needs `like`, a regular expression")
    expression = {"regexp": ("regexp", what), "bound": ("like", like)}.get(kind)
    if expression is not None:
        try:
            re.compile(expression[1].encode())
        except re.error as error:
            raise ProbeError(f"`{expression[0]}` cannot be read: {error}") from error
    globs = value.get("in", default)
    globs = (globs,) if isinstance(globs, str) else globs
    if not isinstance(globs, list | tuple) or not globs or not all(isinstance(one, str) for one in globs):
        raise ProbeError("`in` is a pattern of paths, or a list of them")
    count = value.get("count", -1)
    if kind == "parameters" and (not isinstance(count, int) or count < 0):
        raise ProbeError("`parameters` needs `count`")
    return ProbeFinding(kind, what, tuple(globs), key == "present", count, str(like))
