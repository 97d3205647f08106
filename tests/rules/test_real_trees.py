"""The rules against real releases: they fire where they should, and what they write is what the older tree has."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from backport.csource.grammar import _tree
from backport.csource.pattern import compile_pattern, find
from backport.git import Git
from backport.proving.evidence import RuleEvidence, evidence
from backport.rules.load import load_rules
from backport.trees.view import StoreView

pytestmark = pytest.mark.kernel

# Newest first: a rule is proved by the first pair of releases where its lines are found.
PAIRS = (("7.2", "6.12"), ("7.2", "6.1"), ("7.2", "5.10"), ("6.1", "5.10"))
# Proved by definition and not by a line: a tree that has both names defines one by the other (timer_delete), or
# the older code at those places differs in other ways as well (vmemdup_array_user: arguments the other way round).
BY_DEFINITION = {"timer-delete", "vmemdup-array-user"}


def view(series: str) -> StoreView:
    store = Path(os.environ.get("BACKPORT_CACHE") or platformdirs.user_cache_dir("backport")) / "store.git"
    if not store.is_dir():
        pytest.skip(f"no tree store at {store}: `backport trees fetch` makes one, BACKPORT_CACHE names another")
    with Git(store) as git:
        lines = git.run("for-each-ref", "--format=%(refname)", "refs/trees", "refs/releases").text.split("\n")
        for ref in (f"refs/trees/linux-{series}.y", *sorted(
                (line for line in lines if line.startswith(f"refs/releases/{series}.")),
                key=lambda ref: int(ref.rsplit(".", 1)[1]), reverse=True)):
            if ref in lines:
                return StoreView(store, series, git.rev(ref) or "")
    pytest.skip(f"no tree of series {series} in {store}: `backport trees fetch linux-{series}.y`")


@pytest.fixture(scope="module")
def proofs() -> dict[str, list[RuleEvidence]]:
    rules = load_rules()
    rows: dict[str, list[RuleEvidence]] = {rule.id: [] for rule in rules}
    open_rules = {rule.id for rule in rules}
    for newer, older in PAIRS:
        with view(newer) as theirs, view(older) as ours:
            for row in evidence(theirs, ours, rules, enough=1, only=frozenset(open_rules)):
                rows[row.rule].append(row)
        open_rules -= {name for name in open_rules if any(row.found for row in rows[name])}
    return rows


def test_the_token_matcher_and_the_grammar_see_the_same_calls() -> None:
    """Calls with one argument, of the names called most in each file, where the grammar had nothing to recover from."""
    agree, odd = 0, []
    with view("6.12") as tree:
        for path in [p for p in tree.paths() if p.startswith("arch/x86/kvm/") and p.endswith(".c")]:
            source = tree.read(path) or b""
            calls, unsure = _calls(source)
            for name in sorted(calls, key=lambda name: -len(calls[name]))[:6]:
                pattern = compile_pattern(f"{name.decode()}($A)")
                ours = {s for m in find(pattern, source) if not _inside(s := (m.start, m.end), unsure)}
                theirs = {s for s in calls[name] if not _inside(s, unsure)}
                theirs = {s for s in theirs if not any(o != s and o[0] <= s[0] and s[1] <= o[1] for o in theirs)}
                agree += len(ours & theirs)
                odd += [source[a:b].decode() for a, b in theirs - ours]
    assert agree > 1000
    assert odd == []                 # the other way round are macros with types for arguments: no C for the grammar


def _calls(source: bytes) -> tuple[dict[bytes, set[tuple[int, int]]], list[tuple[int, int]]]:
    calls: dict[bytes, set[tuple[int, int]]] = {}
    unsure: list[tuple[int, int]] = []
    stack = [_tree(source).root_node]
    while stack:
        node = stack.pop()
        stack += node.children
        if node.is_error or node.type in ("preproc_def", "preproc_function_def"):
            unsure.append((node.start_byte, node.end_byte))
        if node.type == "call_expression":
            name, inner = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if name is not None and inner is not None and name.type == "identifier" and inner.named_child_count == 1:
                calls.setdefault(name.text or b"", set()).add((node.start_byte, node.end_byte))
    return calls, unsure


def _inside(span: tuple[int, int], ranges: list[tuple[int, int]]) -> bool:
    return any(a <= span[0] < b for a, b in ranges)


def test_every_rule_is_silent_on_the_newer_tree_and_fires_on_an_older_one(proofs: dict[str, list[RuleEvidence]],
) -> None:
    assert {name for name, rows in proofs.items() if not any(row.fires and row.silent for row in rows)} == set()


def test_every_rule_rewrites_a_real_line_into_one_that_the_older_tree_has(proofs: dict[str, list[RuleEvidence]],
) -> None:
    unproved = {name for name, rows in proofs.items() if not any(row.found for row in rows)}
    assert unproved - BY_DEFINITION == set()


def test_no_rule_brings_in_a_name_that_the_older_tree_lacks(proofs: dict[str, list[RuleEvidence]],
) -> None:
    assert {name: row.unknown_names for name, rows in proofs.items() for row in rows if row.unknown_names} == {}
