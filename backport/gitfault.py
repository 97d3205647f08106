"""What git's own words say about a command that failed: the patch, or the environment.

Only what git says of the text of a patch may be held against the patch. Everything that is not provably of that kind is
the environment's fault: a guess here turns a full disk into a conflict that somebody mails to an author.
"""

from __future__ import annotations

import re
import signal
from enum import Enum
from pathlib import PurePath

from backport.errors import GitError


class ApplyAnswer(Enum):
    """What `git apply` answered."""

    TAKEN = "taken"
    REFUSED = "refused"              # it does not fit this tree
    MALFORMED = "malformed"          # it is no patch, whatever the tree


STORE = "store.git"                  # a repository of this name is ours, and can be made anew
DAMAGED = "`git -C {path} fsck` shows the damage; to make a store anew, remove {path} and run `backport trees fetch`"
_CLONE = ("`git -C {path} fsck` shows what is damaged or missing: fetch that again; if the clone borrows its objects "
          "(objects/info/alternates), see that they are still there")
LIMITS = "look at `ulimit -a` of this shell and at the free memory, then run again"
FULL = "free some space (or raise `ulimit -f`), then run again"

# the words of the patch that git quotes while it tells what it looked for: they may read like anything
_SEARCHED = re.compile(r"^error: while searching for:\n.*?(?=^error: patch failed: |\Z)", re.MULTILINE | re.DOTALL)

# Each is anchored to the beginning of a line of git's own, "error: " or "fatal: ", with a cure. The names of files are
# a patch's to choose, so no pattern reaches over a part that may hold one, but for those that are quoted at the end.
_FAULTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"^(?:(?:error|fatal|warning): )+(?:{text})", re.MULTILINE), hint) for text, hint in (
        (r"[Oo]ut of memory|.*\bmalloc failed|mmap failed|.*: Cannot allocate memory$|cannot (?:fork|create async)|"
         r"unable to create (?:async |\w+ )?thread|.*: Resource temporarily unavailable$|.*: Too many open files$",
         LIMITS),
        (r".*: (?:No space left on device|Disk quota exceeded|File too large)$|write error|"
         r"(?:[Uu]nable to|failed to|could not) write\b(?! commit object)|"
         r"sha1 file '[^']*' write error|.*\bfailed to close|"
         r"(?:(?:update_ref failed for|cannot update) ref '[^']*': )*couldn't (?:write|set) '", FULL),
        (r".*: (?:Permission denied|Read-only file system)$|insufficient permission",
         "check the owner and the mode of {path} and of $TMPDIR"),
        (r"detected dubious ownership", "make {path} belong to the user who runs this"),
        (r"(?:.*: )?[Uu]nable to create '[^']*\.lock': File exists\.?$",
         "another git works in {path}, or one was killed there: where no git runs, remove the lock, then run again"),
        (r"(?:.*: )?unable to create directory for ",
         "check the owner and the mode of {path}, and its disk: git does not say more"),
        (r"unable to create temporary file|[Uu]nable to create '", "check that {path} and $TMPDIR can be written"),
        (r"(?:loose )?object (?:file )?\S+ .*is (?:corrupt|empty)|corrupt loose object|inflate: |unable to unpack |"
         r"unable to (?:read|stream|parse) (?:tree |object |commit |sha1 file |[0-9a-f]{40})|"
         r"(?:packed object|failed to (?:read|unpack|parse)) (?:object |tree |commit )?[0-9a-f]{40}|"
         r"failed to read \S|[Cc]ould not read [0-9a-f]{40}|could not parse (?:commit|object|tree)|"
         r"bad (?:tree|object|commit) [0-9a-f]{40}|not a tree object|garbage at end of|hash mismatch|"
         r"(?:file |packfile |index |pack has |index file |invalid )\S*\.(?:pack|idx)|.*\bpackfile\b|"
         r"missing (?:blob|tree|commit|object) |index file (?:corrupt|smaller)|bad (?:index|signature)|"
         r"(?:delta base|bad object header|bad offset|offset before|failed to apply delta)|"
         r".*: (?:Input/output error|Stale file handle)$", DAMAGED),
    ))

_WRITING = re.compile(
    r"^(?:error|fatal): (?:.*\b(?:No space left on device|Disk quota exceeded|File too large|Read-only file system)$|"
    r"(?:.*: )?(?:write error\b|couldn't (?:write|set) '|[Uu]nable to (?:write|create|append|rename|set permission) |"
    r"(?:[Cc]ould not|[Ff]ailed to|cannot) (?:write|store|flush|close|finalize|rename) |"
    r"sha1 file (?:'[^']*' write error|error on close)|fsync error on '|error (?:when|while) closing |closing file '|"
    r"cannot pread pack file))")

# said of the patch as a text, before any tree is looked at (exit 128)
_MALFORMED = re.compile(
    r"^(?:error|fatal): (?:corrupt (?:binary )?patch at line \d+|unrecognized binary patch at line|"
    r"patch fragment without header at line \d+|patch with only garbage at line \d+|unable to find filename in patch|"
    r"git diff header lacks filename information|git apply: bad git-diff - |invalid mode on line \d+|"
    r"inconsistent header lines \d+|new file .* depends on old contents$|deleted file .* still has contents$|"
    r"[Nn]o valid patches in input|unrecognized input|recount: unexpected line|invalid path '|"
    r"corrupt patch for submodule|missing binary patch data for )", re.MULTILINE)

# said of the patch on this tree (exit 1)
_REFUSED = re.compile(
    r"^error: (?:patch failed: |affected file '|reading from '|path .* has been renamed/deleted$|invalid path '|"
    r"cannot (?:apply|reverse-apply) (?:a )?binary patch|the patch applies to |binary patch (?:to|does not apply)|"
    r"the necessary postimage |missing binary patch data for |new mode \(|removal patch leaves file contents|"
    r"corrupt patch for submodule |.*: (?:patch does not apply|does not exist in index|already exists in index|"
    r"already exists in working directory|wrong type)$)", re.MULTILINE)


def damaged(path: object) -> str:
    """What to do where the repository at `path` cannot be read. Nobody is told to remove a clone of theirs."""
    return (DAMAGED if PurePath(str(path)).name == STORE else _CLONE).format(path=path)


def fault(command: list[str], code: int, stderr: str, *, path: object = "") -> GitError | None:
    """The error where the environment ended `command`, with its cure; None where its code is an answer.

    `path` is the repository that the command ran in.
    """
    if code == 0:
        return None
    if code < 0:
        return GitError(command, code, f"ended by {_name(-code)}. {stderr}", hint=FULL if -code == signal.SIGXFSZ
                        else LIMITS)
    told = _SEARCHED.sub("", stderr)
    for pattern, hint in _FAULTS:
        if pattern.search(told):
            return GitError(command, code, told, hint=damaged(path) if hint is DAMAGED else hint.format(path=path))
    return None


def not_written(stderr: str) -> bool:
    """Did a git that fetches fail over this machine, its disk or a limit of it? The other side's words do not count."""
    said = [line for line in re.split(r"[\r\n]", stderr) if line.startswith(("error: ", "fatal: "))]
    # a signal (SIGXFSZ) ends index-pack without a word; where the connection broke, it says so first
    return said == ["fatal: fetch-pack: invalid index-pack output"] or any(map(_WRITING.search, said))


def apply_answer(code: int, stderr: str, *, path: object = "") -> ApplyAnswer:
    """What `git apply` said; raises GitError for whatever is not provably said of the patch."""
    command = ["git", "apply"]
    met = fault(command, code, stderr, path=path)
    if met is not None:
        raise met
    told = _SEARCHED.sub("", stderr)
    if code == 0:
        return ApplyAnswer.TAKEN
    if code == 128 and _MALFORMED.search(told):
        return ApplyAnswer.MALFORMED
    if code == 1 and _REFUSED.search(told):
        return ApplyAnswer.REFUSED
    raise GitError(command, code, told, hint=LIMITS if not told.strip() else damaged(path))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
