"""The command line as a whole: what it offers, what it makes of a mistake, and what it does not read for that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from backport import configuration
from backport.cli import COMMANDS, cli
from backport.errors import ManifestError

ROOT = Path(__file__).parents[1]


def run(*args: str, **env: str) -> Result:
    unset = dict.fromkeys(("BACKPORT_CACHE", "BACKPORT_MANIFEST"))
    return CliRunner().invoke(cli, args, prog_name="backport", env={**unset, **env})


def python(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT,
                          env={**os.environ, **env})


@pytest.mark.parametrize("args", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_reads_neither_a_parser_nor_git(args: list[str]) -> None:
    """Start-up time is what it reads: none of these is needed to print a page."""
    done = python("import sys; from backport.cli import cli\n"
                  f"cli.main({args!r}, standalone_mode=False)\n"
                  "print(sorted({'git', 'tree_sitter', 'yaml', 'sqlite3', 'jinja2'} & sys.modules.keys()))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_adapt_reads_nothing_that_builds_boots_or_fetches() -> None:
    """What `backport adapt` imports for one patch on a tree that is there, and so what a person waits for."""
    done = python("import sys\n"
                  "import backport.commands.adapt, backport.context, backport.donors.weigh, backport.queue.identity\n"
                  "import backport.queue.rangediff, backport.report.carried, backport.targets\n"
                  "print(sorted({'backport.boot.kernel', 'backport.kbuild.driver', 'backport.compute', 'git', 'tqdm',\n"
                  "              'urllib.request', 'wcwidth'} & sys.modules.keys()))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_is_in_the_list_with_its_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = " ".join(run("--help").output.split())
    for name, text in COMMANDS.items():
        assert f"{name} {text}" in said
    assert "..." not in said.partition("Commands:")[2].partition("Examples")[0]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_page_of_help_is_wider_than_the_terminal_by_its_prose(width: int) -> None:
    for name in COMMANDS:
        page = run(name, "--help", COLUMNS=str(width)).output
        prose = [row for row in page.splitlines() if len(row) > width and not row.startswith(("  ", "Usage: "))]
        assert prose == []


@pytest.mark.parametrize(("typed", "meant"), [("adpt", "adapt"), ("resolv", "resolve"), ("prerequisite", "prerequi")])
def test_a_mistyped_command_is_answered_with_the_near_one(typed: str, meant: str) -> None:
    done = run(typed)
    assert done.exit_code == 2
    assert f"Did you mean {meant}" in done.output


def test_a_word_that_is_near_to_nothing_gets_the_list() -> None:
    assert "`backport --help` lists the commands" in run("xyzzy").output


@pytest.mark.parametrize("name", ["pick", "adapt", "run"])
def test_without_git_one_line_says_so(name: str, tmp_path: Path) -> None:
    more = {"pick": "HEAD", "adapt": str(next((ROOT / "patches").glob("*.patch")))}.get(name, "")
    args = [name, *more.split(), *(["--tree", "6.1"] if name == "adapt" else [])]
    done = python(f"import sys; from backport.cli import main; sys.argv = ['backport', *{args!r}]; main()",
                  PATH="/nonexistent", BACKPORT_CACHE=str(tmp_path), BACKPORT_STATE=str(tmp_path))
    assert done.returncode == 3
    assert done.stderr.splitlines() == ["backport: git is not installed, or not in PATH", "  hint: apt-get install git"]


@pytest.mark.parametrize(("args", "code"), [
    (["import", "fix.mail"], 0),                            # says on stderr what was read
    (["adapt", "nothere.patch"], 2),
    (["adapt", "--nonsense"], 2),
])
@pytest.mark.parametrize("stderr", ["/dev/full", "closed"])
def test_a_stderr_that_takes_nothing_changes_neither_answer_nor_exit_code(args: list[str], code: int, stderr: str,
                                                                          tmp_path: Path) -> None:
    (tmp_path / "fix.mail").write_text("From: A <a@example.org>\nSubject: [PATCH] x: y\n\nW.\n---\n"
                                       "diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-a\n+b\n")

    def called(where: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["sh", "-c", f'exec "$@" {where}', "sh", sys.executable, "-m", "backport", *args],
                              cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
                              check=False)
    there, done = called("2>/dev/null"), called("2>&-" if stderr == "closed" else f"2>{stderr}")
    assert (done.returncode, done.stdout) == (there.returncode, there.stdout)
    assert done.returncode == code


def options(command: click.Command) -> dict[str, click.Option]:
    return {name: param for param in command.params if isinstance(param, click.Option) for name in param.opts}


def every() -> list[tuple[str, click.Command]]:
    context = click.Context(cli)
    found = []
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", one) for inner, one in command.commands.items()]
    return found


@pytest.mark.parametrize(("long", "short", "flag"), [
    ("--tree", "-t", False), ("--format", "-f", False), ("--signoff", "-s", True), ("--offline", None, True),
    ("--quiet", "-q", True), ("--verbose", "-v", True), ("--jobs", "-j", False)])
def test_an_option_is_the_same_in_every_command(long: str, short: str | None, flag: bool) -> None:
    having = [(name, options(command)[long]) for name, command in every() if long in options(command)]
    assert len(having) > 2
    for name, option in having:
        assert option.is_flag is flag, name
        assert short is None or short in option.opts, name


def test_the_variables_are_in_the_help() -> None:
    assert "BACKPORT_MANIFEST" in run("--help").output
    for name in ("run", "adapt", "trees"):
        assert "$BACKPORT_MANIFEST" in " ".join(run(name, "--help").output.split())


# completion

def complete(words: str, **env: str) -> list[str]:
    typed = words.split(" ")
    done = python("from backport.cli import main; import sys; sys.argv = ['backport']; main()",
                  _BACKPORT_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(typed) - 1), **env)
    return done.stdout.splitlines()


def test_completion_knows_commands_trees_and_files(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text('trees:\n  - {name: linux-9.1.y}\n  - name: linux-9.2.y\n  - name: "mine"\n')
    assert complete("backport pi") == ["plain,pick"]
    assert complete("backport adapt --tree 9", BACKPORT_MANIFEST=str(tmp_path / "t.yaml")) == ["plain,9.1", "plain,9.2"]
    assert complete("backport adapt --tree m", BACKPORT_MANIFEST=str(tmp_path / "t.yaml")) == ["plain,mine"]
    assert complete("backport adapt --tree 9", BACKPORT_MANIFEST="/nonexistent") == [""]
    assert complete("backport adapt ./fi") == ["file,./fi"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_calls_back(shell: str) -> None:
    done = run("completion", shell)
    assert done.exit_code == 0
    assert f"_BACKPORT_COMPLETE={shell}_complete" in done.output


# manual pages

def test_there_is_a_manual_page_of_every_command_with_what_help_says(tmp_path: Path) -> None:
    assert run("man", "--to", str(tmp_path)).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "backport.1", *(f"backport-{name}.1" for name in COMMANDS)}
    page = (tmp_path / "backport-pick.1").read_text()
    assert "\b" not in page
    assert ".SH OPTIONS" in page
    assert "\\-\\-onto BRANCH" in page
    # a line of text that begins with a dot or a quote would be a request of roff
    known = {".TH", ".SH", ".PP", ".TP", ".B", ".BR", ".nf", ".fi", ".RS", ".RE"}
    for file in tmp_path.iterdir():
        rows = file.read_text().splitlines()
        assert {row.split(" ")[0] for row in rows if row.startswith((".", "'"))} <= known, file.name


# the user's configuration file

def configured(home: Path, text: str) -> dict[str, str]:
    (home / "backport").mkdir(parents=True, exist_ok=True)
    (home / "backport/config.yaml").write_text(text)
    return {"XDG_CONFIG_HOME": str(home)}


def test_the_file_gives_defaults_and_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("trees: [{name: x, sources: [{directory: /nonexistent}]}]\n")
    env = configured(tmp_path, f"manifest: /nonexistent.yaml\ncache: {tmp_path}/cache\n")
    done = run("trees", **env)
    assert "/nonexistent.yaml" in str(done.exception) + done.output
    done = run("trees", "--manifest", str(tmp_path / "other.yaml"), "--format", "json", **env)
    assert f'"store": "{tmp_path}/cache/store.git"' in done.output
    done = run("trees", **env, BACKPORT_MANIFEST=str(tmp_path / "other.yaml"))
    assert done.exit_code == 0


def test_sub_commands_of_a_group_have_the_defaults_as_well(tmp_path: Path) -> None:
    env = configured(tmp_path, "manifest: /nonexistent.yaml\n")
    assert "/nonexistent.yaml" in str(run("trees", "fetch", **env).exception)


@pytest.mark.parametrize(("text", "told"), [
    ("signof: true\n", "config.yaml:1: unknown key 'signof'"), ("signoff: maybe\n", "must be true or false"),
    ("jobs: 0\n", "not a number of trees"), ("[", "not YAML"), ("cache: [a]\n", "must be text")])
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, text: str, told: str,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", configured(tmp_path, text)["XDG_CONFIG_HOME"])
    with pytest.raises(ManifestError, match=r"config\.yaml:1") as met:
        configuration.defaults()
    assert told in str(met.value)


def test_what_the_file_says_of_mail_and_signing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", configured(
        tmp_path, "signoff: yes\nmail: my.yaml\nmail-to: [a@example.org]\njobs: 3\n")["XDG_CONFIG_HOME"])
    assert configuration.defaults() == {"signoff": True, "mail_config": str(tmp_path / "backport/my.yaml"),
                                        "mail_to": ("a@example.org",), "jobs": 3}


@pytest.mark.parametrize("home", ["", "/nonexistent", "relative"])
def test_without_a_file_or_a_home_there_are_no_defaults(home: str, monkeypatch: pytest.MonkeyPatch,
                                                        tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert configuration.defaults() == {}
