"""The run as a static site: works from file://, asks nobody for anything, and is safe to open.

    index.html               the matrix, with filters
    patches/<name>.html      one page a patch, with the evidence of each of its cells
    trees/<name>.html        one page a tree
    mails/, logs/            the adapted mails and the whole build logs

Each page carries its style and script, so that one page can be sent to somebody on its own; the content security
policy names the hashes of just these two, so that nothing else runs, whatever a patch subject says.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from backport.errors import UserError
from backport.report.escape import visible
from backport.report.matrix import Matrix, column, duration, headline, legend, matrix, said, tally, when, words
from backport.report.sidebyside import rows
from backport.report.text import TITLES
from backport.results.changes import Changes, Kind
from backport.results.evidence import (
    build,
    built_with,
    circumstances,
    code_changes,
    code_effect,
    diagnostics,
    evidence,
    hunks,
    sequence,
    text,
    uncompiled,
)
from backport.results.run import Mark, PatchInfo, Run, TreeInfo
from backport.verdict import Apply, Cell, Sure

MARKER = ".backport-site"            # a directory that holds this was made here and may be replaced
LOG_TAIL = 60                        # lines of a log shown on the page
_LOG_READ = 256 * 1024               # bytes from the end of a log that are looked at for them

Marks = Mapping[tuple[str, str], Sequence[Mark]]


def write(run: Run, cells: Sequence[Cell], directory: Path, *, changes: Changes | None = None,
          marks: Marks | None = None) -> Path:
    """Make the site in `directory` and return its index page.

    The site is complete or not there: it is made beside the directory and moved into place. Raises UserError
    where the directory exists and holds something that was not made here.
    """
    if directory.exists() and not (directory / MARKER).exists() and not _empty(directory):
        raise UserError(f"{directory} exists and is not a report of backport",
                        hint="choose an empty or a new directory")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            _Site(matrix(run, cells), made, changes, marks or {}).write()
            made.chmod(0o755)
            _swap(made, directory)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise UserError(f"cannot write the report to {directory}: {error.strerror or error}") from error
    return directory / "index.html"


def _empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _swap(made: Path, directory: Path) -> None:
    if directory.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        directory.replace(old / "old")
        made.replace(directory)
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.replace(directory)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Neighbouring nights with the same verdict."""

    label: str
    tone: str
    count: int
    span: str


class _Site:
    def __init__(self, grid: Matrix, directory: Path, changes: Changes | None, marks: Marks) -> None:
        self.grid, self.directory, self.changes, self.marks = grid, directory, changes, marks
        self.patch_pages = page_names(patch.slug for patch in grid.patches)
        self.tree_pages = page_names(tree.column for tree in grid.trees)
        style = _asset("style.css") + _hiding(len(grid.trees))
        script = _asset("app.js")
        self.templates = Environment(
            loader=PackageLoader("backport.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, finalize=_harmless)
        self.templates.globals.update(
            style=Markup(style), script=Markup(script), csp=_policy(style, script), run=grid.run, grid=grid,
            headline=headline(grid), started=when(grid.run.started), patch_page=self.patch_pages,
            tree_page=self.tree_pages, words=plain_words, tone=tone, short=lambda tree: tree.short, duration=duration)

    def write(self) -> None:
        for name in ("patches", "trees", "mails", "logs"):
            (self.directory / name).mkdir()
        (self.directory / MARKER).write_text("made by backport; this directory is replaced by the next report\n")
        vocabulary = legend(self.grid.cells)
        bits = {word: 1 << number for number, (word, _meaning) in enumerate(vocabulary)}
        self._page("index.html", "index.html.j2", root="", vocabulary=vocabulary, rows=self._rows(bits), bits=bits,
                   counts=_counts(self.grid.cells), tally=tally(self.grid.cells), changed=self._changes())
        for patch in self.grid.patches:
            self._page(f"patches/{self.patch_pages[patch.slug]}.html", "patch.html.j2", root="../", patch=patch,
                       entries=[self._entry(patch, tree) for tree in self.grid.trees],
                       vocabulary=legend([cell for tree in self.grid.trees if (cell := self.grid.at(patch, tree))]))
        for tree in self.grid.trees:
            cells = [(patch, cell) for patch in self.grid.patches if (cell := self.grid.at(patch, tree))]
            self._page(f"trees/{self.tree_pages[tree.column]}.html", "tree.html.j2", root="../", tree=tree,
                       entries=[(patch, cell, said(cell)) for patch, cell in cells],
                       tally=tally([cell for _patch, cell in cells]),
                       vocabulary=legend([cell for _patch, cell in cells]))

    def _page(self, name: str, template: str, **values: Any) -> None:
        made = self.templates.get_template(template).render(**values)
        (self.directory / name).write_text(made, encoding="utf-8", errors="backslashreplace")

    def _rows(self, bits: Mapping[str, int]) -> list[dict[str, Any]]:
        """The rows of the matrix: a number a tree says which words its cell has, for the filters."""
        made = []
        for patch in self.grid.patches:
            cells = [self.grid.at(patch, tree) for tree in self.grid.trees]
            masks = ",".join(str(sum(bits[word] for word in set(words(cell)))) if cell else "0" for cell in cells)
            made.append({"patch": patch, "cells": cells, "masks": masks})
        return made

    def _changes(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """By kind; trees in which the same happened to a patch share an entry, each error stands once."""
        made = []
        shown: set[str] = set()
        for kind in Kind if self.changes is not None else ():
            groups: dict[tuple[Any, ...], dict[str, Any]] = {}
            for change in self.changes.of(kind) if self.changes is not None else ():
                cell = change.after or change.before
                verdicts = (tuple(plain_words(one)) if one else () for one in (change.before, change.after))
                entry = groups.setdefault((change.patch, *verdicts), {
                    "patch": change.patch, "subject": (cell.subject if cell else "") or change.patch,
                    "before": change.before, "after": change.after, "places": [], "errors": []})
                version = change.after.base_version if change.after else ""
                entry["places"].append({"tree": change.tree, "here": change.after is not None, "label": " ".join(
                    part for part in (change.tree.removeprefix("linux-"), f"({version})" if version else "") if part)})
                entry["errors"] += [error for error in change.errors if error not in shown]
                shown.update(change.errors)
            if groups:
                made.append((kind.sign, TITLES[kind], list(groups.values())))
        return made

    def _entry(self, patch: PatchInfo, tree: TreeInfo) -> dict[str, Any]:
        """Everything about one cell, for the page of its patch."""
        cell = self.grid.at(patch, tree)
        entry: dict[str, Any] = {"tree": tree, "cell": cell, "anchor": self.tree_pages[tree.column]}
        if cell is None:
            return entry
        name = f"{self.patch_pages[patch.slug]}--{self.tree_pages[tree.column]}"
        tail, log = self._log(cell, name)
        made = build(cell)
        facts = [("Base", f"{cell.base_version} {cell.base_commit}".strip()), ("Patch", f"sha256 {cell.patch_sha256}"
                 if cell.patch_sha256 else ""), *built_with(cell), *circumstances(cell),
                 ("Took", duration(cell.seconds) if cell.seconds else "")]
        entry.update(
            said=said(cell), hunks=[_hunk(hunk, told=said(cell)) for hunk in hunks(cell)], evidence=evidence(cell),
            functions=code_changes(cell), effect=code_effect(cell), diagnostics=diagnostics(cell),
            uncompiled=uncompiled(cell), unproved=[text(item) for item in sequence(made.get("unproved"))],
            facts=[(label, value) for label, value in facts if value], tail=tail, log=log,
            mail=self._mail(cell, name), segments=segments(self.marks.get((patch.slug, tree.column), ())))
        return entry

    def _mail(self, cell: Cell, name: str) -> str:
        if not cell.adapted:
            return ""
        (self.directory / "mails" / f"{name}.patch").write_bytes(cell.adapted)
        return f"mails/{name}.patch"

    def _log(self, cell: Cell, name: str) -> tuple[str, str]:
        """(the last lines of the build log, the copy of all of it); "" where there is none (any more)."""
        source = Path(cell.log) if cell.log else None
        if source is None or not source.is_file():
            return "", ""
        shutil.copyfile(source, self.directory / "logs" / f"{name}.txt")
        with source.open("rb") as file:
            file.seek(max(source.stat().st_size - _LOG_READ, 0))
            lines = file.read().decode("utf-8", "backslashreplace").splitlines()
        return "\n".join(lines[-LOG_TAIL:]), f"logs/{name}.txt"


def _harmless(value: object) -> object:
    """What every `{{ }}` goes through before it is escaped; mark-up that was made here passes."""
    return value if isinstance(value, Markup) else visible(str(value))


def _hunk(hunk: Mapping[str, Any], *, told: Sequence[str]) -> dict[str, Any]:
    """What the page shows of a hunk; notes that stand above it already (`told`) are not repeated."""
    upstream, adapted = text(hunk.get("upstream")), text(hunk.get("adapted"))
    made = rows(upstream, adapted) if upstream and adapted else []
    return {
        "path": text(hunk.get("landed_path")) or text(hunk.get("path")), "from": text(hunk.get("path")),
        "function": text(hunk.get("function")), "upstream_function": text(hunk.get("upstream_function")),
        "line": hunk.get("line") or 0, "strategies": [text(item) for item in sequence(hunk.get("strategies"))],
        "sure": text(hunk.get("sure")),
        "notes": [note for item in sequence(hunk.get("notes")) if (note := text(item)) not in told],
        "dropped": bool(hunk.get("dropped")), "rows": made,
        "alike": bool(made) and not any(row.differs for row in made[1:]),
        "only": rows(upstream or adapted, upstream or adapted) if not made else [],
        "upstream": upstream, "adapted": adapted,
    }


def plain_words(cell: Cell) -> list[str]:
    """The words of a cell without `cached`, which tells a reader of a page nothing."""
    return [word for word in words(cell) if word != "cached"]


def tone(cell: Cell) -> str:
    """The class that colours a verdict; the words say it, the colour only helps to find it."""
    place = column(cell)
    if place != "ok":
        return {"other": "none" if cell.apply is Apply.NO_TREE else "infra", "warn": "warn"}.get(place, "bad")
    if cell.apply in (Apply.ALREADY, Apply.ABSENT):
        return "quiet"
    if cell.sure is Sure.REVIEW:
        return "review"
    return "adapted" if cell.apply in (Apply.REWRITTEN, Apply.MERGED) else "good"


def segments(marks: Sequence[Mark]) -> list[_Segment]:
    """The history of a place as runs of the same verdict, oldest first."""
    made = []
    for _verdict, group in groupby(marks, key=lambda mark: (mark.apply, mark.build, mark.sure)):
        same = list(group)
        cell = Cell("", "", same[0].apply, same[0].build, same[0].sure)
        versions = list(dict.fromkeys(mark.version for mark in same if mark.version))
        span = versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}" if versions else ""
        made.append(_Segment(", ".join(words(cell)), tone(cell), len(same), span))
    return made


def page_names(names: Iterable[str]) -> dict[str, str]:
    """A file name for each name: readable, harmless, and different also where a file system ignores case."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]
        if not plain or plain != name or plain.lower() in taken:
            digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
            plain = f"{plain}-{digest}".lstrip("-")
        taken.add(plain.lower())
        made[name] = plain
    return made


def _counts(cells: Sequence[Cell]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in cells:
        for word in set(words(cell)):
            counts[word] = counts.get(word, 0) + 1
    return counts


def _asset(name: str) -> str:
    return (resources.files("backport.report") / "templates" / name).read_text(encoding="utf-8")


def _hiding(trees: int) -> str:
    """Rules that hide a column; made here because their number is that of the trees."""
    return "".join(f".hide{n} tr>:nth-child({n + 2}){{display:none}}" for n in range(trees))


def _policy(style: str, script: str) -> str:
    def source(content: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
    return (f"default-src 'none'; style-src {source(style)}; script-src {source(script)}; base-uri 'none'; "
            "form-action 'none'")
