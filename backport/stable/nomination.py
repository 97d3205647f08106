"""Who asked for a patch in stable, and where: nominated, candidate, acked, excluded or unknown; never assumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from backport.patch.mail import Mail
from backport.patch.stable import series_number
from backport.subsystem import stable_note

_READER = "the annotation needs a reader"


class Standing(StrEnum):
    """How a patch stands with the stable trees."""

    NOMINATED = "nominated"      # Cc: stable, or a FAILED notice that says it was tried
    ACKED = "acked"              # a candidate that somebody acked for stable
    CANDIDATE = "candidate"      # AUTOSEL only
    EXCLUDED = "excluded"        # stable+noautosel
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Nomination:
    """The standing, the line of the mail that says so, and what a maintainer should know besides."""

    standing: Standing
    why: str
    note: str = ""

    @property
    def acked(self) -> bool:
        """True where a person wants it in stable."""
        return self.standing in (Standing.NOMINATED, Standing.ACKED)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether the mail asks for one series: True, False, or None where it does not say; `why` is the line."""

    answer: bool | None
    why: str

    @property
    def words(self) -> str:
        if self.answer is None:
            return "cannot tell" if self.why.startswith(_READER) else "nobody asked"
        return "asked for" if self.answer else "not asked for"


def nomination(mail: Mail, paths: Iterable[str] = (), *, acks: Iterable[str] = ()) -> Nomination:
    """How `mail` stands. `acks` are acks for stable that came in other mails ("Name <address>"), as the user says.

    An Acked-by: that upstream's commit carries is about upstream; only one below the line that names the upstream
    commit's last sign-off could be about stable, and a mail cannot tell them apart. So it is not counted.
    """
    paths = tuple(paths)
    note = stable_note(paths)
    given = tuple(acks)
    request = next((r for r in mail.stable if not r.noautosel), None)
    if request is not None:
        return Nomination(Standing.NOMINATED,
                          f"Cc: {request.address}{f' # {request.comment}' if request.comment else ''}", _said(mail))
    if given:
        return Nomination(Standing.ACKED, f"ack given: {', '.join(given)}")
    if any(r.noautosel for r in mail.stable):
        reason = next(r.comment for r in mail.stable if r.noautosel)
        return Nomination(Standing.EXCLUDED, f"Cc: stable+noautosel{f' # {reason}' if reason else ''}", note)
    if mail.failed is not None:
        return Nomination(Standing.NOMINATED, f"FAILED notice for {mail.failed.series}", note)
    if mail.autosel is not None:
        return Nomination(Standing.CANDIDATE, f"subject prefix [{mail.prefix}]", note)
    return Nomination(Standing.UNKNOWN, "no Cc: stable, no AUTOSEL prefix, no ack", note)


def _said(mail: Mail) -> str:
    """What the author asks the stable team to mind, "" for nothing."""
    wait = [f"the author asks to wait: {r.comment}" for r in mail.stable if r.delayed]
    problems = [f"the author says: {r.problem}" for r in mail.stable if r.problem]
    return "; ".join(dict.fromkeys(wait + problems))


def asked(mail: Mail, series: str) -> Asked:
    """Whether `mail` asks for `series` ("6.1"). `# 6.6.x` means 6.6 and newer."""
    number = series_number(series)
    if mail.failed is not None and series_number(mail.failed.series) == number:
        return Asked(True, f"FAILED notice for {mail.failed.series}")
    wanted = mail.asked_for(series)
    if wanted is not None:
        lines = "; ".join(f"Cc: {r.address}{f' # {r.comment}' if r.comment else ''}" for r in mail.stable)
        return Asked(wanted, lines)
    if mail.stable and any(r.limited for r in mail.stable):
        return Asked(None, f"{_READER}: {'; '.join(r.comment for r in mail.stable if r.limited)}")
    refusal = next((r for r in mail.stable if r.noautosel), None)
    if refusal is not None:
        return Asked(False, f"Cc: {refusal.address}{f' # {refusal.comment}' if refusal.comment else ''}")
    if mail.autosel is not None and mail.autosel.oldest and number is not None:
        oldest, newest = series_number(mail.autosel.oldest), series_number(mail.autosel.newest)
        inside = oldest is not None and newest is not None and oldest <= number <= newest
        return Asked(None, f"AUTOSEL proposes {mail.autosel.newest}-{mail.autosel.oldest}, {series} is "
                           f"{'inside' if inside else 'outside'}")
    return Asked(None, "the mail does not say")
