"""What of a tree a configuration builds, and what make calls it. `make DIR/x.o` does not say: it compiles anything.

So the lists are asked for: each directory's Makefile is read by make itself, with the configuration, from the top
directory down, and must name the next directory or the object (alone or inside a composite one).
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from backport.architecture import DEFAULT, of_make
from backport.kbuild import leftover, lists
from backport.kbuild.devicetree import BLOBS
from backport.kbuild.make import Runner

# expanded when the recipe runs, after the directory's Makefile was read; kbuild makes what stands in extra-y, too
_OBJECTS = ("$(foreach o,$(obj-y) $(obj-m) $(lib-y) $(filter %.o,$(extra-y)),$(info backport-list $(o) "
            "$($(o:.o=-objs)) $($(o:.o=-y)) $($(o:.o=-m))))")
# CONFIG_OF_ALL_DTBS: the lists that are off are made as well (scripts/Makefile.lib, Makefile.dtbs since v6.9)
_BLOBS = ("$(foreach o,$(dtb-y) $(if $(filter y,$(CONFIG_OF_ALL_DTBS)),$(dtb-)),$(info backport-list $(o) "
          "$($(o:.dtb=-dtbs)))) $(foreach o,$(subdir-y) $(subdir-m),$(info backport-list $(o:/=)/))")
_OPTION = re.compile(rb"^(CONFIG_\w+)=", re.MULTILINE)
_AWAY = re.compile(rb"\.\./|^\s*include\s", re.MULTILINE)

_OLD_SRC = re.compile(rb"^src := \$\(obj\)$", re.MULTILINE)


class Membership:
    """Answers for one build directory; `variables` are the build's make variables."""

    def __init__(self, runner: Runner, source: Path, build: Path, variables: tuple[str, ...]) -> None:
        self._runner = runner
        self._source = source
        self._build = build
        self._variables = variables
        given = dict(item.split("=", 1) for item in variables if "=" in item).get("ARCH", DEFAULT.arch)
        found = of_make(given)
        self._srcarch = found.srcarch if found is not None else given
        self.directory = found.directory if found is not None else f"arch/{given}"      # of the architecture
        self._libraries = tuple(f"{found.directory}/{name}" for name in found.libraries) if found is not None else ()
        self._blobs = f"arch/{self._srcarch}/boot/dts"
        self._relative: bool | None = None
        self._options: frozenset[str] | None = None
        self._lists: dict[str, list[tuple[str, dict[str, str]]]] = {}

    def target(self, path: str) -> str:
        """What make calls `path` (DIR/x.o, or a directory, below the tree) where the configuration builds it into the
        kernel or a module, "" where it does not.

        That name goes through the directory whose Makefile lists it: amdgpu builds its display code as
        drivers/gpu/drm/amd/amdgpu/../display/dc/core/dc.o, and make has no rule for the short form.
        """
        top = self._top(path)
        found = self._below(top, path, frozenset()) if top and path.startswith(top + "/") else ""
        # the top Makefile's name for it: its rule puts the directory in front
        return found.removeprefix(f"{self._blobs}/") if path.endswith(BLOBS) else found

    def _top(self, path: str) -> str:
        """Where the way to `path` begins, "" for what this build never enters."""
        parts = path.split("/")
        if len(parts) < 2 or (parts[0] == "arch" and parts[1] != self._srcarch):
            return ""                # another architecture's Makefile would answer too, but not for this build
        # libs-y of an architecture's Makefile: named there, unconditionally, and by no list of objects
        for folder in (self._blobs, *self._libraries):
            if f"{path}/".startswith(f"{folder}/"):
                return folder
        return "/".join(parts[:2]) if parts[0] == "arch" else parts[0]

    def with_overlay(self, blob: str) -> tuple[str, ...]:
        """What make calls the device trees that are made of `blob` (a path below the tree) and others, where the
        configuration builds them."""
        folder = posixpath.dirname(blob)
        return tuple(called for name, members in self._read(folder) if blob in members
                     and (called := self.target(posixpath.join(folder, name))))

    def names(self, folder: str) -> frozenset[str]:
        """All that the lists of `folder` name in this configuration, below the tree: objects, what they are made of,
        directories with a slash at the end."""
        found: set[str] = set()
        for name, members in self._read(folder) if self._enters(folder) else ():
            plain = posixpath.normpath(posixpath.join(folder, name))
            found.update((plain + "/" if name.endswith("/") else plain, *members))
        return frozenset(found)

    def is_list(self, path: str) -> bool:
        """Is `path` the file that kbuild reads for the lists of its directory, on the way from the top?"""
        folder = posixpath.dirname(path)
        # arch/X/Makefile is read by the top one, and speaks to it
        return folder.count("/") + (not folder.startswith("arch/")) > 0 and folder not in ("", "scripts") \
            and (self._source / path) == self._makefile(folder) and self._enters(folder)

    def why_not(self, path: str) -> tuple[str, tuple[str, ...]]:
        """(why the configuration does not build `path`, an object, or a directory with a slash at the end: the option
        that is off, or that no list names it, "" where the text of the Makefiles does not say; every option in its way
        as `CONFIG_X` where it is to be on and `!CONFIG_X` where off)."""
        top = self._top(path)
        why = ""
        needs: list[str] = []
        folder, name = posixpath.split(path.rstrip("/"))
        name += "/" if path.endswith("/") else ""
        while top and f"{folder}/".startswith(f"{top}/"):
            file = self._makefile(folder)
            if file is None:
                return why or f"{folder} has no Makefile", tuple(needs)
            text = file.read_bytes()
            listed, option = lists.standing(text, name, self._on())
            where = f"{folder}/{file.name}"
            if option:
                why = why or f"{option} of {where} is {'on' if option in self._on() else 'off'}"
                needs.append(f"!{option}" if option in self._on() else option)
            elif not listed:
                # a list that is computed (wildcard, addprefix, another file) does not show the name
                return why or ("" if lists.computed(text) else f"{where} does not list {name}"), tuple(needs)
            if folder == top:
                break
            folder, name = posixpath.split(folder)
            name += "/"
        return why, tuple(needs)

    def is_on(self, option: str) -> bool:
        """Is CONFIG_X y or m, or has it a value?"""
        return option in self._on()

    def _on(self) -> frozenset[str]:
        if self._options is None:
            try:
                text = leftover.read_left(self._build / "include/config/auto.conf", self._build, leftover.COMMAND_FILE)
            except FileNotFoundError:
                text = b""
            self._options = frozenset(name.decode() for name in _OPTION.findall(text))
        return self._options

    def everything(self, folder: str) -> tuple[str, ...]:
        """What make calls the objects that the Makefile of `folder` lists and the configuration builds, of a composite
        one its parts, and the directories below the tree that it names (with a slash at the end); sorted. Nothing where
        the configuration does not enter `folder`."""
        found: set[str] = set()
        if not self._enters(folder):
            return ()
        for name, members in self._read(folder):
            if name.endswith("/"):
                found.add(posixpath.normpath(posixpath.join(folder, name)) + "/")
            elif name.endswith(lists.ENDINGS):
                paths = [*members]
                if not members or name.endswith(BLOBS):          # of an overlay and its base one more blob is made
                    paths.append(posixpath.normpath(posixpath.join(folder, name)))
                found.update(called for path in paths if (called := self.target(path)))
        return tuple(sorted(found))

    def _enters(self, folder: str) -> bool:
        top = self._top(f"{folder}/Makefile")
        return bool(top) and (folder == top or bool(self.target(folder)))

    def has_makefile(self, folder: str) -> bool:
        """Can kbuild enter this directory?"""
        return self._makefile(folder) is not None

    def _below(self, folder: str, path: str, above: frozenset[str]) -> str:
        above |= {folder}                    # a Makefile may name the directory above it, which named this one
        for name, members in self._read(folder):
            full = posixpath.normpath(posixpath.join(folder, name))
            if name.endswith("/"):
                if full == path:
                    return full
                leads = path.startswith(full + "/") or self._reaches(full, path)
                if leads and full not in above and (found := self._below(full, path, above)):
                    return found
            elif path == full:
                return posixpath.join(folder, name)
            elif path in members:
                return members[path]
        return ""

    def _reaches(self, folder: str, path: str) -> bool:
        """May the Makefile of `folder` list `path`, which lies beside it? Only one that names ../ or reads others."""
        if not path.startswith(posixpath.dirname(folder) + "/"):
            return False
        file = self._makefile(folder)
        return file is not None and _AWAY.search(file.read_bytes()) is not None

    def _makefile(self, folder: str) -> Path | None:
        return next((file for name in ("Kbuild", "Makefile") if (file := self._source / folder / name).is_file()), None)

    def _read(self, folder: str) -> list[tuple[str, dict[str, str]]]:
        if folder not in self._lists:
            self._lists[folder] = self._ask(folder)
        return self._lists[folder]

    def _src(self, folder: str) -> str:
        """kbuild's $(src): below the tree until v6.9, where Makefiles write $(srctree)/$(src)/...; absolute since."""
        if self._relative is None:
            try:
                text = (self._source / "scripts/Makefile.build").read_bytes()
            except OSError:
                text = b""
            self._relative = _OLD_SRC.search(text) is not None
        return folder if self._relative else str(self._source / folder)

    def _ask(self, folder: str) -> list[tuple[str, dict[str, str]]]:
        file = self._makefile(folder)
        if file is None:
            return []
        settings = [f"srctree := {self._source}", "objtree := .", f"obj := {folder}", f"src := {self._src(folder)}",
                    f"SRCARCH := {self._srcarch}", "include include/config/auto.conf",
                    "BITS := $(if $(CONFIG_64BIT),64,32)",       # what arch/*/Makefile exports: memcpy_$(BITS).o
                    "-include $(srctree)/scripts/Kbuild.include",
                    f"backport-lists: ; @: {_OBJECTS} {_BLOBS if f'{folder}/'.startswith(f'{self._blobs}/') else ''}"]
        # nouveau's Kbuild includes $(src)/nvkm/Kbuild, which the top Makefile lets make find in the sources
        argv = ["make", "-rR", "--no-print-directory", f"--include-dir={self._source}",
                *(f"--eval={text}" for text in settings), "-f", str(file), *self._variables, "backport-lists"]
        ended = self._runner.run(argv, cwd=self._build, seconds=60)
        rows: list[tuple[str, dict[str, str]]] = []
        for line in ended.output.decode("utf-8", "replace").split("\n"):
            if line.startswith("backport-list "):
                name, *members = line.split()[1:]
                full = [posixpath.join(folder, item) for item in members]
                rows.append((name, {posixpath.normpath(item): item for item in full}))
        return rows
