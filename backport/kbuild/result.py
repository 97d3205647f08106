"""What a build hands back: one frozen record, JSON-ready, with the proof beside the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from backport.verdict import Build


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message of a compiler, linker, objtool or modpost, with what belongs to it.

    `path` is relative to the tree, `line` the 1-based line in the patched tree (0 where the tool gives none);
    `level` is "error", "warning" or "fatal error"; `detail` are the lines around it as the tool printed them
    (include chain, function, excerpt, notes), paths normalised. `object` is the object being made.
    """

    path: str
    line: int
    level: str
    text: str
    object: str = ""
    column: int = 0
    detail: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        return "error" in self.level

    @property
    def brief(self) -> str:
        """For reports: without the column, which moves with every renamed variable."""
        where = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{where}{self.level}: {self.text}" if self.level else f"{where}{self.text}"

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return f"{where}: {self.level}: {self.text}" if where else f"{self.level}: {self.text}"


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """One function whose machine code differs: `kind` is "changed", "appeared" or "vanished"; sizes in bytes, all
    parts (.cold, .isra, .constprop, .part) counted together."""

    name: str
    object: str
    kind: str
    old_size: int = 0
    new_size: int = 0

    @property
    def difference(self) -> int:
        return self.new_size - self.old_size

    def __str__(self) -> str:
        if self.kind == "appeared":
            return f"{self.name} appeared ({self.new_size} bytes)"
        if self.kind == "vanished":
            return f"{self.name} vanished ({self.old_size} bytes)"
        return f"{self.name} {self.difference:+d} bytes ({self.old_size} -> {self.new_size})"


@dataclass(frozen=True, slots=True)
class CodeChanges:
    """Baseline and patched objects compared, function by function, from builds made only for this.

    `nothing` is True where not one byte differs after masking: the patch did nothing there. `inlined` maps a
    function that the patch touches, and that has no code of its own, to the changed functions it went into.
    `reason` says why there is no comparison, "" where there is one.
    """

    functions: tuple[FunctionChange, ...] = ()
    data: tuple[str, ...] = ()               # "object: section" of data, tables and strings that differ
    inlined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    nothing: bool = False
    seconds: float = 0.0
    reason: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The changed-function set, sorted, each name once."""
        return tuple(sorted({change.name for change in self.functions}))


@dataclass(frozen=True, slots=True)
class Uncompiled:
    """A touched line that this configuration does not compile: 1-based line, its text, and why; `needs` are the
    conditions that would have to hold, as solve.py reads them."""

    path: str
    line: int
    text: str
    why: str
    needs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}" if self.line else f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class Effect:
    """Names of the functions whose code a patch changes in `tree` ("upstream 7.2.8"); `reason` where not known."""

    tree: str
    functions: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions whose machine code changes in this tree, beside those that upstream's own patch changes."""

    here: tuple[str, ...]
    upstream: Effect


@dataclass(frozen=True, slots=True)
class BuildResult:
    """One patch built on one tree with one configuration."""

    verdict: Build
    reason: str = ""                          # one line: why this verdict
    hint: str = ""                            # what to do about it, "" where there is nothing
    config: str = ""                          # "x86_64_defconfig + kvm-builtin"
    architecture: str = ""                    # "x86_64", "i386"; "" where it failed before that was known
    compiler: str = ""                        # "gcc (Debian 12.2.0-14) 12.2.0"
    sandbox: str = "none"                     # "bubblewrap" or "none"
    seconds: float = 0.0                      # all of it, baseline and comparison left out
    make_seconds: float = 0.0                 # make alone, on the patched tree
    baseline_seconds: float = 0.0             # 0 where the baseline was there already
    objects: tuple[str, ...] = ()             # fresh objects that hold touched sources
    new: tuple[Diagnostic, ...] = ()
    fixed: tuple[Diagnostic, ...] = ()
    uncompiled: tuple[Uncompiled, ...] = ()
    unproved: tuple[str, ...] = ()            # what the proof cannot speak about, in words
    changes: CodeChanges | None = None        # None where no comparison was asked for
    log: str = ""                             # path of the log of the patched build
    command: str = ""                         # reproduces the build by hand
    fixes: tuple[str, ...] = ()               # build-fix patches that stand on both sides
    notes: tuple[str, ...] = ()               # options that did not stick, repeated builds ...
    base_commit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with the printed form of each diagnostic (`>>` in front of new ones) beside its parts."""
        data = asdict(self)
        data["verdict"] = str(self.verdict)
        data["new_text"] = [f">> {item}" for item in self.new]
        data["fixed_text"] = [str(item) for item in self.fixed]
        data["uncompiled_text"] = [str(item) for item in self.uncompiled]
        if self.changes is not None:
            data["changes"]["names"] = list(self.changes.names)
            data["changes"]["text"] = [str(change) for change in self.changes.functions]
        return data


def first_of(items: Sequence[object], most: int = 1) -> str:
    """The first of several messages in words, and how many more there are."""
    more = len(items) - most
    return "; ".join(map(str, items[:most])) + (f" (and {more} more)" if more > 0 else "")
