"""File names of patches as the stable queues have them: the subject in lower case with dashes."""

from __future__ import annotations

import re

_OTHER = re.compile(r"[^a-z0-9_.]+")
_LONGEST = 120


def slug(title: str, fallback: str = "patch") -> str:
    """`KVM: x86: Check it` -> `kvm-x86-check-it`; only [a-z0-9_.-], never empty, never a dot first."""
    text = _OTHER.sub("-", title.lower()).strip("-.")
    text = re.sub(r"\.{2,}", ".", re.sub(r"-?\.-|-\.", "-", text))
    text = text[:_LONGEST].strip("-.")
    return text or (slug(fallback) if fallback != "patch" else "patch")


def unique(name: str, taken: set[str]) -> str:
    """`name`, or `name-2`, `name-3` ... where it is taken; the answer is added to `taken`."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate)
    return candidate
