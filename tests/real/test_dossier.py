"""The dossier of the bundled fix against the review that came with it by mail, claim by claim, on real trees.

Each claim of the review stands here in short; CONFIRMED, WRONG and UNKNOWN say what the trees make of it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.real.test_main_job import SLUG
from tests.real.test_takeaway import backport, head

pytestmark = pytest.mark.kernel

TREES = ("upstream", "linux-6.18.y", "linux-6.12.y", "linux-6.1.y", "linux-5.10.y")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    for tree in TREES:
        head(tree)
    if not head("upstream").version.startswith("7."):
        pytest.skip("the upstream tree in the store is older than the fix")
    done = backport("inspect", f"patches/{SLUG}.patch", "--format", "json",
                    *(arg for tree in TREES[1:] for arg in ("--tree", tree)), home=tmp_path_factory.mktemp("h"))
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for phase in json.loads(done.stdout)["phases"]:
        for fact in phase["facts"]:
            found.setdefault(fact["key"], []).append(fact)
    return found


Facts = dict[str, list[dict[str, Any]]]


def said(facts: Facts, key: str) -> str:
    return "\n".join(fact["text"] for fact in facts.get(key, []))


def code(facts: Facts, key: str) -> str:
    return "\n".join(line for fact in facts.get(key, []) for line in fact["detail"])


def unknown(facts: Facts, key: str) -> bool:
    return bool(facts.get(key)) and any(f["answer"] == "unknown" and not f["verified"] for f in facts[key])


CONFIRMED = {
    "1.1 subsystem is KVM: x86, verb Check": lambda f: (
        "KVM: x86" in said(f, "subsystem") and "Check" in said(f, "verb")),
    "1.2 no Fixes:, Reported-by:, Reviewed-by:, Acked-by:, Tested-by:, Cc:": lambda f: all(
        f[key][0]["answer"] == "no" for key in ("fixes", "reported-by", "reviewed-by", "acked-by", "tested-by", "cc")),
    "1.2 signed off by author and maintainer": lambda f: all(
        name in said(f, "signed-off-by") for name in ("Yosry Ahmed", "Sean Christopherson")),
    "1.3 the author names 4f926bf29186 as the origin": lambda f: (
        "4f926bf29186" in said(f, "mentions") and "where this came from" in said(f, "mentions")),
    "2.1 one file, one line added, one removed": lambda f: said(f, "size") == "1 file, 1 line added, 1 line removed",
    "2.1 in kvm_arch_vcpu_ioctl_set_guest_debug()": lambda f: (
        said(f, "function") == "arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl_set_guest_debug()"),
    "2.2 the helper tests pending, exception_vmexit.pending and KVM_REQ_TRIPLE_FAULT": lambda f: all(
        part in code(f, "callee") for part in ("arch.exception.pending", "exception_vmexit.pending",
                                               "KVM_REQ_TRIPLE_FAULT")),
    "2.4 one more case returns -EBUSY": lambda f: (
        "one more alternative (||)" in said(f, "change") and "-EBUSY" in said(f, "errors")),
    "3.3 the helper is in 6.1 and newer, not in 5.10": lambda f: bool(re.search(
        r"kvm_is_exception_pending\(\) is in .*linux-6\.1\.y.*; not in linux-5\.10\.y", said(f, "helper"))),
    "5.3 kvm_queue_exception() calls kvm_multiple_exception()": lambda f: bool(re.search(
        r"calls kvm_queue_exception\(\), which calls kvm_multiple_exception\(\)", said(f, "callee"))),
    "5.4 reachable by KVM_SET_GUEST_DEBUG": lambda f: "ioctl KVM_SET_GUEST_DEBUG" in said(f, "reach"),
    "5.5 vmx.c combines both checks": lambda f: (
        "arch/x86/kvm/vmx/vmx.c" in said(f, "similar")
        and "(kvm_is_exception_pending(vcpu) || vcpu->arch.exception.injected)" in code(f, "similar")),
    "6.2 applies to 6.18, 6.12 and 6.1": lambda f: all(
        re.search(rf"linux-{re.escape(series)}\.y .*: (clean|offset) ", said(f, "status"))
        for series in ("6.18", "6.12", "6.1")),
    "6.2 5.10 wants the raw fields": lambda f: (
        "if (vcpu->arch.exception.pending || vcpu->arch.exception.injected)" in code(f, "status")),
    "7.1 it is KVM x86's": lambda f: "KVM/x86" in said(f, "maintained"),
    "9.2 small": lambda f: f["rule:size"][0]["answer"] == "yes",
    "4.5 nobody nominated it": lambda f: f["rule:nominated"][0]["answer"] == "no",
}

WRONG = {
    # vmx.c:6130, x86.c:837 and x86.h:198 are lines of the reviewer's own tree: no tree here has the code there
    "5.5 vmx.c:6130": lambda f: "vmx.c:6130" not in said(f, "similar") and "vmx.c:" in said(f, "similar"),
    "5.3 kvm_multiple_exception() at x86.c:837": lambda f: "kvm_multiple_exception() (arch/x86/kvm/x86.c:" in said(
        f, "callee") and "x86.c:837)" not in said(f, "callee"),
    "5.3 the helper at x86.h:198": lambda f: not any("x86.h:198 " in str(fact["source"]) for fact in f["callee"]),
    # the handler is kvm_vcpu_ioctl(); the function is called from one of its cases
    "5.2 it is itself the top-level ioctl handler": lambda f: (
        "kvm_vcpu_ioctl(), case KVM_SET_GUEST_DEBUG" in said(f, "caller")),
    # true when it was written, not any more
    "the fix is in no release": lambda f: re.search(r"upstream 7\.\S+: already", said(f, "status")) is not None,
}

UNKNOWN = {
    "3.2 the bug is of 2009, by Jan Kiszka, in v2.6.33": "introduced-release",
    "3.2 it is in every stable tree since": "bug",
    "3.3 479 commits since v6.6": "activity",
    "6.3 no other fix went to stable, by history": "contains",
    "no follow-up is missing": "follow-up",
}


@pytest.mark.parametrize("claim", CONFIRMED)
def test_confirmed(claim: str, facts: Facts) -> None:
    assert CONFIRMED[claim](facts)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("claim", WRONG)
def test_found_wrong(claim: str, facts: Facts) -> None:
    assert WRONG[claim](facts)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("claim", UNKNOWN)
def test_cannot_be_known_without_history_and_says_so(claim: str, facts: Facts) -> None:
    if head("upstream").history:
        pytest.skip("this store has history, where the question has an answer")
    assert unknown(facts, UNKNOWN[claim])


@pytest.mark.parametrize("key", ["rule:correct", "rule:bug"])
def test_what_is_for_people_is_left_to_them(key: str, facts: Facts) -> None:
    """9.2: "Obviously correct? YES", "Fixes a real bug? YES": nothing here reads that off."""
    assert facts[key][0]["answer"] == "unknown"


@pytest.mark.parametrize("key", ["discussion", "impact", "analysis"])
def test_what_no_tree_can_tell_is_unverified(key: str, facts: Facts) -> None:
    """Phases 4 and 8: what was said on the lists, whether a VMM met the bug, the review itself."""
    assert not facts[key][0]["verified"]


def test_every_place_that_is_named_is_there(facts: Facts, tmp_path: Path) -> None:
    """`path:line of TREE VERSION` in a source is a line that exists and that the fact's code stands on."""
    from backport.git import Git
    from tests.real.test_takeaway import store

    checked = 0
    with Git(store().path) as git:
        for fact in [*facts["caller"], *facts["similar"], *facts.get("itself", [])]:
            match = re.fullmatch(r"(\S+):(\d+) of (\S+) (\S+)", fact["source"] or "")
            if match is None:
                continue
            data = git.blob(f"{head(match[3]).commit}:{match[1]}")
            assert data is not None
            line = data.decode("utf-8", "replace").split("\n")[int(match[2]) - 1].strip()
            assert line in fact["detail"][0]
            checked += 1
    assert checked >= 5
