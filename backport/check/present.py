"""Does the tree have the change already? A question of its own, asked of every file of a commit.

The reverse of a patch applies only where its context is the same, so git's no says little: of 59 real cells where the
fix was in, 22 were called conflicts, and authors were told that their fix does not apply. Each file needs a witness;
the commit is in the tree where every file has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backport.check.index import private_index
from backport.check.landing import landings
from backport.git import Git
from backport.patch.exact import apply_exactly, reversed_file
from backport.patch.model import FileDiff, Patch
from backport.patch.parse import split_lines
from backport.temporary import temporary_directory

_SHORTEST = 7            # digits of an abbreviated blob name that still mean something


@dataclass(frozen=True, slots=True)
class Present:
    """What was asked and answered: path -> one sentence, for the files that are in the tree already and for those that
    are not. `weak` are files whose witness is only that something is not there."""

    there: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)
    weak: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Every file of the commit is in the tree, and at least one witness is more than an absence."""
        return bool(self.there) and not self.lacking and set(self.there) != self.weak

    @property
    def evidence(self) -> tuple[str, ...]:
        """One line a file, for people."""
        return (*(f"{path}: in this tree already: {why}" for path, why in self.there.items()),
                *(f"{path}: not in this tree yet: {why}" for path, why in self.lacking.items()))


def present(git: Git, commit: str, patch: Patch, before: Mapping[str, bytes]) -> Present:
    """Ask each file of `patch` whether `commit` has its change; `before`: old path -> upstream's file before it."""
    modes = {path: (mode, sha) for mode, sha, path in git.touched(commit, patch.paths)}
    there: dict[str, str] = {}
    lacking: dict[str, str] = {}
    weak: set[str] = set()
    for file in patch.files:
        yes, text = _file(git, commit, file, before.get(file.old_path or ""), modes)
        (there if yes else lacking)[file.path] = text
        if yes and not _says_something(file):
            weak.add(file.path)
    return Present(there, lacking, frozenset(weak))


def _says_something(file: FileDiff) -> bool:
    """That removed lines are not there is no evidence of somebody having taken them away."""
    return file.binary or not file.hunks or any(line.strip() for hunk in file.hunks for line in hunk.added)


def _file(git: Git, commit: str, file: FileDiff, before: bytes | None,
          modes: Mapping[str, tuple[str, str]]) -> tuple[bool, str]:
    if file.deleted:
        return (False, "the file that the patch deletes is here") if file.path in modes else \
            (True, "the file that the patch deletes is not here")
    if file.path not in modes:
        return False, "there is no such file"
    mode, blob = modes[file.path]
    if file.renamed and not file.copied and file.old_path in modes:
        return False, f"the file is still {file.old_path}"
    if file.new_mode is not None and file.old_mode is not None and file.new_mode != file.old_mode \
            and mode != file.new_mode:
        return False, f"the file has mode {mode}"
    if file.binary:
        same = len(file.new_blob or "") >= _SHORTEST and blob.startswith(file.new_blob or "-")
        return (True, "the same blob") if same else (False, "another blob")
    data = git.blob(f"{commit}:{file.path}")
    if data is None:
        return False, "the file cannot be read"
    if file.created:
        same = split_lines(data) == [line for hunk in file.hunks for line in hunk.new]
        return (True, "the file that the patch creates") if same else (False, "another file of that name")
    if not file.hunks:
        return True, "the same name and mode"
    return _text(git, commit, file, before, data)


def _text(git: Git, commit: str, file: FileDiff, before: bytes | None, data: bytes) -> tuple[bool, str]:
    after = apply_exactly(before, file) if before is not None else None
    have = set(split_lines(data))
    if any(line.strip() and line not in have for hunk in file.hunks for line in hunk.added):
        return False, "an added line is not in the file"
    if after is None or before is None:
        return _reverses(git, commit, file)
    if merged(git, data, before, after) == data:
        return True, "a three-way merge of upstream's change into this file changes nothing"
    return False, "a three-way merge of upstream's change into this file changes it, or conflicts"


def _reverses(git: Git, commit: str, file: FileDiff) -> tuple[bool, str]:
    """Without upstream's file: the reverse of this file's hunks applies at their own place."""
    alone = Patch(b"", (file,))
    with private_index(git, commit, alone) as index:
        done = index.apply(alone.diff, reverse=True)
        if done.code or "Skipped patch" in done.err:
            return False, "the reverse of the patch does not apply"
        blob = index.entries()[file.path][1]
        places = landings(Patch(b"", (reversed_file(file),)), done.err, {file.path: index.content(blob)}, {})
    if all(place.same_scope and place.line for place in places):
        return True, "the reverse of the patch applies"
    return False, "the reverse of the patch applies only elsewhere"


def merged(git: Git, ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """The three-way merge by git, None where it conflicts. Raises GitError where git itself fails."""
    if theirs == ours:
        return ours
    with temporary_directory("merge") as top:
        paths = [Path(top, name) for name in ("ours", "base", "theirs")]
        for path, data in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(data)
        done = git.run("merge-file", "-p", "-q", *map(str, paths), ok=range(128))    # the code counts conflicts
    return done.out if done.code == 0 else None
