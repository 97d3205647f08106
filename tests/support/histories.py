"""A repository with real stable history, made commit by commit; the one fixture of the history tests."""

from __future__ import annotations

from pathlib import Path

from backport.git import Git


class Repo:
    """Commits on named branches, without a work tree: a dict of files for each branch."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.git = Git(path)
        self.git.run("init", "--quiet", "--bare", ".")
        self.files: dict[str, dict[str, str]] = {}
        self.clock = 1_700_000_000

    def commit(self, branch: str, message: str, **_: object) -> str:
        """Commit the branch's files as they are now."""
        self.clock += 60
        entries = []
        for path, text in sorted(self.files[branch].items()):
            blob = self.git.run("hash-object", "-w", "--stdin", stdin=text.encode()).text
            entries.append(f"100644,{blob},{path}")
        index = {"GIT_INDEX_FILE": str(self.git.path / "scratch-index")}
        (self.git.path / "scratch-index").unlink(missing_ok=True)
        args = [part for entry in entries for part in ("--cacheinfo", entry)]
        self.git.run("update-index", "--add", *args, env=index)
        tree = self.git.run("write-tree", env=index).text
        ref = f"refs/heads/{branch}"
        parent = self.git.rev(ref)
        when = {"GIT_AUTHOR_DATE": f"{self.clock} +0000", "GIT_COMMITTER_DATE": f"{self.clock} +0000"}
        sha = self.git.run("commit-tree", tree, *(("-p", parent) if parent else ()), "-F", "-",
                           stdin=message.encode(), env=when).text
        self.git.run("update-ref", ref, sha)
        return sha

    def edit(self, branch: str, path: str, old: str, new: str, message: str) -> str:
        """Replace `old` by `new` in one file and commit; fails where `old` is not there once."""
        text = self.files[branch].get(path, "")
        assert old == "" or text.count(old) == 1, (branch, path, old)
        self.files[branch][path] = text.replace(old, new) if old else text + new
        return self.commit(branch, message)

    def empty(self, branch: str, message: str) -> str:
        """A commit whose diff is a line at the end of a file of its own."""
        return self.edit(branch, f"log-{branch}", "", f"{self.clock}\n", message)

    def branch(self, name: str, old: str) -> None:
        """Start `name` where `old` is now."""
        tip = self.git.rev(f"refs/heads/{old}")
        assert tip is not None
        self.git.run("update-ref", f"refs/heads/{name}", tip)
        self.files[name] = dict(self.files[old])

    def tag(self, name: str, sha: str) -> None:
        self.git.run("tag", "-a", "-m", name, name, sha)

    def tip(self, branch: str) -> str:
        sha = self.git.rev(f"refs/heads/{branch}")
        assert sha is not None
        return sha
