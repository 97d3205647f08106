"""Who calls whom in a part of a tree, read from its sources by layout; macros and function pointers included.

No compiler is asked: a call is a name followed by an opening parenthesis inside a function body, outside comments
and strings. A function that stands in a table (`.set_debug = fn`) is reached through that member, where the table and
the receiver of the call are of one struct type (`.release` of a file is not `->release` of a device); one in an array
(`[EXIT_REASON_HLT] = fn`) where that array is called by index. What such a reader cannot see (calls built by token
pasting, callbacks) it does not claim.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backport.csource import calls
from backport.csource.functions import enclosing
from backport.csource.references import How, Reference, References
from backport.csource.statements import case_name
from backport.csource.tokens import identifiers
from backport.git import Git
from backport.subsystem import KVM

_STATIC_CALLS = frozenset({"static_call", "static_call_cond", *KVM.calls})
# static_call(kvm_x86_set_cr0) calls .set_cr0 of kvm_x86_ops
_OPS = tuple(name.removesuffix("_call") for name in KVM.calls)
_ENTRY_MEMBERS = frozenset({"unlocked_ioctl", "compat_ioctl", "ioctl"})
_KEYWORDS = frozenset(b"if for while switch return sizeof typeof do else case defined __attribute__".split())


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the tree: path, 1-based line, the function around it ("" at file level), the line's text."""

    path: str
    line: int
    function: str
    text: str
    types: frozenset[str] = field(default=frozenset(), compare=False)   # struct types of a table or a receiver

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or function-like macro."""

    name: str
    path: str
    line: int
    end: int
    macro: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass
class Sources:
    """The C sources below some directories of one commit, indexed."""

    name: str                        # for people: linux-7.2.y 7.2.8
    files: dict[str, bytes]
    clean: dict[str, bytes] = field(default_factory=dict)
    defined: dict[str, list[Definition]] = field(default_factory=dict)
    callers: dict[str, list[Site]] = field(default_factory=dict)
    members: dict[str, list[tuple[str, Site]]] = field(default_factory=dict)   # function -> (member, where)

    def definition(self, name: str) -> Definition | None:
        """The definition of `name`, in a .c file rather than in a header where both exist."""
        found = sorted(self.defined.get(name, ()), key=lambda d: (d.macro, not d.path.endswith(".c"), d.path))
        return found[0] if found else None

    def body(self, definition: Definition) -> bytes:
        lines = self.files[definition.path].split(b"\n")
        return b"\n".join(lines[definition.line - 1:definition.end])

    def callees(self, definition: Definition) -> list[str]:
        """Names called in the body that are defined in these sources, in order of first call."""
        lines = self.clean[definition.path].split(b"\n")
        text = b"\n".join(lines[definition.line - 1:definition.end])
        names = (name.decode("ascii") for name, _, _ in calls.call_heads(text))
        return [name for name in dict.fromkeys(names)
                if name in self.defined and name != definition.name and name not in _STATIC_CALLS]


def scope_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The directories worth reading for callers of these files: their own, and KVM's generic half for KVM."""
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")
        if "kvm" in parts[:-1]:
            # the generic half is called from an architecture's, and both through tables that headers declare
            own = "/".join(parts[:parts.index("kvm") + 1])
            found[own if own.startswith("arch/") else KVM.own.rstrip("/")] = None
            found[KVM.shared.rstrip("/")] = None
            found |= dict.fromkeys(KVM.tables)
        elif len(parts) > 1:
            found["/".join(parts[:-1][:3])] = None
    return tuple(found)


def read_sources(git: Git, commit: str, name: str, directories: Sequence[str]) -> Sources:
    """Read and index the .c and .h files below `directories` of `commit`."""
    files = {}
    for mode, sha, path in git.ls_tree(commit, directories):
        if mode.startswith("100") and path.endswith((".c", ".h")):
            data = git.blob(sha)
            if data is not None:
                files[path] = data
    return index(name, files)


def index(name: str, files: dict[str, bytes]) -> Sources:
    """The call index of a dict of sources."""
    sources = Sources(name, files)
    read = {path: References(data) for path, data in files.items()}
    fields: dict[bytes, set[str]] = {}
    for path, one in read.items():
        sources.clean[path] = one.code
        for function in one.functions:
            sources.defined.setdefault(function.name, []).append(
                Definition(function.name, path, function.start, function.end))
        for macro, first, last in one.macros:
            sources.defined.setdefault(macro, []).append(Definition(macro, path, first, last, macro=True))
        for field_name, struct in one.structs:
            fields.setdefault(field_name, set()).add(struct)
    for path, one in read.items():
        lines = files[path].split(b"\n")
        for use in one.uses(_STATIC_CALLS):
            _add(sources, use, Site(path, use.line, use.function, _text(lines, use.line)), fields)
    return sources


def _add(sources: Sources, use: Reference, site: Site, fields: Mapping[bytes, set[str]]) -> None:
    match use.how:
        case How.CALL:
            sources.callers.setdefault(use.name, []).append(site)
        case How.INDEXED:
            there = replace(site, types=frozenset({use.name}))
            sources.callers.setdefault(f".[{use.name}]", []).append(there)
        case How.STATIC:
            ops = _ops(use)
            there = replace(site, types=frozenset({f"{ops}_ops"}))
            sources.callers.setdefault(f".{use.name.removeprefix(f'{ops}_')}", []).append(there)
        case How.THROUGH:
            there = replace(site, types=use.types or _types(use.key.encode(), fields))
            sources.callers.setdefault(f".{use.name}", []).append(there)
        case How.LISTED if use.name in sources.defined:
            there = replace(site, types=frozenset({use.holder}))
            sources.members.setdefault(use.name, []).append((f"[{use.holder}]", there))
        case How.MEMBER if use.name in sources.defined:
            there = replace(site, types=frozenset({use.holder} - {""}))
            sources.members.setdefault(use.name, []).append((use.key, there))
        case _:
            pass


def _ops(use: Reference) -> str:
    """What a static call's table is called without its `_ops`: by the name that is called, else by the macro."""
    named = next((one for one in _OPS if use.name.startswith(f"{one}_")), "")
    return named or next((one for one in _OPS if use.key == f"{one}_call"), _OPS[0])


def _types(receiver: bytes, fields: Mapping[bytes, set[str]]) -> frozenset[str]:
    """The struct type that some struct or file has a `receiver` of; none where there are several, as of `ops`."""
    known = fields.get(receiver, set())
    return frozenset(known) if len(known) == 1 else frozenset()


def _text(lines: Sequence[bytes], number: int) -> str:
    return lines[number - 1].decode("utf-8", "replace").strip()


def case_above(sources: Sources, site: Site) -> str:
    """The last `case X:` before the site within its function, "" where there is none (or `default:`)."""
    function = enclosing(sources.files[site.path], site.line)
    if function is None:
        return ""
    lines = sources.clean[site.path].split(b"\n")[function.body - 1:site.line]
    labels = [name for line in lines if (name := case_name(line)) is not None]
    return labels[-1].decode("ascii", "replace") if labels else ""


@dataclass(frozen=True, slots=True)
class CallChain:
    """A way down from an entry point: sites from the entry to the function, entry first."""

    entry: str
    how: str                         # ".unlocked_ioctl" of a table, or the name's own form
    sites: tuple[Site, ...]
    guessed: tuple[str, ...] = ()    # members on the way whose struct types could not be compared


def chains(sources: Sources, function: str, *, limit: int = 12, depth: int = 10) -> tuple[CallChain, ...]:
    """Ways from an ioctl handler down to `function`, shortest first; a function is an entry when a file_operations
    table names it as ioctl handler, or, where no table is in these sources, when its name ends with `_ioctl`.

    Ways over members whose types are not known are only looked for where there is no other, and say so.
    """
    sure = _chains(sources, function, limit, depth, guess=False)
    return sure or _chains(sources, function, limit, depth, guess=True)


def _chains(sources: Sources, function: str, limit: int, depth: int, *, guess: bool) -> tuple[CallChain, ...]:
    found: list[CallChain] = []
    seen = {function}
    guessed: dict[Site, str] = {}
    queue: deque[tuple[str, tuple[Site, ...]]] = deque([(function, ())])
    while queue and len(found) < limit:
        name, path = queue.popleft()
        how = _entry(sources, name)
        if how:
            found.append(CallChain(name, how, path, tuple(dict.fromkeys(guessed[s] for s in path if s in guessed))))
            continue
        if len(path) >= depth:
            continue
        sites = list(sources.callers.get(name, ()))
        for member, where in sources.members.get(name, ()):
            for site in sources.callers.get(f".{member}", ()):
                if where.types & site.types:
                    sites.append(site)
                elif guess and not (where.types and site.types):
                    guessed[site] = f".{member}"
                    sites.append(site)
        for site in sites:
            if site.function not in seen:
                seen.add(site.function)
                queue.append((site.function, (site, *path)))
    return tuple(found)


def _entry(sources: Sources, name: str) -> str:
    for member, where in sources.members.get(name, ()):
        if member in _ENTRY_MEMBERS:
            return f".{member} at {where}"
    if name.endswith("_ioctl") and not sources.members.get(name) and name in sources.defined:
        return f"by its name, at {sources.definition(name)}"
    return ""


def names_of(line: bytes) -> frozenset[bytes]:
    """The identifiers of one line of code, keywords and noise left out."""
    return frozenset(n for n in identifiers(line) if n not in _KEYWORDS)


def _statement(lines: Sequence[bytes], number: int) -> int:
    """How many lines from `number` on can belong to one statement, three at most."""
    for count in (1, 2):
        if number - 1 + count >= len(lines) or lines[number - 2 + count].rstrip().endswith((b";", b"{", b"}", b":")):
            return count
    return 3


def similar(sources: Sources, line: bytes, *, least: int = 3) -> tuple[Site, ...]:
    """Places whose line (or statement over up to three lines) has every identifier of `line`.

    Lines with fewer than `least` identifiers are no pattern, and give nothing.
    """
    wanted = names_of(line)
    if len(wanted) < least:
        return ()
    rarest = max(wanted, key=len)
    found: list[Site] = []
    for path in sorted(sources.files):
        clean = sources.clean[path]
        if rarest not in clean:
            continue
        lines, raw = clean.split(b"\n"), sources.files[path].split(b"\n")
        last = 0
        for number, text in enumerate(lines, 1):
            if rarest not in text or number <= last:
                continue
            span = next((s for s in range(1, _statement(lines, number) + 1)
                         if wanted <= names_of(b" ".join(lines[number - 1:number - 1 + s]))), 0)
            if span:
                around = enclosing(sources.files[path], number)
                found.append(Site(path, number, around.name if around else "",
                                  " ".join(_text(raw, n) for n in range(number, number + span))))
                last = number + span - 1
    return tuple(found)
