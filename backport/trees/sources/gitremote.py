"""A branch of a git repository that is somewhere else: kernel.org, or any mirror of it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from backport.errors import GitError, SourceUnavailable
from backport.git import Git
from backport.gitfault import not_written
from backport.trees.net import check_host, host_of
from backport.trees.progress import Bar
from backport.trees.signature import signature
from backport.trees.sources.base import Made, Option, Ready, SourceKind, SourceRequest, text

# A transfer slower than 1 kB/s for half a minute is a dead one; git itself would wait for ever.
_LIMITS = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30", "-c", "protocol.version=2",
           "-c", "protocol.ext.allow=never", "-c", "http.followRedirects=initial")
_ENV = {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10 -oServerAliveInterval=10 -oServerAliveCountMax=3",
        "GIT_ASKPASS": "true"}
_ASK_SECONDS = 60.0
_PERCENT = re.compile(rb"Receiving objects: +\d+% \((\d+)/(\d+)\)")


def _prepare(request: SourceRequest) -> Ready:
    url = str(request.options["url"])
    wanted = f"refs/tags/v{request.release}" if request.release else f"refs/heads/{request.options['branch']}"
    check_host(url)
    commit, tag = _ask(request, url, wanted)
    short = wanted.removeprefix("refs/heads/").removeprefix("refs/tags/")

    def put() -> Made:
        with request.store.git() as git:
            return _fetch(git, request, url, wanted, commit, tag)

    head = request.head
    deepen = request.full_history and (head is None or not head.history)
    return Ready(f"git:{commit}", f"git {url} {short}", put, again=deepen)


def _ask(request: SourceRequest, url: str, ref: str) -> tuple[str, str]:
    """(the commit at `ref`, the name of a release tag that is at the same commit or "")."""
    with request.store.git() as git:
        began = time.monotonic()
        result = git.run(*_LIMITS, "ls-remote", "--end-of-options", url, ref, f"{ref}^{{}}", "refs/tags/v*", ok=(),
                         env=_ENV, timeout=_ASK_SECONDS, remote=True)
    if result.code:
        if time.monotonic() - began >= _ASK_SECONDS:
            raise SourceUnavailable(f"{host_of(url) or url} did not answer within {_ASK_SECONDS:.0f} s")
        raise SourceUnavailable(f"{host_of(url) or url}: {_last_line(result.err)}")
    names = {name: sha for sha, _, name in (line.partition("\t") for line in result.text.splitlines())}
    commit = names.get(f"{ref}^{{}}") or names.get(ref)
    if commit is None:
        raise SourceUnavailable(f"{url} has no {ref.removeprefix('refs/')}")
    if ref.startswith("refs/tags/"):
        return commit, ref.removeprefix("refs/tags/")
    # one with an object of its own first: only that can be signed
    tags = sorted((not name.endswith("^{}"), name.removesuffix("^{}").removeprefix("refs/tags/"))
                  for name, sha in names.items() if sha == commit and name.startswith("refs/tags/"))
    return commit, tags[0][1] if tags else ""


def _fetch(git: Git, request: SourceRequest, url: str, ref: str, commit: str, tag: str) -> Made:
    shallow = git.run("rev-parse", "--is-shallow-repository").text == "true"
    ours = f"refs/incoming/{request.tree}"
    depth: list[str] = ["--depth=1"]
    specs = [f"+{ref}:{ours}", *([f"+refs/tags/{tag}:{ours}.tag"] if tag else [])]
    if request.full_history:
        depth = ["--unshallow"] if shallow else []
        specs.append("+refs/tags/v*:refs/tags/v*")
    elif request.head is not None and request.head.history:
        depth = []                       # history that is there is continued, not cut
    process = git.stream(*_LIMITS, "fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
                         "--update-shallow", *depth, "--end-of-options", url, *specs, env=_ENV)
    assert process.stdin is not None
    process.stdin.close()
    assert process.stderr is not None
    with request.progress.start(f"{request.tree} fetch") as bar:
        tail = b""
        while chunk := process.stderr.read1(65536):  # type: ignore[attr-defined]
            tail = (tail + chunk)[-4096:]
            _show(bar, tail)
    assert process.stdout is not None
    process.stdout.close()
    process.stderr.close()
    if process.wait():
        if not_written(told := tail.decode("utf-8", "replace")):
            raise GitError(["git", "fetch", url, ref], process.returncode, _last_line(told))
        raise SourceUnavailable(f"{host_of(url) or url}: {_last_line(tail.decode('utf-8', 'replace'))}")
    got, signed = git.rev(f"{ours}^{{commit}}"), git.rev(f"{ours}.tag") if tag else None
    for ref_of_ours in (ours, f"{ours}.tag"):
        git.run("update-ref", "-d", ref_of_ours)
    if got is None:
        raise GitError(["git", "fetch", url, ref], 0, f"{commit} was not received")
    # the branch may have moved since the tag was seen at it
    told = signature(git, got, tag, signed) if got == commit and signed else ""
    return Made(got, _has_parents(git, got), told)


def _has_parents(git: Git, commit: str) -> bool:
    return bool(git.run("rev-list", "--parents", "--max-count=1", commit).text.split()[1:])


def _show(bar: Bar, text: bytes) -> None:
    for match in list(_PERCENT.finditer(text))[-1:]:
        bar.at(int(match[1]), int(match[2]))


def _last_line(stderr: str) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]", stderr) if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "ssh:"))]
    return (fatal or lines or ["git gave no reason"])[0]


def _check(options: Mapping[str, Any]) -> str:
    url, branch = str(options["url"]), str(options["branch"])
    if url.startswith("-") or branch.startswith("-"):
        return "an address or branch cannot begin with '-'"
    if "::" in url.split("/", 1)[0]:
        return f"{url!r} names a remote helper, which can run any program"
    if ".." in branch or any(c in branch for c in " ~^:?*[\\") or branch.endswith(("/", ".lock")):
        return f"{branch!r} is not a branch name"
    return ""


KIND = SourceKind(
    name="git", main="url", read_main=lambda place, folder: place.text(),
    options={"branch": Option(text, "the branch to follow, e.g. linux-6.1.y", needed=True)},
    prepare=_prepare, remote=lambda options: True, host=lambda options: host_of(str(options["url"])), check=_check,
)
