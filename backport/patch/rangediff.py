"""`git range-diff` of a patch and its adapted form, without a tree.

range-diff compares two commits by their diffs, so each patch becomes a commit between two files that hold nothing
but its hunks at their lines (filler elsewhere). What git then shows is the difference between the two patches:
message, tags and hunks.
"""

from __future__ import annotations

import tempfile

from backport.git import Git
from backport.patch.mail import read_mail
from backport.patch.model import FileDiff, Hunk, Patch

_NOBODY = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}


def range_diff(upstream: Patch, adapted: Patch) -> str:
    """What `git range-diff` prints for the two, "" for patches of binary files only; raises GitError."""
    with tempfile.TemporaryDirectory(prefix="backport-") as place, Git(place) as git:
        git.run("init", "-q", "--bare", ".")
        ranges = []
        for patch in (upstream, adapted):
            old = _commit(git, _tree(git, patch, new=False), b"before\n", None)
            mail = read_mail(patch)
            author = {"GIT_AUTHOR_NAME": mail.author.name or "unknown", "GIT_AUTHOR_EMAIL": mail.author.address or "-"}
            text = mail.title.encode("utf-8", "surrogateescape") + b"\n\n" + mail.message.strip(b"\n") + b"\n"
            ranges.append(f"{old}..{_commit(git, _tree(git, patch, new=True), text, old, author)}")
        # the two are the same change by definition: never shown as one removed and one added
        return git.run("range-diff", "--no-color", "--creation-factor=999", *ranges).text


def _commit(git: Git, tree: str, message: bytes, parent: str | None, author: dict[str, str] | None = None) -> str:
    args = ["-p", parent] if parent else []
    return git.run("commit-tree", tree, *args, "-F", "-", stdin=message, env={**_NOBODY, **(author or {})}).text


def _tree(git: Git, patch: Patch, *, new: bool) -> str:
    rows = b""
    for file in patch.files:
        path = file.new_path if new else file.old_path
        mode = (file.new_mode if new else file.old_mode) or "100644"
        if path is None or file.binary:
            continue
        blob = git.run("hash-object", "-w", "--stdin", stdin=_content(file, new=new)).text
        rows += f"{mode} {blob}\t".encode() + path.encode("utf-8", "surrogateescape") + b"\0"
    git.run("read-tree", "--empty")
    git.run("update-index", "-z", "--add", "--index-info", stdin=rows)
    return git.run("write-tree").text


def _content(file: FileDiff, *, new: bool) -> bytes:
    """The file as far as the hunks show it: their lines, and above each the function that its header names."""
    out: list[bytes] = []
    for hunk in file.hunks:
        start = _start(hunk)
        if start > len(out):
            # git looks for the function above the hunk; both versions get the same filler, so it never differs
            out += [b"\n"] * (start - len(out) - 1) + [hunk.section + b"\n"]
        out += hunk.new if new else hunk.old
    return b"".join(out)


def _start(hunk: Hunk) -> int:
    # capped: a made-up line number must not cost memory, and only the order matters to range-diff
    return min(max(hunk.old_start - 1, 0), 1_000_000)
