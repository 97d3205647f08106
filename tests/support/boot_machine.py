"""A made-up tree with a Makefile of a few lines, and a QEMU that is a script, so that a proof takes milliseconds.

The "kernel image" is what the sources say; the machine reads the image and prints the serial log that such a kernel
would print. Nothing here stands for a real tree or shows that a real kernel boots; test_real.py does that.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from backport.git import Git
from backport.manifest import Tree
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.trees.store import Head, Store
from tests.support import boot_logs as logs

KVM = "arch/x86/kvm/x86.c"
OTHER = "arch/x86/kvm/lapic.c"
MAKEFILE = """\
O ?= .
VPATH = $(CURDIR)
objects = $(O)/arch/x86/kvm/x86.o $(O)/arch/x86/kvm/lapic.o
tinyconfig:
\t@echo '# CONFIG_KVM is not set' > $(O)/.config
olddefconfig:
\t@cat $(CURDIR)/lost >> $(O)/.config 2>/dev/null || :
bzImage: $(objects)
\t@mkdir -p $(O)/arch/x86/boot && cat $(objects) > $(O)/arch/x86/boot/bzImage && echo built >> $(O)/built
$(O)/%.o: $(CURDIR)/%.c
\t@mkdir -p $(dir $@)
\t@! grep -Hn 'broken' $< | sed 's/:[[:space:]]*broken.*/: error: made-up error/' | grep . >&2
\t@cp $< $@
"""
FILES = {
    "Makefile": MAKEFILE,
    KVM: "int one(void)\n{\n\treturn pending;\n}\n",
    OTHER: "int two(void)\n{\n\treturn 2;\n}\n",
    "drivers/other.c": "int three(void)\n{\n\treturn 3;\n}\n",
}


def make_store(place: Path, files: dict[str, str] | None = None) -> tuple[Store, Head, Tree]:
    """A store with one tree, "made-up-1.0.y"."""
    source = place / "source"
    for name, text in {**FILES, **(files or {})}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    store = Store(place / "cache")
    with Git(source) as git:
        git.run("init", "--quiet")
        git.run("add", ".")
        git.run("commit", "--quiet", "-m", "made up")
        commit = git.rev("HEAD")
    assert commit is not None
    with store.git() as git:
        git.run("fetch", "--quiet", str(source), f"{commit}:refs/trees/made-up-1.0.y")
    return store, Head("made-up-1.0.y", commit, "1.0.1", "made up", 0.0), Tree("made-up-1.0.y", "1.0", ())


def patch(*changes: tuple[str, str, str]) -> Patch:
    """(path, old line, new line) each."""
    parts = []
    for path, old, new in changes:
        lines = FILES[path].splitlines()
        at = lines.index(old)
        body = [f"-{line}\n+{new}" if index == at else f" {line}" for index, line in enumerate(lines)]
        parts.append(f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
                     f"@@ -1,{len(lines)} +1,{len(lines)} @@\n" + "\n".join(body) + "\n")
    return parse(("Subject: [PATCH] made up\n\n---\n" + "".join(parts)).encode(), slug="made-up")


FIX = patch((KVM, "\treturn pending;", "\treturn pending || injected;"))
INVERTED = patch((KVM, "\treturn pending;", "\treturn pending || !injected;"))
WRONG = patch((OTHER, "\treturn 2;", "\treturn 20;"))


def make_qemu(place: Path, cases: dict[str, bytes | str], default: bytes | str = logs.BUG) -> Path:
    """A script that prints the log of the first case whose text is in the kernel image.

    A case that is text, not bytes, is shell to run instead (`sleep 100`, `kill -9 $$`).
    """
    place.mkdir(parents=True, exist_ok=True)
    script = ["#!/bin/sh", 'while [ "$1" != -kernel ]; do shift; done', "image=$2"]
    for number, (text, log) in enumerate([*cases.items(), ("", default)]):
        test = f"grep -qF '{text}' \"$image\"" if text else "true"
        if isinstance(log, bytes):
            (place / f"case{number}").write_bytes(log)
            script.append(f"if {test}; then cat {place}/case{number}; exit 0; fi")
        else:
            script.append(f"if {test}; then {log}; exit 0; fi")
    program = place / "qemu"
    program.write_text("\n".join(script) + "\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert os.access(program, os.X_OK)
    return program
