"""A store with made-up branches: mainline with a fix, a newer branch that took it in its own form, an older one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backport.carry import Carried, Carrier
from backport.donors.find import Finder, Found
from backport.donors.model import Donor
from backport.donors.weigh import carry_with
from backport.history.log import Log
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.stable.prereq import commit_patch
from backport.trees.store import Head
from tests.support.histories import Repo

SORT = """int by_number(void *one, void *two)
{
\tstruct item *a = %s(one);
\tstruct item *b = %s(two);

\tcount_compare(a);
\treturn a->number - b->number;
}
"""
MORE = """int by_size(void *one, void *two)
{
\tstruct item *a = entry(one);
\tstruct item *b = entry(two);

\treturn a->size - b->size;
}
"""
NEW, MIDDLE = SORT % ("item_entry", "item_entry"), SORT % ("to_item", "to_item")
OLD = MIDDLE.replace("\n\tcount_compare(a);\n", "\n")
HEADER = "#define item_entry(x) x\n#define to_item(x) x\n#define entry(x) x\nvoid count_compare(struct item *a);\n"
BUG, SIZE = "return a->number - b->number;", "return a->size - b->size;"
UPSTREAMS = "return compare_int(a->number, b->number);"
THEIRS = "return (a->number > b->number) - (a->number < b->number);"
SIZES = "return compare_int(a->size, b->size);"
MAINLINE, NEWER, OLDER = "mainline", "linux-6.1.y", "linux-5.10.y"
TREE = Tree(OLDER, "5.10", ())


class World:
    """The branches; `fix` makes mainline's commit, `backport` the newer branch's."""

    def __init__(self, path: Path, more: str = "") -> None:
        self.repo = Repo(path / "store.git")
        self.path = path
        files = {"sort.c": NEW + more, "sort.h": HEADER, "Makefile": "VERSION = 1\n"}
        self.repo.files[MAINLINE] = files
        self.repo.commit(MAINLINE, "the beginning")
        self.repo.branch(OLDER, MAINLINE)
        self.repo.edit(OLDER, "sort.c", NEW, OLD, "older words")
        self.repo.branch(NEWER, MAINLINE)
        self.repo.edit(NEWER, "sort.c", NEW, MIDDLE, "words between")
        self.repo.edit(MAINLINE, "sort.h", "", "int compare_int(int a, int b);\n", "bring compare_int")

    def close(self) -> None:
        self.repo.git.close()

    def move(self, *branches: str) -> None:
        """sort.c is lib/sort.c there."""
        for branch in branches:
            self.repo.files[branch]["lib/sort.c"] = self.repo.files[branch].pop("sort.c")
            self.repo.commit(branch, "move it")

    def fix(self, subject: str = "sort: compare without overflow") -> Patch:
        self.repo.edit(MAINLINE, "sort.c", BUG, UPSTREAMS, f"{subject}\n\nText.\n\nSigned-off-by: A <a@example.org>\n")
        return self.patch(MAINLINE)

    def patch(self, branch: str) -> Patch:
        made = commit_patch(self.repo.git, self.tip(branch))
        assert made is not None
        return made

    def tip(self, branch: str) -> str:
        tip = self.repo.git.rev(f"refs/heads/{branch}")
        assert tip is not None
        return tip

    def backport(self, fix: Patch, new: str = THEIRS, old: str = BUG, branch: str = NEWER, note: str = "",
                 path: str = "sort.c") -> str:
        sha = fix.head[5:45].decode()
        return self.repo.edit(
            branch, path, old, new,
            f"sort: compare without overflow\n\n[ Upstream commit {sha} ]\n\nT.\n\nSigned-off-by: A <a@example.org>\n"
            + (f"[ {note} ]\n" if note else "") + "Signed-off-by: Stable <stable@example.org>\n")

    def head(self, branch: str) -> Head:
        return Head(branch, self.tip(branch), {MAINLINE: "6.9", NEWER: "6.1.9", OLDER: "5.10.9"}.get(branch, "1"),
                    "made here", 0.0, history=True)

    def heads(self) -> list[Head]:
        names = sorted(self.repo.files, key=lambda name: (name != MAINLINE, name))
        return [self.head(name) for name in names]

    def found(self, patch: Patch, patches: Sequence[Patch] = (), series: str = "5.10") -> Found:
        with Log(self.repo.git) as log:
            return Finder(self.heads(), self.head(MAINLINE)).find(patch, series, patches, log)

    def carry(self, patch: Patch, donors: Sequence[Donor] = (), said: Sequence[str] = (),
              branch: str = OLDER) -> Carried:
        carrier = Carrier(self.repo.git.path, self.heads(), self.head(MAINLINE))
        try:
            return carry_with(carrier, patch, TREE, self.head(branch), donors, said)
        finally:
            carrier.close()
