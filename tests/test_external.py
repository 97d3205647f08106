"""An external proposer: what it is asked, what becomes of its answer, and what it cannot do."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest

from backport.adapt.records import Adaptation
from backport.errors import UserError
from backport.external import External, command, identity
from backport.manifest import Command, load
from backport.verdict import Apply, Sure
from tests.support.adapting import file_diff, result, run

DOCS = Path(__file__).parent.parent / "docs" / "proposers.md"
BEFORE = (b"int stop(struct unit *u)\n{\n\tint ret = 0;\n\n\tfirst(u);\n\ttimer_delete(&u->timer);\n\tlast(u);\n"
          b"\treturn ret;\n}\n")
AFTER = BEFORE.replace(b"\ttimer_delete(&u->timer);\n", b"\tif (u->armed)\n\t\ttimer_delete(&u->timer);\n")
TARGET = BEFORE.replace(b"timer_delete(", b"del_timer(").replace(b"first(u);", b"first(u);\n\town(u);\n\tmore(u);")
# nothing that the built-in proposers could merge: the place is written in other words
FAR = TARGET.replace(b"\tdel_timer(&u->timer);\n", b"\tstop_it_all(u, 1, 2);\n")


def program(tmp_path: Path, text: str) -> Command:
    path = tmp_path / "propose.py"
    path.write_text(text)
    return Command((sys.executable, str(path)))


def replies(tmp_path: Path, answer: object) -> Command:
    return program(tmp_path, f"import sys\nsys.stdin.read()\nprint({json.dumps(answer)!r})\n")


def asked(tmp_path: Path, run_it: Command, target: bytes = FAR) -> tuple[Adaptation, External]:
    proposer = External(run_it)
    return run(BEFORE, AFTER, target, proposers=(proposer,)), proposer


def test_the_example_of_the_documentation_answers_what_would_be_declined(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    target = BEFORE.replace(b"timer_delete(", b"del_timer(")
    built_in = ("rules",)                                # those that could answer it as well are left out
    proposer = External(program(tmp_path, example[1]))
    assert run(BEFORE, AFTER, target, strategies=built_in).outcome is Apply.CONFLICT
    answer = run(BEFORE, AFTER, target, strategies=built_in, proposers=(proposer,))
    assert result(answer, target) == AFTER.replace(b"timer_delete(", b"del_timer(")
    assert answer.sure is Sure.REVIEW
    assert answer.hunks[0].strategies == (proposer.name,)


def test_it_is_named_and_for_review_and_goes_through_the_checks(tmp_path: Path) -> None:
    good = FAR.replace(b"\tstop_it_all(u, 1, 2);\n", b"\tif (u->armed)\n\t\tstop_it_all(u, 1, 2);\n")
    assert run(BEFORE, AFTER, FAR).outcome is Apply.CONFLICT
    answer, proposer = asked(tmp_path, replies(tmp_path, {"file": good.decode()}))
    assert result(answer, FAR) == good
    assert answer.sure is Sure.REVIEW
    assert answer.hunks[0].strategies == (proposer.name,)
    broken = good.replace(b"\treturn ret;\n}\n", b"\treturn ret;\n")
    answer, _ = asked(tmp_path, replies(tmp_path, {"file": broken.decode()}))
    assert answer.outcome is Apply.CONFLICT, "a function that no longer parses"


def test_a_diff_is_an_answer_and_one_that_does_not_apply_is_told(tmp_path: Path) -> None:
    good = FAR.replace(b"\tstop_it_all(u, 1, 2);\n", b"\tif (u->armed)\n\t\tstop_it_all(u, 1, 2);\n")
    diff = file_diff("a.c", FAR, good).decode()
    answer, _ = asked(tmp_path, replies(tmp_path, {"diff": diff}))
    assert answer.outcome is Apply.MERGED, answer.reason
    _, proposer = asked(tmp_path, replies(tmp_path, {"diff": diff.replace("own(u)", "other(u)")}))
    assert "does not apply" in proposer.failures[0]


@pytest.mark.parametrize(("text", "said"), [
    ("print('{')", "not JSON"),
    ("print('[]')", "not a JSON object"),
    ("print('{\"file\": 1}')", "not a JSON object"),
    ("import sys; sys.stderr.write('no idea\\n'); sys.exit(3)", "exit 3: no idea"),
    ("import sys; sys.stdout.write('x' * 9000000)", "more than"),
    ("print('{\"file\": \"\\\\ud800\"}')", "not text"),
])
def test_what_goes_wrong_is_told_and_the_hunk_stays_declined(tmp_path: Path, text: str, said: str) -> None:
    answer, proposer = asked(tmp_path, program(tmp_path, text))
    assert answer.outcome is Apply.CONFLICT
    assert said in proposer.failures[0]


def test_its_time_is_limited_and_nothing_of_it_stays(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    text = ("import subprocess, sys, time\n"
            f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            f"open({str(pid)!r}, 'w').write(str(child.pid))\ntime.sleep(600)\n")
    only = program(tmp_path, text)
    answer, proposer = asked(tmp_path, Command(only.argv, seconds=2))
    assert answer.outcome is Apply.CONFLICT
    assert "no answer in 2 s" in proposer.failures[0]
    for _ in range(100):                                 # a killed process stays until somebody asks for it
        state = Path(f"/proc/{pid.read_text()}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        os.kill(int(pid.read_text()), 9)
        pytest.fail("what the program started still runs")


def test_it_is_not_asked_where_there_is_an_answer(tmp_path: Path) -> None:
    mark = tmp_path / "asked"
    answer, _ = asked(tmp_path, program(tmp_path, f"open({str(mark)!r}, 'w')\nprint('{{}}')"), BEFORE)
    assert answer.outcome is Apply.CLEAN
    assert not mark.exists()


def test_the_question_has_both_files_and_the_names(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    asked(tmp_path, program(tmp_path, f"import sys\nopen({str(seen)!r}, 'w').write(sys.stdin.read())\nprint('{{}}')"))
    question = json.loads(seen.read_text())
    assert question["tree"] == "tree"
    assert (question["path"], question["upstream_path"], question["number"]) == ("a.c", "a.c", 1)
    assert question["target"].encode() == FAR
    assert question["upstream_before"].encode() == BEFORE
    assert question["upstream_after"].encode() == AFTER
    assert question["hunk"].startswith("@@ -")


def test_the_key_has_the_content_of_what_is_run(tmp_path: Path) -> None:
    first = identity(program(tmp_path, "print(1)"))
    assert identity(program(tmp_path, "print(1)")) == first
    assert identity(program(tmp_path, "print(2)")) != first
    assert identity(Command(first[2], version="2")) != identity(Command(first[2]))


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    assert command("python3 'a b' '$(x)'").argv == ("python3", "a b", "$(x)")
    with pytest.raises(UserError, match="no program"):
        command("no-such-program-here --x")
    with pytest.raises(UserError, match="proposer"):
        command("python3 'open")


def test_the_manifest_names_one(tmp_path: Path) -> None:
    (tmp_path / "propose.py").write_text("")
    text = ("trees:\n- name: linux-5.10.y\n  sources:\n  - local: x\n"
            "proposer:\n  command: [python3, propose.py, --fast]\n  name: mine\n  seconds: 5\n")
    path = tmp_path / "trees.yaml"
    path.write_text(text)
    found = load(path).proposer
    assert found == Command(("python3", str(tmp_path / "propose.py"), "--fast"), "mine", "", 5)
    path.write_text(text.replace("seconds: 5", "seconds: soon"))
    with pytest.raises(UserError, match="seconds"):
        load(path)
