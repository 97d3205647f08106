"""A directory of patches: in the order of its quilt `series` file where it has one, else sorted by name."""

from __future__ import annotations

from pathlib import Path

from backport.patch.intake import files
from backport.patch.intake.raw import Raw
from backport.patch.model import Refused

_TAKEN = (".patch", ".diff", ".mbox", ".mbx", ".eml", ".txt", ".patch.gz", ".mbox.gz", ".mbx.gz", ".eml.gz",
          ".diff.gz", ".txt.gz")


def mails(path: Path) -> list[Raw | Refused]:
    """Every mail in `path` (not below it); what is passed over comes back as Refused(skipped=True)."""
    out: list[Raw | Refused] = []
    series = path / "series"
    if series.is_file():
        wanted = _series(series)
        for name in wanted:
            entry = path / name
            if Path(name).is_absolute() or ".." in Path(name).parts:
                out.append(Refused(f"{series}", f"{name!r} leaves the directory"))
            elif not entry.is_file():
                out.append(Refused(str(entry), "named in `series`, but there is no such file"))
            else:
                out += files.split(files.load(entry), str(entry), group=f"{path}/series")
        named = {Path(name).name for name in wanted} | {"series"}
        return out + [_skipped(entry, "not named in `series`") for entry in sorted(path.iterdir())
                      if entry.name not in named and entry.name.lower().endswith(_TAKEN)]
    for entry in sorted(path.iterdir()):
        name = entry.name
        if name.startswith("."):
            continue
        if name.endswith(".repro"):
            out.append(_skipped(entry, "a reproducer, not a patch"))
        elif entry.is_dir():
            out.append(_skipped(entry, "a directory inside the directory (not searched)"))
        elif name.lower().startswith("readme"):
            out.append(_skipped(entry, "a README"))
        elif name.lower().endswith(_TAKEN):
            out += files.split(files.load(entry), str(entry), group=None) if _several(entry) else \
                files.split(files.load(entry), str(entry), group=str(path))
        else:
            out.append(_skipped(entry, f"not one of {', '.join(_TAKEN[:6])}"))
    return out


def _several(entry: Path) -> bool:
    """An mbox is a group of its own, a plain patch file belongs to the directory's group."""
    return entry.name.lower().removesuffix(".gz").endswith((".mbox", ".mbx"))


def _series(path: Path) -> list[str]:
    names = []
    for line in path.read_text("utf-8", "replace").splitlines():
        text = line.split("#", 1)[0].split()
        if text:
            names.append(text[0])          # quilt's options (-p1) stand behind the name
    return names


def _skipped(entry: Path, reason: str) -> Refused:
    return Refused(str(entry), reason, skipped=True)
