"""Everything that is fixed before a build starts: tree, configuration, compiler, sandbox, directories, key."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backport.architecture import DEFAULT, I386, Architecture, foreign, named, of_directory, of_make, split
from backport.errors import BuildError, UserError
from backport.kbuild import config, toolchain
from backport.kbuild.config import Fragment
from backport.kbuild.make import Runner
from backport.kbuild.sandbox import Limits, Sandbox
from backport.kbuild.toolchain import Compiler
from backport.kbuild.touched import is_selftest
from backport.manifest import Tree
from backport.subsystem import KVM
from backport.trees.store import Head
from backport.wholefile import private_directory

# Raise it when what a baseline holds or how it is made changes: every baseline is then built again.
FORMAT = 4
# what every object needs first: generated headers, objtool, fixdep
PREPARE = ("prepare",)
# every module that can be built, without what makes each object slow and none of them different in source
WIDE = "uninstrumented"
# what is tried for another architecture where the tree's own builds nothing of it
SOURCES = (".c", ".h", ".S")
# where a patch that only makes an old tree build at all is named
FIXES = "toolchain.fixes in trees.yaml"
# Raise it when more can be solved (solve.py): what was not compiled is then tried again.
_SOLVED = "solved 1"
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Plan:
    """One tree x configuration x compiler. Directories below `home` belong to this plan alone."""

    tree: Tree
    head: Head
    source: Path                     # the tree's work tree
    home: Path                       # cache/build/<tree>/<config>-<compiler>
    fragment: Fragment
    compiler: Compiler
    sandbox: Sandbox
    limits: Limits
    jobs: int
    fixes: tuple[Path, ...]
    alone: bool = False              # only the objects that a patch asks for; the tree's own targets are not built
    solved: tuple[str, ...] = ()     # options of `fragment` that were set for a patch, as "CONFIG_X=y"

    @property
    def build(self) -> Path:
        return self.home / "build"

    @property
    def pristine(self) -> Path:
        return self.home / "pristine"

    @property
    def stamps(self) -> Path:
        return self.home / "stamps.json"

    @property
    def marker(self) -> Path:
        """Written last: where it stands and names this key, the baseline is whole."""
        return self.home / "baseline.json"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def defconfig(self) -> str:
        return self.fragment.defconfig or self.tree.config

    @property
    def config_name(self) -> str:
        return f"{self.defconfig} + {self.fragment.name}"

    @property
    def is_wide(self) -> bool:
        """Is it only one more way to compile what a patch touches, and nothing that the manifest lists?"""
        return self.alone and (self.fragment.name == WIDE or bool(self.solved))

    @property
    def targets(self) -> tuple[str, ...]:
        return PREPARE if self.alone else self.fragment.modules or self.tree.targets

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories below the tree that the targets build, with a slash at the end."""
        if self.alone:
            return ()
        return tuple(target if target.endswith("/") else posixpath.dirname(target) + "/" for target in self.targets)

    @property
    def variables(self) -> tuple[str, ...]:
        """Make variables: architecture, compiler, the tree's own. LOCALVERSION empty, or a patched work tree gets a
        "+" in its release and everything that holds it is built again."""
        given = dict(item.split("=", 1) for item in (*self.compiler.make, *self.fragment.make))
        given.setdefault("ARCH", DEFAULT.arch)
        return (*(f"{name}={value}" for name, value in given.items()), "LOCALVERSION=")

    @property
    def architecture(self) -> str:
        """What the objects are for, by its name in the table; ARCH=x86 leaves it to the configuration."""
        given = dict(item.split("=", 1) for item in self.variables)["ARCH"]
        small = self.fragment.wishes.get("CONFIG_64BIT", "y") == "n" or self.defconfig.startswith(I386.name)
        found = of_make(given, narrow=small)
        return found.name if found is not None else given

    def make(self, *targets: str, build: Path | None = None, keep_going: bool = True) -> list[str]:
        """The argument list of one make call; to be run in `source`."""
        return ["make", f"-j{self.jobs}", "--no-print-directory", "--output-sync=target",
                *(["-k"] if keep_going else []), f"O={build or self.build}", *self.variables, *targets]

    @property
    def ccache(self) -> Path:
        """One compiler cache for all trees: a point release leaves most files as they were."""
        return self.home.parent.parent / "ccache"

    def runner(self, *, write: Sequence[Path] = (), ccache: str = "off") -> Runner:
        """A runner that may read the sources and write the build directory (and `write`).

        `ccache` is "write" for the tree without the patch, "read" for a patched build from nothing, "off" for one
        on top of the baseline, where it would only add time. A patched build never writes: it could put an object
        there that a later build takes for its own.
        """
        read = (self.source, *toolchain.prefixes(self.compiler))
        places = (self.build, *write)
        if not self.compiler.ccache:
            return Runner(self.sandbox, self.limits, read=read, write=places)
        if ccache == "off":
            return Runner(self.sandbox, self.limits, read=read, write=places, env=(("CCACHE_DISABLE", "1"),))
        private_directory(self.ccache)
        env = (("CCACHE_DIR", str(self.ccache)), ("CCACHE_TEMPDIR", "/tmp"), ("CCACHE_MAXSIZE", "2G"),
               ("CCACHE_CONFIGPATH", "/dev/null"), ("CCACHE_DEPEND", "1"))
        if ccache == "write":
            return Runner(self.sandbox, self.limits, read=read, write=(*places, self.ccache), env=env)
        return Runner(self.sandbox, self.limits, read=(*read, self.ccache), write=places,
                      env=(*env, ("CCACHE_READONLY", "1"), ("CCACHE_NOSTATS", "1")))

    @property
    def key(self) -> str:
        """64 hex digits over everything that can change a baseline."""
        digest = hashlib.sha256()
        parts = [str(FORMAT), self.head.commit, str(self.source), self.defconfig, self.fragment.name,
                 self.fragment.text, self.compiler.identity, *self.variables, *self.targets,
                 *(f"fix {path.name}" for path in self.fixes)]
        for part in parts:
            digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
        for path in self.fixes:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def reproduce(self, patch: str = "PATCH", *, targets: Sequence[str] = ()) -> str:
        """What a person types to get this build; `patch` is the adapted mail's file, `targets` other ones than the
        plan's."""
        words = [word for word in self.make(*(targets or self.targets)) if word not in ("--output-sync=target",
                                                                          "--no-print-directory", "-k")]
        steps = [f"cd {shlex.quote(str(self.source))}", f"git apply {shlex.quote(patch)}"]
        if self.solved:
            steps += [f"printf '%s\\n' {' '.join(self.solved)} >> {shlex.quote(str(self.build / '.config'))}",
                      " ".join(shlex.quote(word) for word in [*words[:len(words) - len(targets or self.targets)],
                                                             "olddefconfig"])]
        return " && ".join([*steps, " ".join(shlex.quote(word) for word in words)])


def plan(tree: Tree, head: Head, source: Path, cache: Path, *, name: str | None, sandbox: Sandbox, limits: Limits,
         jobs: int | None, manifest_directory: Path | None = None, alone: bool = False,
         architecture: Architecture | None = None, wishes: Mapping[str, str] | None = None) -> Plan:
    """Resolve names; raises UserError (unknown configuration, missing fix file) or BuildError (no compiler).

    `alone` leaves the tree's targets out: what a patch touches is built, one object at a time. `architecture` is
    another one than the tree's: its cross compiler is taken. `wishes` are options on top of the configuration; all that
    have some share one directory, which holds the last.
    """
    fragment = config.load(name or own_configuration(tree), manifest_directory)
    compiler = toolchain.resolve(tree.toolchain) if architecture is None else \
        toolchain.cross(tree.toolchain, architecture)
    fixes = tuple(fix_file(item, manifest_directory) for item in tree.toolchain.fixes)
    solved = tuple(f"{name}={value}" for name, value in (wishes or {}).items())
    place = fragment.name
    if wishes:
        place = "solved"
        fragment = replace(fragment, name=" + ".join([fragment.name, *(one.removeprefix("CONFIG_") for one in solved)]),
                           wishes={**fragment.wishes, **wishes})
    slug = _PLAIN.sub("_", f"{place}-{compiler.name}{'-objects' if alone else ''}")
    for target in tree.targets:
        if target.startswith(("-", "/")) or ".." in target.split("/") or "=" in target or not target:
            raise UserError(f"{target!r} is no build target below the tree")
    home = cache / "build" / _PLAIN.sub("_", tree.name) / slug
    return Plan(tree, head, source.resolve(), home.absolute(), fragment, compiler, sandbox, limits,
                jobs or len(os.sched_getaffinity(0)), fixes, alone, solved)


def own_configuration(tree: Tree) -> str:
    """The name of the configuration that a tree is built in where nobody asks for another."""
    return tree.fragments[0] if tree.fragments else KVM.configuration


def beyond(own: Plan, paths: Sequence[str], manifest_directory: Path | None = None,
           asked: Sequence[str] = ()) -> list[str]:
    """What else than its own plan can change a patch's build: the wide configuration, and for each other architecture
    that it touches, may be tried or is `asked` for, the compiler, "" where none is installed. For selftests, all that
    is installed."""
    tests = toolchain.installed() if any(map(is_selftest, paths)) else []
    if own.fragment.name != own_configuration(own.tree):
        return tests
    parts = [*tests, config.load(WIDE, manifest_directory).text, _SOLVED, *asked]
    outside = [path for path in paths if path.endswith(SOURCES) and not path.startswith(own.directories)]
    others = [*map(of_directory, sorted(split(paths, own.architecture)[1])),
              *map(named, sorted(foreign(outside, own.architecture))), *map(named, asked)]
    for architecture in others:
        try:
            parts.append(toolchain.cross(own.tree.toolchain, architecture).identity if architecture else "")
        except BuildError:
            parts.append("")
    return parts


def fix_file(name: str, directory: Path | None) -> Path:
    """A build-fix patch of a toolchain, named beside the manifest; raises BuildError where it is not there."""
    path = (directory or Path()) / name
    if not path.is_file():
        raise BuildError(f"the build-fix patch {name} does not exist", hint="its path is relative to the manifest")
    return path
