"""Which objects outside the targets a patch asks for, by what kbuild's own lists say before and after it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from backport.kbuild import compiled, devicetree, headers, lists, pristine
from backport.kbuild.baseline import Baseline
from backport.kbuild.cmdfile import Units, made_from
from backport.kbuild.delta import Delta, FileDelta
from backport.kbuild.membership import Membership
from backport.kbuild.plan import Plan, own_configuration
from backport.kbuild.result import Uncompiled
from backport.kbuild.touched import TouchedKind, kind_of
from backport.patch.model import Patch
from backport.patch.parse import split_lines

COMPILED = (TouchedKind.SOURCE, TouchedKind.DEVICETREE)
_LISTED = 8              # objects that are compiled for one Makefile
_ENTRY = re.compile(rb"^\s*(?:menu)?config\s+(\w+)\s*$")
_MADE = 2                # files that are made from a table and whose readers are looked for
_NEW = 64                # objects that a patch adds to one Makefile and that are compiled; the rest is told


@dataclass(slots=True)
class Wanted:
    """`objects` as make calls them, outside the plan's targets; `remarks` say what was chosen among many; `inside` is
    whether the targets have to be made at all; `through` are the objects that are made for a file which others include;
    `listed` is all that a touched Makefile outside them lists; `why` a device tree file has no blob; `missing` are
    lines of a Makefile that list what this configuration does not build."""

    objects: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    inside: bool = True
    through: dict[str, tuple[str, ...]] = field(default_factory=dict)
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    missing: tuple[Uncompiled, ...] = ()


def before(work: Plan, base: Baseline, patch: Patch, asked: Collection[str]) -> Wanted:
    """What a patch asks for in the tree without it; `asked` are those of its files that this plan is for."""
    touched = patch.paths
    units = Units(work.source, work.build, pristine.recorded(work.stamps))    # the baseline was put back just now
    added = frozenset(posixpath.normpath(name) for name in base.extras)
    built = {posixpath.dirname(unit.source) for unit in units.all().values()
             if unit.target.endswith(".o") and posixpath.normpath(unit.target) not in added}
    members = _membership(work, work.build)
    found = Wanted(inside=not work.alone and any(kind_of(path) not in (*COMPILED, TouchedKind.NOTHING)
                                                 for path in touched))
    names: dict[str, None] = {}
    for path in touched:
        if path not in asked:
            continue
        kind = kind_of(path)
        if kind is TouchedKind.MAKEFILE:
            names.update(dict.fromkeys(_listed(work, members, path, patch, found)))
        elif kind is TouchedKind.DEVICETREE:
            names.update(dict.fromkeys(_blobs(work, members, path, found)))
        elif path.endswith((".c", ".S")):
            if not work.alone and (path.startswith(work.directories) or posixpath.dirname(path) in built):
                found.inside = True
            elif any(path == unit.source for name, unit in units.all().items() if name not in added):
                found.inside = True          # one of the objects that `make prepare` itself needs
                name = members.target(_object(path))
                names.update(dict.fromkeys([name] if name else []))
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
        elif kind is TouchedKind.OTHER:
            for made in made_from(work.source, work.build, path)[:_MADE]:
                names.update(dict.fromkeys(_users(work, members, made, found)))
    found.objects = tuple(names)
    return found


def after(work: Plan, build: Path, first: Wanted, delta: Delta, asked: Collection[str]) -> Wanted:
    """The same for the patched tree, where the patch touches a Makefile or a Kconfig and `build` is prepared: what
    olddefconfig decides is in auto.conf after the next make only.

    `make DIR/x.o` compiles anything: an object that is no longer listed would be made, and one that is listed and
    that nothing makes would be missed. Directories that are new in a list and have no Makefile are among `objects`.
    """
    members = _membership(work, build)
    found = Wanted((), first.remarks, first.inside, first.through, first.listed, dict(first.why))
    names = {name: None for name in first.objects if not name.endswith((".o", *devicetree.BLOBS))
             or members.target(devicetree.below_tree(name, members.directory))}
    for path, file in delta.files.items():
        if path in first.listed:
            folder = posixpath.dirname(path)
            new = [name for name in members.everything(folder) if name not in first.listed[path]
                   and not (name.endswith("/") and members.has_makefile(name))]
            names.update(dict.fromkeys(new[:_NEW]))
            if len(new) > _NEW:
                found.remarks += (
                    f"{path}: {_NEW} of the {len(new)} objects that it lists since the patch are compiled",)
        if path not in asked or file.after is None:
            continue
        if kind_of(path) is TouchedKind.KCONFIG:
            found.remarks += tuple(f"{path}: CONFIG_{name} is off here: nothing that hangs on it is built"
                                for name in _options(file) if not members.is_on(f"CONFIG_{name}"))
        elif members.is_list(path):
            found.missing += _not_listed(members, file)
        elif kind_of(path) is TouchedKind.DEVICETREE:
            again = replace(found, why={})
            names.update(dict.fromkeys(_blobs(work, members, path, again)))
            found.why[path] = again.why.get(path, "")
        elif path.endswith((".c", ".S")) and not path.startswith(work.directories):
            name = members.target(_object(path))
            names.update(dict.fromkeys([name] if name else []))
    found.objects = tuple(names)
    return found


def _membership(work: Plan, build: Path) -> Membership:
    # a Makefile of the patch is read: what it makes shell do shall change nothing that is compared later
    return Membership(work.runner(write=(build,)).reading(), work.source, build, work.variables)


def why_not(work: Plan, build: Path, want: Wanted, path: str) -> tuple[str, tuple[str, ...]]:
    """(why the configuration of `build` makes nothing of `path`, "" where nobody can say, the options in the way)."""
    if path in want.why:
        return want.why[path], ()
    for name in want.through.get(path, ()):
        user, around = headers.conditions(work.source, path, name)
        if around:
            return f"{user} includes it under {around[-1]}", around
    members = _membership(work, build)
    if path.endswith((".c", ".S")):
        return members.why_not(_object(path))
    user = headers.nearest(work.source, path) if path.endswith(".h") else ""
    why, needs = members.why_not(_object(user)) if user else ("", ())
    return f"{user} includes it and is not built: {why}" if why else "", needs


def _options(file: FileDelta) -> tuple[str, ...]:
    """The options of a Kconfig file whose entries a patch added lines to."""
    name = b""
    found: dict[bytes, None] = {}
    lines = {block.new + i for block in file.blocks for i in range(block.added)}
    for number, line in enumerate(split_lines(file.after or b"")):
        if match := _ENTRY.match(line):
            name = match[1]
        if number in lines and name and line.strip():
            found[name] = None
    return tuple(one.decode() for one in found)


def _not_listed(members: Membership, file: FileDelta) -> tuple[Uncompiled, ...]:
    """The touched lines of a Makefile that name an object or a directory which this configuration leaves out."""
    folder = posixpath.dirname(file.path)
    text = split_lines(file.after or b"")
    listed = members.names(folder)
    found: dict[int, Uncompiled] = {}
    for line, name in lists.touched(file):
        path = posixpath.normpath(posixpath.join(folder, name)) + ("/" if name.endswith("/") else "")
        if path not in listed:
            why, needs = members.why_not(path)
            found.setdefault(line, Uncompiled(file.path, line, text[line - 1].decode("utf-8", "replace").rstrip("\n"),
                                              f"{name} is not built in this configuration{f': {why}' if why else ''}",
                                              needs))
    return tuple(found.values())


def _object(path: str) -> str:
    return posixpath.splitext(path)[0] + ".o"


def _blobs(work: Plan, members: Membership, path: str, found: Wanted) -> tuple[str, ...]:
    """Device trees to make for a device tree file; what was chosen is told."""
    made = devicetree.boards(work.source, path, members)
    found.remarks += made.told
    found.why[path] = made.why
    return made.blobs


def _listed(work: Plan, members: Membership, path: str, patch: Patch, found: Wanted) -> tuple[str, ...]:
    """Objects that a Makefile outside the targets lists, those that the patch names first; how many of them is told."""
    folder = posixpath.dirname(path)
    if not folder or compiled.is_visited(path, [name.rstrip("/") for name in work.directories]):
        return ()
    every = members.everything(folder)
    found.listed[path] = frozenset(every)
    words = {word for file in patch.files if file.path == path for hunk in file.hunks for line in hunk.lines
             if line.kind != b" " for word in lists.objects_of(line.text)}
    names = sorted((name for name in every if not name.endswith("/")),
                   key=lambda name: posixpath.basename(name) not in words)
    if names:
        found.remarks += (f"{path}: {min(len(names), _LISTED)} of the {len(names)} objects that it lists are compiled; "
                       "nothing is linked",)
    return tuple(names[:_LISTED])


def _users(work: Plan, members: Membership, path: str, found: Wanted) -> tuple[str, ...]:
    """Objects of a few sources that include `path`; which ones is told."""
    # no header, and not listed: the whole tree is searched for who includes it where no configuration is left
    near = not path.endswith(".h") and work.fragment.name == own_configuration(work.tree)
    names, count = headers.users(work.source, path, members.target, near=near)
    if names:
        found.through[path] = names
        found.remarks += (f"{path}: {len(names)} of the {count} sources that include it are compiled: "
                       + ", ".join(posixpath.normpath(name) for name in names),)
    return names
