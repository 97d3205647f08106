"""A desk: made-up trees, patches and a cache of their own, and `backport run` on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from click.testing import CliRunner

from backport.cli import cli
from backport.report.json import schema
from tests.support.fakekernel import diff_of, fake_kernel, git

X86 = "arch/x86/kvm/x86.c"
MAIL = b"""\
From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001
From: A Person <a@example.org>
Date: Thu, 1 Jan 2026 00:00:00 +0000
Subject: [PATCH] kvm: made-up: %s

Why.

Signed-off-by: A Person <a@example.org>
---
"""
OLD, NEW = "\tif (vcpu->pending)\n", "\tif (vcpu->pending || vcpu->injected)\n"


class Desk:
    """A directory with a manifest of three made-up trees, a patches directory and a cache of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trees = {}
        text = "trees:\n"
        for name, version, upstream in (("fake-reference", "9.2.0", True), ("fake-9.1.y", "9.1.5", False),
                                        ("fake-9.0.y", "9.0.7", False)):
            fake_kernel(path / name, version=version)
            self.trees[name] = path / name
            text += f"  - name: {name}\n    series: '{version[:3]}'\n"
            text += "    upstream: true\n" if upstream else ""
            text += f"    sources:\n      - local: {path / name}\n"
        text += "  - name: fake-8.9.y\n    series: '8.9'\n    sources:\n      - local: /nonexistent/clone\n"
        (path / "trees.yaml").write_text(text)
        (path / "patches").mkdir()

    def patch(self, title: str, old: str, new: str, path: str = X86) -> Path:
        """A mail made on the reference tree."""
        before = (self.trees["fake-reference"] / path).read_text()
        assert old in before
        diff = diff_of(self.trees["fake-reference"], {path: before.replace(old, new, 1)})
        target = self.path / "patches" / f"{title}.patch"
        target.write_bytes(MAIL % title.encode() + b"\n" + diff + b"-- \n2.39.5\n")
        return target

    def edit(self, tree: str, old: str, new: str, path: str = X86) -> None:
        """Change a tree and commit."""
        target = self.trees[tree] / path
        text = target.read_text()
        assert old in text
        target.write_text(text.replace(old, new))
        git(self.trees[tree], "commit", "-qam", "change")

    def run(self, *args: str) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
        """`backport run ARGS --format json`: exit code and cells by (patch, tree)."""
        result = CliRunner().invoke(cli, [
            "run", *args, "--manifest", str(self.path / "trees.yaml"), "--cache", str(self.path / "cache"),
            "--db", str(self.path / "results.sqlite"), "--format", "json"], standalone_mode=False)
        if result.exception:
            raise result.exception
        told = json.loads(result.stdout)
        jsonschema.validate(told, schema())      # every kind of result that is made here is what the schema says
        cells = told["cells"]
        return result.return_value or 0, {(cell["patch"], cell["tree"]): cell for cell in cells}
