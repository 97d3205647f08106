"""Runs the worked examples of a rule: they are its tests, in the test suite and on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from backport.patch.model import FileDiff, Hunk, Line
from backport.rules.engine import apply_rules
from backport.rules.model import Example, Rule
from backport.treeview import MemoryView


@dataclass(frozen=True, slots=True)
class ExampleOutcome:
    """One example: what is wrong with it, "" where nothing is."""

    rule: str
    example: str
    line: int
    problem: str


def hunk_of(body: tuple[bytes, ...]) -> Hunk:
    return Hunk(1, 1, tuple(Line(line[:1], line[1:]) for line in body))


def file_of(path: str, body: tuple[bytes, ...]) -> FileDiff:
    return FileDiff.modified(path, (hunk_of(body),))


def run_example(rule: Rule, example: Example) -> ExampleOutcome:
    """Apply the rule alone to its example."""
    result = apply_rules(file_of(example.path, example.before), MemoryView("example", example.tree), (rule,))
    hunk = result.hunks[0]
    got = tuple(line.kind + line.text for line in hunk.hunk.lines)
    problem = ""
    if example.unchanged:
        if hunk.changes or hunk.path != example.path:
            problem = "must be left alone, but became:\n" + b"".join(got).decode("utf-8", "replace")
    elif got != example.after:
        problem = ("expected:\n" + b"".join(example.after).decode("utf-8", "replace")
                   + "got:\n" + b"".join(got).decode("utf-8", "replace")
                   + "".join(f"({text})\n" for text in hunk.unresolved))
    elif hunk.sure.value != example.sure:
        problem = f"is marked {hunk.sure.value}, expected {example.sure}"
    elif hunk.path != example.lands:
        problem = f"goes to {hunk.path}, expected {example.lands}"
    return ExampleOutcome(rule.id, example.name, example.line, problem)


def run_examples(rule: Rule) -> tuple[ExampleOutcome, ...]:
    return tuple(run_example(rule, example) for example in rule.examples)
