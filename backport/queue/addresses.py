"""Who gets a mail: addresses from the tags, each checked, because a tag is text that a stranger wrote.

A masked address is left out and named; nothing is guessed. An address that holds anything but an address
(blanks, commas, a newline, a leading dash) is left out too: it would be another argument or another header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backport.patch.mail import Mail, Person

STABLE = "stable@vger.kernel.org"
_ADDRESS = re.compile(r"[A-Za-z0-9_+=%][A-Za-z0-9._+=%/-]*@[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=%$!#&*/?^`{|}~@-]*@[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Recipients:
    """`cc` addresses in the order of the tags; `left_out` are (who, why)."""

    cc: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def recipients(mail: Mail) -> Recipients:
    """Author first, then everybody whom a tag names; the stable list itself goes into To and is not repeated."""
    people: list[Person] = [mail.author, *(person for _tag, person in mail.people)]
    cc: dict[str, str] = {}
    out: dict[str, str] = {}
    for person in people:
        address = person.address
        if not address or (address.lower().startswith("stable") and "kernel.org" in address.lower()):
            continue
        if person.masked:
            out[str(person)] = "the address is masked in the input"
        elif not _ADDRESS.fullmatch(address):
            out[str(person)] = "not a plain mail address"
        else:
            cc.setdefault(address.lower(), address)
    return Recipients(tuple(cc.values()), tuple(out.items()))


def message_id(text: str) -> str:
    """`text` as a message id without its brackets; "" where it is none, so that it cannot bring a header along."""
    name = text.strip().removeprefix("<").removesuffix(">")
    return name if _MESSAGE_ID.fullmatch(name) else ""
