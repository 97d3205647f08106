"""The oldest tree that has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from posixpath import dirname
from re import Pattern

from backport.architecture import source_directories
from backport.csource.tokens import whole_word
from backport.git import Git
from backport.trees.index import Index
from backport.trees.store import Head


def near(paths: Iterable[str]) -> tuple[str, ...]:
    """Where a name that these files use is looked for: all of include/, their own directories and the headers of
    their architecture. A whole kernel takes seconds a tree, and a name that they can use is in one of these.

    A directory that ends with a slash stands for everything below it, another one for its own files.
    """
    folders = {"include/"}
    for path in paths:
        folders.add(dirname(path))
        folders.update(f"{home}/include/" for home in source_directories([path]))
    return tuple(sorted(folders))


def oldest(git: Git, heads: Sequence[Head], name: str, places: Sequence[str],
           index: Callable[[Head], Index | None], say: Callable[[str], None] = lambda text: None) -> Head | None:
    """The last of `heads` (newest first) whose files in `places` (see near()) have `name`, None without one.

    `index` gives that of a tree where it is made already: it says of most trees that there is nothing to look for.
    `say` is told of a tree that has none, whose files are searched.
    """
    word = whole_word(name.encode("utf-8", "surrogateescape"))
    for head in reversed(heads):
        known = index(head)
        if known is None:
            say(f"{head.tree}: looking for {name}, some seconds (`backport trees fetch` reads all names once)")
        if _has(git, head, name, word, places, known):
            return head
    return None


def _has(git: Git, head: Head, name: str, word: Pattern[bytes], places: Sequence[str], index: Index | None) -> bool:
    if any(word.search(data) for place in places if not place.endswith("/") for data in git.files(head.commit, place)):
        return True
    deep = [place for place in places if place.endswith("/")]
    known = index.below(name, deep) if index is not None else None
    if known is not None:
        return known
    return git.run("grep", "--quiet", "--word-regexp", "--fixed-strings", "-e", name, head.commit, "--", *deep,
                   ok=(0, 1)).code == 0
