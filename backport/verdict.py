"""The vocabulary: what can happen to a patch on a tree.

Every word here is printed as it is. The text behind each member is the one-line legend that the reports show.
"""

from __future__ import annotations

from enum import StrEnum


class Apply(StrEnum):
    """What happened when the patch met the tree."""

    CLEAN = "clean"
    OFFSET = "offset"
    REWRITTEN = "rewritten"
    MERGED = "merged"
    RESOLVED = "resolved"
    ALREADY = "already"
    ABSENT = "absent"
    CONFLICT = "conflict"
    SUSPECT = "suspect"
    INVALID = "invalid"
    NO_TREE = "no-tree"
    ERROR = "error"

    @property
    def legend(self) -> str:
        return _APPLY_LEGEND[self]

    @property
    def good(self) -> bool:
        """True where there is a patch that the tree takes and that may be built."""
        return self in _GOOD_APPLY


class Build(StrEnum):
    """What the compiler said, before and after."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    BASELINE_BROKEN = "baseline-broken"
    NOT_COMPILED = "not-compiled"
    NOTHING_TO_BUILD = "nothing-to-build"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def legend(self) -> str:
        return _BUILD_LEGEND[self]


WHOLE = (Build.PASS, Build.WARN)     # every touched line was compiled, in fresh objects


class Sure(StrEnum):
    """How sure the tool is of an adapted patch."""

    CERTAIN = "certain"
    REVIEW = "review"


class Behaves(StrEnum):
    """What booting the kernel showed about the patch."""

    PROVED = "proved"
    NO_EFFECT = "no effect"
    NOT_SHOWN = "not shown"
    BROKE = "broke"
    NOT_TESTABLE = "not testable here"
    NOT_ASKED = "not asked"
    ERROR = "error"

    @property
    def legend(self) -> str:
        return _BEHAVES_LEGEND[self]


_APPLY_LEGEND = {
    Apply.CLEAN: "applies as it is, at the same lines",
    Apply.OFFSET: "applies as it is, at other lines of the same function",
    Apply.REWRITTEN: "adapted by a rule; the note says how",
    Apply.MERGED: "adapted by a strategy; the note says how",
    Apply.RESOLVED: "a person resolved the conflict, and that fits; who and when is in the cell",
    Apply.ALREADY: "in the tree already, as upstream has it or in adapted form",
    Apply.ABSENT: "the code that the patch fixes is not in this tree; the evidence is in the cell",
    Apply.CONFLICT: "needs a person",
    Apply.SUSPECT: "git apply takes it, but in another function than upstream changed, or it fits both ways",
    Apply.INVALID: "not a patch that can be placed",
    Apply.NO_TREE: "the branch is not available",
    Apply.ERROR: "the check itself failed, which says nothing about the patch",
}

_BUILD_LEGEND = {
    Build.PASS: "every touched source got a fresh object and no new diagnostic",
    Build.WARN: "builds, with diagnostics that the baseline does not have",
    Build.FAIL: "the patch breaks the build",
    Build.BASELINE_BROKEN: "the tree does not build without the patch either",
    Build.NOT_COMPILED: "touched lines that no configuration tried compiles",
    Build.NOTHING_TO_BUILD: "touches nothing that is compiled",
    Build.ERROR: "compiler crash, signal, time-out, disk full or missing tool: says nothing about the patch",
    Build.SKIPPED: "not built",
}

_BEHAVES_LEGEND = {
    Behaves.PROVED: "the reproducer shows the bug without the patch and not with it",
    Behaves.NO_EFFECT: "the reproducer shows the bug without the patch and with it",
    Behaves.NOT_SHOWN: "the bug does not appear without the patch either",
    Behaves.BROKE: "something worked without the patch and does not with it, or the kernel no longer boots",
    Behaves.NOT_TESTABLE: "this machine or this kernel configuration cannot show it; the reason is in the cell",
    Behaves.NOT_ASKED: "no reproducer, or no boot was asked for",
    Behaves.ERROR: "the boot or the reproducer failed by itself, which says nothing about the patch",
}

_GOOD_APPLY = frozenset({Apply.CLEAN, Apply.OFFSET, Apply.REWRITTEN, Apply.MERGED, Apply.RESOLVED})
