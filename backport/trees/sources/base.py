"""What every kind of source is: options for the manifest, and two steps, `prepare` and `put`.

`prepare` asks (the network, the disk) what the source has now and brings it near; it may run while another
tree is being imported. `put`, which only ever runs in the one writer of the store, makes the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backport.trees.progress import Progress
from backport.yaml_nodes import Marked

if TYPE_CHECKING:
    from backport.trees.store import Head, Store


# what Request.known says of content that an earlier tree of the same run is about to import
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a source in the manifest: how its value is read, and what it is for."""

    read: Callable[[Marked], Any]
    help: str
    needed: bool = False


def _nothing_known(stamp: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What is wanted from a source.

    `release` is one exact release ("6.1.176") or "" for the newest. `head` is what the store has of this tree,
    `known` maps an identity stamp to a commit that the store holds already (any tree, any release).
    """

    tree: str
    series: str
    store: Store
    options: Mapping[str, Any]
    release: str = ""
    head: Head | None = None
    full_history: bool = False
    since: float = 0.0               # an answer given at or after this time (seconds since the epoch) still counts
    known: Callable[[str], str | None] = _nothing_known
    progress: Progress = field(default_factory=Progress)
    at_least: str = ""               # a tree is never replaced by an older version; "" where that does not matter
    ours: bool = False               # `head` came from this very source
    suites: tuple[str, ...] = ()     # all Debian suites that this run will ask for, so that one update serves all


@dataclass(frozen=True, slots=True)
class Made:
    """What `put` made: a commit in the store, whether real history stands behind it, and who signed its tag."""

    commit: str
    history: bool = False
    signature: str = ""              # one line, as signature.py says it; "" where the source has no tags


@dataclass(frozen=True, slots=True)
class Ready:
    """A source that has the tree.

    `stamp` names the content: the same stamp is the same tree, so there is nothing to import. `source` is one
    line for people. `notes` say what was not as one would expect (a newer version listed but cannot be downloaded).
    """

    stamp: str
    source: str
    put: Callable[[], Made]
    checksum: str = ""
    notes: tuple[str, ...] = ()
    again: bool = False              # import although the store has this content (more history is wanted)


def _no_problem(options: Mapping[str, Any]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source, as the registry holds it.

    `name` is its key in the manifest and the value of that key is stored as option `main`; `remote` says that
    asking it may need the network, so that answers are remembered for some hours. `host` gives the host that is
    asked, "" where none is. `check` looks at all options together and returns what is wrong, or "".
    """

    name: str
    main: str
    read_main: Callable[[Marked, Path], Any]
    options: Mapping[str, Option]
    prepare: Callable[[SourceRequest], Ready]
    remote: Callable[[Mapping[str, Any]], bool] = lambda options: False
    host: Callable[[Mapping[str, Any]], str] = lambda options: ""
    check: Callable[[Mapping[str, Any]], str] = _no_problem


def path_option(place: Marked, folder: Path) -> Path:
    """A path in the manifest: `~` is the user's home, a relative one starts at the manifest's directory."""
    path = Path(place.text()).expanduser()
    return path if path.is_absolute() else folder / path


def text(place: Marked) -> str:
    return place.text()


def texts(place: Marked) -> tuple[str, ...]:
    """One value or a list of them."""
    return place.texts() if place.is_list else (place.text(),)
