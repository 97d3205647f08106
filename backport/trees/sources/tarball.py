"""A tarball: a file here, or a URL that is downloaded (and resumed) first."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backport.errors import SourceUnavailable
from backport.trees.fastimport import import_tree
from backport.trees.net import CONNECT_SECONDS, HostDown, check_host, host_of
from backport.trees.progress import Progress
from backport.trees.sources.base import Made, Option, Ready, SourceKind, SourceRequest
from backport.trees.tarball import tar_entries
from backport.version import makefile_version
from backport.wholefile import DISK, private_directory
from backport.yaml_nodes import Marked

_URL = re.compile(r"(https?|ftp|file)://")
_READ_SECONDS = 60.0


def _prepare(request: SourceRequest) -> Ready:
    where = str(request.options["file"])
    wanted = request.options.get("sha256")
    if request.release:
        raise SourceUnavailable(f"{where} is one tarball, not a set of releases")
    if wanted and (commit := request.known(f"sha256:{wanted}")):
        return Ready(f"sha256:{wanted}", f"tarball {where}", lambda: Made(commit), f"sha256:{wanted}")
    if _URL.match(where):
        path = request.store.cache / "downloads" / f"{request.tree}-{Path(urllib.parse.urlsplit(where).path).name}"
        download(where, path, request.progress)
    else:
        path = Path(where)
        if not path.is_file():
            raise SourceUnavailable(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    got = sha256_of(path)
    if wanted and got != wanted:
        if _URL.match(where):
            path.unlink(missing_ok=True)     # or the next run would take the damaged file for a whole one
        raise SourceUnavailable(f"{path.name}: sha256 is {got}, not {wanted}",
                                hint="the file is damaged or not the right one; nothing was imported")

    def put() -> Made:
        commit = import_tarball(request, path, f"tarball {path.name}", got)
        if _URL.match(where):
            path.unlink(missing_ok=True)
        return Made(commit)

    return Ready(f"sha256:{got}", f"tarball {where}", put, f"sha256:{got}" if wanted else "")


def import_tarball(request: SourceRequest, path: Path, source: str, sha256: str) -> str:
    """The commit made of a tarball: one message for the same file on every machine."""
    def message(makefile: bytes | None) -> str:
        return f"linux {makefile_version(makefile)}".strip() + f"\n\nsource: {source}\nsha256: {sha256}\n"

    ref = f"refs/incoming/{request.tree}"
    with request.store.git() as git, request.progress.start(f"{request.tree} import", path.stat().st_size) as bar:
        commit = import_tree(git, ref, tar_entries(path, bar.advance), message, strip=True)
        git.run("update-ref", "-d", ref)
    return commit


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, path: Path, progress: Progress) -> None:
    """Fetch `url` to `path`; a part that an earlier run left is continued where the server can.

    Raises SourceUnavailable; what came so far stays as `<path>.part` beside the validator (ETag or date) that
    says whether it is still the same file.
    """
    from http.client import HTTPException  # with ssl behind them: what fetches nothing does not wait for it
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen
    private_directory(path.parent)
    part, validator = path.with_name(path.name + ".part"), path.with_name(path.name + ".part.tag")
    check_host(url)
    tag = validator.read_text().strip() if validator.is_file() and part.is_file() else ""
    have = part.stat().st_size if tag else 0
    headers = {"User-Agent": "backport"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    try:
        with urlopen(Request(url, headers=headers), timeout=max(CONNECT_SECONDS, _READ_SECONDS)) as answer:
            resumed = getattr(answer, "status", 200) == 206
            total = _length(answer.headers.get("Content-Length"), have if resumed else 0)
            tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            if tag.startswith("W/"):
                tag = answer.headers.get("Last-Modified") or ""   # a weak tag does not promise the same bytes
            validator.write_text(tag)
            got = have if resumed else 0
            with part.open("ab" if resumed else "wb") as file, \
                    progress.start(f"{path.name} download", total) as bar:
                bar.at(got)
                while chunk := answer.read(1 << 20):
                    file.write(chunk)
                    got += len(chunk)
                    bar.advance(len(chunk))
            if total is not None and got != total:
                raise SourceUnavailable(f"{host_of(url)}: the connection broke after {got} of {total} bytes",
                                        hint="run again: the download continues where it broke")
    except HTTPError as error:
        if error.code == 416:                          # the part is no part of what is there now
            part.unlink(missing_ok=True)
            validator.unlink(missing_ok=True)
        raise SourceUnavailable(f"{url}: HTTP {error.code} {error.reason}") from None
    except URLError as error:
        host = host_of(url)
        if host:
            raise HostDown(host, f"{host} not reached: {error.reason}") from None
        raise SourceUnavailable(f"{url}: {error.reason}") from None
    except (HTTPException, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK:
            raise                                      # of our own file
        raise SourceUnavailable(f"{host_of(url) or url}: {error or type(error).__name__}",
                                hint="run again: the download continues where it broke") from None
    part.replace(path)
    validator.unlink(missing_ok=True)


def _length(header: str | None, offset: int) -> int | None:
    return int(header) + offset if header and header.isdigit() else None


def _read_main(place: Marked, folder: Path) -> str:
    value = place.text()
    if "://" in value:
        if not _URL.match(value):
            place.fail(f"{value!r}: only http, https, ftp and file addresses are downloaded")
        return value
    path = Path(value).expanduser()
    return str(path if path.is_absolute() else folder / path)


def _sha256(place: Marked) -> str:
    value = place.text().lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        place.fail("must be 64 hexadecimal digits")
    return value


def _remote(options: Mapping[str, Any]) -> bool:
    return bool(host_of(str(options["file"]))) if "://" in str(options["file"]) else False


KIND = SourceKind(
    name="tarball", main="file", read_main=_read_main,
    options={"sha256": Option(_sha256, "the checksum that the publisher states")},
    prepare=_prepare, remote=_remote,
    host=lambda options: host_of(str(options["file"])) if "://" in str(options["file"]) else "",
)
