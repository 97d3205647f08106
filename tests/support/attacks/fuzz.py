"""Coverage-guided fuzzing of everything that reads what a stranger wrote.

A target is a function of bytes that raises what must not be. `python -m tests.support.attacks.fuzz TARGET SEEDS ...`
hands it to atheris (libFuzzer for Python) with the words of libFuzzer behind it; the part `fuzz` of scripts/torture
does that, round by round, and keeps what reached new code for the next round.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

if __name__ == "__main__":           # before anything of the product is imported: it is read with counters in it
    import atheris
    with atheris.instrument_imports(include=["backport", "unidiff"]):
        for one in ("adapt.engine", "kbuild.failure", "kbuild.diagnostics", "patch.compose", "patch.intake",
                    "results.rows", "rules.engine"):
            import_module(f"backport.{one}")

from backport.adapt.engine import adapt
from backport.adapt.simulated_apply import apply_as_is
from backport.csource.source import Source
from backport.errors import InvalidPatch, RuleError
from backport.gitformat import index_of, index_rows, tree_of, tree_rows
from backport.kbuild import diagnostics
from backport.kbuild.delta import Delta
from backport.kbuild.failure import trouble
from backport.kbuild.make import Exited
from backport.patch.compose import adapted_mail
from backport.patch.intake import read_bytes
from backport.patch.mail import mail_of, read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.results.rows import DAMAGED, body, cell_of
from backport.rules.engine import apply_rules
from backport.rules.load import read_rule
from backport.treeview import MemoryView
from backport.verdict import Apply
from tests.support.adapting import file_diff
from tests.support.cells import rewritten

_TOP = Path(__file__).resolve().parents[3]
_NEXT = b"\x1e"                      # between the parts of one input of `adapt`
_GROWTH = 3.4                        # twice the text may take so many times as long: 4 is its square
_SLOW = 1.0                          # seconds below which nobody measures


def intake(data: bytes) -> None:
    """A file is patches that write out as they were read, or refused; no two have one name."""
    found = read_bytes(data, "file")
    names = [one.slug for one in found if isinstance(one, Patch)]
    assert len(set(names)) == len(names), names
    for one in found:
        if isinstance(one, Patch):
            assert "/" not in one.slug, one.slug
            assert one.slug.strip("."), one.slug
            read_mail(one)
            assert parse(one.render()).paths == one.paths
        else:
            assert one.reason


def mail(data: bytes) -> None:
    """The head of a mail is read; the mail that is made of it keeps the diff, its subject is one line."""
    read = mail_of(data)
    assert data[read.message_start:read.message_end] == read.message, read
    with suppress(InvalidPatch):
        patch = parse(data)
        made = adapted_mail(patch, patch.files, series="9.1", notes=("told",), signoff="A B <a@example.org>")
        again = parse(made)
        assert b"".join(file.render() for file in again.files) == b"".join(file.render() for file in patch.files)
        assert again.paths == patch.paths
        if read.is_mail:
            told = read_mail(again)
            assert not set("\r\n") & set(told.subject), told.subject


def patch(data: bytes) -> None:
    """A diff is read as `git apply` reads it, the text before it aside: what both take has the same counts of lines."""
    try:
        read = parse(data)
    except InvalidPatch:
        return
    assert read.render() == data
    done = subprocess.run(["git", "apply", "--numstat", "-z", "-"], input=data[len(read.head):], capture_output=True,
                          check=False, cwd=tempfile.gettempdir(), env={**os.environ, "GIT_CEILING_DIRECTORIES": "/"})
    if done.returncode:
        return
    git = [row.split(b"\t")[:2] for row in done.stdout.split(b"\0") if row.count(b"\t") == 2]
    ours = [[b"-", b"-"] if file.binary else
            [b"%d" % sum(line.kind == kind for hunk in file.hunks for line in hunk.lines) for kind in (b"+", b"-")]
            for file in read.files]
    assert git == ours, (git, ours)


def adapted(data: bytes) -> None:
    """A whole commit on a tree that has other files: what comes out goes in, and is never made of nothing."""
    first, *rest = data.split(_NEXT)
    try:
        commit = parse(first)
    except InvalidPatch:
        return
    before: dict[str, bytes] = {}
    files: dict[str, bytes] = {}
    for name, old, target in zip(rest[::3], rest[1::3], rest[2::3], strict=False):
        path = name.decode("utf-8", "surrogateescape")
        before[path], files[path] = old, target
    answer = adapt(commit, MemoryView("tree", files), preimages=before, upstream=MemoryView("upstream", before))
    if answer.patch is None:
        assert answer.reason or answer.outcome is Apply.ALREADY, answer
        return
    again = parse(answer.patch.render())
    assert [file.render() for file in again.files] == [file.render() for file in answer.patch.files]
    for file in answer.patch.files:
        if file.hunks and not file.created and not file.binary:
            assert file.old_path is not None
            there = apply_as_is(file.hunks, files[file.old_path])
            assert there is not None, f"{file.old_path}: the answer does not apply"


def rules(data: bytes) -> None:
    """A rule is read, or refused with its line; one that is read can be asked about its own examples."""
    try:
        rule = read_rule(data, "rule.yaml", _stem(data))
    except RuleError as error:
        if not str(error).startswith("rule.yaml:"):
            raise AssertionError(f"no line: {error}") from error
        return
    for example in rule.examples:
        after = b"".join(line[1:] for line in example.before if line[:1] != b"-")
        old = b"".join(line[1:] for line in example.before if line[:1] != b"+")
        with suppress(InvalidPatch):
            for file in parse(file_diff("a.c", old, after)).files:
                apply_rules(file, MemoryView("tree", example.tree), [rule])


def _stem(data: bytes) -> str:
    for line in data.split(b"\n"):
        if line.startswith(b"id:"):
            return line[3:].strip().decode("utf-8", "replace")
    return "rule"


def csource(data: bytes) -> None:
    """A file of C is its pieces in order; functions and blocks lie inside it; twice as much takes twice as long."""
    read = Source(data)
    assert b"".join(piece.text for _at, piece in read.pieces) == data
    assert len(read.bare) == len(data)
    assert read.bare.count(b"\n") == data.count(b"\n")
    everything(read)
    growth(lambda text: everything(Source(text)), data)


def everything(read: Source) -> None:
    """Ask for all that is read of a file."""
    last = len(read.lines)
    for function in read.functions:
        assert 1 <= function.start <= function.body <= function.end <= last, function
        read.head(function.name.encode())
        read.arities(function.name.encode())
        read.checks(function.name.encode())
    for block in read.blocks:
        assert 1 <= block.start <= block.end <= last, block
        read.code(block)
    assert len(read.conditions) == last
    for _at, piece in read.pieces:
        for fact in ("words", "names", "calls", "members", "of_members", "checked", "macros", "variables"):
            getattr(piece, fact)


def messages(data: bytes) -> None:
    """Output of make is read; against itself nothing is new or fixed; twice as much takes twice as long."""
    paths = diagnostics.Paths(Path("/source"), Path("/build"))
    found = diagnostics.parse(data, paths)
    for one in found:
        assert one.line >= 0, one
        assert one.level, one
    new, fixed = diagnostics.compare(found, found, Delta(()), rebuilt=frozenset(one.object for one in found))
    assert not (*new, *fixed), (new, fixed)
    trouble(Exited(2, data, 1.0))
    growth(lambda text: (diagnostics.parse(text, paths), trouble(Exited(2, text, 1.0))), data)


def growth(work: Callable[[bytes], object], data: bytes) -> None:
    """Raises AssertionError where 20 kB of this text take a second, and twice of it four times as long.

    Asked of one input in eight, as its bytes decide.
    """
    if not data or hashlib.sha256(data).digest()[0] % 8:
        return
    text = data * (20_000 // len(data) + 1)
    if (once := spent(work, text)) < _SLOW:
        return
    twice = spent(work, text * 2)
    assert twice < once * _GROWTH, f"{len(text)} bytes take {once:.1f} s, twice as many {twice:.1f} s"


def spent(work: Callable[[bytes], object], text: bytes) -> float:
    """Seconds of processor time."""
    began = time.process_time()
    work(text)
    return time.process_time() - began


def rows(data: bytes) -> None:
    """A cell of the results store that somebody else wrote is a cell, or one that says it is damaged."""
    cell = cell_of((1, 0, 1.5, zlib.compress(data), zlib.compress(b"mail"), "patch", "tree/config"))
    if cell.reason == DAMAGED:
        assert cell.apply is Apply.ERROR
        return
    _name, *kept = body(cell)
    assert body(cell_of((1, 0, 1.5, *kept, "patch", "tree/config"))) == body(cell)


def gitformat(data: bytes) -> None:
    """A tree and an index of git are read and written to the same bytes, or refused."""
    with suppress(ValueError):
        found = tree_rows(data, 20)
        assert tree_rows(tree_of(found), 20) == found
    entries = index_rows(data[:-20] + hashlib.sha1(data[:-20], usedforsecurity=False).digest(), 20)
    if entries is not None:
        there = index_rows(index_of(((mode, sha, path) for path, (mode, sha) in entries.items()), 20), 20)
        assert there is not None
        assert set(there) == set(entries)


@dataclass(frozen=True, slots=True)
class Target:
    """What is attacked, with its first inputs, and how many inputs make one round."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    inputs: int
    longest: int = 16_000


def _files(*globs: str) -> list[bytes]:
    return [path.read_bytes() for glob in globs for path in sorted(_TOP.glob(glob)) if path.is_file()]


def _mails() -> list[bytes]:
    return _files("patches/*.patch", "tests/patch/data/*")


_C = b"""#include <linux/slab.h>
/* a comment { with "things" */
#define BIG(x) do { \\
	if (x) f(x, '}'); \\
} while (0)
static const struct ops table[] = {
	[ONE] = { .name = "a\\"b", .call = f },
};
#ifdef CONFIG_A
static int __init f(struct unit *u, const char *name)
{
	int ret = kmalloc(sizeof(*u), GFP_KERNEL);
	if (!ret)
		goto out;
	mutex_lock(&u->lock);
	switch (u->kind) {
	case ONE: return g(u->next->name, h(1, 2));
	default: break;
	}
out:
	return ret;
}
#else
enum kind { ONE, TWO };
#endif
EXPORT_SYMBOL_GPL(f);
"""


def _commits() -> list[bytes]:
    after = _C.replace(b"\t\tgoto out;\n", b"\t\treturn -ENOMEM;\n").replace(b"h(1, 2)", b"h(1, 3)")
    other = _C.replace(b"u->next->name", b"u->name").replace(b"kmalloc", b"kzalloc")
    head = b"From: A <a@example.org>\nSubject: [PATCH] fix\n\nText.\n---\n"
    return [_NEXT.join((head + file_diff("a.c", _C, after), b"a.c", _C, target)) for target in (_C, other)]


def _output() -> list[bytes]:
    return [b"  CC      a.o\nIn file included from /source/b.h:3,\n                 from a.c:1:\n"
            b"/source/a.c: In function 'f':\n/source/a.c:3:4: error: 'x' undeclared [-Werror=y]\n    3 | \tx\n"
            b"      | \t^\na.c:3:4: note: each\nmake[1]: *** [Makefile:3: a.o] Error 1\n",
            b"ld: a.o: in function `f':\na.c:(.text+0x1): undefined reference to `g'\nERROR: modpost: \"g\" [a.ko]\n"
            b"a.o: warning: objtool: f()+0x12: unreachable\narch/x.dts:3.4-5.6: Warning (a): b\n"
            b"a/Kconfig:3:warning: c\nmake: *** No rule to make target 'x'.\nclang: error: unable to execute command\n"]


def _kept() -> list[bytes]:
    return [zlib.decompress(body(rewritten())[1])]


def _of_git() -> list[bytes]:
    sha = "0123456789" * 4
    return [tree_of({b"a": ("100644", sha), b"b": ("040000", sha), b"l": ("120000", sha)}),
            index_of([("100644", sha, "a/b.c"), ("100755", sha, "c"), ("120000", sha, "d" * 40)], 20)]


TARGETS = {
    "intake": Target(intake, _mails, 20_000),
    "mail": Target(mail, _mails, 20_000),
    "patch": Target(patch, _mails, 5_000),
    "adapt": Target(adapted, _commits, 2_000, 60_000),
    "rules": Target(rules, lambda: _files("backport/rules/*.yaml"), 5_000, 8_000),
    "csource": Target(csource, lambda: [_C], 5_000, 8_000),
    "diagnostics": Target(messages, _output, 10_000, 4_000),
    "rows": Target(rows, _kept, 20_000),
    "gitformat": Target(gitformat, _of_git, 50_000, 2_000),
}
_WORDS = (
    b"diff --git a/a b/a\n", b"--- a/a\n", b"+++ b/a\n", b"@@ -1,2 +1,3 @@ f\n", b"rename from ", b"old mode 100644\n",
    b"GIT binary patch\n", b"\\ No newline at end of file\n", b"-- \n", b"---\n", b"From: ", b"/dev/null",
    b"Subject: [PATCH 1/2] ", b"=?utf-8?q?a?=", b"Content-Type: multipart/mixed; boundary=x\n", b"base64",
    b"[ Upstream commit ", b"commit ", b" upstream.", b"Fixes: ",
    b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n",
    b"/*", b"*/", b"//", b"#if 0\n", b"#endif\n", b"\\\n", b"}\n", b"{\n", b"'", b'"', b"(", b")",
    b"\xff", b"\0", b"\r\n", b"\f", _NEXT, b"null", b"1e999", b"NaN", b"[[[[", b"$X", b"${X}", b"$...X", b"&a *a",
    b"note: ", b"error: ", b"warning: ", b"In file included from ", b"undefined reference to ")


class Fuzz:
    """Coverage-guided fuzzing (atheris) of fuzz:intake,adapt ...; words with a / are directories of more inputs.

    Without atheris (pip install --require-hashes -r scripts/requirements/fuzz.txt) the inputs are damaged at random,
    and nothing learns from them.
    """

    def __init__(self, seed: int, words: tuple[str, ...] = ()) -> None:
        self.names = [word for word in words if "/" not in word] or list(TARGETS)
        self.top = Path(tempfile.mkdtemp(prefix="torture-fuzz-"))
        self.seed = seed
        self.guided = find_spec("atheris") is not None
        self.inputs = dict.fromkeys(self.names, 0)
        self.minutes = dict.fromkeys(self.names, 0.0)
        for name in self.names:
            (self.top / name).mkdir()
            more = [path.read_bytes() for word in words if "/" in word for path in sorted(Path(word).rglob("*"))
                    if path.is_file()]
            for number, data in enumerate((*TARGETS[name].seeds(), *more)):
                (self.top / name / f"seed-{number}").write_bytes(data)
        (self.top / "words").write_text("".join(
            '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in _WORDS))

    def rounds(self) -> Iterator[tuple[str, Callable[[], None]]]:
        number = 0
        while True:
            for name in self.names:
                yield name, partial(self.once, name, number)
            number += 1

    def once(self, name: str, number: int) -> None:
        """Raises AssertionError with how the round ended, what libFuzzer printed, and where the input is."""
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        if self.guided:
            self._guided(name, number)
        else:
            self._damaged(name, number)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.inputs[name] += TARGETS[name].inputs
        self.minutes[name] += (ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime) / 60

    def _guided(self, name: str, number: int) -> None:
        log, last = (self.top / f"{name}.{what}" for what in ("log", "last"))
        with log.open("wb") as out:
            ended = subprocess.run(self.command(name, number), cwd=_TOP, stdout=out, stderr=subprocess.STDOUT,
                                   check=False, env={**os.environ, "PYTHONFAULTHANDLER": "1"})
        # libFuzzer's clock ticks every 31 seconds: once it came when all inputs were done and nobody listened any more
        late = ended.returncode == -signal.SIGALRM and b"\nDone %d in " % TARGETS[name].inputs in log.read_bytes()
        if ended.returncode and not late:
            raise AssertionError(self._told(name, number, ended.returncode, log, last))

    def command(self, name: str, number: int) -> list[str]:
        """One round, as a process of its own."""
        target = TARGETS[name]
        return [sys.executable, "-m", "tests.support.attacks.fuzz", name, str(self.top / f"{name}.last"),
                str(self.top / name), f"-atheris_runs={target.inputs}", f"-seed={self.seed * 1000 + number + 1}",
                "-timeout=60", f"-max_len={target.longest}", "-rss_limit_mb=3000", f"-dict={self.top / 'words'}",
                f"-artifact_prefix={tempfile.gettempdir()}/torture-{name}-", "-print_final_stats=1"]

    def _told(self, name: str, number: int, code: int, log: Path, last: Path) -> str:
        """How a round ended that did not come to its end, whoever ended it: a kill has no words of its own."""
        kept = Path(tempfile.mkdtemp(prefix=f"torture-fuzz-{name}-"))
        for path in (log, last, self.top / name):
            if path.exists():
                path.rename(kept / path.name)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
        data = kept / last.name
        where = f"in the input {data}" if data.is_file() and data.stat().st_size else "between two inputs"
        said = (kept / log.name).read_bytes().decode("utf-8", "replace")[-6000:]
        return (f"fuzz:{name}, seed {self.seed}, round {number}: {how} {where}; at most {peak} MB in one process; "
                f"log and inputs are kept in {kept}\n{said or 'it printed nothing'}")

    def _damaged(self, name: str, number: int) -> None:
        rng = random.Random(f"{self.seed} {name} {number}")
        seeds = [path.read_bytes() for path in sorted((self.top / name).iterdir())]
        for _ in range(TARGETS[name].inputs):
            data = damaged(rng, rng.choice(seeds))
            try:
                TARGETS[name].check(data)
            except BaseException:
                place = Path(tempfile.gettempdir()) / f"torture-{name}-{hashlib.sha256(data).hexdigest()[:12]}"
                place.write_bytes(data)
                print(f"the input is {place}", file=sys.stderr)
                raise

    def close(self) -> None:
        """Say what was done, and remove what reached new code."""
        for name in self.names:
            print(f"fuzz:{name}: {self.inputs[name]} inputs, {self.minutes[name]:.1f} processor minutes, "
                  f"{len(list((self.top / name).glob('*')))} kept"
                  f"{'' if self.guided else ', no atheris: damaged at random'}", file=sys.stderr)
        rmtree(self.top)


def damaged(rng: random.Random, data: bytes) -> bytes:
    """`data` with some pieces put in, taken away, doubled, moved or replaced."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(len(made) + 1)
        end = min(len(made), at + rng.choice((0, 1, 1, 4, 20, 200)))
        other = rng.randrange(len(made) + 1)
        made[at:end] = rng.choice((rng.choice(_WORDS), bytes([rng.randrange(256)]), bytes(made[at:end]) * 2, b"",
                                   bytes(made[other:other + 40])))
    return bytes(made)


def main() -> None:
    name, last, *words = sys.argv[1:]
    handle = os.open(last, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    check = TARGETS[name].check

    def once(data: bytes) -> None:
        """What a kill leaves of the input that it came in; libFuzzer keeps the others."""
        os.pwrite(handle, data, 0)
        os.ftruncate(handle, len(data))
        check(data)
        os.ftruncate(handle, 0)

    atheris.Setup([sys.argv[0], *words], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
