"""A directory of patches: in the order of its quilt `series` file where it has one, else sorted by name.

OpenWrt and linux-surface have no series file and number the files (020-v6.2-x.patch, 0001-surface3.patch with several
mails in it): where each name begins with a number, the directory is a queue in that order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backport.errors import UserError
from backport.patch.intake import files
from backport.patch.intake.raw import Raw
from backport.patch.model import Refused

_TAKEN = (".patch", ".diff", ".mbox", ".mbx", ".eml", ".txt", ".patch.gz", ".mbox.gz", ".mbx.gz", ".eml.gz",
          ".diff.gz", ".txt.gz")


_NUMBER = re.compile(r"^([0-9]{1,9})[-_.]")
_FOLD = re.compile(rb"\n[ \t]")
_SAYS_SO = re.compile(rb"^Subject:[^\n]*(?:[0-9]{1,4}/[0-9]{1,4}\]|AUTOSEL|FAILED:)", re.MULTILINE)
_HEAD = 8192             # bytes of a mail in which its subject is looked for


def mails(path: Path) -> list[Raw | Refused]:
    """Every mail in `path` (not below it); what is passed over comes back as Refused(skipped=True)."""
    out: list[Raw | Refused] = []
    series = path / "series"
    if series.is_file():
        wanted, group = _series(series), str(series)
        for name, options in wanted:
            entry = path / name
            strip, trouble = _strip_level(options)
            if Path(name).is_absolute() or ".." in Path(name).parts:
                out.append(Refused(f"{series}", f"{name!r} leaves the directory", group=group))
            elif not entry.is_file():
                out.append(Refused(str(entry), "named in `series`, but no such file exists", group=group))
            elif trouble:
                out.append(Refused(str(entry), f"`series` says {' '.join(options)!r} for it, and {trouble}",
                                   hint="make the patch anew (quilt refresh -p ab) and drop the option", group=group))
            else:
                out += _mails(entry, group, strip)
        named = {Path(name).name for name, _options in wanted} | {"series"}
        return out + [_skipped(entry, "not named in `series`") for entry in sorted(path.iterdir())
                      if entry.name not in named and entry.name.lower().endswith(_TAKEN)]
    numbered = [entry for entry in path.iterdir() if entry.name.lower().endswith(_TAKEN) and entry.is_file()]
    queue = len(numbered) > 1 and all(_NUMBER.match(entry.name) for entry in numbered)
    for entry in sorted(path.iterdir(), key=lambda entry: (_number(entry.name) if queue else 0, entry.name)):
        name = entry.name
        if name.startswith(".") or (name.endswith(".resolved") and entry.is_dir()):    # what people made of conflicts
            continue
        if name.endswith(".repro"):
            out.append(_skipped(entry, "a reproducer, not a patch"))
        elif entry.is_dir():
            out.append(_skipped(entry, "a directory inside the directory (not searched)"))
        elif name.lower().startswith("readme"):
            out.append(_skipped(entry, "a README"))
        elif name.lower().endswith(_TAKEN):
            out += _mails(entry, None if _several(entry) else str(path))
        else:
            out.append(_skipped(entry, f"not one of {', '.join(_TAKEN[:6])}"))
    # mails that say which series they are of, or that they are of none, know better than the names of their files
    if queue and not any(_SAYS_SO.search(_FOLD.sub(b" ", raw.data[:_HEAD])) for raw in out if isinstance(raw, Raw)):
        return [replace(raw, group=str(path / "series")) if isinstance(raw, Raw) or not raw.skipped else raw
                for raw in out]
    return out


def _number(name: str) -> int:
    match = _NUMBER.match(name)
    return int(match[1]) if match else 0


def _several(entry: Path) -> bool:
    """An mbox is a group of its own, a plain patch file belongs to the directory's group."""
    return entry.name.lower().removesuffix(".gz").endswith((".mbox", ".mbx"))


def _mails(entry: Path, group: str | None, strip: int | None = None) -> list[Raw | Refused]:
    """The mails of one file of the directory; a file that cannot be read is refused, and the others are read."""
    try:
        return files.split(files.load(entry), str(entry), group=group, strip=strip)
    except UserError as error:
        return [Refused(str(entry), error.message, hint=error.hint, group=group or "")]


def _series(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """(name, quilt's options behind it) of every entry."""
    names = []
    for line in path.read_text("utf-8", "surrogateescape").split("\n"):
        text = line.split("#", 1)[0].split()
        if text:
            names.append((text[0], tuple(text[1:])))
    return names


def _strip_level(options: Sequence[str]) -> tuple[int, str]:
    """(N of -pN, "") or (1, why quilt would not apply the patch as it stands).

    -R among them: a patch that the queue takes back must not be put on.
    """
    level = 1
    left = list(options)
    while left:
        option = left.pop(0)
        value = next((option.removeprefix(name) for name in ("--strip=", "-p") if option.startswith(name)), None)
        if (option == "-p" or option == "--strip") and left:
            value = left.pop(0)
        if value == "ab":
            value = "1"
        if value is None:
            return 1, "it is applied in reverse" if option in ("-R", "--reverse") else f"{option} is an unknown option"
        if not (value.isascii() and value.isdigit() and len(value) < 3):
            return 1, f"{value!r} is no number of directories"
        level = int(value)
    return level, ""


def _skipped(entry: Path, reason: str) -> Refused:
    return Refused(str(entry), reason, skipped=True)
