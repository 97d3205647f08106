"""A dossier as Markdown or JSON; every foreign text escaped, every line with its source or UNVERIFIED."""

from __future__ import annotations

import json

from backport.inspect.facts import Dossier, Fact
from backport.report.escape import markdown, markdown_block, markdown_code, visible


def render_json(dossier: Dossier) -> str:
    """The whole dossier; lone surrogates become escapes, so the output is valid UTF-8."""
    return json.dumps(dossier.as_dict(), indent=2, ensure_ascii=True) + "\n"


def render_markdown(dossier: Dossier) -> str:
    """Headings, one bullet a fact, code as blocks."""
    out = [f"# {markdown(dossier.title)}", "",
           f"Upstream commit {markdown_code(dossier.upstream) or 'unknown'}. Every line names where it was read from, "
           "or says UNVERIFIED. This prepares a decision; it does not make it.", ""]
    for phase in dossier.phases:
        out += [f"## {phase.number}. {phase.title}", ""]
        for fact in phase.facts:
            out.append(_bullet(fact))
            if fact.detail:
                block = markdown_block("\n".join(visible(line) for line in fact.detail))
                out.append("\n".join(f"  {line}".rstrip() for line in block.rstrip("\n").split("\n")))
        out.append("")
    return "\n".join(out)


def _bullet(fact: Fact) -> str:
    mark = f"**{fact.answer}** " if fact.answer in ("yes", "no", "unknown") and fact.key.startswith("rule:") else ""
    source = markdown_code(fact.source) if fact.source else "UNVERIFIED"
    return f"- {mark}{markdown(fact.text)} — {source}"
