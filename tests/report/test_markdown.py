from __future__ import annotations

from pathlib import Path

from backport.report import markdown
from backport.results.store import Results
from backport.verdict import Apply
from tests.support.cells import HOSTILE, TREES, cell, fill, standard


def test_the_table_has_one_cell_a_tree_whatever_the_subject_holds(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("p", tree.name, subject="a | b || c \\| d", base_version=tree.version)
                             for tree in TREES])
        text = markdown.render(run, results.cells(run))
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    assert [row.replace("\\|", "").count("|") for row in rows] == [6, 6, 6]
    assert rows[0] == "| Patch | 9.2.y<br>9.2.8 | 9.1.y<br>9.1.107 | 8.9.y<br>8.9.262 | 8.0.y |"


def test_hostile_subjects_are_text(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell("p", tree.name, Apply.CONFLICT, subject=HOSTILE + " @team https://evil.invalid",
                                  reason="</details><img src=x>") for tree in TREES])
        text = markdown.render(run, results.cells(run))
    assert "<script" not in text.replace("\\<script", "")
    assert "&lt;script&gt;" in text  # in <summary>, where a backslash would not help
    assert "<img" not in text.replace("\\<img", "")
    assert text.count("</details>") == 1
    assert "@team" not in text.replace("\\@team", "")
    assert "https://" not in text


def test_it_fits_a_job_summary_and_says_what_is_missing(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [cell(f"p{number}", tree.name, Apply.CONFLICT, reason=f"{number} " + "word " * 300)
                             for number in range(700) for tree in TREES[:2]])
        text = markdown.render(run, results.cells(run))
    assert len(text.encode()) < 1 << 20
    assert text.rstrip().endswith("`backport show` prints it.")
    assert "| subject of p699 |" in text


def test_standard_matrix(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, standard())
        text = markdown.render(run, results.cells(run))
    assert ("| toy: Check for injected marbles before queuing | already | offset, pass | rewritten, pass, review "
            "| no-tree |") in text
