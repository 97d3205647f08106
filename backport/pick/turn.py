"""The person's turn: --continue, --take, --skip, --abort and --quit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backport.errors import Unresolved, UserError
from backport.git import UserGit
from backport.pick import apart, commits, state, unmerged
from backport.pick.sources import reread
from backport.pick.state import Item, PickState
from backport.resolve import note, place
from backport.resolve.desk import aim_of
from backport.resolve.messages import wrapped

if TYPE_CHECKING:
    from backport.pick.session import Session


def resume(session: Session, given_note: str | None, ask: note.Ask) -> int:
    """--continue: what the person made of the conflict becomes the commit, and the rest is picked."""
    if not state.there(session.home) and (made := _ended(session)):
        session.say(wrapped(f"this pick came to its end before, with the commit {made[:12]}: what comes after it is "
                            "done now"))
        return 0
    now = state.load(session.home)
    item = now.current
    if item is None or item.done:             # killed between two steps
        _settle(session, now)
        _resolved(session, now)
        return session.run(now)
    top, git = _where(session, now)
    with git:
        _made_by_hand(session, now, item, top, git, given_note, ask)
    return session.run(now)


def _ended(session: Session) -> str:
    """HEAD of a clone of `backport resolve` where it is a resolution that is kept; "" for any other.

    A kill between the commit and the mail leaves that, and --continue said only that no pick is under way.
    """
    head, parent = session.git.rev("HEAD"), session.git.rev("HEAD^")
    if head is None or parent is None or aim_of(session.git) is None:
        return ""
    diff = _diff(session.git, parent, head)
    return head if session.kept.made(session.loan, parent, diff) else ""


def _diff(git: UserGit, old: str, new: str) -> bytes:
    return git.run("diff-tree", "-p", "-r", "--full-index", "--binary", "--no-renames", "--no-ext-diff",
                   "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", old, new).out


def _made_by_hand(session: Session, now: PickState, item: Item, top: Path, git: UserGit, given_note: str | None,
                  ask: note.Ask) -> None:
    at = git.rev("HEAD")
    patch = reread((session.home / "patch.eml").read_bytes(), item.file)
    if at != now.tip:
        if git.rev("HEAD^") != now.tip:
            raise UserError(f"HEAD is not where the pick left it ({now.tip[:12]})",
                            hint="go back there, or `backport pick --quit`")
        tree = git.run("rev-parse", "HEAD^{tree}").text           # the person committed it by themselves
    else:
        left = place.unfinished(git, top, now.paths)
        if left:
            raise Unresolved("the conflict is not resolved yet:\n" + "\n".join(f"  {text}" for text in left))
        tree = place.staged_tree(git)
    diff = _diff(git, now.tip, tree)
    if not diff:
        raise UserError("nothing is staged: the commit would be empty", hint="`backport pick --skip` leaves it out")
    carrier, head, aim = session.tools(now)
    theirs = note.by_hand(carrier, patch, diff, aim, head)
    for text in theirs.doubts:
        session.say(wrapped(f"- {text}"))
    words = given_note if given_note is not None else ask(theirs.proposed)
    mail = note.mail(patch, theirs, aim, words, carrier.signoff)
    if at != now.tip:
        now.tip = str(at)
        item.done = now.tip
        now.moved = now.tip if now.here and not now.apart else now.moved
    else:
        commits.handed_over(git, session.git, tree, now.tip)
        item.done = session.made(now, tree, mail)
    who = commits.manner(session.git, verify=True).committer
    file = session.kept.keep(patch, mail, aim.series, who, head, session.loan, unmerged.became(session, now, tree))
    session.say(wrapped(f"the resolution is kept in {file}"))
    if at != now.tip:
        # HEAD of the work tree with the conflict moves to the commit: its index has it already. Killed from here on,
        # --continue and --abort know the commit
        state.save(session.home, now)
        commits.move_ref(git, "HEAD", str(at), now.tip, "resolved")
        if not now.apart:
            now.moved = now.tip
    _resolved(session, now)


def _resolved(session: Session, now: PickState) -> None:
    """There is no conflict any more."""
    now.stopped, now.paths, now.open = -1, [], []
    if now.apart:
        apart.remove(session.git, Path(now.apart))
        now.apart = ""
    state.save(session.home, now)


def _where(session: Session, now: PickState) -> tuple[Path, UserGit]:
    top = Path(now.apart) if now.apart else session.clone.top
    if top is None or not top.is_dir():
        raise UserError(f"{now.apart} is gone", hint="`backport pick --abort` puts the rest back")
    return top, UserGit(top)


def _settle(session: Session, now: PickState) -> None:
    """A run that was killed while it moved files and branch: both agree again, at the newer of the two."""
    if not now.here or now.moved == now.tip:
        return
    at = session.git.rev("HEAD")
    if at == now.tip:
        now.moved = now.tip
    elif at == now.moved and not commits.refusal(session.clone, session.git, now.tip, now.tip):
        commits.move_here(session.clone, session.git, now.moved, now.tip, "finished")
        now.moved = now.tip


def take(session: Session, number: int) -> int:
    """--take N: one of the answers that were shown becomes what is staged."""
    now = state.load(session.home)
    if now.current is None or now.current.done:
        raise UserError("no conflict waits here")
    file = session.home / f"answer-{number}.diff"
    if not file.is_file():
        count = len(list(session.home.glob("answer-*.diff")))
        raise UserError(f"there is no answer {number}", hint=f"there are {count}" if count else
                        "none was found: the files have to be edited")
    top, git = _where(session, now)
    with git:
        place.put_back(git, top, now.tip, now.paths)
        now.paths = sorted({*now.paths, *place.take(git, top, now.tip, file.read_bytes())})
    state.save(session.home, now)
    session.say(f"answer {number} is staged; read it (git diff --cached), then `backport pick --continue`")
    return 0


def skip(session: Session) -> int:
    """--skip: leave the patch in conflict out, and go on with the next."""
    now = state.load(session.home)
    item = now.current
    if item is None or item.done:
        raise UserError("no conflict waits here", hint="use --continue")
    _cleared(session, now)
    item.done = "skipped"
    now.stopped, now.paths, now.open = -1, [], []
    state.save(session.home, now)
    return session.run(now)


def abort(session: Session) -> int:
    """--abort: everything as it was before the pick began."""
    now = state.load(session.home)
    _settle(session, now)
    at = session.git.rev("HEAD")
    if now.here and at not in (now.moved, now.tip, now.start):       # at the start where an --abort was killed
        raise UserError(f"HEAD is not where the pick left it ({now.moved[:12]}), and is not moved",
                        hint="`backport pick --quit` forgets the pick and leaves everything as it is")
    _cleared(session, now)
    if now.here and at != now.start:
        commits.move_here(session.clone, session.git, now.moved, now.start, "abort")
    if now.here and session.clone.top is not None:
        place.restamp(session.clone.top, [place.Stamp(path, (times[0], times[1]) if times else None)
                                       for path, times in now.stamps.items()])
        commits.index_bytes_back(session.git, session.home / "index")
    state.forget(session.home)
    session.say(f"{now.name} is as it was, at {now.start[:12]}")
    return 0


def _cleared(session: Session, now: PickState) -> None:
    """Take the conflict out of the work tree."""
    if now.apart:
        apart.remove(session.git, Path(now.apart))
        now.apart = ""
    elif now.current is not None and session.clone.top is not None:
        place.put_back(session.git, session.clone.top, now.moved, now.paths)
        place.restamp(session.clone.top, [place.Stamp(path, (times[0], times[1]) if times else None)
                                       for path, times in now.stamps.items() if path in now.paths])


def quit(session: Session) -> int:
    """--quit: forget the pick; files and branch stay as they are."""
    now = state.load(session.home)
    left = ""
    if now.apart:
        left = f"; the work tree {now.apart} is yours now (git worktree remove --force)"
        moved = session.clone.common / "backport-left"
        apart.leave(session.git, Path(now.apart), moved)
        left = f"; the work tree is {moved} now (`git worktree remove --force` takes it away)"
    state.forget(session.home)
    session.say(f"the pick is forgotten{left}")
    return 0
