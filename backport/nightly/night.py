"""One night: run everything, compare with what was told before, tell only what changed.

What was told is remembered, not what was computed: a night that was stopped, or whose mail nobody took, has told
nothing, and the next one makes up for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from backport.cell import Cell, exit_code
from backport.errors import InfraError
from backport.nightly.mail import Server, compose, keep, next_thread, send, sender_address
from backport.report.escape import wrap
from backport.report.matrix import headline, matrix
from backport.report.text import render as render_text
from backport.report.text import render_changes
from backport.results.changes import ChangeKind, Changes, since
from backport.results.run import Run
from backport.results.store import Results

KIND = "nightly"
_WIDTH = 100
_DAY = 18 * 3600.0                   # two mails are at least this far apart: one a night, also after a restart

# Updates the trees, then computes every cell whose answer may have changed and reads back the others. It
# opens the run with kind="nightly", records each cell as soon as it is known, and finishes the run.
Runner = Callable[[Results], Run]



class Auditor(Protocol):
    """Looks through what the trees got (backport.nightly.audit)."""

    def run(self, number: int) -> None:
        """Audit what moved; `number` is the run's."""

    def found_since(self, since: int) -> list[str]:
        """What was found in the runs after `since`."""


@dataclass(frozen=True, slots=True)
class Night:
    """What a night has to say. `report` is "" where there is nothing to tell."""

    run: Run
    cells: tuple[Cell, ...]
    changes: Changes
    report: str
    first: bool
    mailed: bool = False
    audit: tuple[str, ...] = ()          # what was found in what the trees got, a finding each

    @property
    def exit_code(self) -> int:
        return exit_code(self.cells) or int(bool(self.audit))


def night(results: Results, runner: Runner, *, mail_to: Sequence[str] = (), server: Server | None = None,
          auditor: Auditor | None = None, tell: Callable[[Night], None] = lambda _night: None,
          now: Callable[[], float] = time.time) -> Night:
    """Run one night. `tell` gets it when there is something to say; then the mail goes out, if `mail_to` asks for one.

    Raises InfraError where the mail could not be sent (everything else is done then), and lets Stopped through.
    """
    run = runner(results)
    cells = tuple(results.cells(run))
    if auditor is not None:
        auditor.run(run.id)
    made = _night(results, run, cells, "report", auditor)
    if made.report:
        tell(made)
    results.remember(_name("told.report", run), run.id)
    if not mail_to:
        return made
    return _mail(results, _night(results, run, cells, "mail", auditor), made, mail_to, server or Server(), now())


def _name(what: str, run: Run) -> str:
    """Where it is remembered: each manifest has nights of its own."""
    return f"nightly.{what} {run.manifest}".rstrip()


def _recalled(results: Results, what: str, run: Run) -> Any:
    """What was remembered for the run's manifest; None for nothing. Older versions remembered one for all of them."""
    return results.recall(_name(what, run), results.recall(f"nightly.{what}"))


def _night(results: Results, run: Run, cells: tuple[Cell, ...], channel: str, auditor: Auditor | None) -> Night:
    told = _recalled(results, f"told.{channel}", run)
    last = told if isinstance(told, int) else 0
    changes = since(results, run, told=last)
    audit = tuple(auditor.found_since(last)) if auditor is not None else ()
    report = _report(run, cells, changes, audit, first=told is None)
    return Night(run, cells, changes, report, first=told is None, audit=audit)


def _mail(results: Results, told: Night, made: Night, mail_to: Sequence[str], server: Server, now: float) -> Night:
    if told.report and now - float(_recalled(results, "mailed", made.run) or 0.0) < _DAY:
        return made                  # not told by mail: the next night's mail has it
    if told.report:
        sender = sender_address(server)
        thread = [str(item) for item in _recalled(results, "thread", made.run) or []]
        message = compose(subject(told), told.report, sender=sender, to=mail_to, thread=thread, now=now)
        try:
            send(message, server, to=mail_to, sender=sender)
        except InfraError as error:
            kept = keep(message, results.path.with_name("unsent"), told.run.id)
            hint = "; ".join(filter(None, [error.hint, "the next night reports it again"]))
            raise InfraError(f"{error.message}\n  the mail is kept in {kept}", hint=hint) from error
        results.remember(_name("thread", made.run), next_thread(thread, str(message["Message-ID"])))
        results.remember(_name("mailed", made.run), now)
    results.remember(_name("told.mail", made.run), told.run.id)
    return replace(made, mailed=bool(told.report))


def _report(run: Run, cells: Sequence[Cell], changes: Changes, audit: Sequence[str], *, first: bool) -> str:
    """The first night shows the whole matrix; later ones only what changed; nothing to tell is ""."""
    looked = "\nBackports to look at, in what the trees got (backport audit):\n\n" + "\n".join(audit) if audit else ""
    if first:
        return render_text(run, cells, width=_WIDTH) + looked
    told = render_changes(changes, width=_WIDTH)
    if not told and not looked:
        return ""
    head = wrap(headline(matrix(run, cells)), _WIDTH, rest="  ")
    told = f"\n{told}" if told else ""
    return f"{head}{told}{looked}\nThe whole matrix: backport show {run.id}\n"


def subject(made: Night) -> str:
    """What happened, in the order of its weight: `backport: 2 newly broken, 1 fixed`."""
    if made.first:
        return f"backport: first night, {len(made.cells)} cells"
    counts = [(kind, len(made.changes.of(kind))) for kind in ChangeKind]
    said = [f"{count} {kind.value}" for kind, count in counts if count]
    said += [f"{len(made.audit)} to look at in what the trees got"] if made.audit else []
    return "backport: " + ", ".join(said)
