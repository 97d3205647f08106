"""Is an object part of this configuration? kbuild's `make DIR/x.o` does not say: it compiles anything by pattern rule.

So the lists are asked for: each directory's Makefile is read by make itself, with the configuration, from the top
directory down, and must name the next directory or the object (alone or inside a composite one).
"""

from __future__ import annotations

import posixpath
from pathlib import Path

from backport.architecture import DEFAULT, of_make
from backport.kbuild.make import Runner

# expanded when the recipe runs, after the directory's Makefile was read
_PRINT = ("backport-lists: ; @: $(foreach o,$(obj-y) $(obj-m) $(lib-y),$(info backport-list $(o) "
          "$($(o:.o=-objs)) $($(o:.o=-y)) $($(o:.o=-m))))")


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
        self._lists: dict[str, list[tuple[str, frozenset[str]]]] = {}

    def has(self, path: str) -> bool:
        """True where the configuration builds `path` (DIR/x.o below the tree) into the kernel or a module."""
        parts = path.split("/")
        if len(parts) < 2 or (parts[0] == "arch" and parts[1] != self._srcarch):
            return False             # another architecture's Makefile would answer too, but not for this build
        # libs-y of an architecture's Makefile: named there, unconditionally, and by no list of objects
        top = "/".join(parts[:2]) if parts[0] == "arch" else parts[0]
        top = next((folder for folder in self._libraries if path.startswith(f"{folder}/")), top)
        return path.startswith(top + "/") and self._below(top, path, frozenset())

    def _below(self, folder: str, path: str, above: frozenset[str]) -> bool:
        above |= {folder}                    # a Makefile may name the directory above it, which named this one
        for name, members in self._read(folder):
            full = posixpath.normpath(posixpath.join(folder, name))
            if name.endswith("/"):
                if path.startswith(full + "/") and full not in above and self._below(full, path, above):
                    return True
            elif path == full or path in members:
                return True
        return False

    def _read(self, folder: str) -> list[tuple[str, frozenset[str]]]:
        if folder not in self._lists:
            self._lists[folder] = self._ask(folder)
        return self._lists[folder]

    def _ask(self, folder: str) -> list[tuple[str, frozenset[str]]]:
        file = next((name for name in ("Kbuild", "Makefile") if (self._source / folder / name).is_file()), None)
        if file is None:
            return []
        settings = [f"srctree := {self._source}", "objtree := .", f"obj := {folder}", f"src := {self._source / folder}",
                    f"SRCARCH := {self._srcarch}", "include include/config/auto.conf",
                    "-include $(srctree)/scripts/Kbuild.include", _PRINT]
        argv = ["make", "-rR", "--no-print-directory", *(f"--eval={text}" for text in settings),
                "-f", str(self._source / folder / file), *self._variables, "backport-lists"]
        ended = self._runner.run(argv, cwd=self._build, seconds=60)
        rows: list[tuple[str, frozenset[str]]] = []
        for line in ended.output.decode("utf-8", "replace").split("\n"):
            if line.startswith("backport-list "):
                name, *members = line.split()[1:]
                rows.append((name, frozenset(posixpath.normpath(posixpath.join(folder, item)) for item in members)))
        return rows
