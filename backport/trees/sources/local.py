"""A git repository on this machine: its objects are borrowed through objects/info/alternates, nothing is copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backport.errors import SourceUnavailable
from backport.git import Git
from backport.trees.signature import signature
from backport.trees.sources.base import Made, Option, Ready, SourceKind, SourceRequest, path_option, text
from backport.wholefile import write_whole


def _prepare(request: SourceRequest) -> Ready:
    path = Path(request.options["path"])
    if not path.exists():
        raise SourceUnavailable(f"{path} does not exist")
    if not path.is_dir():
        raise SourceUnavailable(f"{path} is not a directory")
    with Git(path) as git:
        folder = _ask(git, path, "rev-parse", "--absolute-git-dir")
        if _ask(git, path, "rev-parse", "--show-object-format") != "sha1":
            raise SourceUnavailable(f"{path} names its objects with another hash than sha1")
        if _config(git, path, "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"):
            raise SourceUnavailable(f"{path} is a partial clone, which lacks files of the tree",
                                    hint="git fetch --refetch --no-filter in it, or use another source")
        spec = _spec(request)
        commit = _rev(git, path, f"{spec}^{{commit}}")
        if commit is None:
            raise SourceUnavailable(f"{path} has no {spec}")
        objects = Path(_ask(git, path, "rev-parse", "--path-format=absolute", "--git-path", "objects"))
        shallow = Path(_ask(git, path, "rev-parse", "--path-format=absolute", "--git-path", "shallow"))
        cut = shallow.read_text().split() if shallow.is_file() else []
        tags = _ask(git, path, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags/v*").splitlines()

    def put() -> Made:
        with Git(path) as git:
            at = _ask(git, path, "for-each-ref", "--format=%(objectname) %(refname:strip=2)", f"--points-at={commit}",
                      "refs/tags/v*").splitlines()
        _borrow(request.store.path, objects)
        with request.store.git() as git:
            if git.rev(f"{commit}^{{tree}}") is None:
                raise SourceUnavailable(f"{folder}: {commit} cannot be read from there")
            _cut_off(request.store.path, cut)
            if not cut:
                feed = "".join(f"update {ref} {sha}\n" for sha, _, ref in (row.partition(" ") for row in tags))
                git.run("update-ref", "--stdin", stdin=feed.encode())
            parents = git.run("rev-list", "--parents", "--max-count=1", commit).text.split()[1:]
            # read from our own store: what that repository is configured to run is not run
            name, tag = max(((name, tag) for tag, _, name in (row.partition(" ") for row in at)),
                            key=lambda one: (one[1] != commit, one), default=("", ""))
            told = signature(git, commit, name, tag)
        return Made(commit, bool(parents), told)

    return Ready(f"local:{objects}:{commit}", f"local {path} {spec.removeprefix('refs/heads/')}", put)


def _spec(request: SourceRequest) -> str:
    options = request.options
    if request.release:
        return f"refs/tags/v{request.release}"
    if "branch" in options:
        return f"refs/heads/{options['branch']}"
    if "tag" in options:
        return f"refs/tags/{options['tag']}"
    return str(options.get("commit", "HEAD"))


def _trusted(path: Path) -> tuple[str, ...]:
    # the manifest names this repository, whoever owns it; git asks for that word where owners differ
    return ("-c", f"safe.directory={path.resolve()}", "-c", f"safe.directory={path.resolve() / '.git'}")


def _ask(git: Git, path: Path, *args: str) -> str:
    result = git.run(*_trusted(path), *args, ok=())
    if result.code:
        raise SourceUnavailable(f"{path} is not a git repository that can be read: {result.err.strip()}")
    return result.text


def _config(git: Git, path: Path, *args: str) -> str:
    return git.run(*_trusted(path), "config", "--local", *args, ok=()).text


def _rev(git: Git, path: Path, spec: str) -> str | None:
    result = git.run(*_trusted(path), "rev-parse", "--verify", "--quiet", "--end-of-options", spec, ok=())
    return result.text if result.code == 0 else None


def _borrow(store: Path, objects: Path) -> None:
    """Name `objects` in the store's alternates, once."""
    file = store / "objects" / "info" / "alternates"
    known = file.read_text().splitlines() if file.is_file() else []
    line = str(objects)
    if "\n" in line or line.startswith(("#", '"')):
        raise SourceUnavailable(f"{objects}: git cannot borrow from a path of that name")
    if line not in known:
        write_whole(file, "".join(f"{entry}\n" for entry in (*known, line)).encode("utf-8", "surrogateescape"))


def _cut_off(store: Path, commits: list[str]) -> None:
    """Tell the store where the borrowed history ends, or git would look for parents that nobody has."""
    file = store / "shallow"
    known = file.read_text().split() if file.is_file() else []
    new = [commit for commit in commits if commit not in known]
    if new:
        write_whole(file, "".join(f"{commit}\n" for commit in sorted({*known, *new})).encode())


def _check(options: Mapping[str, Any]) -> str:
    named = [key for key in ("branch", "tag", "commit") if key in options]
    if len(named) > 1:
        return f"{' and '.join(named)} exclude each other"
    if any(str(options[key]).startswith("-") for key in named):
        return "a revision cannot begin with '-'"
    return ""


KIND = SourceKind(
    name="local", main="path", read_main=path_option,
    options={"branch": Option(text, "a branch of that repository"), "tag": Option(text, "a tag"),
             "commit": Option(text, "a commit, or anything git rev-parse understands")},
    prepare=_prepare, check=_check,
)
