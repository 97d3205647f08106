"""One patch on one tree, up to the point where a compiler is needed: check, adapt, prove, compose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from backport.adapt.changelog import changelog
from backport.adapt.engine import adapt
from backport.adapt.includes import missing_headers
from backport.adapt.left_out import left_out
from backport.adapt.new_symbols import missing
from backport.adapt.records import Adaptation, HunkStory
from backport.adapt.refresh import refreshed
from backport.bounded import Bounded
from backport.check import CheckResult, Preimages, check, in_context, preimages
from backport.check.adapted_form import there_already
from backport.check.left_behind import left_behind
from backport.check.present import Present, present
from backport.check.proof import objection
from backport.donors.model import Form
from backport.external import External
from backport.git import Git
from backport.manifest import Tree
from backport.patch import am
from backport.patch.compose import adapted_for, adapted_mail
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.patch.parse import parse
from backport.rules.model import Rule
from backport.trees.index import Index
from backport.trees.since import near, oldest
from backport.trees.store import Head
from backport.trees.view import StoreView
from backport.treeview import TreeView
from backport.verdict import Apply, Sure

_PREIMAGES = 32 << 20                 # bytes of upstream's files that are kept: those of some hundred patches
_ADAPTED = (Apply.MERGED, Apply.REWRITTEN)

# what git's answer leaves open: a tree that has the change refuses the patch, or takes it a second time
_ASKED = (Apply.CONFLICT, Apply.SUSPECT, Apply.OFFSET)


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of the patch. `patch` is what the tree takes (None where it takes nothing), `mail` its bytes."""

    outcome: Apply
    sure: Sure = Sure.CERTAIN
    patch: Patch | None = None
    mail: bytes = b""
    reason: str = ""
    notes: tuple[str, ...] = ()
    hunks: tuple[HunkStory, ...] = ()
    evidence: tuple[str, ...] = ()
    alternatives: tuple[bytes, ...] = ()
    preimages: Preimages = field(default_factory=Preimages)
    partly: tuple[str, ...] = ()     # of a conflict: signs that the tree has the change, or a part of it, already
    missing: tuple[str, ...] = ()    # names that it needs and the tree does not have, where its lines could use them
    unready: bool = False            # what is in doubt is the mail itself, or what the tree has beside its files
    forms: tuple[Form, ...] = ()     # what became of the forms that others made for newer trees
    agreed: Sure | None = None       # as sure as agreement and checks make it, without the hunks' probability
    changelog: str = ""              # what the mail says in brackets about what was adapted, without the brackets


@dataclass
class Carrier:
    """Everything that stays the same while patches are carried around: store, reference trees, rules.

    `heads` are all trees that the store has, newest first; `upstream` is the reference among them. One object
    per process: it holds a git helper process and what it has read.
    """

    store: Path
    heads: Sequence[Head]
    upstream: Head | None
    rules: Sequence[Rule] = ()
    strategies: Sequence[str] | None = None
    signoff: str | None = None
    proposers: Sequence[External] = ()
    say: Callable[[str], None] = lambda text: None   # told what takes long: an index of names that is made
    lookups: int = 0                 # names that are looked up one by one before an index is made for them
    _git: Git | None = None
    _given: tuple[str, Preimages] | None = None      # of one patch, instead of what would be found
    _preimages: Bounded[str, Preimages] = field(default_factory=lambda: Bounded(_PREIMAGES))
    _oldest: dict[tuple[str, tuple[str, ...]], Head | None] = field(default_factory=dict)
    _views: dict[str, StoreView] = field(default_factory=dict)
    _stacked: StoreView | None = None

    @property
    def git(self) -> Git:
        if self._git is None:
            self._git = Git(self.store)
        return self._git

    def close(self) -> None:
        """End helper processes."""
        for view in self._views.values():
            view.close()
        self._views.clear()
        if self._stacked is not None:
            self._stacked.close()
            self._stacked = None
        if self._git is not None:
            self._git.close()

    def view(self, head: Head) -> StoreView:
        """The engine's view of one tree, kept; of a tree with patches on top only until another is asked for."""
        if head.base and (self._stacked is None or self._stacked.commit != head.commit):
            if self._stacked is not None:
                self._stacked.close()
            beneath = self._view(head.tree, head.base)
            self._stacked = StoreView(self.store, head.tree, head.commit, head.base, self.say, self.lookups,
                                      beneath=beneath, git=self.git)
        if head.base and self._stacked is not None:
            return self._stacked
        return self._view(head.tree, head.commit)

    def _view(self, tree: str, commit: str) -> StoreView:
        if commit not in self._views:
            self._views[commit] = StoreView(self.store, tree, commit, say=self.say, lookups=self.lookups, git=self.git)
        return self._views[commit]

    @contextmanager
    def seen_from(self, home: Head | None, patch: Patch, before: Preimages) -> Iterator[Carrier]:
        """A carrier to which `home` is the tree that `patch` was made for, with its files `before`; what was read is
        shared."""
        other = replace(self, upstream=home, _git=self.git, _given=(patch.sha256, before),
                        _preimages=Bounded(_PREIMAGES), _oldest={}, proposers=())
        try:
            yield other
        finally:
            self._stacked = other._stacked       # either of them may have opened one in the other's place

    def preimages(self, patch: Patch) -> Preimages:
        """Upstream's files before the patch; the same for every tree, so found once."""
        if self._given is not None and self._given[0] == patch.sha256:
            return self._given[1]
        known = self._preimages.get(patch.sha256)
        if known is None:
            others = [head for head in self.heads if head != self.upstream]
            known = preimages(
                self.git, patch, upstream_sha=read_mail(patch).upstream_sha, upstream=self.upstream, others=others)
            self._preimages.put(patch.sha256, known, 4096 + sum(map(len, known.files.values())))
        return known

    def in_context(self, patch: Patch) -> Patch:
        """The patch as everything after this sees it: with context, where it came without and its file is known."""
        return in_context(patch, self.preimages(patch))

    def carry(self, patch: Patch, tree: Tree, head: Head) -> Carried:
        """Check `patch` on `head`; adapt it where git refuses it; hand out only what git takes as it stands."""
        before = self.preimages(patch)
        patch = in_context(patch, before)
        checked = check(self.git, head.commit, patch, before.files)
        there = present(self.git, head.commit, patch, before.files) if checked.outcome in _ASKED else Present()
        if there.whole:
            carried = _in_the_tree(there, checked)
        elif checked.outcome is Apply.CONFLICT:
            carried = self._adapted(patch, tree, head, before, there)
        elif (checked := self._strayed(checked, patch, head, before)).outcome.good:
            carried = self._as_is(patch, tree, head, before, checked)
        else:
            carried = Carried(checked.outcome, checked.sure, None, b"", checked.reason, checked.notes, checked.hunks)
        lacking = missing_headers(carried.patch, self.view(head)) if carried.patch is not None else ()
        if lacking:
            told = tuple(f"an added line includes {name}, which this tree does not have" for name in lacking)
            carried = _without_header(carried, told) if carried.outcome in _ADAPTED else replace(
                carried, sure=Sure.REVIEW, notes=(*carried.notes, *told), unready=True)
        if carried.patch is not None and (left := left_behind(carried.patch, self.view(head), self.view(head).index)):
            carried = replace(carried, sure=Sure.REVIEW, notes=(*carried.notes, *left), unready=True)
        if patch.review and carried.patch is not None:
            # the details stand in the patch itself; nine lines of them in every cell would hide what matters
            restored = ("the patch was restored from a text that had lost its white space: see its "
                        "X-Backport-Restored headers",) if patch.restored else ()
            carried = replace(carried, sure=Sure.REVIEW, notes=(*carried.notes, *restored, *patch.doubts))
        said = self._unready(patch, carried.mail) if carried.mail else ()
        if said:
            carried = replace(carried, sure=Sure.REVIEW, notes=(*carried.notes, *said), unready=True)
        failed = tuple(dict.fromkeys(text for one in self.proposers for text in one.failures))
        for one in self.proposers:
            one.failures.clear()
        # the probability comes last: what another tree's form confirms is no matter of likelihood (backport.donors)
        unlikely = any(hunk.unopposed and hunk.sure is Sure.REVIEW for hunk in carried.hunks)
        return replace(carried, preimages=before, notes=(*carried.notes, *failed), agreed=carried.sure,
                       sure=Sure.REVIEW if unlikely else carried.sure)

    def _adapted(self, patch: Patch, tree: Tree, head: Head, before: Preimages, there: Present) -> Carried:
        """The engine's answer to a patch that git apply refuses. Where it is none, or a part of the change would be
        made beside the part that is there, the tree is asked whether it has all of it in its own words."""
        answer = self._opinion(patch, head, before, there)
        made = self._made(answer, patch, tree, head, there)
        if made.outcome in (Apply.ALREADY, Apply.ABSENT) or (
                made.outcome.good and all(hunk.state == "forward" for hunk in answer.hunks)):
            return made

        def adapted(one: Patch, target: TreeView, files: Mapping[str, bytes]) -> Adaptation:
            return adapt(one, target, upstream=self.view(self.upstream) if self.upstream else None, preimages=files,
                         rules=self.rules, strategies=self.strategies)

        sure = there_already(patch, self.view(head), before.files, adapted)
        if sure is None:
            return made
        return Carried(Apply.ALREADY, sure, None, b"", "the tree has the change in adapted form: taken out of it, and "
                       "carried again, it leads to the same files", (), answer.hunks, there.evidence)

    def _strayed(self, checked: CheckResult, patch: Patch, head: Head, before: Preimages) -> CheckResult:
        """`checked`; what is suspect for the name of the function alone goes in."""
        if checked.outcome is not Apply.SUSPECT:
            return checked
        return _only_renamed(checked, self._opinion(patch, head, before))

    def _unready(self, patch: Patch, mail: bytes) -> tuple[str, ...]:
        """What a person has to fix in the mail itself before it can go into a tree."""
        doubt = read_mail(patch).upstream_doubt
        return am.objections(self.git, mail) + ((doubt,) if doubt else ())

    def _as_is(self, patch: Patch, tree: Tree, head: Head, before: Preimages, checked: CheckResult) -> Carried:
        """It applies; but git does not ask whether the tree has what the added lines use."""
        view = self.view(head)
        files = {path: data for path in patch.paths if (data := view.read(path)) is not None}
        lacking = missing(patch, files, view.index, self.view(self.upstream).index if self.upstream else None)
        second = self._opinion(patch, head, before)
        if lacking and second.outcome is Apply.REWRITTEN:        # a rule knows how this tree says it
            return self._made(second, patch, tree, head)
        notes = tuple(f"the added lines use {one.name}, {one.which}{self._since(one.name, patch)}" for one in lacking)
        if second.outcome is Apply.SUSPECT:
            return Carried(Apply.SUSPECT, Sure.REVIEW, None, b"", second.reason, second.notes, checked.hunks)
        if second.outcome.good and second.sure is Sure.REVIEW:
            notes += second.notes or ("not all strategies place it where git apply does",)
        if notes:
            checked = replace(checked, sure=Sure.REVIEW, notes=checked.notes + notes)
        fresh = refreshed(patch, view)
        mail = self._mail(patch, fresh, tree, "")
        ready = parse(mail, source=patch.source, slug=patch.slug) if fresh.files != patch.files else patch
        trouble = objection(self.git, head.commit, ready) if ready is not patch else ""
        if trouble:
            return Carried(Apply.CONFLICT, Sure.REVIEW, None, b"", trouble, checked.notes, checked.hunks)
        return Carried(checked.outcome, checked.sure, ready, mail, checked.reason, checked.notes, checked.hunks,
                       missing=tuple(one.name for one in lacking))

    def _since(self, name: str, patch: Patch) -> str:
        """" (linux-6.1.y is the oldest tree here that does)", "" where none has."""
        asked = (name, near(patch.paths))
        if asked not in self._oldest:
            self._oldest[asked] = oldest(self.git, self.heads, *asked, self._made_index, self.say)
        head = self._oldest[asked]
        return f" ({head.tree} is the oldest tree here that does)" if head is not None else ""

    def _made_index(self, head: Head) -> Index | None:
        """The index of a tree where it is made."""
        index = self.view(head).index
        return index if index.words_made else None

    def _opinion(self, patch: Patch, head: Head, before: Preimages, there: Present | None = None) -> Adaptation:
        """What the engine says; also of a patch that git apply takes: of the wrong landings in docs/accuracy.md that
        git returns 0 for, nearly half are told apart only by it."""
        return adapt(patch, self.view(head), upstream=self.view(self.upstream) if self.upstream else None,
                     preimages=before.files, rules=self.rules, strategies=self.strategies,
                     there=there.there if there is not None else None, proposers=self.proposers)

    def _made(self, answer: Adaptation, patch: Patch, tree: Tree, head: Head, there: Present | None = None) -> Carried:
        """The engine's answer as a patch that git confirms, or its refusal with what would help a person."""
        alternatives = tuple(other.diff for other in answer.alternatives)
        if answer.patch is None:
            lacking = dict.fromkeys(name for hunk in answer.hunks for name in hunk.missing)
            evidence = tuple(f"the patch needs {name}, which this tree does not have{since}"
                             for name in lacking if (since := self._since(name, patch)))
            asked = there.evidence if there is not None else ()
            return Carried(answer.outcome, answer.sure, None, b"", answer.reason, answer.notes, answer.hunks,
                           answer.evidence + asked + evidence, alternatives, partly=_signs(answer, there),
                           missing=tuple(lacking))
        made = answer.patch.files
        note = adapted_for(tree.series, changelog(patch, made, answer.hunks))
        mail = self._mail(patch, answer.patch, tree, note)
        left = [part for part in left_out(patch, made, answer.hunks) if part.whole or not part.known]
        answer = replace(answer, notes=(*answer.notes, *(part.sentence for part in left)),
                         sure=answer.agreed if all(part.known for part in left) else Sure.REVIEW)
        ready = parse(mail, source=patch.source, slug=patch.slug)
        trouble = objection(self.git, head.commit, ready)
        if trouble:
            return _declined(answer, trouble, alternatives)
        return Carried(answer.outcome, answer.sure, ready, mail, answer.reason, answer.notes, answer.hunks,
                       answer.evidence, alternatives, changelog=note)

    def _mail(self, patch: Patch, changed: Patch, tree: Tree, note: str) -> bytes:
        return adapted_mail(patch, changed.files, series=tree.series, notes=(note,),
                            upstream_sha=read_mail(patch).upstream_sha, signoff=self.signoff)


# what a hunk assumes where its change, or a part of it, is in the tree already
_THERE = frozenset({"present", "partly", "duplicate", "redeclared"})


def _signs(answer: Adaptation, there: Present | None) -> tuple[str, ...]:
    """Where a tree that refuses the patch has something of it: a person looks before the author hears that it fails."""
    files = [path for path in there.there if path not in there.weak] if there is not None else []
    hunks = [f"hunk {hunk.index + 1} of {hunk.path}" for hunk in answer.hunks
             if "reverse" in hunk.strategies or _THERE & set(hunk.signals)]
    return (*files, *hunks)


def _in_the_tree(there: Present, checked: CheckResult) -> Carried:
    """Every file has the change. Where git apply would put it in once more, a person is told."""
    again = checked.outcome is not Apply.CONFLICT
    return Carried(Apply.ALREADY, Sure.REVIEW if again or there.weak else Sure.CERTAIN, None, b"",
                   "the tree has the change: " + "; ".join(dict.fromkeys(there.there.values())),
                   ("git apply accepts the patch a second time: do not apply it again",) if again else (),
                   checked.hunks, there.evidence)


def _without_header(carried: Carried, told: tuple[str, ...]) -> Carried:
    """An adaptation that cannot compile is none; what it would be stays for the person who decides."""
    assert carried.patch is not None
    return replace(carried, outcome=Apply.CONFLICT, sure=Sure.REVIEW, patch=None, mail=b"", reason="; ".join(told),
                   alternatives=(carried.patch.diff, *carried.alternatives))


def _only_renamed(checked: CheckResult, opinion: Adaptation) -> CheckResult:
    """`checked`, or that the patch goes in, where what git put it into differs from upstream's function in name only.

    The applier knows names; the engine looks at the lines, and found most of upstream's function there, which this
    tree has under no other name. A patch that also fits in reverse stays suspect, for the engine says so as well.
    """
    signals = {(h.path, h.index): h.signals for h in opinion.hunks}
    strayed = [h for h in checked.hunks if h.function != h.upstream_function]
    if opinion.outcome not in (Apply.CLEAN, Apply.OFFSET) or not strayed or any(
            not {"renamed", "retitled"} & set(signals.get((h.path, h.index), ())) for h in strayed):
        return checked
    moved = any(h.offset for h in checked.hunks)
    return replace(checked, outcome=Apply.OFFSET if moved else Apply.CLEAN, sure=opinion.sure, reason="",
                   notes=(*checked.notes, *opinion.notes))


def _declined(answer: Adaptation, trouble: str, alternatives: tuple[bytes, ...]) -> Carried:
    """An answer that git does not confirm is no answer."""
    return Carried(Apply.CONFLICT, Sure.REVIEW, None, b"", f"an adaptation was found and rejected: {trouble}",
                   answer.notes, answer.hunks, answer.evidence, alternatives)
