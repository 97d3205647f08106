"""How newer trees stand that a run did not try: a patch for 5.10 alone still has to be in 6.1 and newer.

Checked and adapted, never built: what is asked is only whether they have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from backport.carry import Carrier
from backport.cell import Cell
from backport.manifest import Manifest
from backport.patch.model import Patch
from backport.patch.stable import series_number
from backport.rules.load import load_rules
from backport.stable.newer import supported
from backport.trees.store import Head
from backport.verdict import Apply


def elsewhere(store: Path, manifest: Manifest, heads: Mapping[str, Head], cells: Sequence[Cell],
              mails: Mapping[str, Patch]) -> list[Cell]:
    """A cell for each patch and newer supported tree that `cells` lack; `mails` are the patches by SHA-256.

    Nothing of these goes into a queue or a mail: they are marked `elsewhere` and only say how the tree stands.
    """
    upstream = manifest.upstream
    carrier = Carrier(store, tuple(heads.values()), heads.get(upstream.name) if upstream else None,
                      load_rules(manifest.directory))
    found: list[Cell] = []
    try:
        for slug in dict.fromkeys(cell.patch for cell in cells):
            own = [cell for cell in cells if cell.patch == slug]
            patch = mails.get(own[0].patch_sha256)
            # what nobody takes anywhere needs no look at newer trees
            oldest = min((number for cell in own if cell.apply.good and (tree := manifest.tree(cell.tree)) is not None
                          and (number := series_number(tree.series)) is not None), default=None)
            tried = {cell.tree for cell in own}
            for name, series in supported(manifest) if oldest is not None else ():
                number = series_number(series)
                if name not in tried and number is not None and oldest is not None and number > oldest:
                    found.append(_look(carrier, manifest, heads.get(name), name, own[0], patch))
    finally:
        carrier.close()
    return found


def _look(carrier: Carrier, manifest: Manifest, head: Head | None, name: str, like: Cell, patch: Patch | None) -> Cell:
    tree = manifest.tree(name)
    if head is None or tree is None:
        return Cell(like.patch, name, Apply.NO_TREE, reason="not in the store", elsewhere=True)
    if patch is None:
        return Cell(like.patch, name, Apply.ERROR, reason="the original mail is no longer available", elsewhere=True)
    carried = carrier.carry(patch, tree, head)
    return Cell(like.patch, name, carried.outcome, reason=carried.reason, base_version=head.version, elsewhere=True)
