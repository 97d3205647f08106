"""Histories in which a backport is more or less than one commit: squashed, split, reverted, reapplied, moved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from backport.audit.commits import commit_changes
from backport.audit.kinds.registry import findings
from backport.audit.pairing import Counts
from backport.git import Git
from tests.support.audited import GADGET, HEADER, TOOL, WIDGET, C, Edits, H, together
from tests.support.histories import Repo

SEND = "\tret = widget_write(w, data, size);\n"
RECV = "\tret = widget_read(w, data, size);\n"
LINES = "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n"
MORE = "\tif (!w->tries)\n\t\treturn -EBUSY;\n"
FIX: Edits = ((C, SEND, LINES + SEND),)
MISPLACED: Edits = ((C, RECV, LINES + RECV),)
OTHER: Edits = ((C, "\tw->sent += size;\n", "\tw->sent += ret;\n"),)
TWO: Edits = (*OTHER, (C, "\tw->received += size;\n", "\tw->received += ret;\n"))
GADGETS: Edits = ((TOOL, "\tgadget_flush(g);\n", "\tgadget_flush(g);\n\tgadget_settle(g);\n"),)


def undone(edits: Edits) -> Edits:
    return tuple((path, new, old) for path, old, new in reversed(edits))


class Story:
    """Mainline and linux-6.1.y, which begin alike; what `here` gets is audited."""

    def __init__(self, path: Path, *, moved: bool = False) -> None:
        self.repo = Repo(path)
        self.path = path
        files = {C: WIDGET, H: HEADER, TOOL: GADGET}
        make = "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 7\n"
        self.repo.files["main"] = {"Makefile": make, **files}
        self.repo.commit("main", "start")
        self.repo.branch("linux-6.1.y", "main")
        if moved:
            self.repo.files["main"] = {"Makefile": make, **{self.new(path): text for path, text in files.items()}}
            self.repo.commit("main", "widget: move the driver")
        self.start = self.repo.empty("linux-6.1.y", "Linux 6.1.7")

    @staticmethod
    def new(path: str) -> str:
        return path.replace("drivers/demo/", "drivers/misc/demo/")

    def upstream(self, edits: Edits, subject: str = "widget: fix it", body: str = "It was wrong.") -> str:
        return together(self.repo, "main", edits, f"{subject}\n\n{body}\n")

    def here(self, edits: Edits, *upstream: str, subject: str = "widget: fix it", body: str = "It was wrong.") -> str:
        names = "".join(f"[ Upstream commit {sha} ]\n" for sha in upstream)
        return together(self.repo, "linux-6.1.y", edits, f"{subject}\n\n{names}\n{body}\n")

    def found(self) -> list[tuple[str, str]]:
        """(class, upstream commit) of each finding."""
        with Git(self.path) as git:
            changes = commit_changes(git, f"{self.start}..linux-6.1.y", Counts(), lambda _what, _at, _of: None)
            return [(one.kind.id, one.change.origin.upstream) for one in findings(changes)]


def kinds(found: Iterable[tuple[str, str]]) -> set[str]:
    return {kind for kind, _ in found}


def test_two_picks_squashed_into_one_commit_are_each_compared(tmp_path: Path) -> None:
    story = Story(tmp_path)
    first, second = story.upstream(FIX), story.upstream(GADGETS, "gadget: settle it")
    story.here((*FIX, *GADGETS), first, second)
    assert story.found() == []


def test_the_misplaced_half_of_a_squash_is_found_for_its_own_upstream_commit(tmp_path: Path) -> None:
    story = Story(tmp_path)
    first, second = story.upstream(GADGETS, "gadget: settle it"), story.upstream(FIX)
    story.here((*GADGETS, *MISPLACED), first, second)
    assert story.found() == [("another-function", second)]


def test_a_commit_left_out_of_a_squash_that_names_it_is_found(tmp_path: Path) -> None:
    story = Story(tmp_path)
    first, second = story.upstream(GADGETS, "gadget: settle it"), story.upstream(TWO)
    story.here((*GADGETS, *OTHER), first, second)
    assert story.found() == [("left-out", second)]


def test_a_follow_up_squashed_into_the_fix_is_no_deviation(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    later = story.upstream(((C, LINES, LINES + MORE),), "widget: fix the fix",
                           f"Fixes: {fix[:12]} (\"widget: fix it\")")
    story.here(((C, SEND, LINES + MORE + SEND),), fix, later)
    assert story.found() == []


def test_a_follow_up_that_rewrites_the_fix_squashed_into_it(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    better = LINES.replace("ktime_get()", "ktime_get_boottime()")
    later = story.upstream(((C, LINES, better),), "widget: fix the fix", f"Fixes: {fix[:12]} (\"widget: fix it\")")
    story.here(((C, SEND, better + SEND),), fix, later)
    assert story.found() == []


def test_a_follow_up_that_is_in_the_tree_without_a_name_is_not_missing(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    story.upstream(((C, LINES, LINES + MORE),), "widget: fix the fix", f"Fixes: {fix[:12]} (\"widget: fix it\")")
    story.here(((C, SEND, LINES + MORE + SEND),), fix, body="[ with the later fix of mainline squashed in ]")
    assert story.found() == []


def test_a_follow_up_whose_lines_stand_elsewhere_is_missing(tmp_path: Path) -> None:
    """Its only line is one that the file has ten times."""
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    later = story.upstream(((C, LINES, LINES + "\tmutex_unlock(&w->lock);\n"),), "widget: unlock it",
                           f"Fixes: {fix[:12]} (\"widget: fix it\")")
    story.here(FIX, fix)
    assert story.found() == [("follow-up", fix)], later


def test_a_backport_in_two_commits_is_whole(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(TWO)
    story.here(TWO[:1], fix, subject="widget: fix it, part one")
    story.here(TWO[1:], fix, subject="widget: fix it, part two")
    assert story.found() == []


def test_one_block_in_two_commits_is_whole(tmp_path: Path) -> None:
    story = Story(tmp_path)
    lines = [line + "\n" for line in ("\tw->tries = widget_tries(w);", "\tw->stamp = ktime_get();",
                                      "\tw->length = size;")]
    fix = story.upstream(((C, SEND, "".join(lines) + SEND),))
    story.here(((C, SEND, lines[0] + lines[2] + SEND),), fix, subject="widget: fix it, part one")
    story.here(((C, lines[0], lines[0] + lines[1]),), fix, subject="widget: fix it, part two")
    assert story.found() == []


def test_what_neither_of_two_commits_has_is_left_out(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream((*TWO, *GADGETS))
    story.here(TWO[:1], fix, subject="widget: fix it, part one")
    story.here(GADGETS, fix, subject="widget: fix it, part two")
    assert kinds(story.found()) == {"left-out"}


def test_a_backport_that_was_taken_back_is_not_looked_at(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(TWO)
    mine = story.here(OTHER, fix)
    story.here(undone(OTHER), subject='Revert "widget: fix it"',
               body=f"This reverts commit {mine} which is commit {fix} upstream.")
    assert story.found() == []


def test_a_revert_that_quotes_the_changelog_is_no_backport_of_it(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    story.here(FIX, fix)
    story.here(undone(FIX), fix, subject='Revert "widget: fix it"', body="This reverts commit 0123456789ab.")
    assert story.found() == []


def test_a_backported_revert_is_compared_with_the_revert(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(TWO)
    mine = story.here(TWO, fix)
    back = story.upstream(undone(TWO), 'Revert "widget: fix it"', f"This reverts commit {fix}.")
    story.here(undone(TWO)[:1], back, subject='Revert "widget: fix it"', body=f"This reverts commit {mine}.")
    assert story.found() == [("left-out", back)]


def test_a_revert_of_a_revert_brings_the_fix_again(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    first = story.here(FIX, fix)
    back = story.here(undone(FIX), subject='Revert "widget: fix it"',
                      body=f"This reverts commit {first} which is commit {fix} upstream.")
    story.here(FIX, fix, subject='Reapply "widget: fix it"', body=f"This reverts commit {back}.")
    assert story.found() == []


def test_a_fix_that_comes_again_in_the_wrong_place_is_found(tmp_path: Path) -> None:
    story = Story(tmp_path)
    fix = story.upstream(FIX)
    first = story.here(FIX, fix)
    back = story.here(undone(FIX), subject='Revert "widget: fix it"',
                      body=f"This reverts commit {first} which is commit {fix} upstream.")
    story.here(MISPLACED, fix, subject='Revert "Revert "widget: fix it""', body=f"This reverts commit {back}.")
    assert "another-function" in kinds(story.found())


def moved(edits: Edits) -> Edits:
    return tuple((Story.new(path), old, new) for path, old, new in edits)


def test_a_file_that_upstream_moved_is_the_same_file(tmp_path: Path) -> None:
    story = Story(tmp_path, moved=True)
    story.here(FIX, story.upstream(moved(FIX)))
    assert story.found() == []


def test_a_misplaced_change_of_a_file_that_upstream_moved_is_found(tmp_path: Path) -> None:
    story = Story(tmp_path, moved=True)
    fix = story.upstream(moved(FIX))
    story.here(MISPLACED, fix)
    assert story.found() == [("another-function", fix)]


def test_a_newer_branch_with_the_change_in_another_commit_does_not_lack_it(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.repo.branch("linux-6.6.y", "main")
    story.repo.files["linux-6.6.y"]["Makefile"] = "VERSION = 6\nPATCHLEVEL = 6\nSUBLEVEL = 1\n"
    story.repo.commit("linux-6.6.y", "Linux 6.6.1")
    fix = story.upstream(FIX)
    story.here(FIX, fix)
    together(story.repo, "linux-6.6.y", (*FIX, *GADGETS), "demo: several fixes\n\nSquashed.\n")
    assert story.found() == []
