"""A patch that needs a person: what fits is staged, the rest stands in the index and in the files as git leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backport.carry import Carried
from backport.errors import UserError
from backport.git import UserGit
from backport.patch.mail import read_mail
from backport.patch.model import Patch
from backport.pick import apart, state
from backport.pick.state import PickState
from backport.resolve import advice, place, rerere
from backport.resolve.messages import wrapped
from backport.resolve.sides import Open, Parted, part
from backport.verdict import Apply

if TYPE_CHECKING:
    from backport.pick.session import Session


def stop(session: Session, now: PickState, number: int, patch: Patch, carried: Carried) -> int:
    """Lay the conflict out and say what it is; the exit code. With --mail it is only told."""
    if session.mail:
        session.say(wrapped("it needs a person; without --mail it leaves the conflict to resolve"))
        _explained(session, now, patch, carried, _parted(session, now, patch, carried))
        return 1
    if carried.outcome in (Apply.INVALID, Apply.ERROR):
        raise UserError(f"{patch.source}: {carried.reason}")
    if now.here:                             # another branch moves when all is done
        session.land(now)
    now.stopped = number
    parted = _parted(session, now, patch, carried)
    now.paths = sorted({*parted.fits, *(one.path for one in parted.open)})
    if not state.there(session.home) and now.here:
        session.remember(now)
    (session.home / "patch.eml").write_bytes(patch.render())
    for n, diff in enumerate(carried.alternatives, 1):
        (session.home / f"answer-{n}.diff").write_bytes(diff)
    marked = [one for one in parted.open if one.merged is not None]
    now.open = [one.path for one in marked]
    for n, one in enumerate(marked):
        marked_file(session.home, n).write_bytes(one.merged or b"")
    parted, told = _filled_in(session, now, parted)
    top = _lay_out(session, now, parted)
    _explained(session, now, patch, carried, parted)
    for text in told:
        session.say(wrapped(text))
    where = "in your work tree" if not now.apart else f"in {top}"
    session.say(wrapped(f"The conflict is {where}; what fits is staged there. Resolve it, `git add` it, then", "")
                + "\n  backport pick --continue     (or --skip, --abort, --quit)")
    return 1


def marked_file(home: Path, number: int) -> Path:
    """Where the file with its markers is kept, number `number` of `PickState.open`."""
    return home / f"marked-{number}"


def became(session: Session, now: PickState, tree: str) -> bytes:
    """What the conflicts that were laid out became in `tree`, to keep; b"" where none can be told."""
    def rows() -> Iterator[tuple[rerere.Conflict, bytes]]:
        for number, path in enumerate(now.open):
            file, final = marked_file(session.home, number), session.git.blob(f"{tree}:{path}")
            if final is not None and file.is_file():
                yield from rerere.recorded(path, file.read_bytes(), final)
    return rerere.render(rows())


def _filled_in(session: Session, now: PickState, parted: Parted) -> tuple[Parted, list[str]]:
    """`parted` with what became of the very same conflicts before, and the sentences that say so. The files stay
    unmerged: the lines around may make a difference that only a person sees."""
    known = session.kept.conflicts(now.series) if parted.open else {}
    answers = {conflict: text for conflict, (text, _who) in known.items()}
    out: list[Open] = []
    told = []
    for one in parted.open:
        merged, found = rerere.replayed(one.path, one.merged or b"", answers)
        out.append(replace(one, merged=merged) if found else one)
        for who in dict.fromkeys(known[conflict][1] for conflict in found):
            count = sum(known[conflict][1] is who for conflict in found)
            told.append(f"{one.path}: {count} conflict{'s' if count > 1 else ''} filled in as {who.who} resolved the "
                        f"same on {who.day} ({who.file}); read it before you `git add` it")
    return Parted(parted.fits, tuple(out)), told


def _parted(session: Session, now: PickState, patch: Patch, carried: Carried) -> Parted:
    carrier, head, _tree = session.tools(now)
    label = (read_mail(patch).upstream or "the patch")[:12]
    return part(carrier.in_context(patch), carried.preimages.files, carried.hunks, carrier.view(head).read,
                place.merge_with(session.loan, label))


def _lay_out(session: Session, now: PickState, parted: Parted) -> Path:
    staged = now.here and session.git.run("diff-index", "--cached", "--quiet", "HEAD", "--", ok=(0, 1)).code
    if now.here and not staged and session.clone.top is not None:
        session.stamp(now, now.paths)
        state.save(session.home, now)
        place.lay_out(session.git, session.clone.top, now.tip, parted)
        return session.clone.top
    now.apart = str(session.home / "tree")
    state.save(session.home, now)
    top = apart.make(session.git, Path(now.apart), now.tip, now.paths, session.home)
    with UserGit(top) as git:
        place.lay_out(git, top, now.tip, parted)
    return top


def _explained(session: Session, now: PickState, patch: Patch, carried: Carried, parted: Parted) -> None:
    for text in advice.about(session.loan, now.tip, session.upstream_commit, patch, carried, parted):
        session.say(text)
