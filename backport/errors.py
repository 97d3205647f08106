"""Errors in two branches: what the user can fix (exit 2) and what the environment broke (exit 3).

Every message says what went wrong, where, and what to do about it; `hint` holds the last part so that a
report can print it on a line of its own.
"""

from __future__ import annotations


class BackportError(Exception):
    """Base of everything that `backport` raises on purpose."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UserError(BackportError):
    """A mistake in what the user gave: arguments, manifest, configuration."""

    exit_code = 2


class Unresolved(UserError):
    """A conflict still waits for the person."""

    exit_code = 1


class ManifestError(UserError):
    """`trees.yaml` is wrong at one line."""

    def __init__(self, file: str, line: int, message: str, *, hint: str = "") -> None:
        super().__init__(f"{file}:{line}: {message}", hint=hint)
        self.file = file
        self.line = line


class RuleError(UserError):
    """A rule file under `backport/rules/` is wrong."""


class InvalidPatch(BackportError):
    """The input is not a patch that can be trusted; becomes the outcome `invalid`, never a crash.

    `line` is the 1-based line of the input, 0 where no single line is to blame.
    """

    exit_code = 1

    def __init__(self, message: str, *, line: int = 0, source: str = "", hint: str = "") -> None:
        where = f"{source}:{line}: " if source and line else f"line {line}: " if line else ""
        super().__init__(where + message, hint=hint)
        self.reason = message
        self.line = line


class InfraError(BackportError):
    """Something outside the patch failed: network, disk, tool, signal."""

    exit_code = 3


class GitError(InfraError):
    """git ended in a way that no outcome describes."""

    def __init__(self, command: list[str], code: int, stderr: str, *, hint: str = "") -> None:
        super().__init__(f"`{' '.join(command)}` ended with {code}: {stderr.strip() or 'no message'}", hint=hint)
        self.command = command
        self.code = code
        self.stderr = stderr


class SourceUnavailable(InfraError):
    """A tree source could not be reached or does not hold the version; the tree becomes `no-tree`."""


class BuildError(InfraError):
    """The build could not give a verdict about the patch (crash, signal, time-out, disk, tool)."""
