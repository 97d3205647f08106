"""A pick that is under way, kept in the clone's git directory as git keeps its sequencer."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from backport.errors import InfraError, UserError
from backport.trees.store import write_json

_FILE = "state.json"
HOME = "backport-pick-home"          # in the git directory of a work tree apart: where its state is


@dataclass
class Item:
    """One patch of the pick. `done` is the commit that it became, or "already", "absent", "skipped"; "" while open."""

    file: str
    title: str
    done: str = ""


@dataclass
class PickState:
    """`branch` is the full name of what is picked onto ("" for a detached HEAD), `here` says that it is checked out
    in this work tree. `start` is where it stood, `moved` where it stands now, `tip` what has been made on top."""

    branch: str
    here: bool
    start: str
    version: str
    series: str
    name: str                        # for people: linux-6.1.y
    moved: str = ""
    tip: str = ""
    items: list[Item] = field(default_factory=list)
    signoff: bool = False
    verify: bool = True
    stopped: int = -1                # number of the item that is in conflict, -1 for none
    apart: str = ""                  # the work tree of its own that the conflict is in, "" for the user's
    paths: list[str] = field(default_factory=list)       # files that the conflict touches
    open: list[str] = field(default_factory=list)        # those with markers; marked-N is the N-th as it was laid out
    stamps: dict[str, list[int] | None] = field(default_factory=dict)   # times of touched files before anything

    @property
    def current(self) -> Item | None:
        return self.items[self.stopped] if self.stopped >= 0 else None


def there(place: Path) -> bool:
    """Whether a pick is under way."""
    return (place / _FILE).is_file()


def home_of(git_dir: Path) -> Path:
    """Where the state is for a work tree: its own git directory, or what a work tree apart names."""
    named = git_dir / HOME
    return Path(named.read_text().strip()) if named.is_file() else git_dir / "backport-pick"


def save(place: Path, state: PickState) -> None:
    """Write the state, in one step. Raises InfraError where the git directory cannot be written."""
    try:
        write_json(place / _FILE, asdict(state))
    except OSError as error:
        raise InfraError(f"{place} cannot be written: {error.strerror or error}",
                         hint="--mail writes nothing into the clone") from error


def load(place: Path) -> PickState:
    """The pick that is under way. Raises UserError where there is none, or its file is damaged."""
    if not there(place):
        raise UserError("no pick is under way here")
    try:
        values: dict[str, Any] = json.loads((place / _FILE).read_text())
        known = {one.name for one in fields(PickState)}          # a pick that an older version began may say more
        return PickState(**{**{name: value for name, value in values.items() if name in known},
                            "items": [Item(**item) for item in values["items"]]})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{place / _FILE} cannot be read: {error}",
                        hint=f"remove {place}; the branch is where `git log` shows it") from error


def forget(place: Path) -> None:
    """Remove the state; the first step takes the file that says that there is one."""
    (place / _FILE).unlink(missing_ok=True)
    if place.is_dir():
        doomed = place.with_name(f"{place.name}.{os.getpid()}.done")
        place.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
