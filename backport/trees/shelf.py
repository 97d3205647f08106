"""The trees of a store as intake wants them: newest first, and blobs by their abbreviated names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backport.patch.intake import read_all, read_commit
from backport.patch.model import Patch, Refused
from backport.trees.store import Head, Store
from backport.trees.view import StoreView
from backport.treeview import TreeView


@dataclass(frozen=True, slots=True)
class Shelf:
    """What read_all takes: `views`, newest first, and `blobs`."""

    views: tuple[TreeView, ...]
    blobs: Callable[[str], bytes | None]


@contextmanager
def shelf(store: Store) -> Iterator[Shelf]:
    """Every tree and pinned release of `store`, each version once; views are named by version ("linux 6.18.15")."""
    heads: dict[str, Head] = {}
    now = store.now()
    for head in (*now.heads(), *now.releases()):
        heads.setdefault(head.commit, head)
    newest = sorted(heads.values(), key=lambda head: _version(head.version or head.tree), reverse=True)
    with ExitStack() as stack:
        views = tuple(stack.enter_context(StoreView(store.path, f"linux {head.version or head.tree}", head.commit))
                      for head in newest)
        yield Shelf(views, _blobs(store, stack) if newest else lambda name: None)


def _blobs(store: Store, stack: ExitStack) -> Callable[[str], bytes | None]:
    git = stack.enter_context(store.git())

    def blob(name: str) -> bytes | None:
        if not re.fullmatch(r"[0-9a-f]{7,64}", name):
            return None
        full = git.rev(f"{name}^{{blob}}")
        return git.blob(full) if full else None

    return blob


def _version(text: str) -> tuple[int, ...]:
    release = tuple(int(part) for part in re.findall(r"\d+", text.split("-", 1)[0]))
    # 7.3-rc1 is older than 7.3.0, which is older than 7.3.1
    return (*release[:3], *(0,) * (3 - len(release[:3])), 0 if "-rc" in text else 1)


def read_specs(specs: Sequence[str | Path], store: Store, *, commit: tuple[str, str] | None = None,
               ) -> list[Patch | Refused]:
    """read_all and read_commit in one, with the trees of `store` at hand for pages of a web archive."""
    with shelf(store) as trees:
        items = read_all(*specs, views=trees.views, blobs=trees.blobs)
    return items + (read_commit(*commit) if commit is not None else [])
