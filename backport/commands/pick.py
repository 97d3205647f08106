"""`backport pick`: fixes into a branch of the clone that one stands in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
    files,
    output_option,
    signoff_option,
)
from backport.errors import UserError
from backport.wholefile import write_output

if TYPE_CHECKING:
    from backport.git import Git
    from backport.pick.clone import Clone
    from backport.resolve.desk import Aim

if TYPE_CHECKING:
    from backport.resolve.kept import Kept

@click.command(short_help="Apply fixes to a branch of the kernel clone in the current directory.")
@click.argument("what", nargs=-1, metavar="[COMMIT|A..B|FILE|MESSAGE-ID]...", shell_complete=files)
@click.option("--onto", metavar="BRANCH", default="", help="Another branch than the one that is checked out; your work "
              "tree stays as it is, and the branch moves when everything is done.")
@signoff_option()
@click.option("--mail", is_flag=True, help="Write mails for `git am` and `git send-email` to stdout; the clone is only "
              "read.")
@output_option("With --mail: write there instead of stdout.")
@click.option("--no-verify", "-n", is_flag=True, help="Bypass the commit-msg hook.")
@click.option("--continue", "go_on", is_flag=True, help="The conflict is resolved and staged: commit it and continue.")
@click.option("--skip", is_flag=True, help="Skip the conflicting patch and continue.")
@click.option("--abort", is_flag=True, help="Restore everything as it was.")
@click.option("--quit", "quit_", is_flag=True, help="Forget the pick, leave everything as it is.")
@click.option("--take", type=int, metavar="N", help="Stage answer N of those that were shown with the conflict.")
@click.option("--note", metavar="TEXT", help="With --continue: the bracketed note on what was adapted.")
@cache_option()
def command(what: tuple[str, ...], onto: str, signoff: bool, mail: bool, output: Path | None, no_verify: bool,
            go_on: bool, skip: bool, abort: bool, quit_: bool, take: int | None, note: str | None,
            cache: Path | None) -> int:
    """Take fixes into a branch of the kernel clone that you stand in, adapted where the branch differs.

    \b
    backport pick 4f2a..9c1d -s                 a range of commits, oldest first
    backport pick origin/master~3 --onto linux-5.10.y
    backport pick fix.eml --mail > fix-6.1.eml  a mail in, a mail out
    git show -s --format=%h v7.2 | backport pick -

    Upstream, series and newer backports are found in the clone's own branches (git config backport.upstream NAME
    where the guess is wrong). Author and date stay; the message gets `[ Upstream commit ... ]`, and a bracketed note
    where something was adapted. A conflict is left as git leaves one: what fits is staged, the rest has markers;
    git mergetool works. Resolve it, `git add` it, and `backport pick --continue`. Your resolution is kept, and used
    again for the same fix (git config backport.resolutions DIR; in the git directory by default).

    Files that the fixes do not touch may be dirty. Hooks: commit-msg is run, pre-commit is not, as for git cherry-pick;
    commit.gpgsign is honoured. Exit code: 0 done, 1 a conflict waits, 2 nothing was done, 3 the environment failed.
    """
    from backport.git import Git
    from backport.pick import state
    from backport.pick.branches import first_words, kernels
    from backport.pick.clone import all_there, on_loan

    turns = [name for name, given in (("--continue", go_on), ("--skip", skip), ("--abort", abort), ("--quit", quit_),
                                      ("--take", take is not None)) if given]
    if len(turns) > 1 or (turns and (what or onto or mail)):
        raise click.UsageError(f"{' and '.join(turns)} stands alone" if len(turns) == 1
                               else f"{' and '.join(turns)}: one at a time")
    if output is not None and not mail:
        raise click.UsageError("--output needs --mail")
    clone = _clone(Path.cwd())
    home = state.home_of(clone.git_dir)
    if not turns:
        if not what:
            raise click.UsageError("name a commit, a range, a file or a message id"
                                   if not state.there(home) else "a pick is under way: --continue, --skip or --abort")
        if state.there(home) and not mail:
            raise UserError("a pick is under way here", hint="`backport pick --continue`, --skip, --abort or --quit")
    from backport.pick.alone import alone
    from backport.resolve.desk import aim_of
    from backport.resolve.messages import wrapped
    place = cache_or_default(cache)
    with alone(clone, place), all_there(clone), clone.git() as git, Git(on_loan(clone, place)) as loan:
        known = kernels(git, loan, git.run("config", "--get", "backport.upstream", ok=()).text)
        if not turns:
            loud.explain(wrapped(first_words(git, loan, known, onto), ""))
        from backport.pick import turn as person
        from backport.pick.session import Session  # reads a C parser: the first words come before it
        session = Session(clone, git, loan, known, _kept(clone, git), loud.explain, mail)
        try:
            if not turns:
                from backport.pick.sources import read
                patches = read(what, git, clone.top or clone.git_dir, known.upstream)
                code = session.begin(patches, onto, signoff=signoff, verify=not no_verify)
                _write(session.mails, output)
                if code and loud.quiet():
                    loud.say("a conflict waits: `backport pick --continue`, --skip or --abort")
                return code
            turn: dict[str, Callable[[], int]] = {
                "--continue": lambda: person.resume(session, note, _ask), "--skip": lambda: person.skip(session),
                "--abort": lambda: person.abort(session), "--quit": lambda: person.quit(session),
                "--take": lambda: person.take(session, take or 0)}
            code = turn[turns[0]]()
        finally:
            session.close()
        aim = aim_of(git) if go_on and not code else None
    return code if aim is None else _carried_on(aim, place)


def _carried_on(aim: Aim, cache: Path) -> int:
    """What `backport resolve` began ends as the cell of the tree: built, booted where the patch has a reproducer,
    recorded, and written as a mail."""
    from backport.boot.program import for_patch
    from backport.commands.mail import command as mail

    told = aim.manifest.parent / "outgoing"
    done: int = click.get_current_context().invoke(
        mail, patches=(str(aim.patch),), to=told, names=(aim.tree,), no_build=not aim.build, offline=True,
        boot=aim.build and for_patch(aim.patch) is not None,
        signoff=aim.signoff, manifest_path=aim.manifest, cache=cache)
    return done


def _clone(here: Path) -> Clone:
    """The clone around `here`; inside a work tree that was made for a conflict, the clone that it was made for."""
    from backport.pick import state
    from backport.pick.clone import find

    clone = find(here)
    named = clone.git_dir / state.HOME
    return find(Path(named.read_text().split("\n")[1])) if named.is_file() else clone


def _kept(clone: Clone, git: Git) -> Kept:
    from backport.resolve.kept import Kept
    named = git.run("config", "--type=path", "--get", "backport.resolutions", ok=()).text
    return Kept(Path(clone.top or clone.common, named) if named else clone.common / "backport-resolutions")


def _ask(proposed: str) -> str:
    """The note for the changelog: the proposal, unless a person at a terminal says something else."""
    loud.say(f"      note for the changelog: [ {proposed} ]")
    if not sys.stdin.isatty():
        return proposed
    answer: str = click.prompt("      Enter to accept, or type another", default=proposed, show_default=False,
                               err=True)
    return answer


def _write(mails: list[bytes], output: Path | None) -> None:
    if not mails:
        return
    if output is None:
        sys.stdout.buffer.write(b"".join(mails))
        sys.stdout.buffer.flush()
        return
    write_output(output, b"".join(mails))
