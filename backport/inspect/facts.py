"""What a dossier is made of: lines, each with the command or place it was read from, or marked UNVERIFIED."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fact:
    """One line. `source` "" means UNVERIFIED; `key` names the fact for programs ("callers", "rule:size" ...).

    `answer` is "yes", "no" or "unknown" where the line answers a question, else "". `weighs` is "for",
    "against" or "": on which side of the decision the line stands, without saying how heavy it is.
    """

    key: str
    text: str
    source: str = ""
    answer: str = ""
    weighs: str = ""
    detail: tuple[str, ...] = ()     # lines of code or of a message, shown as they are

    @property
    def verified(self) -> bool:
        return bool(self.source)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"key": self.key, "text": self.text, "source": self.source or None, "verified": self.verified,
                "answer": self.answer or None, "weighs": self.weighs or None, "detail": list(self.detail)}


@dataclass(frozen=True, slots=True)
class Phase:
    """A chapter of the dossier."""

    number: int
    title: str
    facts: tuple[Fact, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"number": self.number, "title": self.title, "facts": [fact.as_dict() for fact in self.facts]}


@dataclass(frozen=True, slots=True)
class Dossier:
    """The whole of it for one patch."""

    title: str
    upstream: str
    phases: tuple[Phase, ...]

    def facts(self, key: str) -> tuple[Fact, ...]:
        """Every fact of that key, in order."""
        return tuple(fact for phase in self.phases for fact in phase.facts if fact.key == key)

    def as_dict(self) -> dict[str, Any]:
        return {"schema": "backport-dossier-1", "title": self.title, "upstream": self.upstream or None,
                "phases": [phase.as_dict() for phase in self.phases]}


def cannot_know(key: str, question: str, why: str) -> Fact:
    """A question that stays open, with the reason; never an answer."""
    return Fact(key, f"{question}: unknown ({why})", "", "unknown")
