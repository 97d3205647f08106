from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from backport.errors import InfraError, UserError
from backport.report import entry, html
from backport.results.run import SHOWN, Mark, PatchInfo
from backport.results.store import Results
from backport.verdict import Apply, Build, Sure
from tests.support import site
from tests.support.cells import HOSTILE, TREES, booted, cell, fill, rewritten, standard


class Page(HTMLParser):
    """What a browser would make of a page: elements, links, ids."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site.make(tmp_path_factory.mktemp("site"), 14).parent


def test_every_link_leads_somewhere_on_the_disk_and_nowhere_else(made: Path) -> None:
    pages = [made / "index.html", *(made / "patches").iterdir(), *(made / "trees").iterdir()]
    assert len(pages) == 1 + 14 + 10
    ids = {page: {attrs["id"] for _tag, attrs in Page(page).tags if "id" in attrs} for page in pages}
    for page in pages:
        for link in Page(page).of("a"):
            target, _, fragment = str(link["href"]).partition("#")
            file = (page.parent / unquote(target)).resolve() if target else page.resolve()
            assert file.is_file(), f"{page.name}: {link['href']}"
            assert file.is_relative_to(made.resolve())
            if fragment:
                assert fragment in ids[file], f"{page.name}: {link['href']}"
        assert not [attrs for tag, attrs in Page(page).tags if tag != "a" and ("src" in attrs or "href" in attrs)]
        assert len(ids[page]) == sum("id" in attrs for _tag, attrs in Page(page).tags)  # each id once


def test_only_the_style_and_the_script_of_the_page_may_run(made: Path) -> None:
    for page in (made / "index.html", made / "patches" / "toy-fix-3.html", made / "trees" / "linux-8.5.y.html"):
        source = page.read_text()
        policy = next(meta["content"] or "" for meta in Page(page).of("meta") if "http-equiv" in meta)
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        for tag in ("style", "script"):
            (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy
        assert not [attrs for _tag, attrs in Page(page).tags if any(name.startswith("on") for name in attrs)]
        assert not [attrs for _tag, attrs in Page(page).tags if "style" in attrs]


def test_hostile_text_is_text_everywhere(tmp_path: Path) -> None:
    evil = {"subject": HOSTILE, "reason": HOSTILE, "notes": (HOSTILE,), "command": HOSTILE, "base_version": HOSTILE,
            "base_commit": HOSTILE, "detail": {
                "evidence": [HOSTILE], "marked": [{"path": HOSTILE, "line": 1, "text": HOSTILE}], "build": {
                    "new": [{"level": HOSTILE, "path": HOSTILE, "line": 1, "text": HOSTILE, "detail": [HOSTILE]}],
                    "compiler": HOSTILE, "hint": HOSTILE, "uncompiled_text": [HOSTILE], "unproved": [HOSTILE],
                    "changes": {"functions": [{"name": HOSTILE, "object": HOSTILE}]}},
                "hunks": [{"path": HOSTILE, "landed_path": "x", "function": HOSTILE, "strategies": [HOSTILE],
                           "upstream": f"@@ {HOSTILE}\n-{HOSTILE}", "adapted": f"@@\n-{HOSTILE} x",
                           "notes": [HOSTILE]}]}}
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("../../" + HOSTILE, tree.name, Apply.MERGED, **evil) for tree in TREES[:2]])
        html.write(run, results.cells(run), tmp_path / "site")
    files = [path for path in (tmp_path / "site").rglob("*.html")]
    assert len(files) == 1 + 1 + 4
    for path in files:
        page = Page(path)
        assert len(page.of("script")) == 1
        assert path.parent.name == "trees" or "alert(1)" in " ".join(page.words)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", path.read_text())
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("r.")) == ["site"]


def test_file_names_are_harmless_and_different() -> None:
    given = ["fix", "Fix", "../../etc/passwd", "..", "a/b", "a\\b", "x" * 300, "x" * 301, "", "日本", "fix"]
    names = html.page_names(given)
    assert names["fix"] == "fix"
    assert len({name.lower() for name in names.values()}) == len(names)
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name), name
        assert len(name) < 100


def test_the_report_replaces_its_own_and_nothing_else(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        first = fill(results, [cell("old", "linux-9.1.y")])
        html.write(first, results.cells(first), tmp_path / "site")
        second = fill(results, [cell("new", "linux-9.1.y")])
        html.write(second, results.cells(second), tmp_path / "site")
        assert [path.name for path in (tmp_path / "site" / "patches").iterdir()] == ["new.html"]
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "thesis.txt").write_text("mine")
        with pytest.raises(UserError, match="not a backport report"):
            html.write(second, results.cells(second), tmp_path / "home")
        with pytest.raises(UserError, match="not a backport report"):
            html.write(second, results.cells(second), tmp_path / "home" / "thesis.txt")
        (tmp_path / "empty").mkdir()
        assert html.write(second, results.cells(second), tmp_path / "empty").is_file()
    assert (tmp_path / "home" / "thesis.txt").read_text() == "mine"


def test_a_report_that_cannot_take_its_place_leaves_the_old_one(tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("fix", "linux-9.1.y")])
        site = tmp_path / "site"
        html.write(run, results.cells(run), site)
        before = sorted(path.relative_to(site) for path in site.rglob("*"))
        real = Path.replace

        def replace(path: Path, to: Path) -> Path:
            if to == site and path.name != "old":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(path, to)

        monkeypatch.setattr(Path, "replace", replace)
        with pytest.raises(InfraError, match="Input/output error"):
            html.write(run, results.cells(run), site)
    assert sorted(path.relative_to(site) for path in site.rglob("*")) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_mail_and_whole_log_are_part_of_the_site(made: Path) -> None:
    name = "toy-fix-0--linux-8.7.y"
    assert (made / "mails" / f"{name}.patch").read_bytes() == rewritten().adapted
    assert (made / "logs" / f"{name}.txt").read_text().startswith("  CC      toys/file0.o\n")
    page = (made / "patches" / "toy-fix-0.html").read_text()
    assert "toys/file0.o" not in page
    assert "&lt;b&gt;last line&lt;/b&gt; \\x1b[31m" in page


def test_a_log_that_is_gone_is_no_link(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("p", "linux-9.1.y", log=str(tmp_path / "gone"))])
        html.write(run, results.cells(run), tmp_path / "site")
    assert "whole log" not in (tmp_path / "site" / "patches" / "p.html").read_text()


def test_what_booted_is_shown_side_by_side_with_its_serial_logs(tmp_path: Path) -> None:
    logs = tmp_path / "boots"
    logs.mkdir()
    for one in ("before-1", "before-2", "after-1"):
        (logs / f"{one}.log").write_text("kernel\n" * 40 + f"TAP version 13\n{one} says <b>\x1b[2Jnothing\r\n"
                                         + "later\n" * 20)
    (tmp_path / "secret.log").write_text("not part of the report")
    odd = booted("broke", directory=str(logs))
    odd["after"][1]["log"] = "../secret.log"
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("p", "linux-9.2.y", detail={"behaviour": booted(directory=str(logs))},
                                  notes=("behaviour: proved: because of the marbles",)),
                             cell("p", "linux-9.1.y", detail={"behaviour": odd}),
                             cell("p", "linux-8.9.y", detail={"behaviour": booted(directory="/nonexistent")})])
        html.write(run, results.cells(run), tmp_path / "site")
    page = Page(tmp_path / "site" / "patches" / "p.html")
    words = " ".join(" ".join(page.words).split())
    assert words.count("proved : because of the marbles") == 2           # and not once more as a note
    assert "ok control: the toy is there not ok a marble is counted ok a marble is counted" in words
    assert "(1 of 4 boots no boot: the kernel did not start; 3 of 4 boots answered)" in words
    assert "before-2 says <b>\\x1b[2Jnothing" in words                   # of a boot that counts, not of the flake
    assert "before-1 says" not in words
    assert 0 < words.count("kernel") < 20                                  # it begins with the reproducer
    links = [str(link["href"]) for link in page.of("a")]
    assert "../logs/p--linux-9.2.y--before-1.txt" in links
    assert "The logs have been removed." in words
    assert "not part of the report" not in "".join(path.read_text() for path in (tmp_path / "site" / "logs").iterdir())


def test_a_cell_that_is_not_there_yet(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, standard()[:2], finish=False)
        html.write(run, results.cells(run), tmp_path / "site")
    assert "running, 2 of 4 cells" in (tmp_path / "site" / "index.html").read_text()
    assert "The run has not reached this cell." in (tmp_path / "site" / "patches" / "toy-fix.html").read_text()


def test_a_night_in_which_nothing_changed_leaves_the_files_that_are_there(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("  CC      toys/toy.o\n")

    def files(night: int) -> dict[str, int]:
        run = results.begin(kind="nightly", patches=[PatchInfo("toy-fix"), PatchInfo("other")], trees=TREES[:2],
                            started=float(night) * 86400)
        for slug, outcome in (("toy-fix", Apply.OFFSET), ("other", Apply.OFFSET if night < 4 else Apply.CONFLICT)):
            for tree in TREES[:2]:
                results.record(run, cell(slug, tree.name, outcome, log=str(log), adapted=b"mail of " + slug.encode()))
        run = results.finish(run, 0)
        html.write(run, results.cells(run), tmp_path / "site", marks=results.marks(run))
        return {str(path.relative_to(tmp_path / "site")): path.stat().st_ino
                for path in (tmp_path / "site").rglob("*") if path.is_file()}

    with Results(tmp_path / "r.sqlite") as results:
        files(1)                                   # of the first night there is no history
        second, third, fourth = files(2), files(3), files(4)
    assert second.keys() == third.keys() == fourth.keys()
    assert {name for name in second if second[name] != third[name]} == {"index.html"}
    assert {name for name in third if third[name] != fourth[name]} == {
        "index.html", "patches/other.html", *(f"trees/{tree.name}.html" for tree in TREES[:2])}
    assert len({third[name] for name in third if name.startswith("logs/")}) == 1
    assert "since night 2" not in (tmp_path / "site" / "patches" / "toy-fix.html").read_text()
    assert "since night 1" in (tmp_path / "site" / "patches" / "toy-fix.html").read_text()


def test_history_is_told_in_words() -> None:
    def mark(run: int, apply: Apply, version: str, behaviour: str = "") -> Mark:
        return Mark(run, apply, Build.PASS if apply.good else Build.SKIPPED, Sure.CERTAIN, version, behaviour)
    told = entry.segments([mark(1, Apply.OFFSET, "9.1.1"), mark(2, Apply.OFFSET, "9.1.1"),
                          mark(3, Apply.OFFSET, "9.1.2"), mark(4, Apply.NO_TREE, ""), mark(5, Apply.ALREADY, "9.1.3"),
                          mark(6, Apply.OFFSET, "9.1.4", "proved"), mark(7, Apply.OFFSET, "9.1.4", "broke")])
    assert [(one.label, one.count, one.span, one.tone) for one in told] == [
        ("offset, pass", 3, "9.1.1 to 9.1.2", "good"), ("no-tree", 1, "", "none"), ("already", 1, "9.1.3", "quiet"),
        ("offset, pass, boot: proved", 1, "9.1.4", "good"), ("offset, pass, boot: broke", 1, "9.1.4", "bad")]
    assert [one.lasted(one is told[-1], "nights") for one in told] == ["3 nights", "", "", "", ""]
    (long,) = entry.segments([mark(run, Apply.OFFSET, "9.1.1") for run in range(7, 7 + SHOWN)])
    assert long.lasted(True, "nights") == "nights before 7 too"
