"""Phase 1: what the commit message says, and what it does not."""

from __future__ import annotations

import re

from backport.inspect.facts import Fact
from backport.patch.headers import text_of
from backport.patch.mail import Mail
from backport.stable.nomination import nomination

_SUBSYSTEM = re.compile(r"^((?:[\w./*+,{}&-]+(?: [\w./*+-]+)?: ?)+)(.*)$")
_VERBS = frozenset((
    "fix", "fixes", "fixed", "check", "avoid", "prevent", "correct", "handle", "drop", "remove", "add", "use",
    "don't", "do", "make", "return", "set", "clear", "reject", "ensure", "allow", "disable", "enable", "move",
    "rename", "refactor", "clean", "introduce", "support", "convert", "replace", "reset", "restore", "skip",
    "stop", "update", "validate", "defer", "treat", "revert", "reapply", "account", "initialize", "free",
    "limit", "harden", "restrict", "unlock", "lock",
))
_FIXING = ("fix", "bug", "crash", "oops", "panic", "leak", "use-after-free", "uaf", "overflow", "race", "deadlock",
           "corrupt", "regression", "warn", "null pointer", "out-of-bounds", "prevent", "avoid", "incorrect", "wrong",
           "syzbot", "syzkaller", "hang", "stall", "fails", "accident")
_MENTION = re.compile(r"\b(?:commit\s+)?([0-9a-f]{12,40})\s*\(\s*\"([^\"]*)\"\s*\)", re.S)
_BLAME = re.compile(r"\b(introduced|broke|broken|since|regress\w*|caused|exposed)\b", re.I)
_TAGS = ("Fixes", "Reported-by", "Closes", "Reviewed-by", "Acked-by", "Tested-by", "Link", "Cc")


def message_facts(mail: Mail, paths: tuple[str, ...]) -> tuple[Fact, ...]:
    """Everything is read from the mail itself; the source names the part of it."""
    facts = [*_subject(mail), *_tags(mail), *_body(mail)]
    found = nomination(mail, paths)
    facts.append(Fact("nomination", f"stable: {found.standing} ({found.why})", "mail: tags and subject prefix",
                      weighs="for" if found.acked else "against"))
    if found.note:
        facts.append(Fact("kvm", found.note, "docs/queue.md: the stable scripts' ignore list"))
    return tuple(facts)


def mentioned(mail: Mail) -> tuple[tuple[str, str, bool], ...]:
    """(sha, subject, whether the sentence blames it) of every commit that the body names with its subject."""
    text = " ".join(mail.text.split())
    rows = []
    for match in _MENTION.finditer(text):
        sentence = text[max(text.rfind(". ", 0, match.start()), 0):match.start()]
        tagged = sentence.rstrip().endswith(("Fixes:", "Stable-dep-of:"))
        rows.append((match[1], " ".join(match[2].split()), bool(_BLAME.search(sentence)) or tagged))
    return tuple(dict.fromkeys(rows))


def _subject(mail: Mail) -> list[Fact]:
    source = "mail: Subject"
    match = _SUBSYSTEM.match(mail.title)
    subsystem, rest = (match[1].strip().rstrip(":"), match[2]) if match else ("", mail.title)
    first = rest.split(" ", 1)[0].lower().rstrip(",:") if rest else ""
    verb = rest.split(" ", 1)[0] if first in _VERBS else ""
    return [
        Fact("subject", mail.title or "(no subject)", source),
        Fact("subsystem", f"subsystem: {subsystem}" if subsystem else "the subject names no subsystem", source),
        Fact("verb", f"verb: {verb}" if verb else f"the subject's first word is no known verb: {first or '(none)'}",
             source),
        Fact("author", f"author: {mail.author}{' (address masked in the input)' if mail.author.masked else ''}",
             "mail: From"),
        Fact("upstream", f"upstream commit: {mail.upstream}" if mail.upstream else "upstream commit: unknown",
             f"mail: {mail.upstream_from}" if mail.upstream_from else "mail: no line names one"),
    ]


def _tags(mail: Mail) -> list[Fact]:
    facts = [Fact("signed-off-by", f"Signed-off-by: {tag.value}", "mail: tags") for tag in mail.tagged("Signed-off-by")]
    for name in _TAGS:
        found = mail.tagged(name)
        key = name.lower()
        weighs = {"fixes": "for", "reported-by": "for", "reviewed-by": "for", "acked-by": "for",
                  "tested-by": "for"}.get(key, "")
        if found:
            facts += [Fact(key, f"{name}: {tag.value}", "mail: tags", "yes", weighs) for tag in found]
        else:
            facts.append(Fact(key, f"no {name}: tag", "mail: tags", "no"))
    return facts


def _prose(mail: Mail) -> str:
    """The message without its tags: `Fixes:` is no word of the author's."""
    tags = {line for tag in mail.tags for line in text_of(tag.raw).splitlines()}
    return "\n".join(line for line in mail.text.splitlines() if line not in tags)


def _body(mail: Mail) -> list[Fact]:
    text = " ".join(f"{mail.title} {_prose(mail)}".lower().split())
    words = list(dict.fromkeys(found[0] for word in _FIXING for found in re.finditer(
        rf"\b{re.escape(word)}[\w-]*", text)))
    facts = [Fact("fix-words", f"words of a fix in subject or body: {', '.join(words)}" if words
                  else "no word of a fix in subject or body", "mail: message", "yes" if words else "no",
                  "for" if words else "")]
    for sha, subject, blames in mentioned(mail):
        if any(fix.sha.startswith(sha[:7]) for fix in mail.fixes):
            continue
        text = f'the body names {sha} ("{subject}")'
        facts.append(Fact("mentions", f"{text} as where this came from" if blames else text, "mail: message"))
    return facts
