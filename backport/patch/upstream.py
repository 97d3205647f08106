"""Which commit in Linus's tree a mail says that it is, or that it cannot be told.

Every tree writes it in words of its own: stable's `[ Upstream commit X ]`, git's `(cherry picked from commit X)`,
Ubuntu's `(backported from commit X)`, RHEL's `commit X` above the original message, SUSE's `Git-commit: X`. Such a
line is about upstream; the `From X` line of git format-patch only says which commit the mail was made from, and that
may be a distribution's. So the From line counts where the mail names no commit at all. Two commits that cannot be
told apart are none: a made-up `[ Upstream commit ]` line would send a stable maintainer to the wrong commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backport.patch.headers import Header

_ID = rb"(?P<id>[0-9a-f]{7,40})(?![0-9a-z])"
_URL = rb"(?:<?https?://[^\s)\]>]*?(?:id=|/commit/|/c/|/linus/|/patch/)(?:\?id=)?)?"
_TREE = rb"(?:up-?stream|upsteam|upstrem|main-?line|linus(?:'s)?(?: tree)?)"

# `[ Upstream commit X ]`, `[ commit X upstream ]`, `commit X upstream.`: the lines that stable asks for
_STABLE_LINES = (
    re.compile(rb"^[ \t]*\[\s*(?:(?:this is )?(?:a )?back-?port(?:ed)? (?:of|from) )?" + _TREE
               + rb"(?:[- ]commit)?(?:[- ]id)?:?\s+" + _URL + _ID + rb"[^\]\n]*\]?\.?[ \t]*\r?$", re.I | re.M),
    re.compile(rb"^[ \t]*(?:\[\s*)?commit:?\s+" + _ID + rb"\s+(?:is\s+)?(?:in\s+)?" + _TREE
               + rb"\.?(?:\s*\])?\.?[ \t]*\r?$", re.I | re.M),
)
# `Git-commit: X` (SUSE), `Upstream: X`, `Upstream-Status: Backport [X]` (Yocto), `Origin: upstream, .../X` (Debian)
_FIELD_NAME = re.compile(rb"(?:git-commit|(?:x-)?upstream|upstream[- ]commit(?:[- ]id)?|mainline[- ]commit|"
                         rb"mainline|upstream[- ]status|origin|back-?port(?:ed)?[- ](?:of|from)|cherry-?picked[- ]from|"
                         rb"commit)\Z", re.I)
_FIELD = re.compile(rb"^([A-Za-z][A-Za-z -]{2,20})[ \t]*:[ \t]*([^\n]*)$", re.M)
_FIELD_VALUE = re.compile(rb"^(?:(?:backport(?:ed)?|upstream|vendor|accepted|applied)\b[\s,:;\[(]*)*(?:from\s+)?"
                          rb"(?:commit:?\s*)?" + _URL + _ID, re.I)
# openEuler's heads: `mainline inclusion` / `from mainline-v6.0` / `commit X`
_INCLUSION = re.compile(rb"^(?P<tree>\w+) inclusion[ \t]*\r?\n(?:[^\n]+\n){0,3}?commit:?[ \t]+" + _ID, re.I | re.M)

_VERB = rb"(?:cherry[-\s]*pick(?:ed)?|back[-\s]?port(?:ed)?|re-?based|adapted|picked|ported|forward[-\s]?ported|" \
        rb"taken|derived|modified|imported|merged)"
_WHOSE = rb"(?:(?:the|up-?stream|main-?line|stable|vendor|linus|linus's|tree|(?:[\w-]+-)?next|linux[\w.-]*|" \
         rb"android[\w.-]*)\s+){0,4}"
# `(cherry picked from commit X)`, on as many lines as somebody's editor made of it
_PICKED = re.compile(rb"^(?:[(\[]\s*" + _VERB + rb"|(?:cherry[- ]?picked|back-?ported))\s+(?:from|of)\s+" + _WHOSE
                     + rb"(?:commit:?\s+)?" + _URL + _ID
                     + rb"(?P<rest>[^)\]\n]*(?:\n(?![ \t]*\n)[^)\]\n]*){0,4}[)\]]|[^\n]*)", re.I | re.M)
_BACKPORT_OF = re.compile(rb"^(?:\[\s*)?(?:this (?:is|was) )?(?:a )?back-?port of " + _WHOSE
                          + rb"commit:?\s+" + _ID, re.I | re.M)
# `commit X` alone on its line, as git log writes it: above `Author:` (RHEL), below a line of fields (CIQ)
_LOG = re.compile(rb"^commit[ \t]+" + _ID + rb"[ \t]*\r?$", re.M)
_BESIDE_LOG = re.compile(rb"(?:Author|Merge|AuthorDate|upstream-diff)\b|commit-author\b", re.I)

# a line that only names a commit, in whatever words; which one it is cannot be read, but the From line is not asked
_WORD = rb"(?:up-?stream|main-?line|cherry|back-?port|re-?base|picked|origin)"
_NAMES_ONE = re.compile(rb"^(?:[\[(\s]*(?:" + _WORD + rb"|commit|git-commit)\b[^\n]{0,60}?\b[0-9a-f]{12,40}"
                        rb"[\s\])\".,;]*$|(?=[^\n]*" + _WORD + rb")[^\n]*\b[0-9a-f]{40}\b)", re.I | re.M)
_BEGINS_ONE = re.compile(rb"^\(" + _VERB + rb"\s+(?:from|of)\b", re.I | re.M)
_REVERTS = re.compile(rb"\brevert(?:s|ing|ed)?\s+(?:upstream\s+)?commit\s+[0-9a-f]{7,40}(?:\s*\([^)]*\))?"
                      rb"(?:,?\s+which\s+is\s+(?:upstream\s+)?commit\s+[0-9a-f]{7,40}(?:\s+upstream)?)?\.?", re.I)
_STABLE_TREE = re.compile(rb"\bstable\b|\blinux-\d+\.\d+|\bv?\d+\.\d+\.(?:y|\d+)\b|\bandroid\d|\bchromeos-\d|"
                          rb"\w:linux\b", re.I)

_FORMAT_PATCH = re.compile(rb"^From ([0-9a-f]{40}) Mon Sep 17 00:00:00 2001\r?\n")
_VERSIONED = re.compile(r"(?<![\w.])v?\d+\.\d+(?:\.\w+)?(?![\w.])")
# what distributions put before a subject or among the tags: the From line is then a commit of theirs
_THEIR_TITLE = re.compile(r"^(?:UPSTREAM|BACKPORT|FROMGIT|FROMLIST|FROMEXT|CHROMIUM|ANDROID|UBUNTU|SAUCE|DOWNSTREAM|"
                          r"VENDOR|GKI|OPENELA|RHEL|SUSE|DEBIAN)\b[^:]{0,20}:")
_THEIR_PREFIX = re.compile(r"\b(?:SRU|RHEL|CENTOS|OLK|openEuler|ANCK|UEK|OpenELA)\b|:linux\b", re.I)
_THEIR_TAG = re.compile(rb"^(?:JIRA|Upstream[- ]Status|Patch-mainline|Change-Id|O-Subject|ANBZ|jira|"
                        rb"BugLink: *https?://bugs\.launchpad\.net|"
                        rb"Bugzilla: *https?://(?:bugzilla\.redhat|gitee))\b", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Named:
    """The upstream commit that a mail names.

    `sha` as written, in lower case, "" for none; `where` it was read: "message", "cherry-pick line", "FAILED notice"
    or "From line". `line` is the byte range of stable's line in the head. `doubt` says why none is taken although the
    mail names some, "" where there is no such question.
    """

    sha: str = ""
    where: str = ""
    line: tuple[int, int] | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    sha: str
    start: int
    end: int
    column: int = 0


def read_upstream(head: bytes, start: int, end: int, headers: Sequence[Header] = (), *, notice: str = "",
                  from_line: bytes = b"", prefix: str = "", title: str = "") -> Named:
    """What head[start:end], the message, says; then the FAILED `notice`, the cherry-pick lines, the From line."""
    # "which is commit B upstream." may begin a line, and says what is reverted
    text = _REVERTS.sub(lambda m: b"." * len(m[0]), head[:end])
    found = _stable_lines(text, start)
    # a message that is quoted below another one is indented: its line is about the commit that it quotes
    lines = [one for one in found if one.column == 0]
    top = _at_the_top(text, start, lines)
    stated = _distinct([one.sha for one in top or lines] if lines else _fields(text, start, headers))
    line = (found[0].start, found[0].end) if found else None
    if notice and stated and not any(_same(notice, sha) for sha in stated):
        stated = (*stated, notice)
    if len(stated) > 1:
        return Named(line=line, doubt=f"the mail names more than one upstream commit ({_short(stated)}): none is taken")
    if stated:
        return Named(stated[0], "message", line)
    if notice:
        return Named(notice, "FAILED notice")
    picked, others = _picked(text, start)
    if len(picked) > 1:
        return Named(doubt=f"the mail names more than one commit that it was taken from ({_short(picked)}): which "
                           "one is upstream's is not said")
    if picked:
        return Named(picked[0], "cherry-pick line")
    if others:
        return Named(doubt=f"the mail names {_short(others)}, a commit of a stable or vendor tree, and no upstream "
                           "commit")
    quoted = _distinct(one.sha for one in found)
    if len(quoted) == 1:
        return Named(quoted[0], "message", line)
    return _from_line(text, start, from_line, prefix, title)


def is_origin(text: bytes) -> bool:
    """True where `text` (one line or several) is one `(cherry picked from ...)` note or one of its relatives."""
    return _BEGINS_ONE.match(text) is not None and text.rstrip().endswith(b")") and text.count(b")") == 1


def _from_line(text: bytes, start: int, from_line: bytes, prefix: str, title: str) -> Named:
    match = _FORMAT_PATCH.match(from_line)
    # A mail made from a stable branch has a version in its prefix: its From line names the stable commit.
    if match is None or set(match[1]) == {ord("0")} or _VERSIONED.search(prefix):
        return Named()
    sha = match[1].decode()
    if _NAMES_ONE.search(text, start) or _BEGINS_ONE.search(text, start):
        return Named(doubt="the mail names the commit that it was taken from in a form that is not understood; "
                           f"{sha[:12]} of its From line is not taken for it")
    if _THEIR_TITLE.match(title) or _THEIR_PREFIX.search(prefix) or _THEIR_TAG.search(text, start):
        return Named(doubt=f"the mail comes from a distribution's tree, so {sha[:12]} of its From line is a commit "
                           "there, and no line names upstream's")
    return Named(sha, "From line")


def _stable_lines(text: bytes, start: int) -> list[_Found]:
    found = [_Found(m["id"].decode().lower(), m.start(), m.end(), len(m[0]) - len(m[0].lstrip(b" \t")))
             for pattern in _STABLE_LINES for m in pattern.finditer(text, start)]
    found.sort(key=lambda one: one.start)
    return found


def _at_the_top(text: bytes, start: int, lines: Sequence[_Found]) -> list[_Found]:
    """Those of `lines` that the message begins with: below them only text stands that may quote another one."""
    position, top = start, []
    for one in lines:
        if text[position:one.start].strip():
            break
        top.append(one)
        position = one.end
    return top


def _fields(text: bytes, start: int, headers: Sequence[Header]) -> list[str]:
    rows = [(h.name.encode("ascii", "replace"), h.content) for h in headers]
    rows += [(m[1], m[2]) for m in _FIELD.finditer(text, start)]
    found = [value["id"].decode().lower() for name, text_ in rows
             if _FIELD_NAME.match(name.strip()) and (value := _FIELD_VALUE.match(text_.strip())) is not None
             and not _STABLE_TREE.search(text_)]
    return found + [m["id"].decode().lower() for m in _INCLUSION.finditer(text, start)
                    if m["tree"].lower() in (b"mainline", b"upstream")]


def _picked(text: bytes, start: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(commits that it was taken from, those of them that are a stable or vendor tree's)."""
    plain: list[str] = []
    others = [m["id"].decode().lower() for m in _INCLUSION.finditer(text, start)
              if m["tree"].lower() not in (b"mainline", b"upstream")]
    for pattern in (_PICKED, _BACKPORT_OF):
        for match in pattern.finditer(text, start):
            around = match[0].replace(match["id"], b" ")
            (others if _STABLE_TREE.search(around) else plain).append(match["id"].decode().lower())
    last = -1
    for match in _LOG.finditer(text, start):
        before = text[start:match.start()].rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
        blank = not text[start:match.start()].strip() or text[:match.start()].endswith((b"\n\n", b"\n\r\n"))
        below = text[match.end():].lstrip(b"\r").removeprefix(b"\n")
        if len(match["id"]) >= 12 and (blank or _BESIDE_LOG.match(below) or _BESIDE_LOG.match(before)
                                       or not text[max(last, 0):match.start()].strip()):
            last = match.end()
            sha = match["id"].decode().lower()
            if sha not in others:
                plain.append(sha)
    return _distinct(plain), _distinct(others)


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Each commit once, by its longest name; the zeros that stand for no commit are none."""
    out: list[str] = []
    for name in sorted(dict.fromkeys(names), key=len, reverse=True):
        if set(name) != {"0"} and not any(_same(name, other) for other in out):
            out.append(name)
    return tuple(out)


def _same(a: str, b: str) -> bool:
    return a.startswith(b) or b.startswith(a)


def _short(names: Sequence[str]) -> str:
    return " and ".join(name[:12] for name in names)
