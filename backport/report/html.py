"""The run as a static site: works from file://, asks nobody for anything, and is safe to open.

    index.html               the matrix, with filters
    patches/<name>.html      one page a patch, with the evidence of each of its cells
    trees/<name>.html        one page a tree
    mails/, logs/            the adapted mails, the whole build logs and serial logs

Each page carries its style and script, so that one page can be sent to somebody on its own; the content security
policy names the hashes of just these two, so that nothing else runs, whatever a patch subject says.

When the run was stands on the index page alone: the other pages say the same every night in which nothing changed, and
are then the files that they were, which a copy to a web server need not send again.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from backport.cell import Cell
from backport.errors import UserError
from backport.report.entry import entry, plain_words, tone
from backport.report.escape import visible
from backport.report.matrix import Matrix, duration, headline, in_order, legend, matrix, next_step, said, tally, when
from backport.report.sidebyside import DiffRow, DiffSide
from backport.report.text import TITLES
from backport.results.changes import ChangeKind, Changes, without_line
from backport.results.run import Mark, PatchInfo, Run, TreeInfo
from backport.temporary import mark, sweep_once
from backport.wholefile import refused

MARKER = ".backport-site"            # a directory that holds this was made here and may be replaced

_FOLDED = 6                          # rows that need nothing, from which on they are folded

Marks = Mapping[tuple[str, str], Sequence[Mark]]


def write(run: Run, cells: Sequence[Cell], directory: Path, *, changes: Changes | None = None,
          marks: Marks | None = None) -> Path:
    """Make the site in `directory` and return its index page.

    The site is complete or not there: it is made beside the directory and moved into place. Raises UserError
    where the directory exists and holds something that was not made here.
    """
    if directory.exists() and not (directory / MARKER).exists() and not _empty(directory):
        raise UserError(f"{directory} exists and is not a backport report",
                        hint="choose an empty or a new directory")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        sweep_once(str(directory.parent.absolute()))
        made = Path(tempfile.mkdtemp(prefix=f".{mark('site')}", dir=directory.parent))
        try:
            _Site(matrix(run, cells), made, directory, changes, marks or {}).write()
            made.chmod(0o755)
            _swap(made, directory)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise refused(directory, error) from error
    return directory / "index.html"


def _empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _swap(made: Path, directory: Path) -> None:
    if directory.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{mark('site')}", dir=directory.parent))
        directory.replace(old / "old")
        try:
            made.replace(directory)
        except OSError:
            (old / "old").replace(directory)
            old.rmdir()
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.replace(directory)


class _Site:
    def __init__(self, grid: Matrix, directory: Path, before: Path, changes: Changes | None, marks: Marks) -> None:
        self.grid, self.directory, self.before, self.changes, self.marks = grid, directory, before, changes, marks
        self.nights = "nights" if grid.run.kind == "nightly" else "runs"
        self.placed: dict[bytes, Path] = {}        # by content
        self.patch_pages = page_names(patch.slug for patch in grid.patches)
        self.tree_pages = page_names(tree.column for tree in grid.trees)
        style, script = _asset("style.css"), _asset("app.js")
        self.templates = _environment()
        self.templates.globals.update(
            style=Markup(style), script=Markup(script), csp=_policy(style, script), run=grid.run, grid=grid,
            headline="", patch_page=self.patch_pages, tree_page=self.tree_pages, words=plain_words, tone=tone,
            short=lambda tree: tree.short, duration=duration, nights=self.nights)

    def write(self) -> None:
        for name in ("patches", "trees", "mails", "logs"):
            (self.directory / name).mkdir()
        self.put(MARKER, b"made by backport; this directory is replaced by the next report\n")
        vocabulary = _legend(self.grid.cells)
        bits = {word: 1 << number for number, (word, _meaning) in enumerate(vocabulary)}
        rows = self._rows(bits)
        style = _asset("style.css") + _asset("matrix.css") + _hiding(len(self.grid.trees))
        script = _asset("app.js") + _asset("matrix.js")
        self._page("index.html", "index.html.j2", root="", style=Markup(style), script=Markup(script),
                   csp=_policy(style, script), headline=headline(self.grid), started=when(self.grid.run.started),
                   vocabulary=vocabulary, rows=rows, bits=bits,
                   quiet=sum(row["quiet"] for row in rows),
                   counts=_counts(self.grid.cells), tally=tally(self.grid.cells), changed=self._changes())
        for patch in self.grid.patches:
            self._page(f"patches/{self.patch_pages[patch.slug]}.html", "patch.html.j2", root="../", patch=patch,
                       entries=[self._entry(patch, tree) for tree in self.grid.trees],
                       vocabulary=_legend([cell for tree in self.grid.trees if (cell := self.grid.at(patch, tree))]))
        for tree in self.grid.trees:
            cells = [(patch, cell) for patch in self.grid.patches if (cell := self.grid.at(patch, tree))]
            self._page(f"trees/{self.tree_pages[tree.column]}.html", "tree.html.j2", root="../", tree=tree,
                       entries=[(patch, cell, said(cell)) for patch, cell in cells],
                       tally=tally([cell for _patch, cell in cells]),
                       vocabulary=_legend([cell for _patch, cell in cells]))

    def _page(self, name: str, template: str, **values: Any) -> None:
        made = self.templates.get_template(template).render(**values)
        self.put(name, made.encode("utf-8", errors="backslashreplace"))

    def put(self, name: str, data: bytes) -> None:
        """The file of this name below the site; where the last report has it with this content, or this one already has
        the content (the log of several cells), it is that file by another link."""
        place = self.directory / name
        digest = hashlib.sha256(data).digest()
        old = self.placed.setdefault(digest, place)
        for same in (old, self.before / name):
            if same != place and _holds(same, data):
                try:
                    place.hardlink_to(same)
                    return
                except OSError:                    # a file system without links, or too many of them
                    pass
        place.write_bytes(data)

    def _rows(self, bits: Mapping[str, int]) -> list[dict[str, Any]]:
        """The rows of the matrix: a number a tree says which words its cell has, for the filters; `quiet` ones are
        folded."""
        made: list[dict[str, Any]] = []
        urgent, rest = in_order(self.grid)
        fold = bool(urgent) and len(rest) >= _FOLDED
        for patch in (*urgent, *rest):
            cells = [self.grid.at(patch, tree) for tree in self.grid.trees]
            masks = ",".join(str(sum(bits[word] for word in set(plain_words(cell)))) if cell else "0" for cell in cells)
            made.append({"patch": patch, "cells": cells, "masks": masks, "quiet": fold and len(made) >= len(urgent)})
        return made

    def _changes(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """By kind; trees in which the same happened to a patch share an entry, each error stands once."""
        made = []
        shown: set[str] = set()
        for kind in ChangeKind if self.changes is not None else ():
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
                for error in change.errors:
                    if without_line(error) not in shown:
                        shown.add(without_line(error))
                        entry["errors"].append(error)
            if groups:
                made.append((kind.sign, TITLES[kind], list(groups.values())))
        return made

    def _entry(self, patch: PatchInfo, tree: TreeInfo) -> dict[str, Any]:
        cell = self.grid.at(patch, tree)
        made: dict[str, Any] = {"tree": tree, "cell": cell, "anchor": self.tree_pages[tree.column]}
        if cell is not None:
            name = f"{self.patch_pages[patch.slug]}--{self.tree_pages[tree.column]}"
            made |= entry(cell, self.put, name, self.marks.get((patch.slug, tree.column), ()),
                          self.nights)
            made["next"] = next_step(patch, cell)
        return made


def alone(template: str, **values: Any) -> bytes:
    """One page that is no part of a site, and can be sent to somebody as it is."""
    style, script = _asset("style.css"), _asset("app.js")
    made = _environment().get_template(template).render(
        style=Markup(style), script=Markup(script), csp=_policy(style, script), headline="", **values)
    return made.encode("utf-8", errors="backslashreplace")


def _environment() -> Environment:
    made = Environment(loader=PackageLoader("backport.report"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, finalize=_harmless)
    made.globals.update(side_by_side=_side_by_side, alone=_alone)
    return made


def _holds(path: Path, data: bytes) -> bool:
    """Whether a regular file is there with this content."""
    try:
        about = path.lstat()
        return stat.S_ISREG(about.st_mode) and about.st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


_SIDES = {"+": "add", "-": "del"}


def _side(side: DiffSide) -> str:
    """A cell of a hunk. HTML lets the end tags of rows and cells out, and these are thousands."""
    if side.kind == "@":
        return f'<td class="l at">{escape(visible(side.text))}'
    if not side.kind:
        return '<td class="l gap">'
    text = "".join(f"<mark>{escape(visible(text))}</mark>" if marked else escape(visible(text))
                   for text, marked in side.spans)
    if side.kind == " ":
        return f'<td class="l">{text}'
    return f'<td class="l {_SIDES.get(side.kind, "")}"><i>{escape(side.kind)}</i>{text}'


def _side_by_side(rows: Sequence[DiffRow]) -> Markup:
    """Table rows of two hunks. Here and not in a template: lines of hunks are most of a site, and a macro for each took
    most of its time."""
    return Markup("\n".join(f"<tr>{_side(row.left)}{_side(row.right)}" for row in rows))


def _alone(rows: Sequence[DiffRow]) -> Markup:
    """Table rows of one hunk."""
    return Markup("\n".join(f"<tr>{_side(row.right)}" for row in rows))


_OURS = (Markup, int)


def _harmless(value: object) -> object:
    """What every `{{ }}` goes through before it is escaped; mark-up that was made here passes."""
    return value if isinstance(value, _OURS) else visible(str(value))


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


def _legend(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """The words of a page, which never says `cached` (see plain_words)."""
    return [(word, meaning) for word, meaning in legend(cells) if word != "cached"]


def _counts(cells: Sequence[Cell]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in cells:
        for word in set(plain_words(cell)):
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
