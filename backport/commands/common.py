"""What several commands share: options, and the patches and trees that they name."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from backport.errors import UserError
from backport.manifest import Manifest, load
from backport.trees.store import default_cache

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def manifest_option() -> Decorator:
    """--manifest: trees.yaml of the current directory, or the one that came with the package."""
    return click.option("--manifest", "manifest_path", type=click.Path(path_type=Path), default=Path("trees.yaml"),
                        show_default=True, help="The trees to work on.")


def cache_option() -> Decorator:
    """--cache: where the store, work trees and build directories live."""
    return click.option("--cache", type=click.Path(path_type=Path, file_okay=False), default=None,
                        envvar="BACKPORT_CACHE", help="Store, work trees and build directories  "
                        "[default: the user's cache directory; or $BACKPORT_CACHE].")


def read_manifest(path: Path) -> Manifest:
    """Load it, or say where one comes from."""
    if not path.is_file():
        raise click.UsageError(f"there is no {path}; run in a checkout of backport, or give --manifest FILE")
    return load(path)


def cache_or_default(cache: Path | None) -> Path:
    """The directory that --cache means."""
    return cache or default_cache()


def terminal_width(output: Path | None) -> int:
    """Columns to fit a report into; 0 (no limit) for a file or a pipe."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else 0


def emit(data: bytes, output: Path | None) -> None:
    """Write a report to stdout, or replace a file with it in one step (a reader never sees half of it)."""
    if output is None:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:          # `| head` has seen enough; Python would complain once more at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    try:
        temporary = output.with_name(f".{output.name}.tmp")
        temporary.write_bytes(data)
        temporary.replace(output)
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from error
