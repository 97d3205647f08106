"""The dossier of one patch, phase by phase; this page is the order, the rooms beside it hold the questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backport.cell import Cell
from backport.check import preimages
from backport.csource.constants import error_codes
from backport.git import Git
from backport.history.branch import Branch
from backport.history.log import Log
from backport.inspect.calls import Sources, read_sources, scope_of
from backport.inspect.code import code_facts
from backport.inspect.diff import diff_facts, touched
from backport.inspect.facts import Dossier, Fact, Phase
from backport.inspect.maintainers import subsystem_facts
from backport.inspect.message import message_facts
from backport.inspect.past import history_facts
from backport.inspect.rules import evidence, newer_fact, rule_facts
from backport.inspect.status import status_facts, with_missing
from backport.manifest import Manifest
from backport.patch.mail import Mail, read_mail
from backport.patch.model import Patch
from backport.stable.newer import newer_trees
from backport.trees.store import Head


@dataclass(frozen=True, slots=True)
class DossierCase:
    """What a dossier is made from. `heads` are the trees of interest, newest first, the reference among them;
    `cells` are the results of this patch by tree name, empty where it was not tried."""

    patch: Patch
    heads: Sequence[Head]
    upstream: Head | None
    cells: Mapping[str, Cell]
    manifest: Manifest | None = None
    missing: tuple[str, ...] = ()    # trees that were asked about and are not in the store


def dossier(git: Git, case: DossierCase, log: Log | None = None) -> Dossier:
    """Read everything and lay it out. Nothing is decided and nothing is guessed: what is not known says so."""
    patch, mail = case.patch, read_mail(case.patch)
    log = log or Log(git)
    others = [head for head in case.heads if head != case.upstream]
    before = preimages(git, patch, upstream_sha=mail.upstream_sha, upstream=case.upstream, others=others)
    places = touched(patch, before.files)
    trees = _sources(git, patch, case)
    stable = [head for head in case.heads if head != case.upstream]
    phases = [
        Phase(1, "Commit message", message_facts(mail, patch.paths)),
        Phase(2, "Diff", diff_facts(patch, before.files, before.sources)),
        Phase(3, "History", history_facts(patch, mail, log, Branch.of(case.upstream) if case.upstream else None,
                                          [Branch.of(head) for head in case.heads], trees)),
        Phase(4, "Mailing list", _lists(mail)),
        Phase(5, "Code", code_facts(patch, places, trees)),
        Phase(6, "Stable trees", status_facts(mail, case.heads, case.cells, case.manifest, case.missing)),
        Phase(7, "Subsystem", _subsystem(git, patch, case)),
        Phase(8, "Impact and risk", _impact(patch)),
    ]
    rules = list(rule_facts(patch, mail, phases, case.upstream, case.cells))
    if case.manifest is not None and stable and case.cells:
        found = newer_fact(newer_trees(case.manifest, stable[-1].tree, with_missing(case.cells, case.missing)))
        rules += [found] if found else []
    phases.append(Phase(9, "Stable rules", tuple(rules)))
    phases.append(Phase(10, "Evidence for and against", evidence(phases)))
    return Dossier(mail.title or patch.slug, mail.upstream, tuple(phases))


def _sources(git: Git, patch: Patch, case: DossierCase) -> list[Sources]:
    order = ([case.upstream] if case.upstream else []) + [head for head in case.heads if head != case.upstream]
    scope = scope_of(patch.paths)
    return [read_sources(git, head.commit, f"{head.tree} {head.version}", scope) for head in order] if scope else []


def _lists(mail: Mail) -> tuple[Fact, ...]:
    facts = [Fact("link", f"Link: {tag.value}", "mail: tags") for tag in mail.tagged("Link")]
    if mail.message_id:
        facts.append(Fact("message-id", f"this mail: {mail.message_id}", "mail: Message-ID"))
    facts.append(Fact("discussion", "discussion on the mailing lists: no list archive is read"))
    if mail.notes.strip():
        count = len(mail.notes.splitlines())
        facts.append(Fact("analysis", f"the mail carries {count} lines of analysis below its `---`; none of it is "
                                      "used as fact"))
    return tuple(facts)


def _subsystem(git: Git, patch: Patch, case: DossierCase) -> tuple[Fact, ...]:
    head = case.upstream or (case.heads[0] if case.heads else None)
    data = git.blob(f"{head.commit}:MAINTAINERS") if head else None
    return subsystem_facts(data, patch.paths, f"{head.tree} {head.version}" if head else "")


def _impact(patch: Patch) -> tuple[Fact, ...]:
    around = b"".join(line.text for file in patch.files for hunk in file.hunks for line in hunk.lines)
    codes = [code.decode() for code in error_codes(around)]
    seen = [Fact("errors", f"error codes in the hunks, context included: {', '.join(codes)}", "diff")] if codes else []
    return (*seen, Fact("impact", "who hits the bug, how often and how badly: cannot be read from the sources"),
            Fact("risk", "what could go wrong with the change: phases 2 (size), 3 (follow-ups) and 5 (callers) are the "
                         "facts for it"))
