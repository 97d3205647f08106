"""The pick itself: patch after patch onto a branch, stopping where a person is needed, going on when they say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backport.carry import Carried, Carrier
from backport.donors.weigh import weighed
from backport.errors import UserError
from backport.git import Git, UserGit
from backport.manifest import Tree
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.pick import commits, state, unmerged
from backport.pick.branches import Kernels, nearest_newer, series_of
from backport.pick.clone import Clone
from backport.pick.message import wording
from backport.pick.near import base_for
from backport.pick.past import donors, there_already
from backport.pick.sources import reread
from backport.pick.state import Item, PickState
from backport.resolve import place
from backport.resolve.kept import Kept
from backport.resolve.messages import Say, outcome, wrapped
from backport.rules.load import load_rules
from backport.trees.store import Head
from backport.verdict import Apply, Sure
from backport.version import makefile_version

_LOOKUPS = 8             # names of one tree, some seconds each; an index is two minutes

_STOPS = (Apply.CONFLICT, Apply.SUSPECT, Apply.INVALID, Apply.ERROR)


@dataclass
class Session:
    """One clone, and what is known of it; `mail` collects mails instead of commits."""

    clone: Clone
    git: UserGit
    loan: Git
    kernels: Kernels
    kept: Kept
    say: Say
    mail: bool = False
    mails: list[bytes] = field(default_factory=list)
    _carrier: Carrier | None = None

    @property
    def home(self) -> Path:
        return state.home_of(self.clone.git_dir)

    def close(self) -> None:
        """End helper processes."""
        if self._carrier is not None:
            self._carrier.close()

    # beginning

    def begin(self, patches: Sequence[Patch], onto: str, *, signoff: bool, verify: bool) -> int:
        """Pick `patches` onto the branch `onto` (the one that is checked out for ""); the exit code."""
        now = self._target(onto)
        now.signoff, now.verify = signoff, verify
        if now.here and not self.mail:
            self._unhindered(now, patches)
        for number, patch in enumerate(patches, 1):
            mail = read_mail(patch)
            if not mail.is_mail:
                raise UserError(f"{patch.source} is a bare diff: a commit needs an author and a message",
                                hint="`backport adapt` takes it, and `git apply`")
            now.items.append(Item(f"{number:04}.eml", mail.title))
        if self.mail:
            return self.run(now, dict(enumerate(patches)))
        commits.manner(self.git, verify=verify)                  # who commits, before any work
        self.home.mkdir(parents=True, exist_ok=True)
        for item, patch in zip(now.items, patches, strict=True):
            (self.home / item.file).write_bytes(patch.render())
        return self.run(now, dict(enumerate(patches)))

    def _target(self, onto: str) -> PickState:
        head = self.git.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).text
        if onto.startswith("-"):
            raise UserError(f"{onto} is not a branch")
        ref = self.git.run("rev-parse", "--symbolic-full-name", "--verify", "--quiet", onto,
                           ok=()).text if onto else head
        commit = self.git.rev(f"{onto or 'HEAD'}^{{commit}}")
        if commit is None:
            raise UserError(f"this clone has no branch {onto}" if onto else "there is no commit here yet",
                            hint="branches: " + ", ".join(ref.name for ref in self.kernels.refs[:12]))
        branch = ref if ref.startswith("refs/heads/") else ""
        if onto and not branch and not self.mail:
            short = onto.rpartition("/")[2]
            raise UserError(f"{onto} is not a branch of yours, and is not moved",
                            hint=f"git branch {short} {onto}; or --mail, which moves nothing")
        version = makefile_version(self.loan.blob(f"{commit}:Makefile"))
        if not version:
            raise UserError(f"{onto or 'HEAD'} is not a kernel tree: it has no Makefile that names a version")
        here = self.clone.top is not None and (not onto or ref == head)
        if self.clone.top is None and not self.mail and not onto:
            raise UserError("a bare repository has no HEAD to pick onto", hint="name a branch with --onto")
        taken = "" if here or self.mail else self._checked_out(branch)
        if taken:
            raise UserError(f"{onto} is checked out in {taken}", hint="run it there, or with --mail")
        name = branch.removeprefix("refs/heads/") or onto or "HEAD"
        return PickState(branch, here, commit, version, series_of(version), name, commit, commit)

    def _checked_out(self, branch: str) -> str:
        """The other work tree that has `branch`, "" for none."""
        rows = self.git.run("worktree", "list", "--porcelain").text.split("\n\n")
        for row in rows:
            lines = dict(part.partition(" ")[::2] for part in row.split("\n") if part)
            if lines.get("branch") == branch and "bare" not in lines:
                return lines.get("worktree", "")
        return ""

    def _unhindered(self, now: PickState, patches: Sequence[Patch]) -> None:
        """Raises UserError where another command waits here, or a file that the patches change is the user's."""
        waits = self.clone.busy()
        if waits:
            raise UserError(f"a {waits} is under way in this work tree", hint="finish it first, or use --mail")
        paths = sorted({path for patch in patches for path in patch.paths})
        dirty = self.git.run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--",
                             *paths[:500]).out if paths else b""
        if dirty:
            names = [row[3:].decode("utf-8", "surrogateescape") for row in dirty.split(b"\0") if row]
            raise UserError("your changes to these files are in the way, and nothing was done: " + ", ".join(names),
                            hint="commit or stash them first; other files may stay as they are")

    # going on

    def run(self, now: PickState, known: dict[int, Patch] | None = None) -> int:
        """Every item that is open; the branch moves when all is done, or as far as it got before a conflict."""
        try:
            return self._each(now, known or {})
        except BaseException:
            # nothing was moved since the state was written last: without a conflict there is nothing to go on from
            if not self.mail and not state.there(self.home):
                state.forget(self.home)
            raise

    def _each(self, now: PickState, known: dict[int, Patch]) -> int:
        for number, item in enumerate(now.items):
            if item.done:
                continue
            patch = known.get(number) or reread((self.home / item.file).read_bytes(), item.file)
            self.say(f"[{number + 1}/{len(now.items)}] {item.title}")
            stopped = self._one(now, number, item, patch)
            if stopped:
                return stopped
        self.land(now)
        if not self.mail:
            state.forget(self.home)
        self._summary(now)
        return 0

    def _one(self, now: PickState, number: int, item: Item, patch: Patch) -> int:
        past = there_already(self.loan, now.tip, self.upstream_commit, patch)
        if past.there:
            item.done = "already"
            self.say(wrapped(f"already: {past.there}"))
            return 0
        carried = self._carried(now, patch)
        for text in outcome(carried):
            self.say(text)
        if past.likely and carried.outcome not in (Apply.ALREADY, Apply.ABSENT):
            self.say(wrapped(f"- {past.likely}"))
        if carried.outcome in (Apply.ALREADY, Apply.ABSENT):
            item.done = str(carried.outcome)
            return 0
        if carried.outcome in _STOPS or carried.patch is None:
            return unmerged.stop(self, now, number, patch, carried)
        item.done = self._commit(now, carried.patch, carried.mail)
        return 0

    @property
    def upstream_commit(self) -> str:
        return self.kernels.upstream.commit if self.kernels.upstream is not None else ""

    def _carried(self, now: PickState, patch: Patch) -> Carried:
        """The patch on the tip: adapted, or as somebody resolved it for this series, held against newer backports."""
        carrier, head, tree = self.tools(now)
        carried = carrier.carry(patch, tree, head)
        if carried.outcome in (Apply.CLEAN, Apply.OFFSET) and carried.sure is Sure.CERTAIN:
            return carried
        if carried.outcome in _STOPS and (known := self.kept.again(carrier, patch, tree, head)) is not None:
            return known
        found = [*self.kept.donors(self.loan, patch, now.series), *donors(
            self.loan, nearest_newer(self.kernels.stable, now.series), self.upstream_commit, patch)]
        return weighed(carried, carrier, patch, tree, head, found)

    def tools(self, now: PickState) -> tuple[Carrier, Head, Tree]:
        upstream = self.kernels.upstream.head if self.kernels.upstream is not None else None
        if self._carrier is None:
            self._carrier = Carrier(self.loan.path, self.kernels.heads(without=now.series), upstream, load_rules(),
                                    say=lambda text: self.say(wrapped(text)), lookups=_LOOKUPS)
        self._carrier.signoff = commits.manner(self.git, verify=True).committer if now.signoff else None
        base = base_for(self.loan, now.tip, now.start, now.series)
        head = Head(now.name, now.tip, now.version, "a branch of the clone", 0.0, history=True,
                    base=base if base != now.tip else "")
        return self._carrier, head, Tree(now.name, now.series, ())

    def _commit(self, now: PickState, patch: Patch, mail: bytes) -> str:
        tree = commits.tree_with(self.loan, now.tip, patch.diff)
        return self.made(now, tree, mail)

    def made(self, now: PickState, tree: str, mail: bytes) -> str:
        """A commit (or a mail) of `tree` on the tip, which it becomes."""
        if self.mail:
            self.mails.append(mail)
            now.tip = commits.committed(self.loan, commits.Manner("", verify=False), tree, now.tip,
                                        wording(self.loan, mail))
            return now.tip
        commits.handed_over(self.loan, self.git, tree, now.tip)
        how = commits.manner(self.git, verify=now.verify)
        now.tip = commits.committed(self.git, how, tree, now.tip, wording(self.loan, mail))
        self.say(wrapped(f"commit {now.tip[:12]}"))
        return now.tip

    def land(self, now: PickState) -> None:
        """Move the branch to what was made."""
        if self.mail or now.tip == now.moved:
            return
        titles = [item.title for item in now.items if item.done == now.tip]
        told = titles[0] if titles else "on"
        if not now.here:
            commits.move_ref(self.git, now.branch, now.moved, now.tip, told)
        else:
            if not state.there(self.home):
                self.remember(now)
            state.save(self.home, now)           # killed between the files and the branch, --continue ends it
            commits.move_here(self.clone, self.git, now.moved, now.tip, told)
        now.moved = now.tip

    def remember(self, now: PickState) -> None:
        """The index and the times of what is going to change, for --abort."""
        assert self.clone.top is not None
        commits.snapshot(self.git, self.home / "index")
        rows = self.git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", now.start, now.tip).out.split(b"\0")
        self.stamp(now, [row.decode("utf-8", "surrogateescape") for row in rows if row])

    def stamp(self, now: PickState, paths: Iterable[str]) -> None:
        assert self.clone.top is not None
        for one in place.stamps(self.clone.top, [path for path in paths if path not in now.stamps]):
            now.stamps[one.path] = list(one.times) if one.times is not None else None

    def _summary(self, now: PickState) -> None:
        made = [item for item in now.items if len(item.done) == 40]
        rest = [item for item in now.items if len(item.done) != 40]
        if self.mail:
            return
        told = f"{now.name}: {len(made)} commit{'s' if len(made) != 1 else ''}"
        if made:
            told += f", now at {now.tip[:12]}"
        words = [f"{sum(item.done == word for item in rest)} {word}" for word in ("already", "absent", "skipped")
                 if any(item.done == word for item in rest)]
        self.say("; ".join([told, *words]))
