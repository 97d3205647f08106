"""What a build left behind: nothing is waited for, followed or read without end, and the next build is not harmed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backport.errors import BuildError
from backport.kbuild import cmdfile, leftover, objects, pristine
from backport.kbuild.leftover import LeftBehind, read_left, remove, walk, write_left
from backport.kbuild.result import BuildResult
from backport.verdict import Build
from tests.kbuild.conftest import Bench

X86 = "arch/x86/kvm/x86.c"
CC = "scripts/cc.sh"
END = "  echo; } > $dir/.$base.cmd\n"
GOOD = ("\tif (vcpu->pending)\n", "\tif (vcpu->pending || vcpu->injected)\n")


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """Whoever opens a FIFO waits for ever: here, for two minutes."""
    def ring(*_: object) -> None:
        raise AssertionError("the test hangs")
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1900 << 20)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)            # the name of a socket may have 107 characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


THINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a FIFO": (os.mkfifo, "a FIFO"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
    "a link that leads out": (lambda path: path.symlink_to("/etc/hostname"), "a symbolic link"),
    "a link to a file beside it": (lambda path: path.symlink_to("whole"), "a symbolic link"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "a symbolic link"),
    "a directory": (lambda path: path.mkdir(), "a directory"),
    "a socket": (a_socket, "a socket"),
    "a sparse file": (sparse, "1900 MiB"),
}


@pytest.mark.parametrize("name", THINGS)
def test_only_a_regular_file_of_a_sensible_size_is_read(name: str, tmp_path: Path) -> None:
    make, said = THINGS[name]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/whole").write_bytes(b"all of it")
    make(tmp_path / "deep/odd")
    assert read_left(tmp_path / "deep/whole", tmp_path, 100) == b"all of it"
    with pytest.raises(LeftBehind, match=said) as caught:
        read_left(tmp_path / "deep/odd", tmp_path, 1 << 20)
    assert "deep/odd" in caught.value.message
    assert caught.value.hint
    assert not leftover.is_left(tmp_path / "deep/odd", tmp_path) or name == "a sparse file"


def test_no_directory_on_the_way_is_a_link_and_none_is_above(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    root.mkdir()
    (outside / "x.o").write_bytes(b"not of the build")
    (root / "kvm").symlink_to(outside)
    with pytest.raises(LeftBehind, match=r"a symbolic link on the way to kvm/x\.o"):
        read_left(root / "kvm/x.o", root, 100)
    with pytest.raises(LeftBehind):
        write_left(root / "kvm/x.o", root, b"mine")
    for path in (root / "../outside/x.o", outside / "x.o", root):
        with pytest.raises(LeftBehind, match="outside the build directory"):
            read_left(path, root, 100)
    assert not leftover.is_left(root / "kvm/x.o", root)
    assert not leftover.is_left(root / ("n" * 5000), root)
    assert not leftover.is_left(root / "a\0b", root)
    assert (outside / "x.o").read_bytes() == b"not of the build"
    with pytest.raises(FileNotFoundError):
        read_left(root / "nothing", root, 100)


@pytest.mark.parametrize("name", [name for name in THINGS if name != "a directory"])
def test_what_we_write_replaces_what_lies_there(name: str, tmp_path: Path) -> None:
    THINGS[name][0](tmp_path / "odd")
    write_left(tmp_path / "odd", tmp_path, b"ours")
    assert not (tmp_path / "odd").is_symlink()
    assert (tmp_path / "odd").read_bytes() == b"ours"
    assert not (tmp_path / "nowhere").exists()


def test_a_walk_follows_no_link_and_ends(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/one").write_bytes(b"")
    (tmp_path / "a/up").symlink_to("..")
    assert sorted(path for path, _entry in walk(tmp_path)) == ["a/b/one", "a/up"]
    for number in range(30):
        (tmp_path / f"file{number}").write_bytes(b"")
    with pytest.raises(LeftBehind, match="more than 20 files"):
        list(walk(tmp_path, most=20))


def deep(top: Path) -> None:
    """Directories below one another, more than a path may name and more than Python may nest."""
    top.mkdir(parents=True)
    handle = os.open(top, os.O_RDONLY)
    for _level in range(1500):
        os.mkdir("directory", dir_fd=handle)
        below = os.open("directory", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=handle))
    os.close(handle)


def test_directories_without_end_are_refused_and_taken_away(tmp_path: Path) -> None:
    deep(tmp_path / "build/deep")
    with pytest.raises(LeftBehind, match="cannot be read"):
        list(walk(tmp_path / "build"))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_bytes(b"")
    (tmp_path / "build/closed").mkdir()
    (tmp_path / "build/closed/link").symlink_to(tmp_path / "outside")
    (tmp_path / "build/closed").chmod(0)
    remove(tmp_path / "build")
    assert not (tmp_path / "build").exists()
    assert (tmp_path / "outside/kept").exists()
    remove(tmp_path / "build")               # not there: nothing to do


@pytest.mark.parametrize("case", ["deep", "many", "a directory under our own name"])
def test_one_build_directory_is_put_back_whatever_was_done_to_it(case: str, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    build, kept, stamps = tmp_path / "build", tmp_path / "kept", tmp_path / "stamps.json"
    (build / "kvm").mkdir(parents=True)
    (build / "kvm/x86.o").write_bytes(b"object")
    pristine.save(build, kept)
    pristine.record(build, stamps)
    if case == "deep":
        deep(build / "kvm/deep")
    elif case == "many":
        monkeypatch.setattr(leftover.walk, "__defaults__", (50,))
        for number in range(60):
            (build / f"file{number}").write_bytes(b"")
    else:
        (build / "kvm/x86.o").write_bytes(b"other")
        (build / "kvm/.x86.o.put-back").mkdir()
    assert pristine.put_back(build, kept, stamps)
    assert sorted(path for path, _entry in walk(build)) == ["kvm/x86.o"]
    assert (build / "kvm/x86.o").read_bytes() == b"object"
    assert [path.name for path in build.iterdir()] == ["kvm"]
    assert pristine.put_back(build, kept, stamps) == 0


@pytest.mark.parametrize("case", ["as recorded", "no record", "a file for a directory"])
def test_what_a_build_added_is_kept_with_the_rest(case: str, tmp_path: Path) -> None:
    build, kept, stamps = tmp_path / "build", tmp_path / "kept", tmp_path / "stamps.json"
    for name in ("kvm/x86.o", "kvm/.x86.o.cmd", "gone/old.o", "old"):
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_bytes(b"before")
    pristine.save(build, kept)
    pristine.record(build, stamps)
    same = tmp_path / "held"
    same.hardlink_to(kept / "kvm/x86.o")     # its inode cannot become another file's
    (build / "net/empty").mkdir(parents=True)
    (build / "net/nft.o").write_bytes(b"added")
    (build / "net/link").symlink_to("nft.o")
    (build / "kvm/.x86.o.cmd").write_bytes(b"after!")
    (build / "old").unlink()
    if case == "no record":
        stamps.unlink()
    elif case == "a file for a directory":
        remove(build / "gone")
        (build / "gone").write_bytes(b"a file now")
    pristine.add(build, kept, stamps)
    now = {path: entry.is_dir(follow_symlinks=False) or (build / path).read_bytes()
           for path, entry in walk(build, directories=True)}
    assert {path: entry.is_dir(follow_symlinks=False) or (kept / path).read_bytes()
            for path, entry in walk(kept, directories=True)} == now
    assert (kept / "net/link").is_symlink()
    # nothing else was written again, and the next build is put back to all of it
    assert (kept / "kvm/x86.o").samefile(same) == (case == "as recorded")
    assert pristine.put_back(build, kept, stamps) == 0
    (build / "net/nft.o").write_bytes(b"patched")
    assert pristine.put_back(build, kept, stamps) == 1
    assert (build / "net/nft.o").read_bytes() == b"added"


PLANTED = {
    "a FIFO": "mkfifo {}",
    "a link to a device": "ln -sf /dev/zero {}",
    "a link that leads out": "ln -sf /usr/include/stdio.h {}",
    "a directory": "mkdir {}",
    "a sparse file": "rm -f {}; truncate -s 1900M {}",
}
PLACES = {
    "a command file": ".evil.o.cmd",
    "a command file of its own": "arch/x86/kvm/.x86.o.cmd",
    "the list of Kconfig files": "include/config/auto.conf.cmd",
}


def planted(bench: Bench, shell: str, **options: object) -> BuildResult:
    """Build a good patch whose build runs `shell` when x86.o is made; the next one must not feel it."""
    edits = {**bench.edit(X86, *GOOD), **bench.edit(CC, END, END + f"case $obj in *x86.o) {shell};; esac\n")}
    return bench.build(edits, **{"compared": False, **options})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("thing", PLANTED)
def test_a_build_that_leaves_something_else_is_an_error_with_its_reason(thing: str, place: str, bench: Bench) -> None:
    path = PLACES[place]
    result = planted(bench, f"rm -f {path}; {PLANTED[thing].replace('{}', path)}")
    assert result.verdict is Build.ERROR, result
    assert path in result.reason
    assert (THINGS[thing][1] if thing != "a sparse file" else "MiB") in result.reason
    assert result.hint
    after = bench.build(bench.edit(X86, *GOOD), compared=False)
    assert after.verdict is Build.PASS, after.reason
    assert bench.status() == ""


@pytest.mark.parametrize("thing", PLANTED)
def test_an_object_of_the_comparison_that_is_none_costs_the_comparison_alone(thing: str, bench: Bench) -> None:
    """The command in a .cmd file is the build's own words: here it leaves something else where its object belongs."""
    plant = PLANTED[thing].replace("{}", '"$o"')
    script = ('#!/bin/sh\\n"gcc" "$@" || exit 1\\nfor o; do :; done\\ncase "$o" in */compare/*) rm -f "$o"; '
              f"{plant.replace(chr(34), chr(92) + chr(34))};; esac\\n")
    result = planted(bench, "printf '" + script.replace('\\"', '"') + "' >gcc.sh; chmod +x gcc.sh; "
                     'sed -Ei "s|:= (ccache )?gcc |:= $PWD/gcc.sh |" $dir/.$base.cmd', compared=True)
    assert result.verdict is Build.PASS, result.reason
    assert result.changes is not None
    assert "x86.o" in result.changes.reason
    assert not result.changes.nothing
    again = bench.build(bench.edit(X86, *GOOD))
    assert again.verdict is Build.PASS
    assert again.changes is not None
    assert again.changes.names == ("kvm_vcpu_ready",), again.changes


def test_a_patched_build_writes_nothing_into_the_kept_side_of_the_comparison(bench: Bench) -> None:
    bench.build(bench.edit(X86, *GOOD))                      # the baseline's side is kept from here on
    kept = bench.home / "compare/baseline"
    before = {path: (kept / path).read_bytes() for path, _entry in walk(kept)}
    script = f"#!/bin/sh\\nfor o in $(find {kept} -type f); do echo forged >$o; done; exec gcc \"$@\"\\n"
    planted(bench, f"printf '{script}' >gcc.sh; chmod +x gcc.sh; "
            'sed -Ei "s|:= (ccache )?gcc |:= $PWD/gcc.sh |" $dir/.$base.cmd', compared=True)
    assert {path: (kept / path).read_bytes() for path, _entry in walk(kept)} == before


def test_a_command_that_is_too_long_is_not_read_and_not_believed(tmp_path: Path) -> None:
    text = b"cmd_x.o := gcc " + b"a" * (1 << 20) + b"\n\nsource_x.o := x.c\n\ndeps_x.o := \\\n  x.h \\\n"
    unit = cmdfile.parse(text, tmp_path / "s", tmp_path / "b")
    assert unit is not None
    assert (unit.source, unit.reads, unit.argv) == ("x.c", frozenset({"x.h"}), ())


def compiled(tmp_path: Path) -> bytes:
    import subprocess
    (tmp_path / "x.c").write_text("extern int g(const char *);\nint f(int x)\n{\n\treturn g(\"text\") + x;\n}\n")
    subprocess.run(["gcc", "-O1", "-ffunction-sections", "-c", "x.c"], cwd=tmp_path, check=True)
    return (tmp_path / "x.o").read_bytes()


def test_an_object_whose_own_sizes_are_not_true_is_refused(tmp_path: Path) -> None:
    good = compiled(tmp_path)
    path = tmp_path / "odd.o"

    def refused(data: bytes) -> str:
        path.write_bytes(data)
        with pytest.raises(BuildError) as caught:
            objects.read(path)
        return caught.value.message

    at = int.from_bytes(good[0x28:0x30], "little")
    # no size for one entry of the table of sections, and as many of them as 64 bits can say
    endless = bytearray(good)
    endless[0x3A:0x3C] = bytes(2)
    endless[0x3C:0x3E] = bytes(2)
    endless[at + 0x20:at + 0x28] = b"\xff" * 8
    assert "longer than the file" in refused(bytes(endless))
    # every section is the whole file, again and again
    count = int.from_bytes(good[0x3C:0x3E], "little")
    table = bytearray(good[at:at + 64 * count])
    many = bytearray(good[:at]) + table
    more = bytearray(table[64:128])                   # .text ...
    more[0x18:0x20] = bytes(8)
    more[0x20:0x28] = (60000).to_bytes(8, "little")
    more[0x08:0x10] = (2).to_bytes(8, "little")       # allocated and no code: its content is compared
    more[0:4] = table[64:68]
    many += bytes(60000) + bytes(0)
    start = len(many)
    many += table + more * 3000
    many[0x28:0x30] = start.to_bytes(8, "little")
    many[0x3C:0x3E] = (count + 3000).to_bytes(2, "little")
    assert "lie over one another" in refused(bytes(many))
    # cut anywhere, it is an object or refused, and no other exception
    for size in range(0, len(good), 7):
        path.write_bytes(good[:size])
        with pytest.raises(BuildError):
            objects.read(path)
