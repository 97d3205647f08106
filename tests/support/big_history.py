"""A made-up repository of any size with the habits of the stable trees: backports, reverts, reapplied commits.

Every upstream commit adds one line of its own to one file, so the content of a branch is the truth about what it
holds: what history says is held against it.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from backport.git import Git

_AREAS = ("arch/x86/kvm", "virt/kvm", "drivers/net", "fs/ext4", "mm", "net/ipv4", "sound/pci", "drivers/gpu")
_VERBS = ("fix", "do not leak", "avoid", "check", "use", "remove", "rework", "validate")
_THINGS = ("a race", "the refcount", "an overflow", "the error path", "a stale pointer", "the lock order", "a typo")


@dataclass
class Line:
    """A branch while it is written: mark of its tip, files, and the mark of each change that it holds."""

    tip: int
    files: dict[str, list[str]] = field(default_factory=dict)

    def copy(self) -> Line:
        return Line(self.tip, {path: list(lines) for path, lines in self.files.items()})


@dataclass(frozen=True)
class Big:
    """`changes`: (commit, subject, path, line) of upstream's own commits; `holds`: branch -> all lines it has."""

    git: Git
    up: str
    branches: dict[str, str]
    changes: list[tuple[str, str, str, str]]
    holds: dict[str, frozenset[str]]
    fixes: dict[str, str]            # fixing commit -> the commit its Fixes: names
    total: int


class _Writer:
    """One `git fast-import` that is fed and asked: a message can only name a commit that git has named."""

    def __init__(self, directory: Path, seed: int, files: int) -> None:
        self.random = random.Random(seed)
        self.mark = 0
        self.clock = 1_300_000_000
        self.names: dict[int, str] = {}
        self.paths = [f"{_AREAS[n % len(_AREAS)]}/file{n}.c" for n in range(files)]
        self.process = subprocess.Popen(["git", "fast-import", "--quiet", "--force", "--cat-blob-fd=1"], cwd=directory,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def name(self, mark: int) -> str:
        if mark not in self.names:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.write(b"get-mark :%d\n" % mark)
            self.process.stdin.flush()
            self.names[mark] = self.process.stdout.readline().decode().strip()
        return self.names[mark]

    def commit(self, branch: str, line: Line, message: str, path: str) -> int:
        self.mark += 1
        self.clock += self.random.choice((0, 0, 1, 60, 3600))        # batches of one second, as stable has them
        text, data = message.encode(), "".join(line.files[path]).encode()
        parent = b"from :%d\n" % line.tip if line.tip else b""
        self.write(
            b"commit refs/heads/%s\nmark :%d\nauthor A Person <a@example.org> %d +0000\n"
            b"committer A Person <a@example.org> %d +0000\ndata %d\n%s\n%sM 100644 inline %s\ndata %d\n%s\n"
            % (branch.encode(), self.mark, self.clock, self.clock, len(text), text, parent, path.encode(), len(data),
               data))
        line.tip = self.mark
        return self.mark

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


@dataclass(frozen=True)
class Own:
    """A change of upstream's own; `fixed` is the one that its Fixes: names."""

    mark: int
    subject: str
    path: str
    text: str
    fixed: Own | None


def build(directory: Path, commits: int, *, seed: int = 1, stable: int = 4, share: float = 0.25) -> Big:
    """`commits` upstream, and on each of `stable` branches about `share` of what came after its fork."""
    directory.mkdir(parents=True)
    git = Git(directory)
    git.run("init", "--quiet", "--bare", ".")
    writer = _Writer(directory, seed, max(40, commits // 150))
    rnd = writer.random
    up = Line(0)
    own: list[Own] = []
    at = {commits * (n + 1) // (stable + 1) for n in range(stable)}
    forks: dict[int, Line] = {}
    for number in range(commits):
        if up.tip and number % max(1, commits // 10) == 0:
            writer.write(b"tag v%d.0\nfrom :%d\ntagger A <a@example.org> %d +0000\ndata 0\n\n"
                         % (number * 10 // commits, up.tip, writer.clock))
        path = rnd.choice(writer.paths)
        subject = f"{path.split('/')[-2]}: {rnd.choice(_VERBS)} {rnd.choice(_THINGS)}"
        if rnd.random() < 0.7:                               # else the same words as another commit
            subject += f" in case {number}"
        fixed = rnd.choice(own) if own and rnd.random() < 0.3 else None
        tag = f'\n\nFixes: {writer.name(fixed.mark)[:12]} ("{fixed.subject}")' if fixed else ""
        text = f"statement_of_change({number});\n"
        up.files.setdefault(path, []).append(text)
        message = f"{subject}\n\nBecause of reasons.{tag}\n\nSigned-off-by: A <a@example.org>"
        own.append(Own(writer.commit("up", up, message, path), subject, path, text, fixed))
        if number in at:
            forks[number] = up.copy()
    lines = {"up": up}
    for count, (number, line) in enumerate(sorted(forks.items())):
        lines[f"stable-{count}"] = line
        for one in own[number + 1:]:
            if rnd.random() < share:
                _life(writer, f"stable-{count}", line, one)
    names = {one.mark: writer.name(one.mark) for one in own}
    writer.close()
    tips = {name: git.rev(f"refs/heads/{name}") or "" for name in lines}
    return Big(git, tips["up"], {n: sha for n, sha in tips.items() if n != "up"},
               [(names[one.mark], one.subject, one.path, one.text) for one in own],
               {name: frozenset(text for rows in line.files.values() for text in rows) for name, line in lines.items()},
               {names[one.mark]: names[one.fixed.mark] for one in own if one.fixed}, writer.mark)


def _life(writer: _Writer, branch: str, line: Line, one: Own) -> None:
    """A branch takes a change; some are reverted, some of these applied again, and some of those reverted for good."""
    rnd, upstream = writer.random, writer.name(one.mark)
    rows = line.files.setdefault(one.path, [])
    form = rnd.choice(("commit %s upstream.", "[ Upstream commit %s ]", "(cherry picked from commit %s)"))
    rows.append(one.text)
    taken = writer.commit(branch, line, f"{one.subject}\n\n{form % upstream}\n\nBecause of reasons.", one.path)
    if rnd.random() < 0.92:
        return
    rows.remove(one.text)
    back = writer.commit(branch, line, f'Revert "{one.subject}"\n\nThis reverts commit {writer.name(taken)} which is\n'
                                       f"commit {upstream} upstream.", one.path)
    if rnd.random() < 0.5:
        return
    rows.append(one.text)
    again = writer.commit(branch, line, f'Reapply "{one.subject}"\n\nThis reverts commit {writer.name(back)}.',
                          one.path)
    if rnd.random() < 0.7:
        return
    rows.remove(one.text)
    writer.commit(branch, line, f'Revert "Reapply "{one.subject}""\n\nThis reverts commit {writer.name(again)}.',
                  one.path)
