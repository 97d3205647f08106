"""The commits of a repository, read from git by name, and the index of what they claim."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from backport.git import Git
from backport.history.index import FIXES, REVERTS, UPSTREAM, ClaimIndex
from backport.history.message import Commit, read_message

_FORMAT = "%H%x1f%an <%ae>%x1f%aI%x1f%ct%x1f%P%x1f%s%x1f%B"


class Log:
    """What the questions about history read. `cache` (SQLite) keeps the index from one command to the next."""

    def __init__(self, git: Git, cache: Path | None = None) -> None:
        self.git = git
        self._cache = cache
        self._known: dict[str, Commit] = {}
        self._releases: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if "index" in self.__dict__:
            self.index.close()

    @cached_property
    def index(self) -> ClaimIndex:
        """Opened by the first question: where no tree has a history, none is asked."""
        return ClaimIndex(self.git, self._cache)

    def one(self, name: str) -> Commit | None:
        """The commit of that (abbreviated) name, None where the repository has none or several."""
        if name in self._known:
            return self._known[name]
        sha = self.git.rev(f"{name}^{{commit}}")
        return self.read([sha])[0] if sha is not None else None

    def read(self, shas: Iterable[str]) -> list[Commit]:
        """The commits of these full names, in the same order; the index can name some that gc took since, left out."""
        wanted = list(shas)
        missing = [sha for sha in dict.fromkeys(wanted) if sha not in self._known]
        if missing:
            out = self.git.run("log", "--ignore-missing", "--no-walk=unsorted", "--stdin", "-z", "--encoding=UTF-8",
                               "--no-show-signature", f"--format={_FORMAT}",
                               stdin=("\n".join(missing) + "\n").encode()).out
            self._known |= {commit.sha: commit for commit in map(_read, filter(None, out.split(b"\0")))}
        return [self._known[sha] for sha in wanted if sha in self._known]

    def related(self, names: Iterable[str], subjects: Iterable[str], tips: Iterable[str]) -> list[Commit]:
        """Every commit behind `tips` that carries one of `names`, takes it back, or takes that back, to any depth.

        By what the messages claim, and by the subjects, `Revert "..."` and the like among them.
        """
        for tip in tips:
            self.index.cover(tip)
        seen: dict[str, Commit] = {}
        frontier = {name.lower() for name in names if len(name) >= 7}
        titles = [form % subject for subject in subjects if subject
                  for form in ("%s", 'Revert "%s"', 'Reapply "%s"', 'Revert "Revert "%s""', 'Revert "Reapply "%s""')]
        found = self.index.titled(titles)
        while frontier or found:
            found |= self.index.claiming(UPSTREAM, frontier) | self.index.claiming(REVERTS, frontier)
            fresh = self.read(sorted(found - seen.keys()))
            seen |= {commit.sha: commit for commit in fresh}
            frontier, found = {name for commit in fresh for name in commit.ids}, set()
        return list(seen.values())

    def fixing(self, names: Iterable[str]) -> list[Commit]:
        """Commits that say `Fixes:` of one of `names` or revert one of them."""
        names = list(names)
        return self.read(sorted(self.index.claiming(FIXES, names) | self.index.claiming(REVERTS, names)))

    def in_order(self, commits: Iterable[Commit]) -> list[Commit]:
        """Parents before children; commits that are no ancestors of each other by their commit date."""
        left = sorted(commits, key=lambda commit: (commit.committed, commit.sha))
        names = [commit.sha for commit in left]
        before = {sha: self.index.within(names, sha) - {sha} for sha in names} if len(names) > 1 else {}
        done: list[Commit] = []
        while left:
            # several commits of one batch have the same second, so dates alone do not tell
            first = next((c for c in left if not before.get(c.sha, frozenset()) & {o.sha for o in left}), left[0])
            left.remove(first)
            done.append(first)
        return done

    def release_of(self, sha: str) -> tuple[str, str]:
        """(release tag, full answer) of `git describe --contains`: ("v6.1-rc1", "v6.1-rc1~107^2~19"), or two ""."""
        if sha not in self._releases:
            result = self.git.run("describe", "--contains", "--match", "v[0-9]*", sha, ok=())
            name = "" if result.code else result.text
            cut = min((name.index(c) for c in "~^" if c in name), default=len(name))
            self._releases[sha] = name[:cut], name
        return self._releases[sha]


def _read(record: bytes) -> Commit:
    sha, author, date, committed, parents, subject, body = record.decode("utf-8", "replace").split("\x1f", 6)
    return read_message(sha.strip(), author, date, subject, body, committed=int(committed or 0),
                        parents=len(parents.split()))
