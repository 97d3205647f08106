"""What the applier says, on small repositories made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from backport.check import check
from backport.git import Git
from backport.patch.parse import parse
from backport.verdict import Apply, Sure
from tests.support.gitrepo import TestRepo

BODY = "\tif (a)\n\t\tgo();\n\tif (b)\n\t\tstop();\n\treturn 0;\n"


def function(name: str, body: str = BODY) -> str:
    return f"int {name}(struct v *v)\n{{\n{body}}}\n\n"


def source(*names: str, top: int = 0, body: dict[str, str] | None = None) -> bytes:
    """A C file with one function a name, all alike, below `top` lines."""
    text = "".join(f"#define LINE_{i}\n" for i in range(top)) + "\n"
    return (text + "".join(function(name, (body or {}).get(name, BODY)) for name in names)).encode()


FIXED = BODY.replace("if (b)", "if (b || c)")


@pytest.fixture
def repo(tmp_path: Path) -> TestRepo:
    return TestRepo(tmp_path / "made-up")


def upstream_patch(repo: TestRepo, before: bytes, after: bytes, path: str = "f.c") -> bytes:
    old = repo.commit({path: before}, "upstream before")
    new = repo.commit({path: after}, "upstream after")
    return repo.diff(old, new)


def test_clean_and_offset(repo: TestRepo) -> None:
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}))
    same = repo.commit({"f.c": source("one")})
    lower = repo.commit({"f.c": source("one", top=30)})
    assert check(repo.git, same, parse(diff)).outcome is Apply.CLEAN
    moved = check(repo.git, lower, parse(diff))
    assert moved.outcome is Apply.OFFSET
    assert (moved.hunks[0].offset, moved.hunks[0].line) == (30, 33)
    assert moved.hunks[0].function == "one"


def test_already_is_not_a_conflict(repo: TestRepo) -> None:
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}))
    assert check(repo.git, "HEAD", parse(diff)).outcome is Apply.ALREADY


def test_another_function_is_suspect(repo: TestRepo) -> None:
    """git apply returns 0 for a hunk that lands in the function above; the pre-image tells."""
    before = source("one", "two", body={"one": FIXED})
    diff = upstream_patch(repo, before, source("one", "two", body={"one": FIXED, "two": FIXED}))
    tree = repo.commit({"f.c": source("one", "two", body={"two": BODY.replace("if (b)", "if (d)")})})
    with_preimage = check(repo.git, tree, parse(diff), {"f.c": before})
    assert with_preimage.outcome is Apply.SUSPECT
    assert "lands in one()" in with_preimage.reason
    assert "upstream changed two()" in with_preimage.reason


def test_a_hunk_at_the_top_of_a_function_is_not_suspect_for_its_header(repo: TestRepo) -> None:
    """The header of such a hunk names the function before (facts: git apply)."""
    before = source("one", "two")
    changed = BODY.replace("if (a)", "if (a && v)")
    diff = upstream_patch(repo, before, source("one", "two", body={"two": changed}))
    assert b"@@ int one" in diff
    tree = repo.commit({"f.c": source("one", "two", top=4)})
    for upstream in ({}, {"f.c": before}):
        result = check(repo.git, tree, parse(diff), upstream)
        assert (result.outcome, result.hunks[0].function) == (Apply.OFFSET, "two")


@pytest.mark.parametrize("top", [0, 30])
def test_behind_the_last_function_the_header_names_it_and_nothing_is_suspect(repo: TestRepo, top: int) -> None:
    """A comment, or indented macros, at the end of a file: the context has no boundary."""
    end = b"/*\n" + b"".join(b" * %c\n" % letter for letter in b"abcdefghij") + b" */\n"
    diff = upstream_patch(repo, source("one") + end, source("one") + end.replace(b" * g", b" * G"))
    assert b"@@ int one" in diff
    tree = repo.commit({"f.c": source("one", top=top) + end})
    result = check(repo.git, tree, parse(diff))
    assert result.outcome is (Apply.OFFSET if top else Apply.CLEAN), result.reason
    # and in another function's end it still is
    other = repo.commit({"f.c": source("one") + source("two") + end})
    assert check(repo.git, other, parse(diff)).outcome is Apply.SUSPECT


def test_fits_both_ways_is_suspect(repo: TestRepo) -> None:
    before = source("one", "two")
    diff = upstream_patch(repo, before, source("one", "two", body={"one": FIXED}))
    tree = repo.commit({"f.c": source("one", "two", body={"two": FIXED})})
    result = check(repo.git, tree, parse(diff), {"f.c": before})
    assert result.outcome is Apply.SUSPECT
    assert "forward and in reverse" in result.reason


def test_the_other_table_is_suspect(repo: TestRepo) -> None:
    fields = "\t.n = 0,\n" * 4 + "\t.b = {b},\n" + "\t.z = 4,\n" * 4
    table = "static const struct ops {name} = {{\n" + fields + "}};\n\n"

    def tables(first: int, second: int) -> bytes:
        return (table.format(name="first", b=first) + table.format(name="second", b=second)).encode()

    diff = upstream_patch(repo, tables(9, 2), tables(9, 5))
    tree = repo.commit({"f.c": tables(2, 8)})
    result = check(repo.git, tree, parse(diff), {"f.c": tables(9, 2)})
    assert result.outcome is Apply.SUSPECT


@pytest.mark.parametrize("known", [True, False])
def test_another_entry_of_a_file_that_is_no_c_is_suspect(repo: TestRepo, known: bool) -> None:
    entry = "config {name}\n\tbool\n\tdepends on A\n\tdepends on B\n\tselect C\n\thelp\n\t  Say N.\n\n"
    before = (entry.format(name="ONE").replace("depends on B", "depends on D") + entry.format(name="TWO")).encode()
    diff = upstream_patch(repo, before, before[:90] + before[90:].replace(b"select C", b"select E"), "Kconfig")
    tree = repo.commit({"Kconfig": (entry.format(name="ONE") + entry.format(name="THREE")
                                    .replace("select C", "select F")).encode()})
    result = check(repo.git, tree, parse(diff), {"Kconfig": before} if known else {})
    assert result.outcome is Apply.SUSPECT
    assert "lands in config ONE" in result.reason
    assert "upstream changed config TWO" in result.reason
    there = repo.commit({"Kconfig": (entry.format(name="ONE").replace("select C", "select E")
                                     + entry.format(name="THREE").replace("select C", "select F")).encode()})
    back = check(repo.git, there, parse(diff), {"Kconfig": before} if known else {})
    assert back.outcome is Apply.CONFLICT            # the reverse fits, and not where upstream changed it


def test_a_hunk_that_names_no_section_and_had_to_move_fits_at_one_place_only(repo: TestRepo) -> None:
    entry = "{name}\nM:\tA <a@example.org>\nL:\tlist@example.org\nS:\tMaintained\nF:\t{path}\n\n"
    diff = (b"--- a/MAINTAINERS\n+++ b/MAINTAINERS\n@@ -90,3 +90,4 @@\n L:\tlist@example.org\n S:\tMaintained\n"
            b"+T:\tgit x\n F:\tone/\n")
    one = entry.format(name="ONE", path="one/") + entry.format(name="TWO", path="two/")
    assert check(repo.git, repo.commit({"MAINTAINERS": one.encode()}), parse(diff)).outcome is Apply.OFFSET
    both = repo.commit({"MAINTAINERS": one.replace("two/", "one/").encode()})
    result = check(repo.git, both, parse(diff))
    assert result.outcome is Apply.SUSPECT
    assert "there is no evidence that this is where upstream changed it" in result.reason


def test_two_places_in_one_function_need_review(repo: TestRepo) -> None:
    once = source("one")
    twice = source("one", body={"one": BODY.replace("\treturn 0;\n", "") + BODY})
    diff = (b"diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -4,4 +4,4 @@ int one(struct v *v)\n"
            b" \tif (a)\n \t\tgo();\n-\tif (b)\n+\tif (b || c)\n \t\tstop();\n")
    tree = repo.commit({"f.c": twice})
    result = check(repo.git, tree, parse(diff), {"f.c": once})
    assert result.outcome is Apply.CLEAN
    assert result.sure is Sure.REVIEW
    assert "2 places" in result.notes[0]


def test_user_configuration_changes_nothing(repo: TestRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """apply.ignoreWhitespace in a user's file makes git apply take what it would refuse."""
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}))
    tree = repo.commit({"f.c": source("one").replace(b"\t", b"        ")})
    config = tmp_path / "home" / ".gitconfig"
    config.parent.mkdir()
    config.write_text("[apply]\n\tignoreWhitespace = change\n[core]\n\tautocrlf = true\n")
    monkeypatch.setenv("HOME", str(config.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    assert check(repo.git, tree, parse(diff)).outcome is Apply.CONFLICT


def test_a_bare_repository_inside_another_one(repo: TestRepo, tmp_path: Path) -> None:
    """Below another repository git apply prints "Skipped patch" and returns 0 for what does not apply."""
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}))
    repo.commit({"f.c": b"other\n"})
    inner = repo.path / "inner"
    repo.git.run("clone", "--quiet", "--bare", str(repo.path), str(inner))
    with Git(inner) as git:
        assert check(git, "HEAD", parse(diff)).outcome is Apply.CONFLICT


def test_an_enclosing_git_command_is_not_followed(repo: TestRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hook GIT_DIR and GIT_INDEX_FILE point at another repository."""
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}))
    same = repo.commit({"f.c": source("one")})
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    assert check(repo.git, same, parse(diff)).outcome is Apply.CLEAN


def test_nothing_is_written_to_the_store(repo: TestRepo) -> None:
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}))
    tree = repo.commit({"f.c": source("one", top=5)})
    before = repo.git.run("count-objects").text
    check(repo.git, tree, parse(diff))
    assert repo.git.run("count-objects").text == before


def test_a_path_through_a_symbolic_link_is_refused(repo: TestRepo) -> None:
    diff = upstream_patch(repo, source("one"), source("one", body={"one": FIXED}), path="dir/f.c")
    (repo.path / "dir" / "f.c").unlink()
    (repo.path / "dir").rmdir()
    (repo.path / "dir").symlink_to("/etc")
    tree = repo.commit({})
    assert check(repo.git, tree, parse(diff)).outcome is Apply.CONFLICT


def test_new_file_that_exists_and_deleted_file_that_does_not(repo: TestRepo) -> None:
    base = repo.commit({"other.c": b"x\n"})
    added = repo.commit({"new.c": b"int a;\n"})
    diff = repo.diff(base, added)
    assert check(repo.git, base, parse(diff)).outcome is Apply.CLEAN
    assert check(repo.git, added, parse(diff)).outcome is Apply.ALREADY
    other = repo.commit({"new.c": b"int b;\n"})
    assert check(repo.git, other, parse(diff)).outcome is Apply.CONFLICT
    assert check(repo.git, base, parse(repo.diff(added, base))).outcome is Apply.ALREADY


def test_a_change_of_mode_alone_fits_where_the_file_has_the_old_mode(repo: TestRepo) -> None:
    """git apply only warns about another mode, so forward and reverse both seem to fit."""
    before = repo.commit({"run.sh": b"true\n"})
    repo.git.run("update-index", "--chmod=+x", "run.sh")
    repo.git.run("commit", "-q", "-m", "mode")
    after = repo.git.run("rev-parse", "HEAD").text
    diff = repo.git.run("diff", before, after).out
    assert check(repo.git, before, parse(diff)).outcome is Apply.CLEAN
    assert check(repo.git, after, parse(diff)).outcome is Apply.ALREADY


@pytest.mark.parametrize("header", [b"--- a/n.c\n+++ b/n.c\n", b"--- a/n.c\t(revision 0)\n+++ b/n.c\t(working copy)\n"])
def test_a_new_file_that_both_sides_name_is_created(repo: TestRepo, header: bytes) -> None:
    tree = repo.commit({"f.c": source("one")})
    result = check(repo.git, tree, parse(header + b"@@ -0,0 +1,2 @@\n+int n;\n+int m;\n"))
    assert (result.outcome, result.sure) == (Apply.CLEAN, Sure.CERTAIN)
    assert result.hunks[0].line == 1
    there = repo.commit({"n.c": b"int other;\n"})
    assert check(repo.git, there, parse(header + b"@@ -0,0 +1 @@\n+int n;\n")).outcome is Apply.CONFLICT


def test_a_hunk_without_old_lines_does_not_create_a_file_that_it_changes(repo: TestRepo) -> None:
    """git apply does: a `diff -U0` insertion at line 10 becomes a new file of one line where the tree has none."""
    tree = repo.commit({"f.c": source("one")})
    result = check(repo.git, tree, parse(b"--- a/n.c\n+++ b/n.c\n@@ -10,0 +11 @@\n+int n;\n"))
    assert result.outcome is Apply.INVALID
    assert "n.c: hunk 1 has no context" in result.reason


@pytest.mark.parametrize(("top", "sure"), [(0, Sure.CERTAIN), (16, Sure.REVIEW)])
def test_the_second_of_two_equal_places_is_not_the_first(repo: TestRepo, top: int, sure: Sure) -> None:
    """As many places here as upstream, and git takes the one that is nearer to the header's line."""
    part = "\tbegin(v);\n\tnow(v);\n\tthen(v);\n\tif (a)\n\t\tgo();\n\tend(v);\n\tdone(v);\n"

    def one(first: str, second: str, between: int, above: int) -> bytes:
        amid = "".join(f"\tmid_{i}(v);\n" for i in range(between))
        return source("one", body={"one": first + amid + second + "\treturn 0;\n"}, top=above)

    changed = part.replace("if (a)", "if (a || b)")
    before = one(part, part, 12, 0)
    diff = upstream_patch(repo, before, one(part, changed, 12, 0))
    tree = repo.commit({"f.c": one(part, part, 3, top)})
    answer = check(repo.git, tree, parse(diff), {"f.c": before})
    assert (answer.outcome, answer.sure) == (Apply.OFFSET, sure), answer.hunks
