"""Which of the patches read belong together, and a slug of its own for each."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from backport.patch.intake.raw import Raw
from backport.patch.mail import Mail, read_mail
from backport.patch.model import IN_ORDER, Patch, Refused
from backport.patch.slug import slug, unique

_QUEUE = "/series"                   # how the group of a quilt queue ends
_RELEASE = re.compile(r"(?<![\w.])v?(\d+\.\d+)(?:\.\w+)?(?![\w.])")


def finish(results: Sequence[tuple[Raw | Refused, Patch | Refused]]) -> list[Patch | Refused]:
    """Slugs, and part/parts/thread; patches of one thread in the order of their numbers, at the place of the first.

    A quilt `series`, and the mails of one file that carry no numbers, are threads in the order in which they stand.
    """
    taken: set[str] = set()
    done: list[Patch | Refused] = []
    queues: dict[str, list[int]] = {}                # thread -> where its patches are in `done`
    refused: dict[str, list[Refused]] = {}           # the same for what could not be read, by the file it stands in
    for raw, result in results:
        box = raw.group if isinstance(raw, Refused) or raw.group.endswith(_QUEUE) else raw.box
        if isinstance(result, Refused):
            digest = result.sha256 or (hashlib.sha256(raw.data).hexdigest() if isinstance(raw, Raw) else "")
            name = slug(result.subject) if result.subject else slug(raw.name if isinstance(raw, Raw) else
                                                                    result.source.rsplit("/", 1)[-1])
            done.append(replace(result, slug=unique(name, taken), sha256=digest))
            if box and not result.skipped:
                refused.setdefault(box, []).append(result)
            continue
        mail = read_mail(result)
        fallback = raw.name if isinstance(raw, Raw) else ""
        thread = _thread(raw, mail, box, results)
        before: list[Refused] = []
        if box and thread.startswith(box + IN_ORDER):
            queues.setdefault(thread, []).append(len(done))
            before = refused.get(box, [])
        done.append(replace(
            result, part=mail.number, parts=mail.total, thread=thread,
            slug=unique(slug(mail.title, fallback or "patch") if mail.title else slug(fallback), taken),
            doubts=(*result.doubts, *(f"tried without {other.source}, which comes before it and cannot be read: "
                                      f"{other.reason}" for other in before))))
    for thread, places in queues.items():
        alone = len(places) == 1 and not thread.endswith(_QUEUE + IN_ORDER)
        for number, at in enumerate(places, 1):
            done[at] = replace(cast(Patch, done[at]), thread="" if alone else thread,
                               part=0 if alone else number, parts=0 if alone else len(places))
    return _ordered(_on_their_own(done))


def _thread(raw: Raw | Refused, mail: Mail, box: str,
            results: Sequence[tuple[Raw | Refused, Patch | Refused]]) -> str:
    """The name of the series that a patch belongs to, "" where it stands alone."""
    if box.endswith(_QUEUE):
        return box + IN_ORDER
    # Sasha's AUTOSEL batches are numbered, but are no series: each stands alone
    if mail.autosel is not None or mail.failed is not None:
        return ""
    if mail.total > 1:
        group = raw.group if isinstance(raw, Raw) else ""
        root = mail.references[0] if mail.references else mail.in_reply_to
        if not root and mail.number == 1 and _root_of_others(mail.message_id, results):
            root = mail.message_id
        return f"{root or group}#{mail.total}" if root or group else ""
    # git am takes the mails of a file in their order, and a queue that was exported to one is made so; only those for
    # different trees cannot be meant together
    return f"{box}{IN_ORDER}{' '.join(_RELEASE.findall(mail.prefix))}" if box else ""


def _on_their_own(items: Sequence[Patch | Refused]) -> list[Patch | Refused]:
    """`items`, out of their series those whose place in it another one claims too."""
    places = Counter((item.thread, item.part) for item in items if isinstance(item, Patch))
    versions: dict[tuple[str, str], set[str]] = {}
    heads = {item.slug: read_mail(item) for item in items if isinstance(item, Patch)}
    for item in items:
        if isinstance(item, Patch):
            versions.setdefault((item.thread, heads[item.slug].title), set()).add(heads[item.slug].prefix)
    out: list[Patch | Refused] = []
    for item in items:
        why = ""
        if isinstance(item, Patch) and item.thread and places[item.thread, item.part] > 1:
            why = f"two patches say that they are {item.part}/{item.parts} of one series"
        elif isinstance(item, Patch) and IN_ORDER in item.thread and not item.thread.endswith(_QUEUE + IN_ORDER) \
                and heads[item.slug].title and len(versions[item.thread, heads[item.slug].title]) > 1:
            why = "the file holds two versions of this patch"
            item = replace(item, part=0, parts=0)
        out.append(replace(item, thread="", doubts=(*item.doubts, f"{why}: treated as a single patch"))
                   if why and isinstance(item, Patch) else item)
    return out


def _root_of_others(message_id: str, results: Sequence[tuple[Raw | Refused, Patch | Refused]]) -> bool:
    """True where other mails answer this one: a series without a cover letter hangs on its first patch."""
    return bool(message_id) and any(
        isinstance(result, Patch) and message_id in (*read_mail(result).references, read_mail(result).in_reply_to)
        for _raw, result in results)


def _ordered(items: list[Patch | Refused]) -> list[Patch | Refused]:
    threads: dict[str, list[Patch]] = {}
    for item in items:
        if isinstance(item, Patch) and item.thread and IN_ORDER not in item.thread:
            threads.setdefault(item.thread, []).append(item)
    queues = {name: iter(sorted(patches, key=lambda p: p.part)) for name, patches in threads.items()}
    return [next(queues[item.thread]) if isinstance(item, Patch) and item.thread in queues else item
            for item in items]
