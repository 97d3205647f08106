"""Which objects outside the targets a patch asks for, by what kbuild's own lists say before and after it."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from backport.kbuild import compiled, devicetree, headers
from backport.kbuild.baseline import Baseline
from backport.kbuild.cmdfile import Units
from backport.kbuild.membership import Membership
from backport.kbuild.plan import Plan, own_configuration
from backport.kbuild.touched import TouchedKind, kind_of

COMPILED = (TouchedKind.SOURCE, TouchedKind.DEVICETREE)
_LISTED = 8              # objects that are compiled for one Makefile
_NEW = 64                # objects that a patch adds to one Makefile and that are compiled; the rest is told


@dataclass(slots=True)
class Wanted:
    """`objects` as make calls them, outside the plan's targets; `told` says what was chosen among many; `inside` is
    whether the targets have to be made at all; `listed` is all that a touched Makefile outside them lists."""

    objects: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    inside: bool = True
    listed: dict[str, frozenset[str]] = field(default_factory=dict)


def before(work: Plan, base: Baseline, touched: Collection[str], asked: Collection[str]) -> Wanted:
    """What a patch to `touched` asks for in the tree without it; `asked` are those of them that this plan is for."""
    units = Units(work.source, work.build)
    added = frozenset(posixpath.normpath(name) for name in base.extras)
    built = {posixpath.dirname(unit.source) for unit in units.all().values()
             if unit.target.endswith(".o") and posixpath.normpath(unit.target) not in added}
    members = Membership(work.runner(), work.source, work.build, work.variables)
    found = Wanted(inside=not work.alone and any(kind_of(path) not in (*COMPILED, TouchedKind.NOTHING)
                                                 for path in touched))
    names: dict[str, None] = {}
    for path in touched:
        if path not in asked:
            continue
        kind = kind_of(path)
        if kind is TouchedKind.MAKEFILE:
            names.update(dict.fromkeys(_listed(work, members, path, found)))
        elif kind is TouchedKind.DEVICETREE:
            blobs, count = devicetree.targets(work.source, path)
            names.update(dict.fromkeys(blobs))
            if count > len(blobs):
                found.told += (f"{path}: {len(blobs)} of the {count} device trees that include it are compiled",)
        elif path.endswith((".c", ".S")):
            if not work.alone and (path.startswith(work.directories) or posixpath.dirname(path) in built):
                found.inside = True
            else:
                name = members.target(_object(path))
                names.update(dict.fromkeys([name] if name else _users(work, members, path, found)))
        elif path.endswith(".h"):
            # what another patch had added to the baseline is not made for this one
            if any(unit.target not in added and unit.target.endswith(".o")
                   and unit.target.startswith(work.directories) for unit in units.users(path)):
                found.inside = True
            else:
                names.update(dict.fromkeys(_users(work, members, path, found)))
    found.objects = tuple(names)
    return found


def after(work: Plan, build: Path, first: Wanted, asked: Collection[str]) -> Wanted:
    """The same for the patched tree, where the patch touches a Makefile or a Kconfig and `build` is prepared: what
    olddefconfig decides is in auto.conf after the next make only.

    `make DIR/x.o` compiles anything: an object that is no longer listed would be made, and one that is listed and
    that nothing makes would be missed. Directories that are new in a list and have no Makefile are among `objects`.
    """
    members = Membership(work.runner(write=(build,)), work.source, build, work.variables)
    names = {name: None for name in first.objects
             if not name.endswith(".o") or members.target(posixpath.normpath(name))}
    told = first.told
    for path in asked:
        if path in first.listed:
            folder = posixpath.dirname(path)
            new = [name for name in members.everything(folder) if name not in first.listed[path]
                   and not (name.endswith("/") and members.has_makefile(name))]
            names.update(dict.fromkeys(new[:_NEW]))
            if len(new) > _NEW:
                told += (f"{path}: {_NEW} of the {len(new)} objects that it lists since the patch are compiled",)
        elif path.endswith((".c", ".S")) and not path.startswith(work.directories) and (work.source / path).is_file():
            name = members.target(_object(path))
            names.update(dict.fromkeys([name] if name else []))
    return Wanted(tuple(names), told, first.inside, first.listed)


def _object(path: str) -> str:
    return posixpath.splitext(path)[0] + ".o"


def _listed(work: Plan, members: Membership, path: str, found: Wanted) -> tuple[str, ...]:
    """Objects that a Makefile outside the targets lists; how many of them is told."""
    folder = posixpath.dirname(path)
    if not folder or compiled.is_visited(path, [name.rstrip("/") for name in work.directories]):
        return ()
    every = members.everything(folder)
    found.listed[path] = frozenset(every)
    names = tuple(name for name in every if not name.endswith("/"))
    if names:
        found.told += (f"{path}: {min(len(names), _LISTED)} of the {len(names)} objects that it lists are compiled; "
                       "nothing is linked",)
    return names[:_LISTED]


def _users(work: Plan, members: Membership, path: str, found: Wanted) -> tuple[str, ...]:
    """Objects of a few sources that include `path`; which ones is told."""
    # no header, and not listed: the whole tree is searched for who includes it where no configuration is left
    near = not path.endswith(".h") and work.fragment.name == own_configuration(work.tree)
    names, count = headers.users(work.source, path, members.target, near=near)
    if names:
        found.told += (f"{path}: {len(names)} of the {count} sources that include it are compiled: "
                       + ", ".join(posixpath.normpath(name) for name in names),)
    return names
