"""`backport rules`: which drifts are known, what one rule does, and whether their examples hold."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click
import platformdirs
from tabulate import tabulate

from backport.errors import RuleError, UserError
from backport.git import Git
from backport.manifest import default_path
from backport.rules.load import load_directory, load_rules
from backport.rules.model import Rule


@click.group(name="rules", invoke_without_command=True)
@click.option("--dir", "directory", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Read the rules in this directory and no others  [default: those that ship, and rules/ beside "
              "trees.yaml].")
@click.pass_context
def command(context: click.Context, directory: Path | None) -> int:
    """List the rules that adapt hunks to older trees (or: show ID, check)."""
    rules = load_directory(directory) if directory else load_rules(_beside())
    context.obj = rules
    if context.invoked_subcommand is None:
        rows = [(rule.id, "same" if rule.equivalent else "review", rule.title) for rule in rules]
        click.echo(tabulate(rows, headers=("rule", "meaning", "what drifted"), disable_numparse=True))
    return 0


def _beside() -> Path | None:
    """The directory of the manifest that a run would read, None where there is none."""
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
@click.option("--cache", type=click.Path(path_type=Path), envvar="BACKPORT_CACHE", help="Directory of the tree store.")
@click.option("--rule", "only", multiple=True, help="Look at this rule only (may be repeated).")
@click.pass_obj
def prove(rules: tuple[Rule, ...], newer: str, older: str, cache: Path | None, only: tuple[str, ...]) -> int:
    """Rewrite the KVM lines of tree NEWER and look them up in tree OLDER.

    NEWER and OLDER are trees or pinned releases of the store (linux-5.10.y, 6.1.187). Exits with 1 if a rewrite uses
    a name that the older tree does not have. Takes about half a minute a pair.
    """
    from backport.proving.evidence import evidence
    from backport.trees.view import StoreView

    store = (cache or Path(platformdirs.user_cache_dir("backport"))) / "store.git"
    with (StoreView(store, newer, _commit(store, newer)) as theirs,
          StoreView(store, older, _commit(store, older)) as ours):
        found = [row for row in evidence(theirs, ours, rules, only=frozenset(only)) if row.fires]
    click.echo(tabulate(
        [(row.rule, row.matches, row.found, row.same, row.refused, ", ".join(sorted(row.unknown_names)) or "-")
         for row in found],
        headers=("rule", f"lines in {newer}", f"found in {older}", "same in both", "left alone", "unknown names")))
    return 1 if any(row.unknown_names for row in found) else 0


def _commit(store: Path, name: str) -> str:
    with Git(store) as git:
        commit = git.rev(f"refs/trees/{name}") or git.rev(f"refs/releases/{name}")
    if commit is None:
        raise UserError(f"no tree {name} in {store}", hint="`backport trees` lists what is there")
    return commit
