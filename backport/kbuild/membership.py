"""What of a tree a configuration builds, and what make calls it. `make DIR/x.o` does not say: it compiles anything.

So the lists are asked for: each directory's Makefile is read by make itself, with the configuration, from the top
directory down, and must name the next directory or the object (alone or inside a composite one).
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from backport.architecture import DEFAULT, of_make
from backport.kbuild.make import Runner

# expanded when the recipe runs, after the directory's Makefile was read
_PRINT = ("backport-lists: ; @: $(foreach o,$(obj-y) $(obj-m) $(lib-y),$(info backport-list $(o) "
          "$($(o:.o=-objs)) $($(o:.o=-y)) $($(o:.o=-m))))")
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
        self._libraries = tuple(f"{found.directory}/{name}" for name in found.libraries) if found is not None else ()
        self._relative: bool | None = None
        self._lists: dict[str, list[tuple[str, dict[str, str]]]] = {}

    def target(self, path: str) -> str:
        """What make calls `path` (DIR/x.o, or a directory, below the tree) where the configuration builds it into the
        kernel or a module, "" where it does not.

        That name goes through the directory whose Makefile lists it: amdgpu builds its display code as
        drivers/gpu/drm/amd/amdgpu/../display/dc/core/dc.o, and make has no rule for the short form.
        """
        parts = path.split("/")
        if len(parts) < 2 or (parts[0] == "arch" and parts[1] != self._srcarch):
            return ""                # another architecture's Makefile would answer too, but not for this build
        # libs-y of an architecture's Makefile: named there, unconditionally, and by no list of objects
        top = "/".join(parts[:2]) if parts[0] == "arch" else parts[0]
        top = next((folder for folder in self._libraries if path.startswith(f"{folder}/")), top)
        return self._below(top, path, frozenset()) if path.startswith(top + "/") else ""

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
            elif name.endswith(".o"):
                paths = members or [posixpath.normpath(posixpath.join(folder, name))]
                found.update(called for path in paths if (called := self.target(path)))
        return tuple(sorted(found))

    def _enters(self, folder: str) -> bool:
        top = "/".join(folder.split("/")[:2]) if folder.startswith("arch/") else folder.split("/")[0]
        return folder in (top, *self._libraries) or bool(self.target(folder))

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
                    "-include $(srctree)/scripts/Kbuild.include", _PRINT]
        argv = ["make", "-rR", "--no-print-directory", *(f"--eval={text}" for text in settings),
                "-f", str(file), *self._variables, "backport-lists"]
        ended = self._runner.run(argv, cwd=self._build, seconds=60)
        rows: list[tuple[str, dict[str, str]]] = []
        for line in ended.output.decode("utf-8", "replace").split("\n"):
            if line.startswith("backport-list "):
                name, *members = line.split()[1:]
                full = [posixpath.join(folder, item) for item in members]
                rows.append((name, {posixpath.normpath(item): item for item in full}))
        return rows
