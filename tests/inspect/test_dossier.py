from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from backport.cell import Cell
from backport.inspect.calls import index
from backport.inspect.code import code_facts
from backport.inspect.diff import kind
from backport.inspect.dossier import DossierCase, dossier
from backport.inspect.facts import Dossier
from backport.inspect.maintainers import covers, read_maintainers
from backport.inspect.render import render_json, render_markdown
from backport.manifest import Manifest, Tree
from backport.patch.parse import parse
from backport.trees.store import Head
from backport.verdict import Apply, Build
from tests.inspect.test_calls import TREE
from tests.support.histories import Repo
from tests.support.queues import mail

MAINTAINERS = """List of maintainers
===================

M: not an entry

KERNEL VIRTUAL MACHINE (KVM)
M:\tPaola <p@example.org>
L:\tkvm@example.org
S:\tSupported
F:\tvirt/kvm/*
F:\tarch/*/kvm/

KVM FOR X86
M:\tSeana <s@example.org>
S:\tSupported
F:\tarch/x86/kvm/
X:\tarch/x86/kvm/y*
"""
OLD = TREE["arch/x86/kvm/x.c"].decode().replace("is_pending(v) || v->arch.injected", "is_pending(v)")


def world(tmp_path: Path, *, subject: str = "KVM: x86: Check twice", tags: str = "") -> Dossier:
    """A fix, an upstream with history that has it, a stable branch without, and a tarball."""
    repo = Repo(tmp_path / "r.git")
    repo.files["up"] = {path: text.decode() for path, text in TREE.items()} | {
        "MAINTAINERS": MAINTAINERS, "arch/x86/kvm/x.c": OLD}
    repo.tag("v6.0", repo.commit("up", "base"))
    repo.branch("stable", "up")
    repo.empty("stable", "Linux 6.0.1")
    patch = mail(repo, repo.tip("up"), {"arch/x86/kvm/x.c": TREE["arch/x86/kvm/x.c"].decode()}, subject,
                 body='It crashes. This was introduced in\ncommit 4f926bf29186 ("KVM: x86: Polish\n it") to avoid.',
                 tags=tags + "Signed-off-by: A <a@example.org>\n", prefix="PATCH AUTOSEL 7.0-6.0")
    repo.files["up"]["arch/x86/kvm/x.c"] = TREE["arch/x86/kvm/x.c"].decode()
    fix = repo.commit("up", subject)
    repo.tag("v6.1", fix)
    repo.edit("up", "arch/x86/kvm/vmx.c", "REAL", "REAL2", f'kvm: fix the check\n\nFixes: {fix[:12]} ("{subject}")')
    repo.files["tar"] = dict(repo.files["stable"])
    repo.commit("tar", "Linux 5.10.1")
    patch = parse(patch.render().replace(b"a" * 40, fix.encode()), source="fix.patch", slug="fix")
    heads = [Head("upstream", repo.tip("up"), "6.2", "git", 0.0, history=True),
             Head("linux-6.0.y", repo.tip("stable"), "6.0.1", "git", 0.0, history=True),
             Head("linux-5.10.y", repo.tip("tar"), "5.10.1", "tarball", 0.0)]
    cells = {"upstream": Cell("fix", "upstream", Apply.ALREADY),
             "linux-6.0.y": Cell("fix", "linux-6.0.y", Apply.OFFSET, Build.PASS, command="backport run fix.patch"),
             "linux-5.10.y": Cell("fix", "linux-5.10.y", Apply.CONFLICT, reason="x.c:7 differs")}
    manifest = Manifest(Path("t"), (Tree("upstream", "6.2", (), upstream=True), Tree("linux-6.0.y", "6.0", ()),
                                    Tree("linux-5.10.y", "5.10", ())))
    return dossier(repo.git, DossierCase(patch, heads, heads[0], cells, manifest))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dossier:
    return world(tmp_path_factory.mktemp("dossier"))


def text(made: Dossier, key: str) -> str:
    return "\n".join(f"{f.answer}|{f.text}|{f.source}" for f in made.facts(key))


def test_every_line_has_a_source_or_says_unverified(made: Dossier) -> None:
    page = render_markdown(made)
    for line in page.split("\n"):
        if line.startswith("- "):
            assert " — `" in line or line.endswith("UNVERIFIED"), line
    assert "decides nothing" not in page
    assert {phase.number for phase in made.phases} == set(range(1, 11))


def test_the_message_is_read_phase_one(made: Dossier) -> None:
    assert "subsystem: KVM: x86" in text(made, "subsystem")
    assert "verb: Check" in text(made, "verb")
    assert text(made, "fixes").startswith("no|")
    assert '4f926bf29186 ("KVM: x86: Polish it") as where this came from' in text(made, "mentions")
    assert "candidate" in text(made, "nomination")
    assert "ignore list" in text(made, "kvm")


def test_functions_come_from_the_pre_image_and_the_change_is_named(made: Dossier) -> None:
    assert text(made, "function") == "|arch/x86/kvm/x.c: fix_it()|pre-image (blob a07331d of the index line), line 8"
    assert "a condition gets one more alternative (||)" in text(made, "change")


def test_history_answers_where_there_is_one_and_says_so_where_not(made: Dossier) -> None:
    assert "first in v6.1" in text(made, "fix-release")
    contains = text(made, "contains")
    assert "upstream: the fix is present: applied by" in contains
    assert "linux-6.0.y: the fix is missing" in contains
    assert "unknown|whether the fix is in linux-5.10.y, by history: unknown" in contains
    assert "kvm: fix the check" in text(made, "follow-up")
    assert text(made, "introduced-release").startswith("unknown|")


def test_code_callers_reach_and_the_same_pattern(made: Dossier) -> None:
    assert "arch_debug()" in text(made, "caller")
    assert "reachable from user space by ioctl VCPU_DEBUG: vcpu_ioctl()" in text(made, "reach")
    assert "vmx_busy() at arch/x86/kvm/vmx.c:4" in text(made, "similar")
    assert any("v->arch.pending" in line for fact in made.facts("callee") for line in fact.detail)


def test_the_checklist_says_yes_no_or_cannot_know(made: Dossier) -> None:
    rules = {fact.key: fact.answer for phase in made.phases for fact in phase.facts if fact.key.startswith("rule:")}
    assert rules == {"rule:mainline": "yes", "rule:correct": "unknown", "rule:size": "yes",
                     "rule:bug": "unknown", "rule:follow-up": "no", "rule:nominated": "no", "rule:builds": "yes",
                     "rule:signed": "yes", "rule:newer": "no"}


def test_the_closest_entry_of_maintainers_is_named(made: Dossier) -> None:
    assert "KVM FOR X86; maintainers Seana" in text(made, "maintained")
    generic, x86 = read_maintainers(MAINTAINERS.encode())
    assert covers(x86, "arch/x86/kvm/vmx/vmx.c") == 3
    assert covers(x86, "arch/x86/kvm/y.c") == 0
    assert covers(generic, "virt/kvm/main.c") == 2
    assert covers(generic, "virt/kvm/deep/main.c") == 0


def test_json_is_json_and_hostile_text_is_harmless(tmp_path: Path) -> None:
    evil = world(tmp_path, subject="x: <script>alert(1)</script> | `id` [a](http://e) \x1b[31m",
                 tags="Reported-by: Evil\xa0<img src=x> <e@example.org>\n")
    data = json.loads(render_json(evil))
    assert data["schema"] == "backport-dossier-1"
    page = render_markdown(evil)
    assert not re.search(r"(?<!\\)<(script|img)", page)
    assert "\x1b" not in page
    assert not re.search(r"(?<!\\)\]\(http", page)


@pytest.mark.parametrize(("removed", "added", "what"), [
    ("\tif (a)\n", "\tif (a && b)\n", "a condition gets one more requirement (&&)"),
    ("\tif (a)\n", "\tif (b)\n", "a condition changes"),
    ("\tx = 1;\n", "\t x = 1;\n", "white space only"),
    ("\t/* a */\n", "\t/* b */\n", "comments only"),
    ("", "\tcall(x);\n", "only adds lines"),
    ("", "\tif (x)\n", "adds a condition"),
    ("\tcall(x);\n", "", "only removes lines"),
    ("\tcall(x);\n", "\tcall(y);\n", "replaces lines"),
])
def test_the_form_of_a_change(removed: str, added: str, what: str) -> None:
    body = " before\n" + (f"-{removed}" if removed else "") + (f"+{added}" if added else "") + " after\n"
    counts = (2 + bool(removed), 2 + bool(added))
    data = f"--- a/x.c\n+++ b/x.c\n@@ -1,{counts[0]} +1,{counts[1]} @@\n{body}"
    assert kind(parse(data.encode()).files[0].hunks[0]) == what


def test_comments_are_no_pattern_and_tags_are_no_words_of_a_fix(tmp_path: Path) -> None:
    made = world(tmp_path, subject="KVM: x86: Look twice", tags='Fixes: 123456789abc ("a bug of a crash")\n')
    assert "words of a fix in subject or body: crashes, avoid" in text(made, "fix-words")
    hunk = (b"@@ -1,1 +1,4 @@\n int a;\n+/*\n+ * A comment, with more than three names in it.\n+ */\n")
    patch = parse(b"--- a/arch/x86/kvm/x.c\n+++ b/arch/x86/kvm/x.c\n" + hunk)
    facts = code_facts(patch, (), [index("t", TREE)])
    assert [fact.text for fact in facts] == [
        "the added lines are no code, or have too few names to look for the same pattern"]


def test_one_pattern_does_not_fill_the_page() -> None:
    many = b"".join(b"void f%d(struct v *v)\n{\n\tif (alpha(v) || beta(v) || gamma(v))\n\t\tx(%d);\n}\n\n" % (n, n)
                    for n in range(30))
    hunk = b"@@ -1,1 +1,2 @@\n int a;\n+\tif (gamma(v) || beta(v) || alpha(v))\n"
    patch = parse(b"--- a/arch/x86/kvm/x.c\n+++ b/arch/x86/kvm/x.c\n" + hunk)
    facts = code_facts(patch, (), [index("t", {"arch/x86/kvm/y.c": many})])
    assert len(facts) == 6
    assert "at 25 more places of t" in facts[-1].text


def test_a_commit_of_the_store_that_is_not_upstream_is_not_in_mainline(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "r.git")
    repo.files["up"] = {path: text.decode() for path, text in TREE.items()}
    repo.tag("v6.0", repo.commit("up", "base"))
    repo.empty("up", "more")
    repo.branch("next", "up")
    patch = mail(repo, repo.tip("up"), {"virt/kvm/main.c": "int x;\n"}, "KVM: x")
    other = repo.edit("next", "virt/kvm/main.c", "run(f)", "run2(f)", "KVM: x")
    patch = parse(patch.render().replace(b"a" * 40, other.encode()), source="fix.patch", slug="fix")
    head = Head("upstream", repo.tip("up"), "6.0", "git", 0.0, history=True)
    made = dossier(repo.git, DossierCase(patch, [head], head, {}, None))
    assert "but not in upstream 6.0" in text(made, "fix-release")
    assert text(made, "rule:mainline").startswith("no|")
