"""What a finding between releases rests on: the same fault is listed with the evidence, and only counted without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from backport.audit.kinds.registry import findings
from backport.audit.model import Suspect
from backport.audit.pairing import Counts, release_changes
from backport.audit.report import text, unjudged
from backport.audit.result import audited
from backport.version import windows
from tests.support.audited import HEADER, WIDGET, C, H, releases

SEND = "\tret = widget_write(w, data, size);\n"
RECV = "\tret = widget_read(w, data, size);\n"
LINES = "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n"
GOOD, BAD = WIDGET.replace(SEND, LINES + SEND), WIDGET.replace(RECV, LINES + RECV)
# widget_recv() with nothing around its call that widget_send() has as well
APART = WIDGET.replace(RECV, "".join(f"\tw->received_bytes[{n}] += size;\n" for n in range(3)) + RECV)

Files = Mapping[str, str]


def listed(place: Path, here: Sequence[str], *newer: Mapping[str, str], headers: Files | None = None,
           later: str = "") -> tuple[list[Suspect], Counter[str]]:
    """What is listed of 6.1.1 to 6.1.2, the widget driver as `here`; each of `newer` is a branch, version -> driver.
    `later` is the driver in 6.1.3."""
    trees = {"6.1.1": here[0], "6.1.2": here[1], **({"6.1.3": later} if later else {})}
    for branch in newer:
        trees |= branch
    git = releases(place, {version: {C: text, **(headers or {})} for version, text in trees.items()})
    weak: Counter[str] = Counter()
    changes = release_changes(git, ["6.1.1", "6.1.2"], [list(branch) for branch in newer], Counts(),
                              last="6.1.3" if later else "")
    return list(findings(changes, weak)), weak


@pytest.mark.parametrize(("old", "new", "count"), [
    ("6.12.8", "6.12.73", 0), ("6.12.8", "6.17.8", 5), ("5.10.46", "6.1.8", 11), ("5.19.1", "6.0", 1),
    ("6.19.6", "7.1.3", 2), ("a", "b", 0)])
def test_how_many_merge_windows_a_step_holds(old: str, new: str, count: int) -> None:
    assert windows(old, new) == count


@pytest.mark.parametrize(("more", "kinds"), [(False, ["another-function"]), (True, [])])
def test_mainline_that_changed_more_of_either_place_tells_nothing(tmp_path: Path, more: bool, kinds: list[str]) -> None:
    """struct ath9k_htc_priv of 6.12, which mainline gave what struct ath9k_htc_tx had."""
    new = GOOD.replace("\tw->received += size;\n", "\tw->received += size;\n\tw->last = size;\n") if more else GOOD
    fill = "".join(f"\tw->count[{n}] += size;\n" for n in range(9))
    here, new = ([text.replace(RECV, RECV + fill) for text in some] for some in ((WIDGET, BAD), (WIDGET, new)))
    found, weak = listed(tmp_path, here, {"6.12.1": new[0], "6.13.1": new[1]})
    assert [one.kind.id for one in found] == kinds
    assert dict(weak) == ({"not asked": 1} if more else {})


@pytest.mark.parametrize(("last", "count"), [("6.13.1", 1), ("6.18.1", 0)])
def test_across_many_windows_the_places_have_to_look_alike(tmp_path: Path, last: str, count: int) -> None:
    """tasklet_kill() of i2c-bcm-iproc.c of 5.10, two years of mainline away."""
    found, weak = listed(tmp_path, (APART, APART.replace(RECV, LINES + RECV)),
                         {"6.12.1": APART, last: APART.replace(SEND, LINES + SEND)})
    assert (len(found), weak.total()) == (count, 1 - count)
    alike, _ = listed(tmp_path / "alike", (WIDGET, BAD), {"6.12.1": WIDGET, last: GOOD})
    assert len(alike) == 1


@pytest.mark.parametrize("alike", [True, False])
def test_lines_in_another_function_need_a_place_for_them_or_one_that_looks_alike(tmp_path: Path, alike: bool) -> None:
    """Upstream's hunk does not fit here, as in xe_device_probe() of 6.12; what stands around it is in both."""
    there = WIDGET if alike else APART
    here = there.replace("\tret = widget_write(", "\tw->length = size;\n\tret = widget_write(")
    found, weak = listed(tmp_path, (here, here.replace(RECV, LINES + RECV)),
                         {"6.12.1": there, "6.12.2": there.replace(SEND, LINES + SEND)})
    assert (len(found), weak.total()) == ((1, 0) if alike else (0, 1))


@pytest.mark.parametrize("agrees", [True, False])
def test_another_branch_that_has_the_place_without_the_change_speaks_against_it(tmp_path: Path, agrees: bool) -> None:
    found, weak = listed(tmp_path, (WIDGET, BAD), {"6.12.1": WIDGET, "6.12.2": GOOD},
                         {"6.18.1": GOOD if agrees else WIDGET})
    assert (len(found), weak.total()) == ((1, 0) if agrees else (0, 1))


THREE = "\tw->tries = widget_tries(w);\n\tw->users = size;\n\tw->length = size;\n"


@pytest.mark.parametrize("seconded", [True, False])
def test_a_line_left_out_needs_a_second_branch_that_got_it_with_the_rest(tmp_path: Path, seconded: bool) -> None:
    """`if (!t)` of spi-tegra210-quad.c: a part of the change, or another commit that came later."""
    whole = WIDGET.replace(SEND, THREE + SEND)
    less = WIDGET.replace(SEND, THREE.replace("\tw->users = size;\n", "") + SEND)
    found, weak = listed(tmp_path, (WIDGET, less), {"6.12.1": WIDGET, "6.12.2": whole},
                         *[{"6.18.1": WIDGET, "6.18.2": whole}] * seconded)
    assert [one.kind.id for one in found] == ["left-out"] * seconded
    assert weak.total() == 1 - seconded


def test_a_step_of_a_branch_is_a_better_witness_than_a_merge_window(tmp_path: Path) -> None:
    found, _ = listed(tmp_path, (WIDGET, BAD), {"6.6.1": WIDGET, "6.12.1": GOOD}, {"6.18.1": WIDGET, "6.18.2": GOOD})
    assert [one.change.origin.upstream for one in found] == ["6.18.1..6.18.2"]


def test_what_a_later_release_of_the_branch_has_no_longer_is_mended(tmp_path: Path) -> None:
    """k3-am62a7-sk.dts of 6.12.100, put right in 6.12.107."""
    found, _ = listed(tmp_path, (WIDGET, BAD), {"6.12.1": WIDGET, "6.12.2": GOOD}, later=GOOD)
    result = audited("", Counts(), found, {})
    assert (result.findings, [one.kind.id for one in result.mended]) == ([], ["another-function"])
    assert "still in" not in text(result, 0)


JUMP = RECV + "\tif (ret < 0)\n\t\treturn ret;\n"
LABEL = "\tw->received += size;\n\treturn ret;\n"
JUMPS, UNWINDS = RECV + "\tif (ret < 0)\n\t\tgoto unwind;\n", "\tw->received += size;\nunwind:\n\treturn ret;\n"


@pytest.mark.parametrize(("label", "kinds"), [
    ("\tw->received += size;\n\treturn ret;\n", ["lost-half"]),
    ("\tw->received += size; unwind:\n\treturn ret;\n", [])])
def test_a_jump_to_no_label_rests_on_this_tree_alone(tmp_path: Path, label: str, kinds: list[str]) -> None:
    """spi_ppc4xx_of_probe() of 6.1: no compiler takes that, whatever mainline did meanwhile."""
    here, there = WIDGET.replace(JUMP, JUMPS).replace(LABEL, label), WIDGET.replace(JUMP, JUMPS).replace(LABEL, UNWINDS)
    found, _ = listed(tmp_path, (WIDGET, here), {"6.12.1": WIDGET, "6.18.1": there})
    assert [one.kind.id for one in found] == kinds
    assert all(one.confidence == 0.8 for one in found)


USES = "\tret = widget_write(w, data, credits);\n"


@pytest.mark.parametrize(("header", "own", "kinds"), [
    ("", "", ["missing-name"]),
    ("#define credits 4\n", "", []),
    ("extern size_t credits;\n", "", []),
    ("extern int (*credits)(void);\n", "", []),
    ("extern int widget_pay(struct widget *w, size_t credits);\n", "", ["missing-name"]),
    ("static inline void pay(void)\n{\n\tsize_t credits;\n\n\tcredits = 4;\n}\n", "", ["missing-name"]),
    ("enum {\n\tcredits,\n};\n", "", []),
    ("", "\tfor_each_widget_scoped(w, credits)\n\t\twidget_idle(w);\n", [])])
def test_a_name_is_missing_where_neither_the_function_nor_a_header_has_it(
        tmp_path: Path, header: str, own: str, kinds: list[str]) -> None:
    declared = WIDGET.replace("\tint ret;\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EINVAL;\n",
                              "\tint ret;\n\tsize_t credits = size;\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EINVAL;\n")
    found, _ = listed(tmp_path, (WIDGET, WIDGET.replace(SEND, own + USES)),
                      {"6.12.1": WIDGET, "6.12.2": declared.replace(SEND, own + USES)}, headers={H: HEADER + header})
    assert [one.kind.id for one in found] == kinds


def test_a_name_that_upstream_declared_before_is_this_trees_own_form(tmp_path: Path) -> None:
    """fs/iomap/buffered-io.c of 6.1: what the step did not bring is not what this tree lost."""
    there = WIDGET.replace("\tint ret;\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EINVAL;\n",
                           "\tint ret;\n\tsize_t credits = size;\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EINVAL;\n")
    found, _ = listed(tmp_path, (WIDGET, WIDGET.replace(SEND, USES)), {"6.12.1": there,
                                                                      "6.12.2": there.replace(SEND, USES)})
    assert found == []


@pytest.mark.parametrize(("deeper", "kinds"), [(True, []), (False, ["lost-half"])])
def test_an_unlock_that_moved_within_the_function_is_not_lost(tmp_path: Path, deeper: bool, kinds: list[str]) -> None:
    """What counts is the function before and after, not the lines of one change."""
    fill = "".join(f"\tw->count[{n}] += size;\n" for n in range(9))
    lock, unlock = "\tmutex_lock(&w->lock);\n", "\tmutex_unlock(&w->lock);\n"
    end = "\tw->received += size;\n"
    more = lock + "".join(f"\tw->length_of_part[{n}] = size;\n" for n in range(4))
    there = WIDGET.replace(RECV, RECV + fill)
    here = there.replace(RECV, lock + RECV) if deeper else there
    found, _ = listed(tmp_path, (here, here.replace(lock + RECV, RECV).replace(end, more + end)),
                      {"6.12.1": there, "6.12.2": there.replace(end, more + end + unlock)})
    assert [one.kind.id for one in found] == kinds


def test_what_is_not_listed_is_counted_and_said(tmp_path: Path) -> None:
    counts = Counts()
    found, counts.weak = listed(tmp_path, (APART, APART.replace(RECV, LINES + RECV)),
                                {"6.12.1": APART, "6.18.1": APART.replace(SEND, LINES + SEND)})
    assert unjudged(audited("", counts, found, {})) == [
        "1 differences are not listed, because another commit of the same releases can have made them: "
        "another-function 1"]


@pytest.mark.parametrize("seconded", [True, False])
def test_an_operator_or_an_old_line_needs_a_second_branch_that_changed_it_with_the_rest(tmp_path: Path,
                                                                                      seconded: bool) -> None:
    """i40e_validate_cloud_filter() of 5.10.218: `> vf->num_tc` was one commit, `>= vf->num_tc` the next."""
    check = "\tif (size > w->length_of_the_message)\n\t\treturn -ENODEV;\n"
    here, there = (WIDGET.replace(SEND, text + SEND) for text in (check, check.replace(" > ", " >= ")))
    found, weak = listed(tmp_path / "turned", (WIDGET, here), {"6.12.1": WIDGET, "6.12.2": there},
                         *[{"6.18.1": WIDGET, "6.18.2": there}] * seconded)
    assert ([one.kind.id for one in found], weak.total()) == (["turned-round"] * seconded, 1 - seconded)
    old, new = "\tw->received += size;\n", "\twidget_account(w, w->received += size);\n"
    both, only = WIDGET.replace(old, old + new), WIDGET.replace(old, new)
    found, weak = listed(tmp_path / "kept", (WIDGET, both), {"6.12.1": WIDGET, "6.12.2": only},
                         *[{"6.18.1": WIDGET, "6.18.2": only}] * seconded)
    assert ([one.kind.id for one in found], weak.total()) == (["leftover"] * seconded, 1 - seconded)


def test_where_upstream_has_the_lines_in_several_parts_each_is_named_and_there_is_no_mail(tmp_path: Path) -> None:
    """mv88e6175_ops of 5.10 has what upstream gave two other chips, and later two more."""
    from backport.audit.repair import repaired

    line = "\t.flush_everything = widget_flush_everything,\n"
    table = "static const struct widget_ops widget_{}_ops = {{\n\t.open = widget_open,\n\t.{} = widget_{},\n}};\n"
    base = WIDGET + "".join("\n" + table.format(name, name, name) for name in ("first", "second", "third"))

    def with_line(*names: str) -> str:
        text = base
        for name in names:
            text = text.replace(f"\t.{name} = widget_{name},\n", f"\t.{name} = widget_{name},\n{line}")
        return text
    (one,), _ = listed(tmp_path, (base, with_line("first")),
                       {"6.12.1": with_line("second"), "6.12.2": with_line("second", "third")})
    parts = [f"static const struct widget_ops widget_{name}_ops" for name in ("second", "third")]
    told = f"{parts[0]} and {parts[1]} have the lines upstream and lack them here: "
    assert one.evidence[-1] == told + "any of them can be meant"
    assert repaired(one.change) == told + "which one is meant cannot be told"


@pytest.mark.parametrize("was", [True, False])
def test_lines_that_stood_there_in_a_newer_branch_once_are_right(tmp_path: Path, was: bool) -> None:
    """asm_exc_nmi() of 5.10.218 has the buffers cleared where mainline did at first; the next commit moved that."""
    place = {name: WIDGET.replace(at, "\tw->last_error_seen = ktime_get_ns();\n" + at)
             for name, at in (("before", "\tret = widget_write("), ("behind", "\tw->sent += size;\n"))}
    found, _ = listed(tmp_path / "a", (WIDGET, place["before"]), {"6.12.1": WIDGET, "6.12.2": place["behind"]},
                      {"6.18.1": place["before" if was else "behind"], "6.18.2": place["behind"]})
    assert [one.kind.id for one in found] == ["another-place"] * (not was)
    found, _ = listed(tmp_path / "b", (WIDGET, BAD), {"6.12.1": WIDGET, "6.12.2": GOOD},
                      {"6.18.1": BAD if was else GOOD, "6.18.2": GOOD})
    assert [one.kind.id for one in found] == ["another-function"] * (not was)
