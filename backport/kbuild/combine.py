"""One patch, built in several configurations because no single one compiles all that it touches: one result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from backport.kbuild.result import BuildResult, CodeChanges, Uncompiled, first_of
from backport.verdict import Build

# worst first; the rest of the result is told by the first of these
_WORST = (Build.ERROR, Build.BASELINE_BROKEN, Build.FAIL, Build.NOT_COMPILED, Build.WARN, Build.PASS,
          Build.NOTHING_TO_BUILD)


def again(first: BuildResult, second: BuildResult, asked: Collection[str]) -> BuildResult:
    """`second` is the same patch in another configuration, asked about the files `asked` of what `first` left
    uncompiled: it says nothing of the others.

    What counts as not compiled is what neither compiled: a line that only the first configuration has, in the
    #else of an option, is compiled there.
    """
    if second.verdict not in (Build.PASS, Build.WARN, Build.NOT_COMPILED, Build.NOTHING_TO_BUILD):
        return together([first, second])
    left = (*_left([one for one in first.uncompiled if one.path in asked], second.uncompiled),
            *(one for one in first.uncompiled if one.path not in asked))
    if not left:
        verdict = Build.WARN if Build.WARN in (first.verdict, second.verdict) or first.new else Build.PASS
        told = _passed(first, second)
        return replace(together([replace(first, verdict=verdict), second]), verdict=verdict, uncompiled=(),
                       reason=str(first.new[0] if first.new else second.reason) if verdict is Build.WARN else told)
    return replace(together([first, second]), verdict=Build.NOT_COMPILED, uncompiled=left, reason=first_of(left))


def together(parts: Sequence[BuildResult]) -> BuildResult:
    """The parts of a patch, each built for itself: the worst verdict and its reason, all that was found."""
    if len(parts) == 1:
        return parts[0]
    worst = min(parts, key=lambda part: _WORST.index(part.verdict))
    return replace(
        worst, config=_joined(part.config for part in parts), architecture=_joined(part.architecture for part in parts),
        compiler=_joined(part.compiler for part in parts),
        command=" && \\\n".join(dict.fromkeys(part.command for part in parts if part.command)),
        seconds=sum(part.seconds for part in parts), make_seconds=sum(part.make_seconds for part in parts),
        baseline_seconds=sum(part.baseline_seconds for part in parts),
        objects=tuple(dict.fromkeys(name for part in parts for name in part.objects)),
        new=tuple(dict.fromkeys(item for part in parts for item in part.new)),
        fixed=tuple(dict.fromkeys(item for part in parts for item in part.fixed)),
        uncompiled=tuple(dict.fromkeys(item for part in parts for item in part.uncompiled)),
        unproved=tuple(dict.fromkeys(item for part in parts for item in part.unproved)),
        notes=tuple(dict.fromkeys(item for part in parts for item in part.notes)),
        changes=_changes([part.changes for part in parts if part.changes is not None]))


def beside(tests: BuildResult) -> BuildResult:
    """What a patch to the kernel touches of the selftests: not to compile it here (no library, no kernel with BTF) is
    told of it, and takes nothing from what is proved of the kernel."""
    if tests.verdict is not Build.NOT_COMPILED:
        return tests
    return replace(tests, verdict=Build.NOTHING_TO_BUILD, uncompiled=(),
                   unproved=(*tests.unproved, *(f"not compiled: {one}" for one in tests.uncompiled)))


def _left(first: Sequence[Uncompiled], second: Sequence[Uncompiled]) -> tuple[Uncompiled, ...]:
    """What neither compiled, with what each says of it. Line 0 is the whole file."""
    then = {(one.path, one.line): one for one in second}
    left: list[Uncompiled] = []
    for one in first:
        if one.line:
            if other := then.get((one.path, one.line)) or then.get((one.path, 0)):
                left.append(replace(one, needs=tuple(dict.fromkeys((*other.needs, *one.needs)))))
        elif (other := then.get((one.path, 0))) is not None:
            told = other.why in one.why.split("; ")
            left.append(replace(one, why=one.why if told else f"{one.why}; {other.why}", needs=other.needs))
        else:
            left += [other for other in second if other.path == one.path]
    return tuple(dict.fromkeys(left))


def _passed(*parts: BuildResult) -> str:
    return passed(tuple(dict.fromkeys(name for part in parts for name in part.objects)))


def passed(names: Sequence[str]) -> str:
    """The reason of a pass whose fresh objects these are."""
    if not names:
        return "the build files that it touches were read; it touches no code"
    shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    return f"{len(names)} fresh object{'s' if len(names) > 1 else ''}: {shown}"


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(one for text in texts for one in text.split(", ") if one))


def _changes(parts: Sequence[CodeChanges]) -> CodeChanges | None:
    """All comparisons as one; a part that could not be compared says so for the whole."""
    if len(parts) < 2:
        return parts[0] if parts else None
    inlined: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for name, into in part.inlined.items():
            inlined[name] = tuple(dict.fromkeys((*inlined.get(name, ()), *into)))
    return CodeChanges(tuple(dict.fromkeys(change for part in parts for change in part.functions)),
                       tuple(dict.fromkeys(text for part in parts for text in part.data)), inlined,
                       tuple(dict.fromkeys(name for part in parts for name in part.objects)),
                       all(part.nothing for part in parts), sum(part.seconds for part in parts),
                       next((part.reason for part in parts if part.reason), ""))
