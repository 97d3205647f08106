from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.adapt.records import HunkStory
from backport.cell import Adapted, Cell
from backport.errors import InfraError, UserError
from backport.results import schema
from backport.results.rows import body
from backport.results.run import PatchInfo, TreeInfo, alive, process_mark
from backport.results.schema import MIGRATIONS
from backport.results.store import Results, default_path
from backport.verdict import Apply, Build, Sure
from tests.support.cells import HOSTILE, TREES, cell, failing, fill, rewritten, standard


def test_a_cell_comes_back_as_it_went_in(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin(patches=[PatchInfo("toy-fix")], trees=TREES)
        results.record(run, rewritten(subject=HOSTILE, adapted=b"\xff\x00 latin \xe9"))
        assert results.cells(run) == [rewritten(subject=HOSTILE, adapted=b"\xff\x00 latin \xe9")]


@given(subject=st.text(), reason=st.text(), slug=st.text(min_size=1), adapted=st.binary(),
       surrogate=st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_survives(subject: str, reason: str, slug: str, adapted: bytes, surrogate: str) -> None:
    with Results(":memory:") as results:
        run = results.begin()
        made = Cell(slug + surrogate, "linux-9.1.y", Apply.MERGED, subject=subject, reason=reason, log=surrogate,
                    adapted=adapted, adaptation=Adapted((HunkStory(surrogate, 0),)))
        results.record(run, made)
        assert results.cells(run) == [made]
        assert results.cell(run, made.patch, made.tree) == made


def test_cells_stand_in_the_order_of_the_plan(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin(patches=[PatchInfo("b"), PatchInfo("a")], trees=[TreeInfo("new"), TreeInfo("old")])
        for place in (("a", "old"), ("a", "new"), ("b", "old"), ("b", "new")):
            results.record(run, cell(*place))
        assert [(one.patch, one.tree) for one in results.cells(run)] == [
            ("b", "new"), ("b", "old"), ("a", "new"), ("a", "old")]


def test_a_known_answer_is_found_by_its_key_and_flagged(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin()
        results.record(run, rewritten(), key="k1")
        found = results.lookup("k1")
        assert found is not None
        assert found.cached
        assert found.adapted == rewritten().adapted
        assert results.lookup("k2") is None


def test_a_key_is_looked_up_by_its_index(tmp_path: Path) -> None:
    """A year of nights is two million cells; without the index, one answer that is read back took half a second."""
    with Results(tmp_path / "r.sqlite") as results:
        asked = []
        results._db.set_trace_callback(asked.append)
        results.lookup("k1")
        results._db.set_trace_callback(None)
        plan = [row[3] for row in results._rows(f"EXPLAIN QUERY PLAN {asked[-1]}")]
    assert any("USING INDEX answer_key" in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN")], plan


@pytest.mark.parametrize("made", [
    cell("p", "t", Apply.ERROR), cell("p", "t", Apply.NO_TREE), cell("p", "t", Apply.CLEAN, Build.ERROR)])
def test_an_error_is_never_an_answer(tmp_path: Path, made: Cell) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        results.record(results.begin(), made, key="k")
        assert results.lookup("k") is None


def test_an_answer_without_key_is_never_read_back(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        results.record(results.begin(), rewritten())
        assert results.lookup("") is None


def test_an_error_does_not_hide_the_older_answer(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        results.record(results.begin(), rewritten(), key="k")
        results.record(results.begin(), cell("toy-fix", "linux-8.9.y", Apply.CLEAN, Build.ERROR), key="k")
        found = results.lookup("k")
        assert found is not None
        assert found.apply is Apply.REWRITTEN


def test_same_answers_are_stored_once(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        for _night in range(3):
            fill(results, standard())
        assert results._rows("SELECT count(*) FROM body") == [(4,)]
        assert len(results.history("toy-fix", "linux-8.9.y")) == 3


def test_a_store_of_the_version_before_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nights of four cells, one of them another the second time, as version 3 kept them."""
    path = tmp_path / "r.sqlite"
    first = standard()
    second = [replace(first[0], reason="another night"), *first[1:]]
    with monkeypatch.context() as old:
        old.setattr(schema, "MIGRATIONS", MIGRATIONS[:3])
        with Results(path) as results:
            for cells in (first, second):
                run = results.begin(patches=[PatchInfo(one.patch) for one in cells], trees=TREES)
                for one in cells:
                    digest, data, adapted = body(one)
                    with results._transaction() as db:
                        db.execute("INSERT OR IGNORE INTO body VALUES (?, ?, ?)", (digest, data, adapted))
                        db.execute("INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, '')", (
                            run.id, one.patch, one.column, f"{one.patch} {one.column}", one.apply.value,
                            one.build.value, one.seconds, 1.0, digest, one.sure.value, one.base_version))
                results.finish(run, 0)
    with Results(path) as results:
        def places(cells: list[Cell]) -> dict[tuple[str, str], Cell]:
            return {(one.patch, one.column): one for one in cells}

        assert places(results.cells(1)) == places(first)
        assert places(results.cells(2)) == places(second)
        (place,) = [(one.patch, one.column) for one in first[:1]]
        assert [one.reason for _run, one in results.history(*place)] == [first[0].reason, "another night"]
        known = results.lookup(" ".join(place))
        assert known is not None
        assert known.reason == "another night"
        run = results.latest()
        assert run is not None
        assert {len(marks) for marks in results.marks(run).values()} == {2}
        assert results._rows("SELECT count(*) FROM answer") == [(5,)]
        assert results._rows("PRAGMA foreign_key_check") == []
        assert results.forget_runs(1) == 1
        assert results._rows("SELECT (SELECT count(*) FROM answer), (SELECT count(*) FROM body)") == [(4, 4)]


def test_a_cell_that_is_recorded_again_in_its_run_replaces_the_first(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin()
        results.record(run, rewritten(), key="k")
        results.record(run, cell("toy-fix", "linux-8.9.y", Apply.CLEAN), key="k")
        assert [one.apply for one in results.cells(run)] == [Apply.CLEAN]
        found = results.lookup("k")
        assert found is not None
        assert found.apply is Apply.CLEAN


def test_each_manifest_has_runs_of_its_own(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        old = fill(results, standard())                          # by a version that did not say
        mine = [fill(results, standard(), manifest="/me/trees.yaml") for _night in range(2)]
        theirs = fill(results, [failing("toy-fix", "linux-9.1.y")], manifest="/you/trees.yaml")
        assert [run.id for run in results.runs(manifest="/me/trees.yaml")] == [mine[1].id, mine[0].id, old.id]
        assert results.latest(manifest="/you/trees.yaml") == theirs
        assert results.latest() == theirs
        known = results.last_verdict("toy-fix", "linux-9.1.y", kind="run", before=99, manifest="/me/trees.yaml")
        assert known is not None
        assert known.build is Build.PASS
        assert len(results.history("toy-fix", "linux-9.1.y", manifest="/me/trees.yaml")) == 3
        assert {mark.run for mark in results.marks(mine[1])["toy-fix", "linux-9.1.y"]} == {1, 2, 3}
        assert results.old_runs(1) == [mine[0].id]               # one of each manifest stays


def test_a_watcher_reads_only_what_is_new(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        run = results.begin()
        assert results.cells_after(run, 0.0) == ([], 0.0)
        results.record(run, cell("a", "t", adapted=b"mail"))
        [first], moment = results.cells_after(run, 0.0)
        assert (first.patch, first.adapted) == ("a", b"")        # the mail is not what a line needs
        results.record(run, cell("b", "t"))
        [second], later = results.cells_after(run, moment)
        assert second.patch == "b"
        assert results.cells_after(run, later) == ([], later)


def test_kill_9_leaves_what_was_known(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys, time
        from backport.results.store import Results
        from backport.results.run import PatchInfo
        from tests.support.cells import TREES, rewritten
        results = Results(sys.argv[1])
        run = results.begin(patches=[PatchInfo("toy-fix")], trees=TREES)
        results.record(run, rewritten())
        results.progress(run, "linux-9.1.y toy-fix: build")
        print("ready", flush=True)
        while True:
            results.record(run, rewritten())
    """)
    path = tmp_path / "r.sqlite"
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    with Results(path) as results:  # a reader while it works
        run = results.latest()
        assert run is not None
        assert run.state == "running"
        assert run.current == "linux-9.1.y toy-fix: build"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with Results(path) as results:
        run = results.latest()
        assert run is not None
        assert run.state == "interrupted"
        assert results.cells(run) == [rewritten()]
        assert fill(results, standard()).state == "finished"


def test_threads_and_a_second_connection_write_together(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with Results(path) as one, Results(path) as two:
        run = one.begin()
        def work(results: Results, name: str) -> None:
            for number in range(25):
                results.record(run, cell(f"{name}{number}", "t"))
        threads = [threading.Thread(target=work, args=pair) for pair in ((one, "a"), (one, "b"), (two, "c"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(two.cells(run)) == 75


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(UserError, match="newer backport"):
        Results(path)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_text("this is not a data base, however you look at it" * 50)
    with pytest.raises(InfraError, match="is damaged: file is not a database") as met:
        Results(path)
    assert ".recover" in met.value.hint
    assert path.read_text().startswith("this is not")


@pytest.mark.parametrize("damage", [b"\0\x11\x22", zlib.compress(b"not json"), zlib.compress(b"[1]"),
                                    zlib.compress(b'{"patch": 1}'), zlib.compress(b"{}")])
def test_one_damaged_cell_is_told_and_computed_again(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "r.sqlite"
    with Results(path) as results:
        run = fill(results, [rewritten()])
        (good,) = results.cells(run)
        results.record(run, replace(good, patch="other"), key="k")
        results._rows("UPDATE body SET data = ? WHERE sha256 IN (SELECT body FROM cell WHERE patch = ?)",
                      (damage, "other"))
        cells = {cell.patch: cell for cell in results.cells(run)}
        assert cells[good.patch] == good
        assert (cells["other"].apply, cells["other"].tree) == (Apply.ERROR, good.tree)
        assert "damaged" in cells["other"].reason
        assert results.lookup("k") is None
        with pytest.raises(InfraError, match="damaged cells"):
            results.logs()


def test_a_store_that_is_damaged_inside_is_the_disks_fault(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with Results(path) as results:
        run = fill(results, [rewritten()])
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(InfraError, match="is damaged") as met, Results(path) as results:
        results.cells(run)
    assert met.value.exit_code == 3


def test_a_place_that_cannot_be_written_names_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfraError, match=r"file/r\.sqlite"):
        Results(tmp_path / "file" / "r.sqlite")


def test_the_environment_moves_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BACKPORT_STATE", str(tmp_path))
    assert default_path() == tmp_path / "results.sqlite"


def test_forgetting_keeps_the_newest_of_each_kind(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        runs = [fill(results, [rewritten(notes=(str(number),))], kind=kind)
                for number, kind in enumerate(("nightly", "run", "run", "nightly", "run"))]
        assert results.forget_runs(keep=2) == 1
        assert [run.id for run in results.runs()] == [runs[4].id, runs[3].id, runs[2].id, runs[0].id]
        assert results.forget_runs(keep=1) == 2
        assert results._rows("SELECT count(*) FROM body") == [(2,)]


def test_memory(tmp_path: Path) -> None:
    with Results(tmp_path / "r.sqlite") as results:
        assert results.recall("x", 5) == 5
        results.remember("x", ["a", 1])
    with Results(tmp_path / "r.sqlite") as results:
        assert results.recall("x") == ["a", 1]


def test_a_process_is_told_from_another_with_its_number() -> None:
    assert alive(process_mark())
    host, number, start = process_mark().rsplit(":", 2)
    assert not alive(f"{host}:{number}:{int(start) - 1}")
    assert alive(f"some.other.host:{number}:1")
    assert not alive("")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not alive(process_mark(child))  # a zombie does no work
    os.waitpid(child, 0)
    assert cell("p", "t").sure is Sure.CERTAIN


def test_a_disk_that_cannot_be_written_is_no_damaged_store(tmp_path: Path) -> None:
    """`ulimit -f` is what a full disk is: the cure is not to move the results away."""
    code = "import sys; from backport.results.store import Results; Results(sys.argv[1])"
    done = subprocess.run(["bash", "-c", 'ulimit -f 1 && exec "$@"', "bash", sys.executable, "-c", code,
                           str(tmp_path / "r.sqlite")], capture_output=True, text=True, check=False)
    assert "InfraError" in done.stderr
    assert "free some space" in done.stderr
    assert "move it away" not in done.stderr
