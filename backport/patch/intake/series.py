"""Which of the patches read belong together, and a slug of its own for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from backport.patch.intake.raw import Raw
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.patch.slug import slug, unique


def finish(results: Sequence[tuple[Raw | Refused, Patch | Refused]]) -> list[Patch | Refused]:
    """Slugs, and part/parts/thread; patches of one thread in the order of their numbers, at the place of the first."""
    taken: set[str] = set()
    done: list[Patch | Refused] = []
    for raw, result in results:
        if isinstance(result, Refused):
            digest = result.sha256 or (hashlib.sha256(raw.data).hexdigest() if isinstance(raw, Raw) else "")
            name = slug(result.subject) if result.subject else slug(raw.name if isinstance(raw, Raw) else
                                                                    result.source.rsplit("/", 1)[-1])
            done.append(replace(result, slug=unique(name, taken), sha256=digest))
            continue
        mail = read_mail(result)
        group = raw.group if isinstance(raw, Raw) else ""
        fallback = raw.name if isinstance(raw, Raw) else ""
        queue = group.endswith("/series")
        thread = ""
        # Sasha's AUTOSEL batches are numbered, but are no series: each stands alone
        if queue:
            thread = group
        elif mail.total > 1 and mail.autosel is None:
            root = mail.references[0] if mail.references else mail.in_reply_to
            if not root and mail.number == 1 and _root_of_others(mail.message_id, results):
                root = mail.message_id
            thread = f"{root or group}#{mail.total}" if root or group else ""
        done.append(replace(result, slug=unique(slug(mail.title, fallback or "patch") if mail.title
                                                else slug(fallback), taken),
                            part=mail.number, parts=mail.total, thread=thread))
    return _ordered([_alone(item, done) for item in done])


def _alone(item: Patch | Refused, items: Sequence[Patch | Refused]) -> Patch | Refused:
    """`item`, out of its series where another patch claims the same place in it."""
    if not isinstance(item, Patch) or not item.thread or item.thread.endswith("/series"):
        return item
    same = [other for other in items if isinstance(other, Patch) and (other.thread, other.part) == (
        item.thread, item.part)]
    if len(same) == 1:
        return item
    return replace(item, thread="", doubts=(
        *item.doubts, f"two patches say that they are {item.part}/{item.parts} of one series: taken to stand alone"))


def _root_of_others(message_id: str, results: Sequence[tuple[Raw | Refused, Patch | Refused]]) -> bool:
    """True where other mails answer this one: a series without a cover letter hangs on its first patch."""
    return bool(message_id) and any(
        isinstance(result, Patch) and message_id in (*read_mail(result).references, read_mail(result).in_reply_to)
        for _raw, result in results)


def _ordered(items: list[Patch | Refused]) -> list[Patch | Refused]:
    threads: dict[str, list[Patch]] = {}
    for item in items:
        if isinstance(item, Patch) and item.thread and not item.thread.endswith("/series"):
            threads.setdefault(item.thread, []).append(item)
    queues = {name: iter(sorted(patches, key=lambda p: p.part)) for name, patches in threads.items()}
    return [next(queues[item.thread]) if isinstance(item, Patch) and item.thread in queues else item
            for item in items]
