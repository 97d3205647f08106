"""A file's bytes (decompressed) and the mails in them."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from backport.errors import UserError
from backport.patch.intake import encoded, gitlog
from backport.patch.intake.mbox import split_mbox
from backport.patch.intake.raw import Raw
from backport.patch.model import Refused

_GZIP = b"\x1f\x8b"
LIMIT = 256 * 1024 * 1024           # bytes; a compressed bomb must not take the machine down
_ENDINGS = (".gz", ".patch", ".diff", ".mbox", ".mbx", ".eml", ".txt")


def load(path: Path) -> bytes:
    """The bytes of `path`; raises UserError where it cannot be read or is larger than LIMIT."""
    try:
        if not path.is_file():
            raise UserError(f"{path} is not a regular file")
        if path.stat().st_size > LIMIT:
            raise UserError(f"{path} is larger than {LIMIT >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def stem(name: str) -> str:
    """A file's name without the endings that say how it is stored."""
    lower = name.lower()
    for ending in _ENDINGS:
        if lower.endswith(ending):
            return stem(name[:-len(ending)]) if len(name) > len(ending) else name
    return name


def split(data: bytes, source: str, *, group: str | None = None, strip: int | None = None) -> list[Raw | Refused]:
    """The mails in `data`: one, those of an mbox or attached to one, or the commits that git log -p printed; gzip is
    undone first."""
    if data.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(LIMIT + 1)
        except (OSError, EOFError, zlib.error) as error:
            return [Refused(source, f"damaged gzip file: {error}")]
        if len(data) > LIMIT:
            return [Refused(source, f"more than {LIMIT >> 20} MiB when decompressed")]
    name = stem(Path(source).name)
    mails = gitlog.entries(data) if gitlog.is_entry(data) else [
        part for mail in split_mbox(data) for part in _attached(mail) or [mail]]
    if len(mails) == 1:
        return [Raw(data, source, group or "", name, strip=strip)]
    return [Raw(mail, f"{source}[{number}]", source if group is None else group, f"{name}-{number}", source, strip)
            for number, mail in enumerate(mails, 1)]


def _attached(mail: bytes) -> list[bytes]:
    try:
        return encoded.attached(mail)
    except Exception:                    # the readers of mail raise what they like: intake/single.py says what it was
        return []
