"""Does the tree have the change already? Every witness, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.check.present import Present, merged, present
from backport.git import Git
from backport.patch.parse import parse
from tests.support.gitrepo import TestRepo

BEFORE = b"""int stop(struct unit *u)
{
\tint ret = prepare(u);

\tlog_start(u, ret);
\twait_for(u);
\treturn ret;
}

int start(struct unit *u)
{
\twait_for(u);
\treturn 0;
}
"""
AFTER = BEFORE.replace(b"\twait_for(u);\n\treturn ret;", b"\twait_for(u);\n\tflush_all(u);\n\treturn ret;")
# the line before the change reads differently, so the reverse of the patch does not apply
OTHER_WORDS = b"log_start(u, ret)", b"log_start(u)"


def asked(path: Path, before: dict[str, bytes | None], after: dict[str, bytes | None], here: dict[str, bytes | None],
          *, known: bool = True, options: tuple[str, ...] = ()) -> Present:
    repo = TestRepo(path)
    old = repo.commit(before)
    new = repo.commit(after)
    head = repo.commit(here)
    patch = parse(repo.git.run("diff", "--binary", *options, old, new).out)
    files = {p: data for p, data in before.items() if data is not None} if known else {}
    try:
        return present(repo.git, head, patch, files)
    finally:
        repo.git.close()


def test_a_change_under_other_context_is_there_by_three_way_merge(tmp_path: Path) -> None:
    answer = asked(tmp_path, {"a.c": BEFORE}, {"a.c": AFTER}, {"a.c": AFTER.replace(*OTHER_WORDS)})
    assert answer.whole
    assert answer.evidence == ("a.c: in this tree already: a three-way merge of upstream's change into this file "
                               "changes nothing",)


def test_the_same_line_in_another_function_is_not_the_change(tmp_path: Path) -> None:
    elsewhere = BEFORE.replace(b"\twait_for(u);\n\treturn 0;", b"\twait_for(u);\n\tflush_all(u);\n\treturn 0;")
    answer = asked(tmp_path, {"a.c": BEFORE}, {"a.c": AFTER}, {"a.c": elsewhere})
    assert not answer.there
    assert "a three-way merge" in answer.lacking["a.c"]


def test_without_upstream_s_file_the_reverse_has_to_apply_in_its_own_function(tmp_path: Path) -> None:
    assert asked(tmp_path / "a", {"a.c": BEFORE}, {"a.c": AFTER}, {"a.c": AFTER}, known=False).whole
    answer = asked(tmp_path / "b", {"a.c": BEFORE}, {"a.c": AFTER}, {"a.c": AFTER.replace(*OTHER_WORDS)}, known=False)
    assert answer.lacking == {"a.c": "the reverse of the patch does not apply"}
    moved = AFTER.replace(b"int stop(", b"int halt(")
    answer = asked(tmp_path / "c", {"a.c": BEFORE}, {"a.c": AFTER}, {"a.c": moved}, known=False)
    assert answer.lacking == {"a.c": "the reverse of the patch applies only elsewhere"}


def test_that_something_is_not_there_is_no_witness_by_itself(tmp_path: Path) -> None:
    gone = BEFORE.replace(b"\tlog_start(u, ret);\n", b"")
    alone = asked(tmp_path / "a", {"a.c": BEFORE}, {"a.c": gone}, {"a.c": gone})
    assert alone.there
    assert not alone.whole
    both = asked(tmp_path / "b", {"a.c": BEFORE, "b.c": BEFORE}, {"a.c": gone, "b.c": AFTER},
                 {"a.c": gone, "b.c": AFTER})
    assert both.whole
    assert both.weak == {"a.c"}


def test_one_file_that_lacks_it_is_enough(tmp_path: Path) -> None:
    answer = asked(tmp_path, {"a.c": BEFORE, "b.c": BEFORE}, {"a.c": AFTER, "b.c": AFTER},
                   {"a.c": AFTER, "b.c": BEFORE})
    assert not answer.whole
    assert (set(answer.there), set(answer.lacking)) == ({"a.c"}, {"b.c"})


@pytest.mark.parametrize(("before", "after", "here", "there"), [
    ({"a": None, "k": b"x\n"}, {"a": b"new\n"}, {"a": b"new\n"}, True),
    ({"a": None, "k": b"x\n"}, {"a": b"new\n"}, {"a": b"mine\n"}, False),
    ({"a": b"old\n"}, {"a": None}, {"k": b"x\n"}, True),
    ({"a": b"old\n"}, {"a": None}, {"a": b"old\n"}, False),
    ({"a": b"\0old"}, {"a": b"\0new"}, {"a": b"\0new"}, True),
    ({"a": b"\0old"}, {"a": b"\0new"}, {"a": b"\0mine"}, False),
], ids=["created", "created otherwise", "deleted", "not deleted", "binary", "binary otherwise"])
def test_whole_files(tmp_path: Path, before: dict[str, bytes | None], after: dict[str, bytes | None],
                     here: dict[str, bytes | None], there: bool) -> None:
    repo = {path: data for path, data in before.items() if data is not None}
    answer = asked(tmp_path, dict(repo), after, here)
    assert ("a" in answer.there) is there
    assert ("a" in answer.lacking) is not there


def test_a_rename_is_there_only_where_the_old_name_is_gone(tmp_path: Path) -> None:
    moved: dict[str, bytes | None] = {"old.c": None, "new.c": BEFORE}
    assert asked(tmp_path / "a", {"old.c": BEFORE}, moved, {"k": b"x\n"}, options=("-M",)).whole is True
    kept = asked(tmp_path / "b", {"old.c": BEFORE}, moved, {"old.c": BEFORE}, options=("-M",))
    assert kept.lacking == {"new.c": "the file is still old.c"}


def test_a_merge_that_conflicts_is_none(tmp_path: Path) -> None:
    repo = TestRepo(tmp_path)
    assert merged(repo.git, b"mine\n", b"base\n", b"theirs\n") is None
    assert merged(repo.git, b"1\nmine\n3\n4\n5\n", b"1\nbase\n3\n4\n5\n", b"1\nbase\n3\n4\nfive\n") == \
        b"1\nmine\n3\n4\nfive\n"
    repo.git.close()


def test_git_is_needed_only_where_the_added_lines_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_git = []
    monkeypatch.setattr(Git, "run", lambda self, *args, _run=Git.run, **kw: asked_git.append(args[0]) or _run(
        self, *args, **kw))
    assert not asked(tmp_path, {"a.c": BEFORE}, {"a.c": AFTER}, {"a.c": BEFORE.replace(*OTHER_WORDS)}).there
    assert "merge-file" not in asked_git
