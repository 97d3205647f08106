"""Makefiles: the variable that a list goes to, the rule that a recipe belongs to, and the conditions around them."""

from __future__ import annotations

import re

from backport.sections.base import Section, SectionKind, text

_CONDITION = re.compile(rb"[ ]*(ifdef|ifndef|ifeq|ifneq)\b(.*)")
_COMPARED = re.compile(rb"\([ \t]*\$\(([\w-]+)\)[ \t]*,[ \t]*(|y|1)[ \t]*\)")
_ELSE = re.compile(rb"[ ]*else\b(.*)")
_ENDIF = re.compile(rb"[ ]*endif\b")
_DEFINE = re.compile(rb"[ ]*define[ \t]+(\S+)")
_ASSIGNS = re.compile(rb"[ ]*(?:export[ \t]+|override[ \t]+)*([^\s:=+?#]+(?:\$\([^)]*\)[^\s:=+?#]*)*)[ \t]*"
                      rb"(?:[:+?]?=|::=)")
_RULE = re.compile(rb"([^\t#=][^=#]*?)[ \t]*::?(?!=)(?:[^=]|$)")


def _owns(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name in ("Makefile", "Kbuild") or name.startswith(("Makefile.", "Kbuild.")) or name.endswith(".mk")


def _read(source: bytes) -> list[Section]:
    lines = source.split(b"\n")
    found: list[Section] = []
    conditions: list[tuple[str, int]] = []
    rule: tuple[str, int] | None = None              # the rule whose recipe goes on

    def close_rule(stop: int) -> None:
        nonlocal rule
        if rule is not None:
            end = stop
            while end > rule[1] + 1 and not lines[end - 1].strip():
                end -= 1
            found.append(Section(rule[0], rule[1] + 1, end))
            rule = None

    i = 0
    while i < len(lines):
        line = lines[i]
        last = i
        while lines[last].rstrip().endswith(b"\\") and last + 1 < len(lines):
            last += 1
        bare = line.strip()
        if not bare or bare.startswith(b"#") or (line[:1] == b"\t" and rule is not None):
            i = last + 1
            continue
        inside = [name for name, _ in conditions]
        if (match := _CONDITION.match(line)) is not None:
            conditions.append((_condition(match[1], match[2].split(b"#")[0].strip()), i))
        elif _ELSE.match(line) is not None:
            if conditions:
                name, start = conditions.pop()
                found.append(Section("/".join([*inside[:-1], name]), start + 1, i))
                conditions.append((f"{name.removesuffix(', else')}, else", i))
        elif _ENDIF.match(line) is not None:
            if conditions:
                found.append(Section("/".join(inside), conditions.pop()[1] + 1, i + 1))
        elif (match := _DEFINE.match(line)) is not None:
            close_rule(i)
            while last + 1 < len(lines) and lines[last].strip() != b"endef":
                last += 1
            found.append(Section("/".join([*inside, text(match[0])]), i + 1, last + 1))
        elif (match := _ASSIGNS.match(line)) is not None:
            close_rule(i)
            # foo-objs and foo-y are the same list in older and newer trees
            name = re.sub(r"-objs$", "-y", text(match[1]))
            found.append(Section("/".join([*inside, name]), i + 1, last + 1))
        elif (match := _RULE.match(line)) is not None:
            close_rule(i)
            rule = ("/".join([*inside, text(match[1]) + ":"]), i)
        i = last + 1
    close_rule(len(lines))
    while conditions:
        found.append(Section("/".join(name for name, _ in conditions), conditions.pop()[1] + 1, len(lines)))
    return sorted(found, key=lambda one: (one.start, -one.end))


def _condition(word: bytes, rest: bytes) -> str:
    """A condition in one form: trees say `ifdef X`, `ifeq ($(X),y)` and `ifneq ($(X),)` for the same thing."""
    match = _COMPARED.fullmatch(rest)
    if word in (b"ifdef", b"ifndef"):
        return text((b"if " if word == b"ifdef" else b"unless ") + rest)
    if match is None:
        return text(word + b" " + rest)
    holds = (word == b"ifeq") == bool(match[2])
    return text((b"if " if holds else b"unless ") + match[1])


KIND = SectionKind("make", _owns, _read, numbered=False, tail=2)
