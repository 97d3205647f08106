"""Build verdicts of real changes outside the tree's own targets: what share of a stable queue is really compiled.

The changes are what one release of a series did to single files, as many of each part of the kernel as asked for, in an
order that the file names decide and nobody chose. A change that uses a name which another file of its commit brings
(no file of the old release has it) cannot be built alone and is passed over; how many were is printed. What else needs
the rest of its commit fails: the files of the release's change which have a name that the errors quote are added, as
long as there are any, and the line says how many; what still fails was compiled, but not whole.

Devices of arm64 are what lies below drivers/ (without drivers/net) or sound/ in a directory that has the name of one
below arch/arm64/boot/dts, but for amd, intel and nvidia; they are built for arm64 as well, and count where they are.

Each answer is kept in the cache as it is found (survey/answers.jsonl), so that a call which was ended goes on and the
table is made of many short calls; other code asks again. `error` says nothing of the change and is asked again, too.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import multiprocessing
import os
import posixpath
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from backport.architecture import ARCHITECTURES, I386, X86_64, split
from backport.csource.tokens import identifiers
from backport.git import Git
from backport.kbuild.driver import build_cell
from backport.kbuild.result import BuildResult
from backport.kbuild.surveyed import SurveyAnswer, Surveyed
from backport.kbuild.touched import TouchedKind, kind_of
from backport.kbuild.usage import adopt, processor_seconds
from backport.manifest import Tree, load
from backport.patch.parse import parse
from backport.results.key import code_digest
from backport.stop import exit_code, stoppable
from backport.subsystem import KVM
from backport.trees.store import Head, Store, default_cache
from backport.verdict import WHOLE, Build

_C = (".c", ".h")
_CODE = (*_C, ".S")
DEVICES = "devices of arm64"
_NOT_ONLY = frozenset({"amd", "intel", "nvidia"})
_MORE = 12               # files that are built with one that fails alone
_ROUNDS = 4
_QUOTED = re.compile(r"'(?:struct |union |enum )?([A-Za-z_]\w{3,})'")
_EXPANDED = re.compile(r"\s*(\S+?):\d+:\d+: note: in expansion of macro '(\w+)'")
# (name in the table, beginnings of the paths, endings)
PARTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("fs", ("fs/",), _C),
    ("net", ("net/",), _C),
    ("drivers", ("drivers/",), _C),
    ("mm", ("mm/",), _C),
    ("kernel", ("kernel/",), _C),
    ("lib", ("lib/", "crypto/", "block/"), _C),
    ("sound", ("sound/",), _C),
    ("include", ("include/",), (".h",)),
    *((one.directory, (f"{one.directory}/",), _CODE) for one in ARCHITECTURES if one is not I386),
    (DEVICES, ("drivers/", "sound/"), (".c",)),
    ("dts", ("arch/",), (".dts", ".dtsi", ".dtso")),
    ("Kconfig", ("",), ("Kconfig",)),
    ("Makefile", ("",), ("/Makefile", "/Kbuild")),
    ("Documentation", ("Documentation/",), (".rst", ".yaml", ".txt")),
    ("selftests", ("tools/testing/",), (".c", ".sh", ".h")),
)
# what a run without --part asks: the parts that make up a stable queue
_USUAL = ("fs", "net", "drivers", "mm", "kernel", "lib", "sound", X86_64.directory, "arch/arm64", DEVICES,
          "arch/s390", "dts", "Documentation", "selftests")
_SHOWN = (Build.PASS, Build.WARN, Build.FAIL, Build.NOT_COMPILED, Build.NOTHING_TO_BUILD)
_SHORT = 4               # bytes of a word that may tell one change from another
# what an answer depends on beside the releases; the cell's key (backport/job.py) has far more
_CODE_OF = ("backport.kbuild", "backport.trees", "backport.csource", "backport.patch", "backport.architecture")


@dataclass(slots=True)
class _Found:
    """What the changes of one part, of all pairs of releases, came to."""

    verdicts: list[Build] = field(default_factory=list)
    passed_over: int = 0
    left: int = 0                                        # drawn and not built: the time was over
    kept: int = 0                                        # answers of an earlier call
    older: int = 0                                       # answers of other code (--any-code)
    cpu: float = 0.0
    reasons: list[str] = field(default_factory=list)     # of what is neither pass nor warn


def main(arguments: Sequence[str]) -> int:
    """Print a line a change, the table and the shares; 1 where an answer is `error`, 3 where a release is missing."""
    parser = argparse.ArgumentParser(prog="build-survey", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("pairs", nargs="*", metavar="OLD..NEW", default=["6.1.176..6.1.187", "6.12.95..6.12.107"])
    parser.add_argument("--each", type=int, default=3, help="changes of each part and pair (default: %(default)s)")
    parser.add_argument("--part", action="append", choices=[name for name, _begin, _end in PARTS],
                        help=f"only this part; may be given again (default: {', '.join(_USUAL)})")
    parser.add_argument("--any", action="store_true", help="pass over nothing")
    parser.add_argument("--minutes", type=float, default=0,
                        help="begin no change after so long (default: no end); the next call goes on from there")
    parser.add_argument("--fresh", action="store_true", help="build again what an earlier call built")
    parser.add_argument("--any-code", action="store_true",
                        help="take answers that other code gave; the table says how many")
    asked = parser.parse_args(arguments)
    until = time.monotonic() + 60 * asked.minutes if asked.minutes else math.inf
    store = Store(Path(os.environ.get("BACKPORT_CACHE") or default_cache()))
    pairs: list[tuple[Head, Head]] = []
    for pair in asked.pairs:
        old, _dots, new = pair.partition("..")
        before, after = store.release(old), store.release(new)
        if before is None or after is None:
            print(f"{old} and {new} are not both in the store; `backport trees release {old} {new}` gets them",
                  file=sys.stderr)
            return 3
        pairs.append((before, after))
    found: dict[str, _Found] = defaultdict(_Found)
    sources: dict[str, list[Build]] = defaultdict(list)
    kept = Surveyed(store.cache / "survey/answers.jsonl", code_digest(_CODE_OF), any_code=asked.any_code)
    for answers, kinds in _all(store, pairs, asked.each, asked.part or _USUAL, asked.any, until, kept, asked.fresh):
        for part, row in answers.items():
            _add(found[part], row)
        for name, verdicts in kinds.items():
            sources[name] += verdicts
    print(f"\n{' '.join(asked.pairs)}, {asked.each} of each part\n")
    print("| part | changes | pass | warn | fail | not-compiled | nothing-to-build | other | passed over |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = [(part, found[part]) for part, _begin, _end in PARTS if part in found]
    for part, row in rows:
        print(_row(part, row))
    everything = _Found()
    for _part, row in rows:
        _add(everything, row)
    print(_row("all", everything))
    print(f"\n{len(everything.verdicts)} of {len(everything.verdicts) + everything.left} changes that were drawn"
          f"{f', {everything.kept} of them in an earlier call' if everything.kept else ''}"
          f"{f', {everything.older} by other code' if everything.older else ''}; {everything.cpu:.0f} s of processor "
          "time, with the baselines\n")
    for part, row in rows:
        for reason in row.reasons:
            print(f"- {part}: {reason}")
    print()
    for name, verdicts in sources.items():
        whole, failed = sum(one in WHOLE for one in verdicts), verdicts.count(Build.FAIL)
        print(f"C sources for {name}: {whole} of {len(verdicts)} ({whole / len(verdicts):.0%}) in fresh objects with "
              f"every touched line; {failed} more compiled with errors")
    return 1 if any(Build.ERROR in row.verdicts for _part, row in rows) else 0


_Answers = tuple[dict[str, _Found], dict[str, list[Build]]]


def _add(to: _Found, more: _Found) -> None:
    to.verdicts += more.verdicts
    to.reasons += more.reasons
    to.passed_over += more.passed_over
    to.left += more.left
    to.kept += more.kept
    to.older += more.older
    to.cpu += more.cpu


def _all(store: Store, pairs: Sequence[tuple[Head, Head]], *asked: Any) -> list[_Answers]:
    """`_survey` of each pair, all at the same time: each has a work tree of its own. A signal ends them all; raises
    EOFError where one died."""
    context = multiprocessing.get_context("fork")
    started: list[tuple[BaseProcess, Connection]] = []
    try:
        for before, after in pairs:
            receiver, sender = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(sender, store, before, after, *asked))
            child.start()
            sender.close()
            started.append((child, receiver))
        return [receiver.recv() for _child, receiver in started]
    finally:
        for one, _receiver in started:
            one.terminate()                      # nothing where it has ended; it puts back what it changed
        for one, _receiver in started:
            one.join()


def _child(sender: Connection, *asked: Any) -> None:
    adopt()
    with contextlib.suppress(KeyboardInterrupt), stoppable():
        sender.send(_survey(*asked))


def _survey(store: Store, before: Head, after: Head, each: int, parts: Sequence[str], every: bool,
            until: float, kept: Surveyed, fresh: bool) -> _Answers:
    """(what the changes of one pair of releases came to by part, the verdicts of C sources by architecture)."""
    found: dict[str, _Found] = defaultdict(_Found)
    sources: dict[str, list[Build]] = defaultdict(list)
    series = ".".join(before.version.split(".")[:2])
    tree = load(Path("trees.yaml")).tree(series)
    assert tree is not None, series
    tree = replace(tree, name=before.tree)
    with store.git() as git:
        changed = _words(git.run("diff", "--no-renames", "-U0", "--diff-filter=M", before.commit, after.commit).out)
        chosen, over = _choose(git, before, after, each, parts, every)
        for part, number in over.items():
            found[part].passed_over += number
        known = {} if fresh else kept.known()
        for part, path in chosen:
            also = ("arm64",) if part == DEVICES else ()
            answer = known.get((before.commit, after.commit, path, " ".join(also)))
            row = found[part]
            if answer is not None and answer.verdict is not Build.ERROR:
                row.kept += 1
                row.older += answer.code != kept.code
            elif time.monotonic() > until:
                row.left += 1
                continue
            else:
                answer = _built(store, git, tree, before, after, path, also, changed, kept.code)
                kept.keep(answer)
            verdict = answer.verdict
            row.verdicts.append(verdict)
            row.cpu += answer.cpu
            if path.endswith(".c") and kind_of(path) is TouchedKind.SOURCE:
                name = also[0] if also else next(iter(split([path], X86_64.name)[1]), X86_64.srcarch)
                sources[name].append(verdict)
            beside = f" (with {answer.more} more files of the change)" if answer.more else ""
            line = f"{before.version} {path}{beside}: {verdict}: {answer.reason}"
            if verdict not in WHOLE:
                row.reasons.append(line)
            print(f"{line} [{answer.architecture}] {answer.cpu:.0f} s", flush=True)
        left = sum(row.left for row in found.values())
        if left:
            print(f"{before.version}: the time is over: {left} of {len(chosen)} changes are left for the next call")
    return found, sources


def _built(store: Store, git: Git, tree: Tree, before: Head, after: Head, path: str, also: tuple[str, ...],
           changed: Mapping[str, frozenset[bytes]], code: str) -> SurveyAnswer:
    def build(paths: Sequence[str]) -> BuildResult:
        diff = git.run("diff", "--no-renames", before.commit, after.commit, "--", *paths).out
        return build_cell(tree, before, parse(diff, slug=paths[0]), store=store, cache=store.cache, compared=False,
                          architectures=also)

    started = processor_seconds()
    result, more = _with_rest(build, path, changed)
    verdict = result.verdict
    if verdict in WHOLE and not set(also) <= set(result.architecture.split(", ")):
        verdict = Build.NOT_COMPILED
    told = "".join(f"; {note}" for note in result.notes if note.startswith(also)) if also else ""
    return SurveyAnswer(before.commit, after.commit, path, " ".join(also), code, verdict, f"{result.reason}{told}",
                  result.architecture, more, round(processor_seconds() - started, 1))


def _with_rest(build: Callable[[Sequence[str]], BuildResult], path: str,
               changed: Mapping[str, frozenset[bytes]]) -> tuple[BuildResult, int]:
    """(the verdict of `path`, how many other files of the release's change it was built with): where it fails alone,
    with those that have a name which an error quotes."""
    paths = [path]
    first = result = build(paths)
    for _ in range(_ROUNDS):
        errors = [item for item in result.new if item.is_error]
        if result.verdict is not Build.FAIL or not errors:
            break
        # a function that a macro renames is quoted as what the macro makes of it, and stands where that is used
        used = [found.groups() for item in errors[:8] for row in item.detail if (found := _EXPANDED.match(row))]
        names = {name.encode() for item in errors[:8] for name in _QUOTED.findall(item.text)}
        names |= {name.encode() for _path, name in used}
        broken = {item.path for item in errors} | {path for path, _name in used}
        fit = [one for one, words in changed.items() if one not in paths and one.endswith(_CODE)
               and (words & names or one in broken)]
        if len(paths) + len(fit) > _MORE:        # a change of the whole tree: what declares it, and who is built
            fit = [one for one in fit if one.endswith(".h") or one in broken]
        if not fit or len(paths) + len(fit) > _MORE:
            break
        paths += fit
        result = build(paths)
    return (result, len(paths) - 1) if result.verdict in WHOLE else (first, 0)


def _choose(git: Git, before: Head, after: Head, each: int, parts: Sequence[str],
            every: bool) -> tuple[list[tuple[str, str]], Counter[str]]:
    """((part, path), the first of each part before the second of any, how many were passed over of each part)."""
    added = _added(git.run("diff", "--no-renames", "-U0", "--diff-filter=AM", before.commit, after.commit).out)
    holders = Counter(word for words in added.values() for word in words)
    listed = git.run("diff", "--name-only", "--no-renames", "--diff-filter=M", "-z", before.commit, after.commit).out
    paths = [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]
    vendors = {posixpath.basename(path) for _mode, _blob, path in
               git.ls_tree(before.commit, ["arch/arm64/boot/dts/"], recurse=False)} - _NOT_ONLY
    chosen: list[tuple[int, str, str]] = []
    over: Counter[str] = Counter()
    for part, begin, end in PARTS:
        fit = [path for path in paths if path.startswith(begin) and path.endswith(end)
               and not path.startswith(KVM.paths) and (part != DEVICES or _of_vendor(path, vendors))] \
            if part in parts else []
        fit.sort(key=lambda path: hashlib.sha256(path.encode()).digest())
        taken = 0
        for path in fit:
            if taken == each:
                break
            # a word that other files add too: where the old release has it nowhere, they bring it
            shared = [word for word in added.get(path, ()) if holders[word] > 1]
            if not every and _unknown(git, before, shared):
                over[part] += 1
                continue
            chosen.append((taken, part, path))
            taken += 1
    return [(part, path) for _taken, part, path in sorted(chosen, key=lambda one: one[0])], over


def _words(diff: bytes) -> dict[str, frozenset[bytes]]:
    """path -> the words of its added and removed lines."""
    found: dict[str, frozenset[bytes]] = {}
    for text in re.split(rb"^diff --git ", diff, flags=re.MULTILINE)[1:]:
        lines = text.split(b"\n")
        path = next((line[6:] for line in lines if line.startswith(b"+++ b/")), b"")
        found[path.decode("utf-8", "surrogateescape")] = frozenset(
            word for line in lines if line[:1] in (b"+", b"-") for word in _telling(line[1:]))
    return found


def _telling(text: bytes) -> set[bytes]:
    return {word for word in identifiers(text, comments=True) if len(word) >= _SHORT}


def _added(diff: bytes) -> dict[str, frozenset[bytes]]:
    """path -> the words of its added lines that its removed ones do not have."""
    found: dict[str, frozenset[bytes]] = {}
    for text in re.split(rb"^diff --git ", diff, flags=re.MULTILINE)[1:]:
        lines = text.split(b"\n")
        path = next((line[6:] for line in lines if line.startswith(b"+++ b/")), b"")
        plus, minus = (_telling(b"\n".join(line[1:] for line in lines if line.startswith(sign)
                                         and not line.startswith(sign * 3))) for sign in (b"+", b"-"))
        found[path.decode("utf-8", "surrogateescape")] = frozenset(plus - minus)
    return found


def _of_vendor(path: str, vendors: Collection[str]) -> bool:
    """Is it for the devices of one of arm64's vendors?"""
    return not path.startswith("drivers/net/") and any(name in vendors for name in path.split("/")[1:-1])


def _unknown(git: Git, release: Head, words: Sequence[bytes]) -> bool:
    """Is there a word that no header, source, device tree or Kconfig file of `release` has?"""
    if not words:
        return False
    wanted = {word.removeprefix(b"CONFIG_") for word in words}
    asked = [part for word in sorted(wanted) for part in ("-e", word.decode())]
    done = git.run("grep", "-h", "-o", "-w", "-F", *asked, release.commit, "--", "*.h", "*.c", "*.dts*", "*Kconfig*",
                   ok=(0, 1))
    return not wanted <= set(done.out.split())


def _row(part: str, found: _Found) -> str:
    count = Counter(found.verdicts)
    cells = [part, len(found.verdicts), *(count[verdict] for verdict in _SHOWN),
             sum(number for verdict, number in count.items() if verdict not in _SHOWN), found.passed_over]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
