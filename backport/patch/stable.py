"""What a mail says about stable trees: `Cc: stable` with its annotations, AUTOSEL ranges, FAILED notices."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backport.patch.tags import Tag

_LONGEST = 500           # characters of an annotation that are read; more is no annotation
_ADDRESS = re.compile(r"(?:^|[\s<,\"])(stable(\+[a-z0-9._-]+)?@(?:vger\.)?kernel\.org)\b", re.I)
_VERSION = re.compile(
    r"(?<![\w.])v?([2-9]\.\d+)(?:\.(?:x|y|\d+))?(?:-stable|-rc\d+)?(\s*\+|-(?!\s*v?\d))?(?![\w])", re.I)
# What may stand before the commit of a prerequisite: versions, a word of need. Anything else ("introduced by", "see")
# names a commit for another reason, and picking that one first would be wrong.
_PREREQUISITE = re.compile(
    r"^(?P<versions>(?:[v\d.xy+,&\s-]|(?<=\d)-stable|\band\b|\bor\b|\bnewer\b|\blater\b)*):?\s*"
    r"(?P<need>(?:(?:this |it )?(?:depends on|depends upon|requires|needs|prerequisites?|prereqs?|cherry-?pick|pick|"
    r"after|with|apply|dependency|deps?)\b\s*:?\s*)?)"
    r"(?:(?:upstream )?commit\s+)?(?<![\w.])(?P<sha>[0-9a-f]{7,40})\b(?P<rest>.*)$", re.I | re.S)
_PROBLEM = re.compile(r"\b(?:needs?|requires?)\b[^#]{0,60}?\b(?:adjust|backport|wrap|rework|manual|chang|tweak)\w*",
                      re.I)
_LIMIT = re.compile(r"<|\bonly\b|\bbefore\b|\bup to\b|\buntil\b|\bthrough\b|\bnot\b|\d\s*-\s*v?\d|\bolder\b", re.I)
_DELAY = re.compile(r"\bafter\b.*(?:-rc\d|week|release|day)", re.I)
_AUTOSEL = re.compile(r"\bAUTOSEL\b(?:\s+(?:for\s+)?v?(\d+\.\d+)(?:\s*-\s*v?(\d+\.\d+))?)?", re.I)
_FAILED = re.compile(r'FAILED:\s*patch\s+"(?:\[PATCH[^\]]*\]\s*)?(.*)"\s+failed to apply to\s+v?(\d+\.\d+)-stable tree',
                     re.I | re.S)
_CHERRY = re.compile(r"^git cherry-pick (?:-x )?([0-9a-f]{40})\b", re.M)
_REPLY = re.compile(r"--in-reply-to[ =]'?<?([^\s'>]+)")
_DEPENDENCY = re.compile(r'^([0-9a-f]{7,40}) \("(.*)"\)\s*$', re.M)
_FROM_SHA = re.compile(r"^>?From ([0-9a-f]{40}) ", re.M)


@dataclass(frozen=True, slots=True)
class StableRequest:
    """One `Cc: stable` tag.

    `versions` are the series it names ("6.6"); `# 6.6.x` asks for that version and newer. `prerequisite` is the
    commit of `# 5.10.x: <sha>: subject`, to be picked before the patch in that tree, and in newer ones with `open`
    ("# v5.10+: <sha>"). `limited` is true where the annotation sets a bound that only a person can read ("6.6 only").
    `problem` is what has to be done in some trees ("needs adjustments for <= 6.3"); it asks for all of them.
    """

    address: str
    comment: str = ""
    versions: tuple[str, ...] = ()
    prerequisite: str = ""
    subject: str = ""
    noautosel: bool = False
    limited: bool = False
    delayed: bool = False            # "after -rc3", "after 4 weeks in mainline"
    open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Autosel:
    """The range of an AUTOSEL subject: `[PATCH AUTOSEL 7.0-6.1]` is newest "7.0", oldest "6.1"; "" unknown."""

    newest: str = ""
    oldest: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A FAILED notice of the stable maintainers: which patch did not apply to which tree, and what to answer.

    `message_id` (no angle brackets) is what a resubmission replies to; "" where the notice gives none.
    `dependencies` are (sha, subject) as listed.
    """

    series: str
    subject: str
    sha: str = ""
    message_id: str = ""
    dependencies: tuple[tuple[str, str], ...] = ()


def series_number(text: str) -> tuple[int, int] | None:
    """(6, 6) of "6.6", "v6.6", "6.6.x", "6.6.y" or "linux-6.6.y"; None where it is no version."""
    match = re.match(r"^(?:linux-)?v?(\d+)\.(\d+)(?:\.\w+)?$", text.strip(), re.I)
    return (int(match[1]), int(match[2])) if match else None


def read_requests(tags: tuple[Tag, ...]) -> tuple[StableRequest, ...]:
    """Every `Cc: stable` of the tags, in order."""
    return tuple(request for tag in tags if tag.name.lower() == "cc"
                 and (request := read_request(tag.value)) is not None)


def read_request(value: str) -> StableRequest | None:
    """The value of one Cc tag; None where it does not name the stable list."""
    match = _ADDRESS.search(value)
    if match is None:
        return None
    rest = value[match.end():].lstrip("> \t,;\")")
    comment = rest[1:].strip() if rest.startswith("#") else rest.strip("[]( )") if rest[:1] in ("[", "(") else ""
    if not comment and "#" in rest:
        comment = rest.split("#", 1)[1].strip()
    elif not comment and re.match(r"(?://\s*)?v?\d\.\d", rest):       # `Cc: stable@... v6.1+`: the # forgotten
        comment = rest.lstrip("/ \t")
    comment = " ".join(comment[:_LONGEST].split())
    if (match[2] or "").lower() == "+noautosel":
        return StableRequest(match[1], comment, noautosel=True)
    delayed = bool(_DELAY.search(comment))
    found = _prerequisite(comment)
    if found is not None:
        text, sha, subject = found
        return StableRequest(match[1], comment, _versions(text), sha, subject, delayed=delayed, open=_opens(text))
    problem = _PROBLEM.search(comment)
    text = comment[:problem.start()] if problem else comment
    return StableRequest(match[1], comment, _versions(text), limited=bool(_LIMIT.search(text)), delayed=delayed,
                         open=_opens(text), problem=comment[problem.start():] if problem else "")


def _prerequisite(comment: str) -> tuple[str, str, str] | None:
    """(versions as written, commit, subject) of `5.10.x: <sha>: subject` and its relatives, None for what is none."""
    found = _PREREQUISITE.match(comment)
    if found is None:
        return None
    versions, rest = found["versions"], found["rest"].strip()
    if not found["need"].strip() and not _versions(versions):
        return None                      # `# <sha>`: why it is named is not said
    if not re.search(r"\d", found["sha"]) and not rest.startswith((":", "(", '"')):
        return None                      # a word of the letters a to f
    if found["sha"].isdigit() and not rest.startswith((":", "(", '"')) and rest:
        return None                      # a date or a number in prose
    return versions, found["sha"].lower(), rest.lstrip(": ").strip().strip('()"').strip()


def _versions(text: str) -> tuple[str, ...]:
    return tuple(m[1] for m in _VERSION.finditer(text))


def _opens(text: str) -> bool:
    return any(m[2] for m in _VERSION.finditer(text)) or bool(re.search(r"\b(?:newer|later)\b", text, re.I))


def asked_for(requests: tuple[StableRequest, ...], series: str) -> bool | None:
    """Does the mail ask for this series? None where it cannot be known (no `Cc: stable`, or a bound in prose)."""
    number = series_number(series)
    asking = [request for request in requests if not request.noautosel]
    if not asking or number is None:
        return None
    if any(request.limited for request in asking):
        return None
    named = [n for request in asking for version in request.versions if (n := series_number(version)) is not None]
    return True if not named else number >= min(named)


def read_autosel(prefix: str) -> Autosel | None:
    """The AUTOSEL range of a subject prefix, None where it is no AUTOSEL mail."""
    match = _AUTOSEL.search(prefix)
    if match is None:
        return None
    first, second = match[1] or "", match[2] or match[1] or ""
    a, b = series_number(first), series_number(second)
    return Autosel(second, first) if a and b and a < b else Autosel(first, second)


def read_failed(subject: str, body: str, message_id: str) -> Failed | None:
    """The notice that a FAILED mail's subject and body make; None where the subject is none."""
    match = _FAILED.search(subject)
    if match is None:
        return None
    cherry, reply, origin = _CHERRY.search(body), _REPLY.search(body), _FROM_SHA.search(body)
    sha = cherry[1] if cherry else origin[1] if origin else ""
    listed = body.split("Possible dependencies:", 1)
    dependencies = tuple((m[1], m[2]) for m in _DEPENDENCY.finditer(listed[1])) if len(listed) == 2 else ()
    return Failed(match[2], " ".join(match[1].split()), sha, reply[1] if reply else message_id, dependencies)
