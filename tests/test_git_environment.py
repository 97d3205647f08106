"""Nothing that git lets a user set changes what the program does: variables and configuration.

The lists are git's own: GIT_* of git(1) and git-config(1) of 2.39 with `git rev-parse --local-env-vars`, and the keys
that the installed git prints (`git help --config`).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backport.check import check
from backport.errors import GitError
from backport.git import GLOBS, Git, UserGit
from backport.patch.intake.commit import mails
from backport.patch.intake.raw import Raw
from backport.patch.parse import parse
from tests.support.gitrepo import TestRepo


def _words(text: str) -> list[str]:
    return text.split()


VARIABLES = _words("""
GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_ASKPASS GIT_ATTR_SOURCE GIT_AUTHOR_DATE GIT_AUTHOR_EMAIL GIT_AUTHOR_NAME
GIT_CEILING_DIRECTORIES GIT_COMMITTER_DATE GIT_COMMITTER_EMAIL GIT_COMMITTER_NAME GIT_COMMON_DIR GIT_CONFIG
GIT_CONFIG_COUNT GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_CONFIG_PARAMETERS GIT_CONFIG_SYSTEM GIT_DEFAULT_HASH
GIT_DIFF_OPTS GIT_DIFF_PATH_COUNTER GIT_DIFF_PATH_TOTAL GIT_DIR GIT_DISCOVERY_ACROSS_FILESYSTEM GIT_EDITOR
GIT_EXTERNAL_DIFF GIT_FLUSH GIT_GLOB_PATHSPECS GIT_GRAFT_FILE GIT_ICASE_PATHSPECS GIT_IMPLICIT_WORK_TREE GIT_INDEX_FILE
GIT_INDEX_VERSION GIT_INTERNAL_SUPER_PREFIX GIT_LITERAL_PATHSPECS GIT_MERGE_VERBOSITY GIT_NAMESPACE
GIT_NOGLOB_PATHSPECS GIT_NOTES_DISPLAY_REF GIT_NOTES_REF GIT_NO_REPLACE_OBJECTS GIT_OBJECT_DIRECTORY
GIT_OPTIONAL_LOCKS GIT_PAGER GIT_PREFIX GIT_PRINT_SHA1_ELLIPSIS GIT_PROGRESS_DELAY GIT_PROTOCOL
GIT_PROTOCOL_FROM_USER GIT_QUARANTINE_PATH GIT_REDIRECT_STDERR GIT_REFLOG_ACTION GIT_REF_PARANOIA
GIT_REPLACE_REF_BASE GIT_SEQUENCE_EDITOR GIT_SHALLOW_FILE GIT_SSH GIT_SSH_COMMAND GIT_TEMPLATE_DIR
GIT_TERMINAL_PROMPT GIT_TRACE GIT_TRACE2 GIT_TRACE2_EVENT GIT_TRACE2_PERF GIT_TRACE_CURL GIT_TRACE_FSMONITOR
GIT_TRACE_PACKET GIT_TRACE_PACKFILE GIT_TRACE_PACK_ACCESS GIT_TRACE_PERFORMANCE GIT_TRACE_REFS GIT_TRACE_SETUP
GIT_TRACE_SHALLOW GIT_WORK_TREE
""")

# what git documents for diffs, messages, names and work trees, with a value that would change an answer
HOSTILE = {
    "apply.ignoreWhitespace": "change", "apply.whitespace": "fix", "color.diff": "always", "color.grep": "always",
    "color.ui": "always", "core.abbrev": "4", "core.attributesFile": "{home}/attributes", "core.autocrlf": "true",
    "core.eol": "crlf", "core.excludesFile": "{home}/ignore", "core.fsmonitor": "{home}/evil",
    "core.hooksPath": "{home}/hooks", "core.ignoreCase": "true", "core.notesRef": "refs/notes/other",
    "core.precomposeUnicode": "true", "core.quotePath": "false", "core.safecrlf": "true",
    "core.sparseCheckout": "true", "core.useReplaceRefs": "true", "core.whitespace": "tab-in-indent",
    "diff.algorithm": "patience", "diff.colorMoved": "zebra", "diff.context": "0", "diff.external": "{home}/evil",
    "diff.ignoreSubmodules": "all", "diff.indentHeuristic": "false", "diff.interHunkContext": "90",
    "diff.mnemonicPrefix": "true", "diff.noprefix": "true", "diff.orderFile": "{home}/order", "diff.relative": "true",
    "diff.renames": "copies", "diff.submodule": "log", "diff.suppressBlankEmpty": "true",
    "diff.wsErrorHighlight": "all",
    "diff.evil.textconv": "{home}/evil", "diff.evil.command": "{home}/evil", "diff.evil.binary": "true",
    "filter.evil.clean": "{home}/evil", "filter.evil.smudge": "{home}/evil", "format.attach": "true",
    "format.cc": "x@example.org", "format.coverLetter": "true", "format.encodeEmailHeaders": "false",
    "format.forceInBodyFrom": "true", "format.from": "true", "format.headers": "X-Evil: yes\\n", "format.notes": "true",
    "format.noprefix": "true", "format.numbered": "true", "format.outputDirectory": "{home}/out",
    "format.pretty": "oneline", "format.signOff": "true", "format.signature": "evil",
    "format.subjectPrefix": "EVIL", "format.suffix": ".evil", "format.thread": "deep", "format.to": "x@example.org",
    "format.useAutoBase": "whenAble", "grep.lineNumber": "true", "grep.column": "true", "grep.fullName": "true",
    "grep.extendedRegexp": "true", "grep.patternType": "perl", "i18n.commitEncoding": "latin1",
    "i18n.logOutputEncoding": "latin1", "log.abbrevCommit": "true", "log.date": "iso", "log.decorate": "full",
    "log.diffMerges": "first-parent", "log.follow": "true", "log.mailmap": "true", "log.showRoot": "false",
    "log.showSignature": "true", "mailinfo.scissors": "true", "mailmap.file": "{home}/mailmap",
    "merge.conflictStyle": "zdiff3", "merge.renormalize": "true", "notes.displayRef": "refs/notes/*",
    "status.branch": "true", "status.relativePaths": "false", "status.renames": "copies", "status.short": "true",
    "status.showStash": "true", "status.showUntrackedFiles": "no", "submodule.recurse": "true",
}
_FAMILIES = ("apply.", "core.", "diff.", "format.", "grep.", "i18n.", "log.", "mailinfo.", "merge.", "notes.",
             "status.")
# they name the repository, the form of its files, speed, an editor, a pager, colours, the network, or a merge
# that is none of ours (`git merge`, `git notes merge`)
NO_MATTER = frozenset(_words("""
core.alternateRefsCommand core.alternateRefsPrefixes core.askPass core.bare core.bigFileThreshold
core.checkRoundtripEncoding core.checkStat core.commentChar core.commitGraph core.compression core.createObject
core.deltaBaseCacheLimit core.editor core.fileMode core.filesRefLockTimeout core.fsmonitorHookVersion core.fsync
core.fsyncMethod core.fsyncObjectFiles core.gitProxy core.hideDotFiles core.ignoreStat core.logAllRefUpdates
core.looseCompression core.multiPackIndex core.packedGitLimit core.packedGitWindowSize core.packedRefsTimeout core.pager
core.preferSymlinkRefs core.preloadIndex core.protectHFS core.protectNTFS core.repositoryFormatVersion
core.restrictinheritedhandles core.sharedRepository core.sparseCheckoutCone core.splitIndex core.sshCommand
core.symlinks core.trustctime core.unsetenvvars core.untrackedCache core.warnAmbiguousRefs core.worktree
diff.autoRefreshIndex diff.colorMovedWS diff.dirstat diff.guitool diff.renameLimit diff.statGraphWidth diff.tool
diff.wordRegex format.coverFromDescription format.filenameMaxLength format.signatureFile grep.fallbackToNoIndex
grep.threads log.excludeDecoration log.graphColors log.initialDecorationSet merge.autoStash merge.branchdesc
merge.defaultToUpstream merge.directoryRenames merge.ff merge.guitool merge.log merge.renameLimit merge.renames
merge.stat merge.suppressDest merge.tool merge.verbosity merge.verifySignatures notes.mergeStrategy notes.rewriteMode
notes.rewriteRef status.aheadBehind status.displayCommentPrefix status.renameLimit status.submoduleSummary
"""))


class Place:
    """A repository with what the options above act on, and a home with everything that they name."""

    def __init__(self, top: Path) -> None:
        self.home = top / "home"
        (self.home / ".config" / "git").mkdir(parents=True)
        (self.home / "hooks").mkdir()
        self.evil = self.home / "ran"
        for name in ("evil", "hooks/post-checkout", "hooks/post-index-change", "hooks/reference-transaction"):
            (self.home / name).write_text(f"#!/bin/sh\ntouch {self.evil}\necho evil\n")
            (self.home / name).chmod(0o755)
        for name in ("attributes", ".config/git/attributes"):
            (self.home / name).write_text("* text eol=crlf filter=evil diff=evil ident\n")
        for name in ("ignore", ".config/git/ignore"):
            (self.home / name).write_text("new.c\n")
        (self.home / "order").write_text("z.c\n*.c\n")
        (self.home / "mailmap").write_text("Evil <evil@example.org> <backport@localhost>\n")
        repo = TestRepo(top / "made-up")
        text = b"".join(b"line %d  \n" % n for n in range(30))
        first = repo.commit({"a.c": text, "dir/\xe4.c": b"x\n", "z.c": b"$Id$\n\n y\n"})
        changed = text.replace(b"line 3 ", b"line three ").replace(b"line 20 ", b"line twenty ")
        second = repo.commit({"a.c": changed, "b.c": text, "z.c": b"$Id$\n\n z\n"}, "a subject with \u00e4\n\nText.")
        self.repo, self.first, self.second = repo.path, first, second
        with Git(repo.path) as git:
            git.run("notes", "--ref", "other", "add", "-m", "evil note", second)
        self.other = TestRepo(top / "other")
        self.other.commit({"other.c": b"x\n"})

    def answers(self) -> list[object]:
        """What the commands of this program say of the repository, by the calls that it makes."""
        with Git(self.repo) as git:
            (mail,) = mails(self.repo, self.second)
            assert isinstance(mail, Raw)
            patch = parse(git.run("diff-tree", "-r", "-p", "--no-ext-diff", "--no-textconv", "-O/dev/null",
                                  self.first, self.second).out)
            (self.repo / "new.c").write_bytes(b"x\n")
            new = git.run("status", "--porcelain=v1", "-z", "--no-renames", "--ignored", "--untracked-files=all").out
            (self.repo / "new.c").unlink()
            (self.repo / "z.c").unlink()
            git.run("reset", "--hard", "--quiet", self.second)
            return [
                mail.data, patch.render(), new, (self.repo / "z.c").read_bytes(),
                git.ls_tree(self.second), git.ls_tree(self.second, ["A.C", "*.c", ":(top)a.c", "a.c"]),
                git.blob(f"{self.second}:a.c"), git.blob(f"{self.second}:no.c"), git.rev("HEAD"),
                check(git, self.first, patch), check(git, self.second, patch),
                git.run("log", "-z", "--encoding=UTF-8", "--no-show-signature", "--format=%H%n%an%n%s%n%b", "HEAD").out,
                git.run(GLOBS, "grep", "-h", "three", self.second, "--", "*.c").out,
                self.evil.exists(),
            ]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return made


def _value(name: str, place: Place) -> str:
    if name.endswith(("_DIR", "_WORK_TREE", "_DIRECTORY", "_DIRECTORIES")):
        return str(place.other.path / ".git")
    if name == "GIT_CONFIG_PARAMETERS":
        return "'diff.noprefix'='true' 'core.autocrlf'='true'"
    return {"GIT_CONFIG_GLOBAL": str(place.home / "order"), "GIT_DIFF_OPTS": "-u0", "GIT_DEFAULT_HASH": "sha256",
            "GIT_EXTERNAL_DIFF": str(place.home / "evil"), "GIT_TEMPLATE_DIR": str(place.home),
            "GIT_INDEX_VERSION": "4", "GIT_ATTR_SOURCE": "nowhere"}.get(name, "1")


def test_no_variable_of_gits_changes_an_answer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = place.answers()
    for names in (*_portions(VARIABLES, 12), VARIABLES):
        with monkeypatch.context() as patch:
            for name in names:
                patch.setenv(name, _value(name, place))
            assert place.answers() == wanted, names


def test_the_configuration_of_a_user_changes_nothing(place: Place) -> None:
    """Every key at once that this git has, also those that would stop each of its commands."""
    wanted = place.answers()
    keys = _documented()
    (place.home / ".gitconfig").write_text("".join(
        f"[{section}]\n\t{key} = {HOSTILE.get(f'{section}.{key}', 'evil').format(home=place.home)}\n"
        for section, _dot, key in (name.partition(".") for name in keys) if "." not in key)
        + "[safe]\n\tbareRepository = explicit\n[evil\n")
    assert place.answers() == wanted


@pytest.mark.parametrize("scope", ["a clone's own", "of the command"])
def test_the_configuration_of_a_clone_changes_no_answer(place: Place, scope: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = place.answers()
    pairs = {key: value.format(home=place.home) for key, value in HOSTILE.items()}
    if scope == "of the command":
        monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(pairs)))
        for number, (key, value) in enumerate(pairs.items()):
            monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
            monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
        assert place.answers() == wanted
        return
    config = place.repo / ".git" / "config"
    before = config.read_text()
    for keys in (*_portions(list(pairs), 16), list(pairs)):
        config.write_text(before + "".join(_entry(key, pairs[key]) for key in keys))
        assert place.answers() == wanted, keys


def _entry(key: str, value: str) -> str:
    section, _dot, rest = key.partition(".")
    middle, _dot, last = rest.rpartition(".")
    head = f'[{section} "{middle}"]' if middle else f"[{section}]"
    return f'{head}\n\t{last} = "{value}"\n'


def _portions(names: list[str], size: int) -> list[list[str]]:
    return [names[start:start + size] for start in range(0, len(names), size)]


def test_every_key_for_these_commands_is_known_here() -> None:
    """A newer git documents a key: decide what it does to an answer, and put it above."""
    known = {key.lower() for key in (*HOSTILE, *NO_MATTER)}
    missing = [key for key in _documented() if key.startswith(_FAMILIES) and "<" not in key and "*" not in key
               and key.lower() not in known]
    assert not missing


def test_a_bare_store_is_read_under_safe_bare_repository(place: Place, tmp_path: Path) -> None:
    """`cat-file --batch` was started with the user's configuration, which may forbid bare repositories."""
    bare = tmp_path / "store.git"
    with Git(place.repo) as git:
        git.run("clone", "--quiet", "--bare", str(place.repo), str(bare))
    (place.home / ".gitconfig").write_text("[safe]\n\tbareRepository = explicit\n")
    with Git(bare) as git:
        assert git.blob("HEAD:z.c") == b"$Id$\n\n z\n"


def test_a_clone_of_a_person_keeps_their_names_and_leaves_the_variables_of_a_hook(
        place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.home / ".gitconfig").write_text("[user]\n\tname = A Person\n\temail = a@example.org\n")
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(place.other.path / ".git"))
    with UserGit(place.repo) as git:
        assert git.run("config", "user.name").text == "A Person"
        assert git.rev("HEAD") == place.second


def test_a_git_that_is_not_there_is_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")     # the way round by env(1) says it in other words
    monkeypatch.setenv("PATH", "/nonexistent")
    with Git(place.repo) as git, pytest.raises(Exception, match="git is not installed") as met:
        git.run("version")
    assert not isinstance(met.value, GitError)


def _documented() -> list[str]:
    told = subprocess.run(["git", "help", "--config"], capture_output=True, text=True, check=True)
    return [line.strip() for line in told.stdout.splitlines() if "." in line and " " not in line.strip()]
