"""Cells on the workers of a Dask scheduler: who keeps which tree, who is refused, and what a lost worker costs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import backport
from backport import cluster
from backport.cell import Cell
from backport.cluster import Member, assign, differences
from backport.errors import InfraError
from backport.pool import Executor
from backport.results.store import Results
from backport.verdict import Apply
from tests.support.desk import NEW, OLD, Desk

HOME = Path(next(iter(backport.__path__))).parent
FIVE = {"7.2": 40, "6.18": 40, "6.12": 40, "6.1": 40, "5.10": 40}


def four(**named: Any) -> list[Member]:
    return [Member(f"tcp://{n}", f"host{n}", **named) for n in range(4)]


def test_every_tree_is_kept_by_one_worker_and_no_worker_is_idle() -> None:
    kept = assign(FIVE, four(), builds=True)
    assert kept.keys() == FIVE.keys()
    assert {len(where) for where in kept.values()} == {1}
    assert Counter(where[0] for where in kept.values()).most_common(1)[0][1] == 2


def test_a_tree_goes_where_it_is_warm_but_not_all_of_them_to_one() -> None:
    members = [*four()[:3], Member("tcp://warm", "host9", warm=frozenset(FIVE))]
    kept = assign(FIVE, members, builds=True)
    assert 1 <= sum(where == ["tcp://warm"] for where in kept.values()) <= 2
    assert assign({"6.1": 3}, members, builds=True)["6.1"][0] == "tcp://warm"


def test_named_trees_are_kept_by_who_names_them() -> None:
    members = [Member("tcp://a", "a", declared=frozenset(["6.1"])), Member("tcp://b", "b")]
    kept = assign(FIVE, members, builds=True)
    assert kept["6.1"] == ["tcp://a"]
    assert {where[0] for tree, where in kept.items() if tree != "6.1"} == {"tcp://b"}
    # nobody else is left: better there than never
    assert assign(FIVE, members[:1], builds=True) == {tree: ["tcp://a"] for tree in FIVE}
    assert assign(FIVE, [], builds=True) == {}


def test_two_workers_share_a_tree_but_not_a_build_on_one_machine() -> None:
    here = [Member("tcp://a", "one"), Member("tcp://b", "one")]
    assert sorted(assign({"6.1": 9}, here, builds=False)["6.1"]) == ["tcp://a", "tcp://b"]
    assert assign({"6.1": 9}, here, builds=True)["6.1"] == ["tcp://a"]
    assert len(assign({"6.1": 9}, [here[0], Member("tcp://c", "two")], builds=True)["6.1"]) == 2


def test_what_differs_is_named() -> None:
    assert differences({"git": "2.39.5", "its code": "a" * 64}, {"git": "2.47.0", "its code": "a" * 64}) \
        == "git is 2.47.0, here 2.39.5"
    assert differences({}, {"the rule x.yaml": "b" * 64}) == "the rule x.yaml is bbbbbbbbbbbb, here none"
    assert differences({"git": "1"}, {"git": "1"}) == ""


def test_without_dask_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    desk.patch("good", OLD, NEW)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InfraError, match=r"(?s)distributed.*pip install 'kernel-backport\[dask\]'"):
        desk.run("--no-build", "--tree", "9.1", "--scheduler", "tcp://127.0.0.1:1")
    desk.run("--no-build", "--tree", "9.1")
    # what is known is read back without asking the scheduler
    _code, cells = desk.run("--no-build", "--tree", "9.1", "--scheduler", "tcp://127.0.0.1:1")
    assert [cell["cached"] for cell in cells.values()] == [True]


# In a worker: as if the machine went away inside a cell. The file that it makes says that it got so far.
HANGS = """
import pathlib, time, backport.cluster
def compute(*args):
    pathlib.Path("reached").touch()
    time.sleep(600)
backport.cluster.compute = compute
"""


class Machines:
    """A scheduler and workers as processes, on loopback, with TLS."""

    def __init__(self, path: Path) -> None:
        trustme = pytest.importorskip("trustme")
        self.path, self.children = path, list[subprocess.Popen[bytes]]()
        authority, own = trustme.CA(), None
        own = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(path / "ca.pem")
        own.private_key_pem.write_to_path(path / "key.pem")
        for blob in own.cert_chain_pems:
            blob.write_to_path(path / "cert.pem", append=True)
        self.tls = [word for name, file in (("ca-file", "ca"), ("cert", "cert"), ("key", "key"))
                    for word in (f"--tls-{name}", str(path / f"{file}.pem"))]

    def start(self, name: str, *words: str, code: Path = HOME) -> subprocess.Popen[bytes]:
        with (self.path / f"{name}.log").open("wb") as log:
            self.children.append(subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{words[0]}", *words[1:], *self.tls, "--no-dashboard",
                 "--scheduler-file", str(self.path / "scheduler.json")], cwd=self.path, stdout=log, stderr=log,
                env={**os.environ, "PYTHONPATH": str(code), "BACKPORT_CACHE": str(self.path / "cache")}))
        return self.children[-1]

    def worker(self, name: str, *words: str, code: Path = HOME) -> subprocess.Popen[bytes]:
        return self.start(name, "worker", "--nthreads", "1", "--no-nanny", "--memory-limit", "0", *words, code=code)

    def said(self, name: str, text: str) -> None:
        self.wait(lambda: text in (self.path / f"{name}.log").read_text(), name)

    def wait(self, true: Any, what: str) -> None:
        end = time.monotonic() + 300
        while not true():
            assert time.monotonic() < end, f"{what}: not in five minutes"
            assert self.children[0].poll() is None, (self.path / "scheduler.log").read_text()
            time.sleep(0.1)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    made = Machines(tmp_path)
    try:
        yield made
    finally:
        for child in made.children:
            child.kill()
            child.wait()


def test_a_worker_is_lost_and_another_is_of_another_version(
        machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dask = pytest.importorskip("dask", reason="the extra `dask` is not installed")
    desk = Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        desk.patch(f"good{number}", OLD, f"\tif (vcpu->pending > {number})\n")
    desk.patch("bad", "\treturn", "\n\treturn")
    args = ("--no-build", "--tree", "9.2", "--tree", "9.1", "--tree", "9.0")
    code, local = desk.run(*args)

    other = tmp_path / "other"
    shutil.copytree(HOME / "backport", other / "backport", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "backport" / "carry.py").open("a") as file:
        file.write("# another version\n")
    (tmp_path / "hangs.py").write_text(HANGS)
    machines.start("scheduler", "scheduler", "--host", "tls://127.0.0.1", "--port", "0")
    lost = machines.worker("lost", "--preload", str(tmp_path / "hangs.py"))
    machines.worker("stays")
    machines.worker("old", code=other)
    for name in ("lost", "stays", "old"):
        machines.said(name, "Registered to")
    address = json.loads((tmp_path / "scheduler.json").read_text())["address"]

    def kill() -> None:
        machines.wait((tmp_path / "reached").exists, "a cell of the worker that is killed")
        lost.kill()

    recorded: Counter[tuple[str, str]] = Counter()
    real = Results.record

    def record(self: Results, run: Any, cell: Cell, *, key: str = "") -> None:
        recorded[cell.patch, cell.tree] += 1
        real(self, run, cell, key=key)

    said: list[str] = []
    monkeypatch.setattr(Results, "record", record)
    monkeypatch.setattr(cluster, "explain", said.append)
    killer = threading.Thread(target=kill)
    killer.start()
    with dask.config.set({"distributed.comm.tls.ca-file": str(tmp_path / "ca.pem"),
                          "distributed.comm.tls.client.cert": str(tmp_path / "cert.pem"),
                          "distributed.comm.tls.client.key": str(tmp_path / "key.pem")}):
        again, cells = desk.run(*args, "--force", "--scheduler", address)
    killer.join()

    def answers(cells: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
        return {key: {name: value for name, value in cell.items() if name != "seconds"} for key, cell in cells.items()}

    assert again == code
    assert answers(cells) == answers(local)
    assert len(cells) == 15
    assert set(recorded.values()) == {1}
    assert recorded.keys() == cells.keys()
    assert [text for text in said if text.endswith("is lost; its cells are computed elsewhere")] == said[1:]
    assert len(said) == 2
    assert "is refused: its code is " in said[0]


def test_the_workers_of_this_machine_and_those_of_a_cluster_are_taken_the_same_way() -> None:
    from backport.cluster import Cluster
    from backport.pool import _Processes

    kinds: list[type[Executor]] = [Cluster, _Processes]        # mypy compares the signatures
    assert all(callable(getattr(kind, name)) for kind in kinds for name in ("submit", "room", "look"))


class _Lost:
    """A result whose worker is lost before it is fetched: asked for it, Dask waits until it is cancelled."""

    def __init__(self, meanwhile: Any) -> None:
        self.meanwhile = meanwhile

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        self.meanwhile()
        raise CancelledError


def test_an_answer_whose_worker_is_lost_before_it_is_fetched_is_sent_again(tmp_path: Path) -> None:
    """It was forgotten as soon as it was there: nobody sent it again, and the run never ended."""
    pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    made = object.__new__(cluster.Cluster)
    made.context = SimpleNamespace(cache=tmp_path)  # type: ignore[assignment]
    made._lock, made._sent = threading.Lock(), {}
    sent = cluster._Sent(job=None, before=(), outward=Future())  # type: ignore[arg-type]
    made._sent[sent.outward] = sent

    def look() -> None:
        assert list(made._sent.values()) == [sent]          # so look() finds it
        sent.inner = again                                   # ... and sends it again

    answer = cluster.Computed(Cell("fix", "linux-6.1.y", Apply.CLEAN), {})
    again = type("Done", (), {"cancelled": lambda _self: False, "result": lambda _self: answer})()
    sent.inner = first = _Lost(look)
    made._ended(sent, first)
    assert not sent.outward.done()
    made._ended(sent, again)
    assert sent.outward.result(timeout=0) is answer.cell
    assert made._sent == {}
