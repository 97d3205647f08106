"""Small files and the patches between them, for the engine's tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import SequenceMatcher

from backport.adapt.engine import adapt
from backport.adapt.records import Adaptation
from backport.adapt.simulated_apply import apply_as_is
from backport.patch.edits import Edit, render_hunks
from backport.patch.model import Patch
from backport.patch.parse import parse, split_lines
from backport.treeview import MemoryView
from backport.verdict import Apply, Sure


def file_diff(path: str, before: bytes, after: bytes) -> bytes:
    """One file's diff, three lines of context."""
    a, b = split_lines(before), split_lines(after)
    edits = [Edit(i1, i2, tuple(b[j1:j2])) for tag, i1, i2, j1, j2
             in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if tag != "equal"]
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n".encode()
    return head + b"".join(hunk.render() for hunk in render_hunks(a, edits))


def patch_of(files: Mapping[str, tuple[bytes, bytes]]) -> Patch:
    return parse(b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
                 + b"".join(file_diff(path, *sides) for path, sides in files.items()))


def run(before: bytes, after: bytes, target: bytes, *, path: str = "a.c", preimage: bool = True,
        **options: object) -> Adaptation:
    """Adapt before -> after of one file to `target`."""
    patch = patch_of({path: (before, after)})
    return adapt(patch, MemoryView("tree", {path: target}), preimages={path: before} if preimage else {},
                 **options)  # type: ignore[arg-type]


def unopposed(answer: Adaptation) -> bool:
    """Nothing that a check found speaks against it; how likely it is remains the model's to say."""
    return all(hunk.unopposed for hunk in answer.hunks)


def result(answer: Adaptation, target: bytes, path: str = "a.c") -> bytes:
    """The file with the adapted patch, by git apply's rules."""
    assert answer.patch is not None, answer.reason
    for file in answer.patch.files:
        if file.path == path:
            there = apply_as_is(file.hunks, target)
            assert there is not None
            target = there.made(target)
    return target


HEAD = b"int stop(struct unit *u, int err)\n{\n\tint ret;\n\n"
TAIL = b"\tlog_end(u);\n\treturn ret;\n}\n"


def body(*lines: str, head: bytes = HEAD, tail: bytes = TAIL) -> bytes:
    return head + "".join(f"\t{line}\n" for line in lines).encode() + tail


class Index:
    """A tree that has every name but some."""

    def __init__(self, missing: Collection[str] = ()) -> None:
        self.missing = missing

    def contains(self, identifier: str) -> bool:
        return identifier not in self.missing

    def defines(self, name: str) -> bool:
        return name not in self.missing


def declined(answer: Adaptation, *words: str) -> bool:
    return answer.outcome is Apply.CONFLICT and all(word in answer.reason for word in words)


def told(answer: object, *words: str) -> bool:
    notes = [note for hunk in answer.hunks for note in hunk.notes]  # type: ignore[attr-defined]
    return answer.sure is Sure.REVIEW and any(all(w in n for w in words) for n in notes)  # type: ignore[attr-defined]
