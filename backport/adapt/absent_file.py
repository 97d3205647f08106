"""Evidence that a whole file of the patch has no counterpart in the tree: a test, a driver, a document of a later one.

Maintainers leave such a part out and say so. A file that only moved, was renamed or whose code stands in other files is
not absent, and neither is one that cannot be told from those.
"""

from __future__ import annotations

from backport.adapt.align import line_key, weak
from backport.adapt.arbiter import State
from backport.adapt.outcome import FileAnswer
from backport.adapt.records import HunkStory
from backport.csource.source import Source
from backport.csource.tokens import identifiers
from backport.patch.locate import find_preimage
from backport.patch.model import FileDiff
from backport.patch.parse import split_lines
from backport.treeview import FileList, TreeView, stem
from backport.verdict import Apply, Sure

_KNOWN = 0.15            # share of the file's own names that the tree may have by accident
_SHARED = 0.3            # share of its lines that another file may have: includes, licence, common code
_FEW = 3                 # names or lines that say nothing yet
_ASKED = 60              # names that the tree is asked for
_LIKE = 24               # files of the same name that are looked into
_BESIDE = 200            # files of a directory that are looked into
_ALIKE = 0.5             # share of a function's own words that another file has, and it counts as the same code
# every directory has these: the name says nothing, the directory does
_EVERYWHERE = frozenset({"Makefile", "Kconfig", "Kbuild", "config", "settings", "index.rst", ".gitignore"})


def absent_file(file: FileDiff, target: TreeView, preimage: bytes | None) -> FileAnswer | None:
    """The answer that leaves `file` out, None where nothing proves that what it changes is nowhere in the tree."""
    path = file.old_path
    if path is None or file.renamed or target.read(path) is not None:
        return None
    why = _evidence(path, target, preimage)
    if not why:
        return None
    told = tuple(HunkStory(path, number, strategies=("drop",), sure=Sure.REVIEW, notes=(why,), state=State.ABSENT,
                           dropped=True, upstream=hunk.render().decode("utf-8", "replace"), signals=("dropped",))
                 for number, hunk in enumerate(file.hunks))
    return FileAnswer(Apply.ABSENT, (), Sure.REVIEW, told, (), why, (why,))


def _evidence(path: str, target: TreeView, preimage: bytes | None) -> str:
    folder, _, name = path.rpartition("/")
    if name in _EVERYWHERE:
        return _no_folder(path, folder, target)
    if preimage is None:
        return ""
    alike = [other for other in FileList.of(target.paths()).stemmed(stem(path)) if _zone(other) == _zone(path)]
    lines = {key for line in split_lines(preimage) if not weak(key := line_key(line)) and len(key) > 8}
    if len(alike) > _LIKE or len(lines) < _FEW or any(_shares(target.read(other), lines) for other in alike):
        return ""
    if not path.endswith((".c", ".h", ".S")):
        return "" if alike else f"{path} is not in this tree, and no file of its name is"
    names = _names(preimage)[:_ASKED]
    known = [one for one in names if _has(one, path, target)]
    if len(names) < _FEW or len(known) > _KNOWN * len(names):
        return ""
    return (f"{path} is not in this tree, and {len(known) or 'none'} of the {len(names)} functions, macros and types "
            "that it defines upstream")


def under_other_names(file: FileDiff, target: TreeView, preimage: bytes | None, upstream: TreeView | None) -> str:
    """A file of the same directory that upstream no longer has, and that holds the changed functions under other
    names; "" for none. keyslot-manager.c became blk-crypto-profile.c, and every function of it was renamed."""
    path = file.old_path
    if path is None or preimage is None or upstream is None or target.read(path) is not None:
        return ""
    folder, ending = path.rpartition("/")[0], path[-2:]
    here, known = (FileList.of(view.paths()).folder(folder) for view in (target, upstream))
    beside = [f"{folder}/{name}" if folder else name for name in sorted(here) if name.endswith(ending)]
    older = [other for other in beside if other.rpartition("/")[2] not in known][:_LIKE]
    if ending not in (".c", ".h") or not older:
        return ""
    read = Source.of(preimage)
    own = set(_names(preimage))
    words = {word for word in _changed_words(file, read) if len(word) > len("size") and word.decode() not in own}
    having = {other: words & set(identifiers(target.read(other) or b"", comments=True)) for other in beside[:_BESIDE]}
    telling = {word for word in words if sum(word in found for found in having.values()) <= 1 + len(having) // 20}
    return next((other for other in older if len(telling) >= _FEW
                 and len(telling & having.get(other, set())) >= _ALIKE * len(telling)), "")


def _changed_words(file: FileDiff, read: Source) -> set[bytes]:
    """The names in the code of the functions that the hunks change."""
    found: set[bytes] = set()
    for hunk in file.hunks:
        at = find_preimage(read.data, hunk)
        f = read.enclosing(at + len(hunk.old) // 2) if at else None
        found |= set(identifiers(read.code(f) if f is not None else b"".join(hunk.old)))
    return found


def _no_folder(path: str, folder: str, target: TreeView) -> str:
    """A list of what a directory holds goes with the directory, where no other one of that name is here."""
    last = folder.rsplit("/", 1)[-1]
    there = any(other.startswith(folder + "/") or f"/{last}/" in other for other in target.paths())
    return "" if there or not folder else f"{path} is not in this tree, and neither is the directory {folder}"


def _zone(path: str) -> str:
    """Code of tools/ and of Documentation/ is none of the kernel's."""
    first = path.split("/", 1)[0]
    return first if first in ("tools", "Documentation", "samples", "scripts") else ""


def _shares(data: bytes | None, lines: set[bytes]) -> bool:
    have = {line_key(line) for line in split_lines(data or b"")}
    return len(have & lines) > _SHARED * len(lines)


def _names(source: bytes) -> list[str]:
    """What the file defines, but for names as common as main()."""
    read = Source.of(source)
    found = [f.name for f in read.functions]
    found += [name.decode("utf-8", "replace") for _, piece in read.pieces for _, name in piece.macros]
    found += [words[1] for block in read.blocks
              if len(words := block.name.split()) == 2 and words[0] in ("struct", "union", "enum")]
    return [name for name in dict.fromkeys(found) if len(name) > len("main")]


def _has(name: str, path: str, target: TreeView) -> bool:
    if any(_zone(other) == _zone(path) for other in target.defining(name)):
        return True
    index = getattr(target, "index", None)       # macros and types, and what is only declared
    return index is not None and not _zone(path) and index.contains(name)
