"""A parameter that upstream's function has and this tree's has not, where the patch writes the function anew.

A patch that takes a function's body into a helper of its own writes the first line of both. Where this tree's function
has one parameter less, and has a variable of that name instead, the helper takes the body with that variable in it: so
neither of the two gets the parameter, no call passes it, and no comment describes it. Anything else that the patch does
with the name is left to the checks, and to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from backport.adapt.align import line_key
from backport.adapt.outcome import FileAnswer
from backport.csource import kernel_doc
from backport.csource.calls import has_call
from backport.csource.declarations import first_value
from backport.csource.functions import Function, functions
from backport.csource.signatures import is_type_line, opening, parameter_name
from backport.csource.tokens import CLOSER_OF, OPENER_OF, Kind, identifiers, lex, significant, whole_word
from backport.patch.edits import apply_edits, hunk_edits
from backport.patch.locate import locate_all
from backport.patch.model import FileDiff, Line
from backport.patch.parse import split_lines
from backport.verdict import Apply, Sure

PARAMETER = "parameter"  # among a hunk's strategies: the note says what became of its lines


@dataclass(frozen=True, slots=True)
class Parameterless:
    """`function` has no `parameter` here; so `helpers`, which the patch writes, get none either."""

    function: str
    parameter: str
    helpers: tuple[str, ...]

    @property
    def note(self) -> str:
        also = f", so {' and '.join(f'{name}()' for name in self.helpers)} takes none" if self.helpers else ""
        return f"{self.function}() has no parameter `{self.parameter}` in this tree{also}"


@dataclass(frozen=True, slots=True)
class _Signature:
    """The first lines of a function: what stands before the brackets, and each parameter."""

    head: bytes
    parameters: tuple[bytes, ...]


def without_parameter(file: FileDiff, target: bytes | None,
                      preimage: bytes | None) -> tuple[FileDiff, Parameterless | None]:
    """`file` as it would be if upstream's function had this tree's parameters; as it came where nothing is to do."""
    if target is None or preimage is None or not file.path.endswith(".c") or not _writes_heads(file):
        return file, None
    lines = split_lines(preimage)
    starts = locate_all(file.hunks, lines)
    if starts is None:
        return file, None
    after = split_lines(b"".join(apply_edits(lines, [edit for hunk, start in zip(file.hunks, starts, strict=True)
                                                     for edit in hunk_edits(hunk, start)])))
    theirs, ours = _by_name(preimage), _by_name(target)
    own = split_lines(target)
    for new in functions(b"".join(after)):
        old, here = theirs.get(new.name), ours.get(new.name)
        if old is None or here is None or not _taken_over(file, new.name):
            continue
        upstream, tree = _signature(after, new), _signature(own, here)
        if upstream is None or tree is None or upstream != _signature(lines, old):
            continue
        name = _missing(upstream, tree)
        if name and _declares(target, here, name, tree):
            done = _without(file, name, new.name, b"".join(own[here.start - 1:here.body - 1]))
            if done is not None:
                return done
    return file, None


def annotated(answer: FileAnswer, file: FileDiff, lacking: Parameterless | None) -> FileAnswer:
    """`answer` with what was done in the stories of its hunks; `file` as upstream has it."""
    if lacking is None:
        return answer
    hunks = []
    for n, story in enumerate(answer.hunks):
        upstream = file.hunks[story.index].render().decode("utf-8", "replace")
        lost = [line for line in upstream.split("\n") if line.startswith("+")
                and line not in story.upstream.split("\n") and line[1:].strip()]
        hunks.append(replace(story, upstream=upstream, strategies=(*story.strategies, PARAMETER),
                             sure=Sure.REVIEW, notes=(*story.notes, lacking.note),
                             done=(*story.done, lacking.note) if n == 0 else story.done,
                             changed=(*story.changed, *((line[1:], "") for line in lost)),
                             touches_added=story.touches_added or bool(lost)))
    outcome = Apply.MERGED if answer.outcome in (Apply.CLEAN, Apply.OFFSET) else answer.outcome
    return replace(answer, outcome=outcome, hunks=tuple(hunks), sure=Sure.REVIEW, notes=(*answer.notes, lacking.note))


def _writes_heads(file: FileDiff) -> bool:
    """Whether the patch adds what looks like a function's first line: without one there is nothing to look for."""
    return any(line[:1] not in b" \t" and opening(line) for hunk in file.hunks for line in hunk.added)


def _by_name(source: bytes) -> dict[str, Function]:
    """The functions that are defined once."""
    found = functions(source)
    count = Counter(f.name for f in found)
    return {f.name: f for f in found if count[f.name] == 1}


def _signature(lines: Sequence[bytes], f: Function) -> _Signature | None:
    one = opening(b"".join(lines[f.start - 1:f.body - 1]))
    if one is None or one.name.decode("utf-8", "replace") != f.name:
        return None
    parameters = tuple(b" ".join(part.split()) for part in one.parameters)
    return _Signature(line_key(one.head).removeprefix(b"static"), parameters)


def _missing(upstream: _Signature, tree: _Signature) -> str:
    """The name of the only parameter that this tree's function lacks, "" where the two differ in anything else."""
    lost = [part for part in upstream.parameters if part not in tree.parameters]
    if len(lost) != 1 or tuple(part for part in upstream.parameters if part != lost[0]) != tree.parameters:
        return ""
    return parameter_name(lost[0]).decode()


def _declares(source: bytes, f: Function, name: str, tree: _Signature) -> bool:
    """Whether the function has a variable `name` at its top, whose value comes from none of the parameters."""
    body = b"\n".join(source.split(b"\n")[f.body:f.end])
    value = first_value(body, name.encode())
    given = set(map(parameter_name, tree.parameters))
    return value is not None and not given & set(identifiers(value))


def _taken_over(file: FileDiff, function: str) -> bool:
    """Whether one edit puts another function's first line where this one's is: then that one gets its body."""
    name = function.encode()
    return any(any(has_call(line.text, name) for line in run if line.kind == b"-")
               and any(opening(line.text) and line.text[:1] not in b" \t" and not has_call(line.text, name)
                       for line in run if line.kind == b"+")
               for hunk in file.hunks for changed, run in _runs(hunk.lines) if changed)


def _runs(lines: Sequence[Line]) -> list[tuple[bool, list[Line]]]:
    """The lines of a hunk, those that it changes and those that it keeps in turn."""
    return [(changed, list(run)) for changed, run in groupby(lines, key=_changes)]


def _changes(line: Line) -> bool:
    return line.kind != b" "


def _without(file: FileDiff, name: str, function: str, signature: bytes) -> tuple[FileDiff, Parameterless] | None:
    """`file` without the parameter: in the function, in helpers that the patch writes, in their calls and comments."""
    added = [line for hunk in file.hunks for line in hunk.added]
    word = whole_word(name.encode())
    helpers: dict[bytes, int] = {}
    for text in added:
        one = opening(text)
        if one is None or text[:1] in b" \t" or one.name.decode("utf-8", "replace") == function:
            continue
        at = [n for n, part in enumerate(one.parameters) if parameter_name(part.strip()) == name.encode()]
        if len(at) == 1:
            helpers[one.name] = at[0]
    if not helpers:
        return None
    hunks = []
    seen = 0
    for hunk in file.hunks:
        lines: list[Line] = []
        run = [n for n, line in enumerate(hunk.lines) if line.kind == b"+"]
        first = _first_lines(hunk.lines, run, function)
        seen += bool(first)
        for n, line in enumerate(hunk.lines):
            if n in first:
                lines += [Line(b"+", own) for own in split_lines(signature)] if n == first[0] else []
                continue
            left = _line(line.text, name.encode(), helpers) if line.kind == b"+" else line.text
            if left is not None:
                lines.append(Line(line.kind, left))
        hunks.append(hunk.with_lines(tuple(lines)))
    rest = [line for hunk in hunks for line in hunk.added if word.search(line)]
    if seen != 1 or any(not _kept_use(line, helpers) for line in rest):
        return None
    return file.with_hunks(tuple(hunks)), Parameterless(function, name, tuple(one.decode() for one in helpers))


def _first_lines(lines: Sequence[Line], run: Sequence[int], function: str) -> list[int]:
    """The added lines that are the signature of `function`: up to the one below which its brace stands."""
    for n in run:
        if lines[n].text[:1] not in b" \t#/*" and has_call(lines[n].text, function.encode()):
            last = n
            while last in run and lines[last].text.strip() != b"{":
                last += 1
            if last not in run:
                return []
            first = n
            while first - 1 in run and is_type_line(lines[first - 1].text):
                first -= 1
            return list(range(first, last))
    return []


def _line(line: bytes, name: bytes, helpers: dict[bytes, int]) -> bytes | None:
    """An added line without the parameter; None where it only describes it."""
    stripped = line.lstrip()
    if stripped.startswith(b"*"):
        return None if kernel_doc.describes(stripped, name) else kernel_doc.without_mention(line, name)
    tokens = significant(lex(line))
    for n, token in enumerate(tokens):
        if token.kind is not Kind.NAME or token.text not in helpers or n + 1 >= len(tokens) \
                or tokens[n + 1].text != b"(":
            continue
        depth, commas, end = 0, [tokens[n + 1].end], 0
        for other in tokens[n + 1:]:
            depth += (other.text in CLOSER_OF) - (other.text in OPENER_OF)
            if other.text == b"," and depth == 1:
                commas.append(other.end)
            if depth == 0:
                end = other.start
                break
        at = helpers[token.text]
        if not end or at >= len(commas) or not whole_word(name).search(line[commas[at]:]):
            return line
        lo = commas[at] - 1 if at else commas[0]
        hi = (commas[at + 1] - (1 if at else 0)) if at + 1 < len(commas) else end
        return line[:lo] + line[hi:].lstrip(b" ") if not at else line[:lo] + line[hi:]
    return line


def _kept_use(line: bytes, helpers: dict[bytes, int]) -> bool:
    """Whether an added line may have the name: the helper's body, which has this tree's variable. A call or a comment
    may not."""
    tokens = {token.text for token in significant(lex(line))}
    return not line.lstrip().startswith(b"*") and not tokens & set(helpers)
