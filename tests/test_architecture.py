"""The table of architectures, and that nothing that is true of one of them is written anywhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import backport
from backport.architecture import (
    ARCHITECTURES,
    DEFAULT,
    I386,
    X86_64,
    foreign,
    named,
    of_make,
    of_object,
    source_directories,
)
from backport.stable.nomination import nomination
from backport.subsystem import KVM, SUBSYSTEMS, of_globs, stable_note

HOME = Path(next(iter(backport.__path__)))
_ONE = re.compile(r"\bx86\b|x86_64|\bi386\b|arch/x86|\bkvm[/_-]|/kvm\b|\bkvm\b")
# What is KVM's or x86's own: the boot of a KVM guest, and the way a static call of KVM is written.
OWN = {"architecture.py", "subsystem.py", "boot/initrd.py", "boot/machine.py", "boot/program.py", "boot/kernel.py",
       "boot/selftest.py", "boot/scope.py", "boot/outcome.py", "commands/boot.py", "inspect/calls.py",
       "inspect/message.py"}


@pytest.mark.parametrize("one", ARCHITECTURES, ids=lambda one: one.name)
def test_an_entry_is_found_by_every_name_it_has(one: object) -> None:
    assert one in ARCHITECTURES
    assert named(one.name) is one is of_make(one.arch)      # type: ignore[attr-defined]
    assert one.elf is None or of_object(*one.elf) is one    # type: ignore[attr-defined]


@pytest.mark.parametrize("one", ARCHITECTURES, ids=lambda one: one.name)
def test_what_belongs_together_is_there_together(one: object) -> None:
    """Objects are compared where `elf` is known: without the widths of their relocations every one of them differs."""
    assert bool(one.elf) == bool(one.relocations.widths)    # type: ignore[attr-defined]
    assert one.prefix or not one.package.startswith("gcc-") # type: ignore[attr-defined]
    assert bool(one.emulator) == bool(one.emulator_package) # type: ignore[attr-defined]


def test_one_arch_of_make_is_two_architectures() -> None:
    assert (of_make("x86"), of_make("x86", narrow=True)) == (X86_64, I386)
    assert of_make("no-such") is None
    assert of_object("EM_S390", 64) is None                 # another byte order: not compared


def test_headers_are_looked_for_in_the_architecture_of_the_file() -> None:
    assert source_directories(["arch/s390/kvm/x.c", "arch/s390/mm/y.c", "kernel/z.c"]) == ("arch/s390",)
    assert source_directories(["arch/Kconfig"]) == (DEFAULT.directory,)


def test_a_driver_is_looked_for_in_the_architecture_that_its_directory_names() -> None:
    paths = ("drivers/s390/char/con3215.c", "lib/compat_audit.c", "arch/x86/kvm/x86.c")
    assert foreign(paths, "x86_64") == {"s390": paths[:1], "arm64": paths[1:2]}
    assert foreign(("lib/a.c",), "arm64") == {"x86_64": ("lib/a.c",)}


def test_the_note_on_kvm_is_for_its_files_of_every_architecture() -> None:
    for path in ("virt/kvm/a.c", "arch/x86/kvm/a.c", "arch/arm64/kvm/a.c", "include/linux/kvm_host.h"):
        assert stable_note(["kernel/a.c", path]) == KVM.stable_note
    assert stable_note(["kernel/kvm.c", "arch/arm64/kernel/a.c"]) == ""
    assert {one.arch for one in ARCHITECTURES} >= {
        path.split("/")[1] for path in KVM.paths if path.startswith("arch/")} - {"x86"}
    assert of_globs(["virt/kvm/**"]) is None
    assert of_globs(["virt/kvm/**", "arch/x86/kvm/*.c"]) is KVM in SUBSYSTEMS
    assert nomination.__module__


def constants(source: bytes) -> Iterator[tuple[int, str]]:
    """(line, text) of every string that is no docstring and no comment."""
    tree = ast.parse(source)
    told = {id(node.body[0].value) for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
            and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in told and isinstance(node.value, str | bytes):
            value = node.value
            yield node.lineno, value if isinstance(value, str) else value.decode("latin-1")


def test_no_other_file_names_one() -> None:
    found = [f"{path.relative_to(HOME)}:{line}: {text[:60]!r}" for path in sorted(HOME.rglob("*.py"))
             if str(path.relative_to(HOME)) not in OWN for line, text in constants(path.read_bytes())
             if _ONE.search(text.casefold())]
    assert found == []
