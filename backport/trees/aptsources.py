"""Which Debian archives this system knows, read from apt's own configuration (sources.list(5)).

Both forms exist, often side by side: one line an entry (`/etc/apt/sources.list`, `*.list`) and deb822 stanzas
(`*.sources`). What counts is where the archive is (any mirror), which key signs it, and whether it is the
security archive, which lives elsewhere. Whether it offers source packages does not matter: that is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Names of Debian's suites; a repository of somebody else that uses such a name is told apart by the Origin in its
# Release file, once it was asked.
_SUITES = re.compile(r"(?:old)*stable|testing|unstable|experimental|sid|rc-buggy"
                     r"|buster|bullseye|bookworm|trixie|forky|duke")
_OPTION = re.compile(r"\[(?P<options>[^]]*)\]\s*")
# the only options that say how to get at an archive; arch=, lang=, target= are about what to take from it
_KEPT = ("signed-by", "trusted", "check-valid-until", "valid-until-min", "valid-until-max", "check-date",
         "date-max-future", "inrelease-path", "snapshot", "by-hash", "allow-insecure", "allow-weak",
         "allow-downgrade-to-insecure")


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive: its base address and the options that apt needs to trust it.

    `signed_by` is a key file, a fingerprint, or an armoured key block ("" where apt's own key ring serves).
    """

    uri: str
    security: bool
    options: tuple[tuple[str, str], ...] = ()
    signed_by: str = ""


def archives(etc: Path) -> list[Archive]:
    """The Debian archives in `etc`/sources.list and `etc`/sources.list.d, in apt's order, each once."""
    found: dict[Archive, None] = {}
    for uri, suite, components, options in _entries(etc):
        base = re.split(r"[-/]", suite.strip("/"), maxsplit=1)[0]
        if not _SUITES.fullmatch(base) or (components and "main" not in components) or uri.startswith("cdrom:"):
            continue
        kept = tuple(sorted((key, value) for key, value in options.items() if key in _KEPT and key != "signed-by"))
        security = suite.endswith(("-security", "/updates"))
        found.setdefault(Archive(uri.rstrip("/") + "/", security, kept, options.get("signed-by", "")))
    return list(found)


def _entries(etc: Path) -> Iterator[tuple[str, str, list[str], dict[str, str]]]:
    """(uri, suite, components, options) of every enabled entry."""
    parts = etc / "sources.list.d"
    files = [etc / "sources.list", *(sorted(parts.iterdir()) if parts.is_dir() else [])]
    for file in files:
        # apt ignores any other name, which is how people switch a file off
        if not file.is_file() or not re.fullmatch(r"[A-Za-z0-9_.-]+", file.name):
            continue
        try:
            text = file.read_text("utf-8", "replace")
        except OSError:
            continue
        if file.suffix == ".list":
            yield from _one_line(text)
        elif file.suffix == ".sources":
            yield from _deb822(text)


def _one_line(text: str) -> Iterator[tuple[str, str, list[str], dict[str, str]]]:
    for line in text.splitlines():
        kind, _, rest = line.split("#", 1)[0].strip().partition(" ")
        if kind not in ("deb", "deb-src"):
            continue
        rest = rest.strip()
        options: dict[str, str] = {}
        match = _OPTION.match(rest)
        if match:
            rest = rest[match.end():]
            for word in match["options"].split():
                key, _, value = word.partition("=")
                options[key.lower().rstrip("+-")] = value.strip('"')
        words = rest.split()
        if len(words) >= 2:
            yield words[0], words[1], words[2:], options


def _deb822(text: str) -> Iterator[tuple[str, str, list[str], dict[str, str]]]:
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields = _stanza(stanza)
        if fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable"):
            continue
        if not {"deb", "deb-src"} & set(fields.get("types", "").split()):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield uri, suite, fields.get("components", "").split(), fields


def _stanza(text: str) -> dict[str, str]:
    """Field (lower case) -> value; continued lines joined by newlines, comment lines left out."""
    fields: dict[str, str] = {}
    key = ""
    for line in text.split("\n"):
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and key:
            fields[key] += "\n" + line.strip()
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    return {name: value.strip() for name, value in fields.items()}


def deb822(archive: Archive, suites: tuple[str, ...]) -> str:
    """A deb822 stanza that asks `archive` for the source packages of `suites`."""
    lines = ["Types: deb-src", f"URIs: {archive.uri}", f"Suites: {' '.join(suites)}", "Components: main"]
    lines += [f"{key.title()}: {value}" for key, value in archive.options]
    if archive.signed_by:
        # an armoured key block stands in the field itself, every line indented, empty lines as a dot
        value = archive.signed_by.strip()
        lines.append("Signed-By:" + ("\n " + "\n ".join(part.strip() or "." for part in value.split("\n"))
                                     if "\n" in value else f" {value}"))
    return "\n".join(lines) + "\n\n"
