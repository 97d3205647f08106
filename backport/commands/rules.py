"""`backport rules`: which drifts are known, what one rule does, and whether their examples hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backport import loud
from backport.commands.common import (
    cache_option,
    cache_or_default,
)
from backport.errors import RuleError, UserError

if TYPE_CHECKING:
    from backport.rules.model import Rule


@click.group(name="rules", invoke_without_command=True)
@click.option("--dir", "directory", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Read the rules in this directory and no others  [default: those that ship, and rules/ beside "
              "trees.yaml].")
@click.pass_context
def command(context: click.Context, directory: Path | None) -> int:
    """List the rules that adapt hunks to older trees (or: show ID, check)."""
    from tabulate import tabulate

    from backport.rules.load import load_directory, load_rules

    rules = load_directory(directory) if directory else load_rules(_beside())
    context.obj = rules
    if context.invoked_subcommand is None:
        rows = [(rule.id, "same" if rule.equivalent else "review", rule.title) for rule in rules]
        click.echo(tabulate(rows, headers=("rule", "meaning", "what drifted"), disable_numparse=True))
    return 0


def _beside() -> Path | None:
    """The directory of the manifest that a run would read, None where there is none."""
    from backport.manifest import default_path

    try:
        manifest = default_path()
    except UserError:
        return None
    return manifest.resolve().parent if manifest.is_file() else None


@command.command()
@click.argument("rule_id")
@click.pass_obj
def show(rules: tuple[Rule, ...], rule_id: str) -> int:
    """One rule: where it comes from, what it rewrites, its examples."""
    rule = next((rule for rule in rules if rule.id == rule_id), None)
    if rule is None:
        raise RuleError(f"no rule `{rule_id}`", hint="`backport rules` lists them")
    click.echo(f"{rule.id}: {rule.title}")
    click.echo(f"  file:       {rule.file}")
    click.echo(f"  appeared:   {rule.appeared}" + (f" (read in {rule.read_in})" if rule.read_in else ""))
    click.echo(f"  applies to: {', '.join(rule.applies_to)}")
    for rewrite in rule.rewrites:
        click.echo(f"  rewrites:   {rewrite.match.text}  ->  {rewrite.replace.text or '(nothing)'}")
    for move in rule.moves:
        click.echo(f"  moves:      {move.source}  ->  {', '.join(move.targets)}")
    meaning = "the same in both trees" if rule.equivalent else f"not the same: {rule.differs}"
    click.echo(textwrap.indent(textwrap.fill(f"meaning:    {meaning}", 100, subsequent_indent=" " * 12), "  "))
    click.echo(textwrap.indent(textwrap.fill(f"note:       {rule.note}", 100, subsequent_indent=" " * 12), "  "))
    for example in rule.examples:
        click.echo(f"\n  {example.name} ({example.path})")
        _body(example.before, "    ")
        if example.unchanged:
            click.echo("  is left alone")
        else:
            click.echo(f"  becomes ({example.sure})")
            _body(example.after, "    ")
    return 0


def _body(lines: tuple[bytes, ...], indent: str) -> None:
    for line in lines:
        click.echo(indent + line.decode("utf-8", "replace").rstrip("\n"))


@command.command()
@click.pass_obj
def check(rules: tuple[Rule, ...]) -> int:
    """Run every worked example; 1 where one does not hold."""
    from backport.proving.examples import run_examples  # pays for the C parser, which a list does not need

    bad = count = 0
    for rule in rules:
        for outcome in run_examples(rule):
            count += 1
            if outcome.problem:
                bad += 1
                click.echo(f"{rule.file}:{outcome.line}: {outcome.example}: {outcome.problem}")
    click.echo(f"{len(rules)} rules, {count} examples, {bad} wrong")
    return 1 if bad else 0


@command.command()
@click.argument("newer")
@click.argument("older")
@cache_option()
@click.option("--rule", "only", multiple=True, help="Look at this rule only (may be repeated).")
@click.pass_obj
def prove(rules: tuple[Rule, ...], newer: str, older: str, cache: Path | None, only: tuple[str, ...]) -> int:
    """Rewrite the KVM lines of tree NEWER and look them up in tree OLDER.

    NEWER and OLDER are trees or pinned releases of the store (linux-5.10.y, 6.1.187). Exits with 1 if a rewrite uses
    a name that the older tree does not have. Takes about half a minute a pair.
    """
    from tabulate import tabulate

    from backport.proving.evidence import evidence
    from backport.trees.view import StoreView

    store = cache_or_default(cache) / "store.git"
    with (StoreView(store, newer, _commit(store, newer)) as theirs,
          StoreView(store, older, _commit(store, older)) as ours):
        found = [row for row in evidence(theirs, ours, rules, only=frozenset(only)) if row.fires]
    click.echo(tabulate(
        [(row.rule, row.matches, row.found, row.same, row.refused, ", ".join(sorted(row.unknown_names)) or "-")
         for row in found],
        headers=("rule", f"lines in {newer}", f"found in {older}", "same in both", "left alone", "unknown names")))
    return 1 if any(row.unknown_names for row in found) else 0


@command.command()
@click.option("--from", "newer", required=True, metavar="TREE", help="The newer tree or pinned release.")
@click.option("--to", "older", required=True, metavar="TREE", help="The older one.")
@click.option("--path", "folders", multiple=True, metavar="DIR", help="Only below this directory; may be repeated.")
@click.option("--least", default=3, show_default=True, type=click.IntRange(2), metavar="N",
              help="Places in which a name must be spelled otherwise.")
@click.option("--write", "target", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write a rule file for each renamed function there; `backport rules --dir DIR check` takes them.")
@cache_option()
def mine(newer: str, older: str, folders: tuple[str, ...], least: int, target: Path | None, cache: Path | None) -> int:
    """Learn from two trees which names the older one spells otherwise throughout.

    The functions that both have are compared line by line. A name that is another one everywhere is printed with what
    was counted for and against it. It is no rule yet: that two names stand in one place does not say that they mean
    the same. Read it, then put the file that --write makes where your rules are.
    """
    from backport.proving.mined import mine as learn
    from backport.proving.mined import rule_text

    store = cache_or_default(cache) / "store.git"
    found = learn(_pairs(store, _commit(store, newer), _commit(store, older), folders), least=least)
    for one in found:
        click.echo(one.evidence)
    loud.say(f"{len(found)} names that {older} spells otherwise than {newer}")
    texts = {one.new: text for one in found if target is not None and (text := rule_text(one, newer, older))}
    if target is not None:
        target.mkdir(parents=True, exist_ok=True)
        for text in texts.values():
            (target / f"{text.split(chr(10), 1)[0].removeprefix('id: ')}.yaml").write_text(text)
        loud.say(f"{len(texts)} rule files written to {target}")
    return 0


def _pairs(store: Path, newer: str, older: str, folders: tuple[str, ...]) -> Iterator[tuple[str, bytes, bytes]]:
    """(path, bytes there, bytes here) of the C sources that both trees have and that differ."""
    from tqdm import tqdm

    from backport.git import Git

    with Git(store) as git:
        here = {path: sha for _mode, sha, path in git.ls_tree(older, folders)}
        there = [(path, sha) for _mode, sha, path in git.ls_tree(newer, folders)
                 if path.endswith((".c", ".h")) and here.get(path, sha) != sha]
        for path, sha in tqdm(there, unit="file", disable=None, leave=False):
            one, two = git.blob(sha), git.blob(here[path])
            if one is not None and two is not None:
                yield path, one, two


def _commit(store: Path, name: str) -> str:
    from backport.git import Git

    with Git(store) as git:
        commit = git.rev(f"refs/trees/{name}") or git.rev(f"refs/releases/{name}")
    if commit is None:
        raise UserError(f"no tree {name} in {store}", hint="`backport trees` lists what is there")
    return commit
