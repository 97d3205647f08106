"""The command as a person meets it: what it prints, keeps and writes, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from backport.audit.pairing import Counts, release_changes
from backport.commands.audit import command
from backport.errors import UserError
from backport.git import Git
from backport.replay.delta import tree_delta
from tests.support.audited import WIDGET, C, H, audit, planted, releases

FAULT = planted("in the function below")


def run(*args: str) -> int:
    return int(command.main(list(args), standalone_mode=False) or 0)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose last commit of linux-6.1.y is a misplaced backport; we stand beside it."""
    audit(FAULT, tmp_path / "clone")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "gitconfig").write_text("[user]\n\tname = A Person\n\temail = person@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    return tmp_path / "clone"


def found(clone: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> dict[str, str]:
    assert run("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone), "-f", "json") == 1
    (one,) = json.loads(capsysbinary.readouterr().out)["findings"]
    return dict(one)


def test_the_report_shows_both_places_and_says_what_the_tool_makes_of_it(
        clone: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone)) == 1
    out = capsysbinary.readouterr().out.decode()
    assert "upstream changed widget_send(); here the lines are in widget_recv()" in out
    assert "the tool puts it into widget_send(), certain" in out
    assert "1 commits, 1 files, 1 changes; 1 have a counterpart upstream, 1 of them are equal line by line" in out


def test_a_clone_that_one_stands_in_needs_no_option(clone: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.chdir(clone)
    assert run("linux-6.1.y~1..linux-6.1.y") == 1
    assert b"1 to look at" in capsysbinary.readouterr().out


def test_the_page_has_both_hunks_beside_each_other(clone: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone), "-f", "html") == 1
    page = capsysbinary.readouterr().out.decode()
    assert page.startswith("<!doctype html>")
    assert page.count('<td class="l add"><i>+</i>\tw-&gt;tries = widget_tries(w);') == 2
    assert "the tool puts it into widget_send(), certain" in page


def test_lines_are_shown_as_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """What the report quotes has to be found with grep."""
    audit(planted("a line of the middle left out"), tmp_path / "clone")
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path / "cache"))
    assert run("linux-6.1.y~1..linux-6.1.y", "--repo", str(tmp_path / "clone")) == 1
    out = capsysbinary.readouterr().out.decode()
    assert "upstream adds `w->users = size;` to widget_send()" in out
    assert "\n   +\tw->users = size;\n" in out


def test_an_accepted_finding_is_kept_with_its_reason_and_does_not_count(
        clone: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    key = found(clone, capsysbinary)["id"]
    again = ("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone))
    assert run(*again, "--accept", key, "--why", "it's: needed # there") == 0
    assert run(*again) == 0
    out = capsysbinary.readouterr().out.decode()
    assert "accepted: another-function" in out
    assert "it's: needed # there" in out
    assert Path(".backport-audit.yaml").read_text().count("- id:") == 1


def test_an_id_is_accepted_without_another_audit(clone: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The id stands in the mail of a night, which nobody wants to compute again."""
    key = found(clone, capsysbinary)["id"]
    assert run("--accept", key, "--why", "looked at") == 0
    assert run("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone)) == 0
    with pytest.raises(UserError, match="'1' is no id of a finding"):
        run("--accept", "1", "--why", "looked at")


def test_accept_without_a_reason_is_refused(clone: Path) -> None:
    with pytest.raises(Exception, match="--accept needs --why"):
        run("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone), "--accept", "1")


def test_the_mail_moves_the_lines_and_cites_what_was_read(
        clone: Path, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    one = found(clone, capsysbinary)
    assert run("linux-6.1.y~1..linux-6.1.y", "--repo", str(clone), "--mail", one["id"], "-s", "-o", "fix.patch") == 0
    mail = Path("fix.patch").read_text()
    upstream = str(one["upstream"]["name"])                      # type: ignore[index]
    here = str(one["here"]["commit"])                            # type: ignore[index]
    assert f"Subject: [PATCH 6.1.y] widget: fix misplaced hunk of {upstream[:12]}" in mail
    assert f'Fixes: {here[:12]} ("widget: fix it")' in mail
    assert "Signed-off-by: A Person <person@example.org>" in mail
    with Git(clone) as git:
        git.run("read-tree", "linux-6.1.y", env={"GIT_INDEX_FILE": str(tmp_path / "index")})
        git.run("apply", "--cached", str(tmp_path / "fix.patch"), env={"GIT_INDEX_FILE": str(tmp_path / "index")})
        blob = git.run("show", f":{C}", env={"GIT_INDEX_FILE": str(tmp_path / "index")}).text
    send = blob[blob.index("static int widget_send"):blob.index("static int widget_recv")]
    assert "w->tries = widget_tries(w);" in send
    assert blob.count("widget_tries") == 1


def test_a_range_that_names_nothing_is_the_users_mistake(clone: Path) -> None:
    with pytest.raises(UserError, match="names no commits"):
        run("v9.9..v9.10", "--repo", str(clone))


MOVED = "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n"
SEND = "\tret = widget_write(w, data, size);\n"
RECV = "\tret = widget_read(w, data, size);\n"
GOOD, BAD = WIDGET.replace(SEND, MOVED + SEND), WIDGET.replace(RECV, MOVED + RECV)


def between(tmp_path: Path, **files: str) -> tuple[list[str], Counts]:
    """(texts of the findings, what was counted) of 6.1.1 to 6.1.2, against the branches of `files`: version -> file."""
    from backport.audit.kinds.registry import findings

    trees = {name[1:].replace("_", "."): {C: text} for name, text in files.items()}
    git = releases(tmp_path / "store", trees)
    newer = [[v for v in trees if not v.startswith("6.1.")]]
    counts = Counts()
    return [one.text for one in findings(release_changes(git, ["6.1.1", "6.1.2"], newer, counts))], counts


def test_releases_tell_of_a_change_in_another_function(tmp_path: Path) -> None:
    found, counts = between(tmp_path, v6_1_1=WIDGET, v6_1_2=BAD, v6_12_1=WIDGET, v6_12_2=GOOD)
    assert found == ["upstream changed widget_send(); here the lines are in widget_recv(), and widget_send() is "
                     "without them"]
    assert (counts.files, counts.paired) == (1, 1)


def test_what_nothing_was_compared_with_is_said(tmp_path: Path) -> None:
    """Nothing to look at, because nobody could look: 6.1.176 beside 6.12.90, which had it all already."""
    from backport.audit.report import unjudged
    from backport.audit.result import audited

    _, counts = between(tmp_path, v6_1_1=WIDGET, v6_1_2=GOOD, v6_12_1=GOOD, v6_12_2=GOOD)
    (said,) = unjudged(audited("6.1.1 to 6.1.2", counts, (), {}))
    assert said.startswith("1 changes were not judged: no step of a newer branch has them; ")


def test_a_newer_branch_that_was_put_right_since_stands_for_nothing(tmp_path: Path) -> None:
    """The step of the newer branch was the wrong one: its last release does not have the lines there."""
    from backport.audit.kinds.registry import findings

    git = releases(tmp_path / "store", {"6.1.1": {C: WIDGET}, "6.1.2": {C: GOOD}, "6.12.1": {C: WIDGET},
                                        "6.12.2": {C: BAD}, "6.12.3": {C: GOOD}})
    newer = [["6.12.1", "6.12.2", "6.12.3"]]
    assert list(findings(release_changes(git, ["6.1.1", "6.1.2"], newer, Counts()))) == []


def test_a_step_that_was_taken_back_stands_for_nothing(tmp_path: Path) -> None:
    from backport.audit.kinds.registry import findings

    git = releases(tmp_path / "store", {"6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}, "6.12.1": {C: WIDGET},
                                        "6.12.2": {C: GOOD}, "6.12.3": {C: WIDGET}})
    newer = [["6.12.1", "6.12.2", "6.12.3"]]
    assert list(findings(release_changes(git, ["6.1.1", "6.1.2"], newer, Counts()))) == []


def test_another_branch_that_has_it_as_here_makes_it_right(tmp_path: Path) -> None:
    """Mainline moved the lines later, and this tree took both steps at once: struct ata_link in 6.12."""
    from backport.audit.kinds.registry import findings

    git = releases(tmp_path / "store", {"6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}, "6.12.1": {C: WIDGET},
                                        "6.12.2": {C: GOOD}, "7.1.1": {C: BAD}})
    newer = [["6.12.1", "6.12.2"], ["7.1.1"]]
    assert list(findings(release_changes(git, ["6.1.1", "6.1.2"], newer, Counts()))) == []


def test_equal_releases_have_no_findings(tmp_path: Path) -> None:
    found, counts = between(tmp_path, v6_1_1=WIDGET, v6_1_2=GOOD, v6_12_1=WIDGET, v6_12_2=GOOD)
    assert found == []
    assert (counts.paired, counts.equal) == (1, 1)


def test_lines_in_another_file(tmp_path: Path) -> None:
    """Definitions that belong into the header are in the middle of a function, as in cdc-acm of 6.12.86."""
    from backport.audit.kinds.registry import findings

    head = "#define QUIRK_ONE BIT(1)\n#define QUIRK_TWO BIT(2)\n#define QUIRK_THREE BIT(3)\n\nint widget_run(void);\n"
    new = "#define QUIRK_VENDOR_CLASS BIT(4)\n#define QUIRK_ALWAYS_POLL BIT(5)\n"
    good = head.replace("\n\n", f"\n{new}\n")
    git = releases(tmp_path / "store", {
        "6.1.1": {C: WIDGET, H: head}, "6.1.2": {C: WIDGET.replace(SEND, new + SEND), H: head},
        "6.12.1": {C: WIDGET, H: head}, "6.12.2": {C: WIDGET, H: good}})
    (one,) = findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))
    assert (one.kind.id, one.change.upstream.path) == ("another-file", H)


def test_a_function_that_is_in_another_file_here_is_no_mistake(tmp_path: Path) -> None:
    """mptcp_pm_free_anno_list() of 6.12, which mainline moved from pm_netlink.c to pm.c."""
    from backport.audit.kinds.registry import findings

    other = "drivers/demo/other.c"
    moved = WIDGET[WIDGET.index("static int widget_send"):WIDGET.index("static int widget_recv")]
    rest = "static int users;\n\n" + moved.replace("widget_send", "widget_later")
    here, there = {C: WIDGET, other: rest}, {C: WIDGET.replace(moved, ""), other: rest + moved}
    new = {**there, other: rest + moved.replace(SEND, MOVED + SEND)}
    git = releases(tmp_path / "store", {"6.1.1": here, "6.1.2": {**here, C: GOOD}, "6.12.1": there, "6.12.2": new})
    assert list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))) == []


def test_a_branch_whose_first_release_ends_another_step_is_asked_in_its_last_one(tmp_path: Path) -> None:
    """Against 6.18.1..7.1.1 and 7.1.1..7.1.2, the branch is at 7.1.2."""
    from backport.audit.kinds.registry import findings

    git = releases(tmp_path / "store", {"6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}, "6.18.1": {C: WIDGET},
                                        "7.1.1": {C: WIDGET}, "7.1.2": {C: GOOD}})
    newer = [["6.18.1", "7.1.1"], ["7.1.1", "7.1.2"]]
    (one,) = findings(release_changes(git, ["6.1.1", "6.1.2"], newer, Counts()))
    assert one.kind.id == "another-function"


def test_only_the_directories_of_what_changed_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step from one branch to the next changes most of the kernel."""
    from backport.audit import pairing

    far, near = "fs/far/file.c", "drivers/demo/[near].c"
    trees = {"6.1.1": {C: WIDGET, near: WIDGET}, "6.1.2": {C: GOOD, near: WIDGET},
             "6.12.1": {C: WIDGET, far: WIDGET, near: WIDGET, "drivers/demo/sub/file.c": WIDGET},
             "6.12.2": {C: GOOD, far: GOOD, near: GOOD, "drivers/demo/sub/file.c": GOOD}}
    read: list[str] = []
    plain = tree_delta

    def noted(*args: object) -> dict[str, object]:
        found = plain(*args)                                     # type: ignore[arg-type]
        read.extend(found)
        return dict(found)
    monkeypatch.setattr(pairing, "tree_delta", noted)
    git = releases(tmp_path / "store", trees)
    assert len(list(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))) == 1
    assert sorted(set(read)) == [near, C]


@pytest.mark.parametrize(("newer", "count"), [(["6.12.1", "6.12.2"], 1), (["6.12.1", "6.13.2"], 0)])
def test_a_merge_window_says_nothing_of_a_line_that_stayed(tmp_path: Path, newer: list[str], count: int) -> None:
    """gflags2str() of 6.12: mainline added one flag and took another one away, in two commits."""
    from backport.audit.kinds.registry import findings

    old, new = "\tw->received += size;\n", "\twidget_account(w, w->received += size);\n"
    git = releases(tmp_path / "store", {
        "6.1.1": {C: WIDGET}, "6.1.2": {C: WIDGET.replace(old, old + new)},
        newer[0]: {C: WIDGET}, newer[1]: {C: WIDGET.replace(old, new)},
        "6.18.1": {C: WIDGET}, "6.18.2": {C: WIDGET.replace(old, new)}})
    branches = [newer, ["6.18.1", "6.18.2"]] if count else [newer]
    found = list(findings(release_changes(git, ["6.1.1", "6.1.2"], branches, Counts())))
    assert [one.kind.id for one in found] == ["leftover"] * count


def test_a_part_that_upstream_took_away_tells_nothing(tmp_path: Path) -> None:
    """perf_free_event() of 6.12 got put_event(); mainline has no such function any more, and another put_event()."""
    from backport.audit.kinds.registry import findings

    tail = WIDGET[WIDGET.index("static int widget_recv"):WIDGET.index("static const struct widget_ops widget_ops")]
    git = releases(tmp_path / "store", {
        "6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}, "6.12.1": {C: WIDGET}, "6.12.2": {C: GOOD.replace(tail, "")}})
    assert list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))) == []


def test_a_line_that_another_branch_of_the_function_has_is_not_applied_twice(tmp_path: Path) -> None:
    """target_cmd_init_cdb() of 5.10 sets the pointer at its top as well, and its caller does so upstream."""
    from backport.audit.kinds.registry import findings

    line = "\t\tw->position_of_the_last_message = &w->own_position[0];\n"
    here = WIDGET.replace("\tint ret;\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EMSGSIZE;\n",
                          f"\tint ret;\n\n{line[1:]}\tif (size > WIDGET_MAX)\n\t\treturn -EMSGSIZE;\n")
    assert here != WIDGET
    end, new = "\tw->received += size;\n", line[1:] + "\tw->received += size;\n"
    git = releases(tmp_path / "store", {"6.1.1": {C: here}, "6.1.2": {C: here.replace(end, new)},
                                        "6.12.1": {C: WIDGET}, "6.12.2": {C: WIDGET.replace(end, new)}})
    assert list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))) == []


def test_a_store_without_releases_of_the_tree_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"the store has no release of 6\.1, and an audit needs two"):
        run("--tree", "linux-6.1.y")


FILL = "\tw->sent += size;\n" + "".join(f"\tw->count[{n}] += size;\n" for n in range(9))


@pytest.mark.parametrize(("went", "count"), [(True, 0), (False, 1)])
def test_lines_that_stand_beside_what_upstream_took_along_are_right(tmp_path: Path, went: bool, count: int) -> None:
    """pci_set_of_node() is in pci_scan_device() of 5.10, and its release in the same place; mainline moved both."""
    from backport.audit.kinds.registry import findings

    busy = "\twidget_busy(w, size, jiffies);\n"
    base = WIDGET.replace("\tw->sent += size;\n", FILL).replace(RECV, busy + RECV)
    new = base.replace(SEND, MOVED + SEND)
    if went:
        new = new.replace(busy, "").replace("out:\n", busy + "out:\n")
    git = releases(tmp_path / "store", {
        "6.1.1": {C: base}, "6.1.2": {C: base.replace(busy, busy + MOVED)}, "6.12.1": {C: base}, "6.12.2": {C: new}})
    found = list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts())))
    assert [one.kind.id for one in found] == ["another-function"] * count


@pytest.mark.parametrize(("later", "count"), [(True, 0), (False, 1)])
def test_lines_that_upstream_has_behind_the_same_lines_too_are_right(tmp_path: Path, later: bool, count: int) -> None:
    """tcmu_handle_completions() got `return false` at two places, and this tree took one; what follows it there has
    changed upstream since."""
    from backport.audit.kinds.registry import findings

    line = "\t\tw->last_error_seen = ktime_get_ns();\n"
    odd = "\tif (w->odd) {\n\t\tpr_err(\"odd\");\n\t\tset_bit(WIDGET_ODD, &w->flags);\n\t\treturn 0;\n\t}\n"
    base = WIDGET.replace("\tw->sent += size;\n", FILL).replace("out:\n", odd + "out:\n")
    set_bit = "\t\tset_bit(WIDGET_ODD, &w->flags);\n"
    new = base.replace("\tif (ret < 0)\n\t\tgoto out;\n", f"\tif (ret < 0)\n{line}\t\tgoto out;\n")
    if later:
        new = new.replace(set_bit + "\t\treturn 0;\n", set_bit + line + "\t\treturn -EIO;\n")
    git = releases(tmp_path / "store", {
        "6.1.1": {C: base}, "6.1.2": {C: base.replace(set_bit, set_bit + line)}, "6.12.1": {C: base},
        "6.12.2": {C: new}})
    found = list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts())))
    assert [one.kind.id for one in found] == ["another-place"] * count


def test_what_rests_on_a_merge_window_says_so_and_comes_last(tmp_path: Path) -> None:
    from backport.audit.kinds.registry import findings

    found = {}
    for name, last in (("a", "6.12.2"), ("b", "6.13.1")):
        git = releases(tmp_path / name, {"6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}, "6.12.1": {C: WIDGET},
                                         last: {C: GOOD}})
        (found[name],) = findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", last]], Counts()))
    assert found["b"].confidence < found["a"].confidence
    assert found["b"].evidence[-1].startswith("6.12.1 to 6.13.1 is many commits")
    assert found["b"].key == found["a"].key


@pytest.mark.parametrize(("elsewhere", "count"), [(True, 0), (False, 1)])
def test_a_line_that_goes_with_another_one_of_this_tree_is_no_leftover(tmp_path: Path, elsewhere: bool,
                                                                      count: int) -> None:
    """sysman_exit() of 6.1 gives a class back, which sysman_init() takes; mainline takes none any more."""
    from backport.audit.kinds.registry import findings

    put, new = "\twidget_class_put(w, true);\n", "\twidget_device_put(w, true);\n"
    base = WIDGET.replace("\tw->users--;\n", "\tw->users--;\n" + put)
    here = base.replace("\tw->received += size;\n", "\tw->received += size;\n\twidget_class_put(w, false);\n") \
        if elsewhere else base
    git = releases(tmp_path / "store", {"6.1.1": {C: here}, "6.1.2": {C: here.replace(put, put + new)},
                                        "6.12.1": {C: base}, "6.12.2": {C: base.replace(put, new)},
                                        "6.18.1": {C: base}, "6.18.2": {C: base.replace(put, new)}})
    newer = [["6.12.1", "6.12.2"], ["6.18.1", "6.18.2"]]
    found = list(findings(release_changes(git, ["6.1.1", "6.1.2"], newer, Counts())))
    assert [one.kind.id for one in found] == ["leftover"] * count


@pytest.mark.parametrize("replaced", [True, False])
def test_what_replaces_upstreams_line_stands_where_that_stood(tmp_path: Path, replaced: bool) -> None:
    """gfx_v10_0_gfx_init_queue() of 6.1 sets the pointer under another condition than 6.12, and always did."""
    from backport.audit.kinds.registry import findings

    old, new = "\t\tw->pointer = 0;\n", "\t\tatomic64_set(&w->pointer, 0);\n"
    push, pull = "\t\twidget_push(w);\n", "\t\twidget_pull(w);\n"
    here, there = (WIDGET.replace(at, at + old) if replaced else WIDGET for at in (push, pull))
    after = [text.replace(old, new) if replaced else text.replace(at, at + new)
             for text, at in ((here, push), (there, pull))]
    git = releases(tmp_path / "store", {"6.1.1": {C: here}, "6.1.2": {C: after[0]}, "6.12.1": {C: there},
                                        "6.12.2": {C: after[1]}})
    found = list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts())))
    assert bool(found) is not replaced


@pytest.mark.parametrize("along", [True, False])
def test_lines_go_to_the_right_place_with_their_variable_or_not_at_all(tmp_path: Path, along: bool) -> None:
    """xusb-tegra186.c of 6.1: the block and, further up, `u32 reg;` went into tegra186_utmi_phy_exit()."""
    from backport.audit.kinds.registry import findings
    from backport.audit.repair import WholeRepair, repaired_all

    fill = "\n" + "".join(f"\tw->count[{n}] += size;\n" for n in range(9))
    base = WIDGET.replace("\tint ret;\n\n\tif (size > WIDGET_MAX)\n", f"\tint ret;\n{fill}\tif (size > WIDGET_MAX)\n")
    block = "\treg = widget_readl(w, 16);\n\twidget_writel(w, reg | size, 16);\n"

    def made(name: str, at: str) -> str:
        head, body = base[:base.index(f"widget_{name}(")], base[base.index(f"widget_{name}("):]
        kind = "u32" if along or name == "send" else "unsigned int"
        return head + body.replace("\tint ret;\n", f"\tint ret;\n\t{kind} reg;\n", 1).replace(at, block + at)
    git = releases(tmp_path / "store", {"6.1.1": {C: base}, "6.1.2": {C: made("recv", RECV)}, "6.12.1": {C: base},
                                        "6.12.2": {C: made("send", SEND)}})
    found = list(findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts())))
    (one,) = [one for one in found if "reg=" in one.subject]
    assert one.kind.id == "another-function"
    repair = repaired_all([one])
    if not along:
        assert repair == ("widget_send() uses `reg`, which it does not declare: its declaration is another part of the "
                          "change")
        return
    assert isinstance(repair, WholeRepair)
    (file,) = repair.files
    text = file.render().decode()
    assert [text.count(f"{sign}\tu32 reg;") for sign in "+-"] == [1, 1]
    assert text.index("+\tu32 reg;") < text.index("+\treg = ") < text.index("-\tu32 reg;") < text.index("-\treg = ")


def test_the_mail_of_a_finding_of_releases_needs_the_files_of_it_alone(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The report prints the options; an audit of everything once more takes minutes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "A Person")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "person@example.org")
    far = "fs/far/file.c"
    git = releases(tmp_path / "cache" / "store.git", {
        "6.1.1": {C: WIDGET, far: WIDGET}, "6.1.2": {C: BAD, far: GOOD},
        "6.12.1": {C: WIDGET, far: WIDGET}, "6.12.2": {C: GOOD, far: GOOD}})
    git.close()
    (tmp_path / "cache" / "store.git" / "backport.json").write_text('{"format": 1}')
    asked = ("--releases", "6.1.1,6.1.2", "--against", "6.12.1,6.12.2")
    assert run(*asked) == 1
    out = capsysbinary.readouterr().out.decode()
    assert "2 files" in out
    told = out[out.index("the same command with "):].split(" writes that")[0].split()[4:]
    assert told[:3] == ["--path", C, "--mail"]
    assert run(*asked, *told[:2]) == 1
    assert "1 files" in capsysbinary.readouterr().out.decode()
    assert run(*asked, *told) == 0
    assert b"Subject: [PATCH 6.1.y] widget.c: move misplaced lines to widget_send()" in capsysbinary.readouterr().out


def test_hunks_beside_each_other_begin_as_git_writes_them(tmp_path: Path) -> None:
    from backport.audit.kinds.registry import findings
    from backport.audit.report import text
    from backport.audit.result import audited

    git = releases(tmp_path / "store", {"6.1.1": {C: WIDGET}, "6.1.2": {C: BAD}, "6.12.1": {C: WIDGET},
                                        "6.12.2": {C: GOOD}})
    found = findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))
    (row,) = [row for row in text(audited("", Counts(), found, {}), 120).splitlines() if "@@" in row]
    assert [part.split()[0] for part in row.split("  ") if part.strip()] == ["@@", "@@"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with releases of two branches, of which 6.1.2 has two lines and their variable in the wrong function, in
    two files; we stand beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "A Person")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "person@example.org")
    place = tmp_path / "cache" / "store.git"
    releases(place, {
        "5.10.1": {C: WIDGET}, "5.10.2": {C: WIDGET},
        "6.1.1": {C: LONG, TWIN: LONG}, "6.1.2": {C: form("recv", RECV), TWIN: form("recv", RECV)},
        "6.1.3": {C: form("recv", RECV), TWIN: form("recv", RECV)},
        "6.12.1": {C: LONG, TWIN: LONG}, "6.12.2": {C: form("send", SEND), TWIN: form("send", SEND)}}).close()
    (place / "backport.json").write_text('{"format": 1}')
    return tmp_path


TWIN = "drivers/demo/twin.c"
LONG = WIDGET.replace("\tint ret;\n\n\tif (size > WIDGET_MAX)\n", "\tint ret;\n\n" + "".join(
    f"\tw->count[{n}] += size;\n" for n in range(9)) + "\tif (size > WIDGET_MAX)\n")
ASKED = ("--releases", "6.1.1,6.1.2", "--against", "6.12.1,6.12.2")


def form(name: str, at: str) -> str:
    """LONG with a block before `at`, and its variable, in the function `name`."""
    head, body = LONG[:LONG.index(f"widget_{name}(")], LONG[LONG.index(f"widget_{name}("):]
    block = "\treg = widget_readl(w, 16);\n\twidget_writel(w, reg | size, 16);\n"
    return head + body.replace("\tint ret;\n", "\tint ret;\n\tu32 reg;\n", 1).replace(at, block + at)


def test_what_one_mistake_made_is_one_entry_with_all_its_places(
        store: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """xusb-tegra186.c of 6.1: a block and, further up, its variable; here in two files as well."""
    assert run(*ASKED) == 1
    out = capsysbinary.readouterr().out.decode()
    assert "; 1 to look at\n" in out
    assert f"1. another-function: {TWIN}, 6.1.1..6.1.2 and still in 6.1.3 [" in out
    assert out.count("of the same cause: another-function: ") == 3
    assert [out.count(f"\n   +\t{line}\n") for line in ("u32 reg;", "reg = widget_readl(w, 16);")] == [4, 4]
    assert f"--path {TWIN} --path {C} --mail" in " ".join(out.split())
    assert run(*ASKED, "-f", "json") == 1
    (one,) = json.loads(capsysbinary.readouterr().out)["findings"]
    assert [other["path"] for other in one["other_places"]].count(C) == 2
    assert one["still_in"] == "6.1.3"
    for how in ("markdown", "html"):
        assert run(*ASKED, "-f", how) == 1
        assert capsysbinary.readouterr().out.decode().lower().count("of the same cause: another") == 3


def test_the_mail_puts_all_of_it_right(store: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(*ASKED, "--mail", "1", "-o", "fix.patch") == 0
    mail = Path("fix.patch").read_text()
    assert "This change came into 6.1.y between 6.1.1 and 6.1.2, and into 6.12.y between 6.12.1 and 6.12.2" in \
        " ".join(mail.split())
    assert "6.1.3 is still so." in " ".join(mail.split())
    with Git(store / "cache" / "store.git") as git:
        index = {"GIT_INDEX_FILE": str(store / "index")}
        git.run("read-tree", "refs/releases/6.1.3", env=index)
        git.run("apply", "--cached", str(store / "fix.patch"), env=index)
        for path in (C, TWIN):
            assert git.run("show", f":{path}", env=index).out.decode() == form("send", SEND)


def test_one_reason_accepts_all_of_it(store: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(*ASKED, "--accept", "1", "--why", "both drivers need it there") == 0
    capsysbinary.readouterr()
    assert run(*ASKED) == 0
    assert b"0 to look at (4 accepted)" in capsysbinary.readouterr().out
    key = Path(".backport-audit.yaml").read_text().split("'")[1]
    with pytest.raises(UserError, match="accepted already: both drivers need it there"):
        run("--accept", key, "--why", "once more")
    with pytest.raises(UserError, match="no finding is called '1'"):
        run(*ASKED, "--accept", "1", "--why", "once more")
    # whoever accepted it may want the mail all the same
    assert run(*ASKED, "--mail", key, "-o", "fix.patch") == 0
    assert Path("fix.patch").read_text().count("\ndiff --git ") == 2


def test_a_number_is_that_of_the_list_as_it_was_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                        capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """With one accepted, the second finding is printed as the first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKPORT_CACHE", str(tmp_path / "cache"))
    other, lines = "drivers/demo/other.c", MOVED.replace("tries", "turns").replace("stamp", "clock")
    place = tmp_path / "cache" / "store.git"
    releases(place, {
        "6.1.1": {C: WIDGET, other: WIDGET}, "6.1.2": {C: BAD, other: WIDGET.replace(RECV, lines + RECV)},
        "6.12.1": {C: WIDGET, other: WIDGET},
        "6.12.2": {C: GOOD, other: WIDGET.replace(SEND, lines + SEND)}}).close()
    (place / "backport.json").write_text('{"format": 1}')
    for expected in (other, C):
        assert run(*ASKED) == 1
        assert f"1. another-function: {expected}" in capsysbinary.readouterr().out.decode()
        assert run(*ASKED, "--accept", "1", "--why", "read") == 0
        assert f"another-function: {expected}" in capsysbinary.readouterr().out.decode()
    assert run(*ASKED) == 0


@pytest.mark.parametrize(("options", "told"), [
    (("--releases", "6.1.2,6.1.1"), "--releases: '6.1.1' behind '6.1.2': name the releases oldest first"),
    (("--releases", "6.1.1,6.1.1"), "--releases: '6.1.1' behind '6.1.1'"),
    (("--tree", "6.1", "--against", "6.12.2,6.12.1"), "--against: '6.12.1' behind '6.12.2'"),
    (("--tree", "6.1", "--against", "5.10.1,5.10.2"), "--against 5.10.2: that is of no newer branch than 6.1.3"),
    (("--tree", "6.1", "--against", "6.12.2"), "no --against names two releases of a branch"),
    (("--tree", "6.12", "--releases", "6.1.1,6.1.2"), "--releases names others than those of --tree 6.12"),
    (("v1..v2", "--tree", "6.1"), "a RANGE of a clone stands alone"),
    (("v1..v2", "--path", C), "--path is for releases"),
    (("--tree", "6.1", "--why", "because"), "--why is for --accept"),
    (("--tree", "6.1", "--of", "x.patch"), "--of is for --mail"),
    (("--tree", "6.1", "-s"), "--signoff is for --mail"),
    (("--tree", "6.1", "--path", ""), "--path is empty"),
    (("--tree", "6.1", "--mail", "1", "--build"), "--build is for the list"),
    (("--tree", "6.1", "--mail", "1", "--accept", "1", "--why", "x"), "--accept and --mail exclude each other")])
def test_options_that_do_not_fit_are_refused(store: Path, options: tuple[str, ...], told: str) -> None:
    """Each of these once answered another question, with `0 to look at` and exit code 0."""
    with pytest.raises(click.UsageError) as error:
        run(*options)
    assert told in error.value.message


def test_a_path_that_no_release_has_is_refused(store: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A mistyped one would find nothing for ever; one that no step changed is none."""
    with pytest.raises(UserError, match=r"no file of 6\.1\.1 to 6\.1\.2 matches --path drivers/demon"):
        run(*ASKED, "--path", "drivers/demon")
    assert run("--releases", "6.1.2,6.1.3", "--against", "6.12.1,6.12.2", "--path", "*/twin.c") == 0
    assert b"0 files, 0 changes" in capsysbinary.readouterr().out


def test_releases_may_be_named_with_blanks(store: Path) -> None:
    assert run("--releases", "6.1.1, 6.1.2", "--against", "6.12.1, 6.12.2") == 1


def test_a_repair_that_makes_the_same_mistake_is_none(tmp_path: Path) -> None:
    """spi_ppc4xx_of_probe() of 6.1 jumps to a label that another commit of mainline renamed; upstream's change, put in
    anew, jumps there twice more."""
    from backport.audit.kinds.registry import findings
    from backport.audit.repair import repaired_all

    check = ("\tret = widget_number_of_interrupt(w, 0);\n\tif (ret < 0)\n\t\tgoto free_host;\n"
             "\tw->number_of_interrupt = ret;\n\twidget_enable_interrupt(w, ret);\n")
    old = WIDGET.replace("\tw->sent += size;\n", FILL)
    new = old.replace("goto out;", "goto free_host;").replace("out:\n", "free_host:\n")
    git = releases(tmp_path / "store", {"6.1.1": {C: old}, "6.1.2": {C: old.replace(SEND, check + SEND)},
                                        "6.12.1": {C: old}, "6.12.2": {C: new.replace(SEND, check + SEND)}})
    (one,) = findings(release_changes(git, ["6.1.1", "6.1.2"], [["6.12.1", "6.12.2"]], Counts()))
    assert one.text == "widget_send() jumps to `free_host`, which it does not have"
    assert repaired_all([one]) == f"what the tool makes of it has the same mistake: {one.text}"
