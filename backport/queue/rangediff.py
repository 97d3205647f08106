"""`git range-diff` of upstream's patch and the adapted one: the reviewer's view of what the adaptation changed.

The two commits are made from the touched files alone, in a directory of their own; the store is only read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backport.git import Git
from backport.patch.exact import apply_exactly
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.temporary import temporary_directory
from backport.trees.stack import Stack

_DATED = {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}


def range_diff(git: Git, commit: str, upstream: Patch, adapted: Patch, preimages: Mapping[str, bytes]) -> str:
    """The output of git range-diff, or one line that says why there is none.

    `commit` is the tree that `adapted` applies to, `preimages` maps upstream's paths to the files before it.
    """
    files = [file for file in upstream.files if file.hunks]
    missing = [file.old_path for file in files if file.old_path is not None and file.old_path not in preimages]
    if missing:
        return f"no range-diff: upstream's file before the patch is not in the store ({', '.join(missing)})"
    before = {file.old_path: preimages[file.old_path] for file in files if file.old_path is not None}
    after = dict(before)
    for file in files:
        new = apply_exactly(before.get(file.old_path or "", b""), file)
        if new is None:
            return f"no range-diff: upstream's patch does not apply to its own file ({file.path})"
        if file.old_path is not None:
            after.pop(file.old_path, None)
        if file.new_path is not None:
            after[file.new_path] = new
    with Stack(git, commit) as stack, temporary_directory("range") as place:
        step = stack.push(adapted.diff)
        if not step.ok:
            return f"no range-diff: the adapted patch does not apply ({step.reason})"
        ours = [{path: stack.blob(state, path) for path in adapted.paths} for state in (commit, step.commit)]
        scratch = Git(Path(place))
        scratch.run("init", "--quiet", "--bare", ".")
        a = _commit(scratch, before, "base", "")
        b = _commit(scratch, after, _message(upstream), a)
        c = _commit(scratch, {path: data for path, data in ours[0].items() if data}, "base", "")
        d = _commit(scratch, {path: data for path, data in ours[1].items() if data}, _message(adapted), c)
        # one patch on each side: they are each other's counterpart however much was changed
        result = scratch.run("range-diff", "--no-color", "--creation-factor=100", f"{a}..{b}", f"{c}..{d}")
        scratch.close()
        return result.text


def _message(patch: Patch) -> str:
    mail = read_mail(patch)
    return f"{mail.title or 'patch'}\n\n{mail.text}"


def _commit(git: Git, files: Mapping[str, bytes], message: str, parent: str) -> str:
    index = {"GIT_INDEX_FILE": str(git.path / f"index-{len(list(git.path.glob('index-*')))}")}
    git.run("read-tree", "--empty", env=index)
    for path, data in files.items():
        blob = git.run("hash-object", "-w", "--stdin", stdin=data).text
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
    tree = git.run("write-tree", env=index).text
    return git.run("commit-tree", tree, *(("-p", parent) if parent else ()), "-F", "-",
                   stdin=message.encode("utf-8", "surrogateescape"), env=_DATED).text
