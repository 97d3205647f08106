"""Phase 3: where the bug came from, which trees hold bug and fix, what followed; from history, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from backport.git import limited
from backport.history.branch import Branch, no_history
from backport.history.bug import TaggedCommit, follow_ups, holds_bug, named_in
from backport.history.log import Log
from backport.history.presence import PresenceState, UpstreamChange, patch_id, presence
from backport.inspect.calls import Sources, names_of
from backport.inspect.facts import Fact, cannot_know
from backport.inspect.message import mentioned
from backport.patch.mail import Mail
from backport.patch.model import Patch


def history_facts(patch: Patch, mail: Mail, log: Log, upstream: Branch | None, branches: Sequence[Branch],
                  trees: Sequence[Sources]) -> tuple[Fact, ...]:
    """Everything that history tells; each question that it does not is there with the reason."""
    facts: list[Fact] = []
    tip = upstream.commit if upstream is not None and not no_history(log.git, upstream) else ""
    change = UpstreamChange(mail.upstream, mail.title, patch_id(log.git, patch.diff), patch.paths)
    facts += _fix(log, change, upstream, tip)
    facts += _bug(log, mail, tip, branches)
    blind: list[tuple[str, str]] = []
    for branch in branches:
        answer = presence(log, branch, change, upstream=tip)
        if answer.state is PresenceState.UNKNOWN:
            blind.append((branch.name, answer.reason))
        else:
            facts.append(Fact("contains", f"{branch.name}: the fix is {answer.line}", answer.source, str(answer.state)))
    facts += _blind("contains", "whether the fix is in", blind)
    facts += _follow(log, mail, tip, upstream)
    facts += _names(patch, trees)
    facts += _activity(log, patch, tip, upstream)
    return tuple(facts)


def _fix(log: Log, change: UpstreamChange, upstream: Branch | None, tip: str) -> list[Fact]:
    if not change.sha:
        return [cannot_know("fix-release", "the release that first has the fix", "the upstream commit is not known")]
    commit = log.one(change.sha) if tip else None
    if commit is None:
        why = no_history(log.git, upstream) if upstream else "no upstream tree in the store"
        return [cannot_know("fix-release", f"the release that first has {change.sha[:12]}",
                            why or f"{change.sha[:12]} is not a commit in the store")]
    assert upstream is not None
    if commit.sha not in log.index.within([commit.sha], tip):
        return [Fact("fix-release", f"{commit.sha[:12]} is a commit of the store, but not in {upstream.name} "
                                    f"{upstream.version}", f"git merge-base --is-ancestor {commit.sha[:12]} {tip[:12]}",
                     "no", "against")]
    tag, name = log.release_of(commit.sha)
    return [Fact("fix-release", f"{commit.sha[:12]} is first in {tag} ({name})" if tag
                 else f"no tag contains {commit.sha[:12]}", f"git describe --contains {commit.sha}")]


def _bug(log: Log, mail: Mail, tip: str, branches: Sequence[Branch]) -> list[Fact]:
    tagged = named_in(mail.text)
    named = list(tagged)
    blamed = [TaggedCommit(sha, subject) for sha, subject, blames in mentioned(mail) if blames]
    source = "Fixes: tag"
    if not named and blamed:
        named, source = blamed, "the message, in prose, which is weaker than a Fixes: tag"
    if not named:
        return [cannot_know("introduced", "the commit that introduced the bug",
                            "no Fixes: tag, and the body blames none")]
    facts = []
    for item in named:
        commit = log.one(item.sha)
        facts.append(Fact("introduced", f"introduced by {item.sha} (\"{item.subject}\")", f"mail: {source}"))
        if commit is None:
            facts.append(cannot_know("introduced-release", f"date, author and release of {item.sha[:12]}",
                                     "it is not a commit in the store; a clone with history has the answer"))
            continue
        tag, name = log.release_of(commit.sha)
        facts.append(Fact("introduced-release", f"{commit.sha[:12]} by {commit.author}, {commit.date[:10]}, "
                          + (f"first in {tag} ({name})" if tag else "in no tag"), f"git log -1 {commit.sha}"))
    blind: list[tuple[str, str]] = []
    for branch in branches:
        bug = holds_bug(log, branch, named, upstream=tip)
        if bug.held is None:
            blind.append((branch.name, bug.reason))
        else:
            there = f"there{f', since {bug.since}' if bug.since else ''}" if bug.held else "not there"
            facts.append(Fact("bug", f"{branch.name}: the commit that introduced it is {there} ({bug.reason})",
                              f"git log {branch.commit[:12]}", "yes" if bug.held else "no"))
    return [*facts, *_blind("bug", "whether the commit that introduced the bug is in", blind)]


def _blind(key: str, question: str, rows: Sequence[tuple[str, str]]) -> list[Fact]:
    """One line for all branches of which nothing can be known, instead of the same line for each."""
    if not rows:
        return []
    names = [name for name, _reason in rows]
    reasons = dict.fromkeys(reason.replace(name, "it", 1) for name, reason in rows)
    return [cannot_know(key, f"{question} {', '.join(names)}, by history", "; ".join(reasons))]


def _follow(log: Log, mail: Mail, tip: str, upstream: Branch | None) -> list[Fact]:
    question = "commits upstream that fix or revert this one"
    if not tip or not mail.upstream or log.one(mail.upstream) is None:
        why = (no_history(log.git, upstream) if upstream else "no upstream tree in the store") \
            or f"{mail.upstream[:12] or 'the commit'} is not a commit in the store"
        return [cannot_know("follow-up", question, why)]
    found = follow_ups(log, mail.upstream, tip)
    source = f"git log {mail.upstream[:12]}..{tip[:12]}"
    if not found:
        return [Fact("follow-up", "no upstream commit fixes or reverts this one", source, "no")]
    return [Fact("follow-up", f"{f.commit.sha[:12]} (\"{f.commit.subject}\") {f.kind} {f.of[:12]}"
                              f"{f', first in {f.release}' if f.release else ''}", source, "yes", "against")
            for f in found]


def _names(patch: Patch, trees: Sequence[Sources]) -> list[Fact]:
    """For names in changed lines that not every tree defines: who has them. Content, not history: it always works."""
    names = {n.decode("ascii", "replace") for file in patch.files for hunk in file.hunks
             for line in hunk.lines if line.kind != b" " for n in names_of(line.text)}
    facts = []
    for name in sorted(names):
        have = [t.name for t in trees if name in t.defined]
        lack = [t.name for t in trees if not _word(t, name)]
        if have and lack:
            facts.append(Fact("helper", f"{name}() is in {', '.join(have)}; not in {', '.join(lack)}: which commit "
                                        "brought it is for history to say",
                              f"git grep -n -w {name} in each of them"))
    return facts


def _word(tree: Sources, name: str) -> bool:
    word = name.encode()
    return any(word in data and word in names_of(data) for data in tree.clean.values() if word in data)


def _activity(log: Log, patch: Patch, tip: str, upstream: Branch | None) -> list[Fact]:
    if not tip:
        why = no_history(log.git, upstream) if upstream else "no upstream tree in the store"
        return [cannot_know("activity", f"how often {', '.join(patch.paths[:3])} changed lately", why)]
    since = log.release_of(tip)[0]
    count = log.git.run("rev-list", "--count", "--since=1.year", "--stdin", stdin=limited([tip], patch.paths)).text
    return [Fact("activity", f"{count} commits touched {', '.join(patch.paths[:3])} in a year"
                             f"{f' (tree at {since})' if since else ''}",
                 f"git rev-list --count --since=1.year {tip[:12]}")]
