"""Answers of a survey, kept as they are found: a call that was ended goes on where it stopped.

One line of JSON each, appended by whoever found it. A half line (a full disk, a kill) counts for nothing. An answer
belongs to the code that gave it: with other code it is asked for again, unless the caller takes what is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from backport.verdict import Build
from backport.wholefile import private_directory


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """What one change came to."""

    before: str              # commit of the older release
    after: str               # of the newer one
    path: str
    also: str                # the architectures that it was built for beside its own
    code: str                # digest of what built it
    verdict: Build
    reason: str
    architecture: str
    more: int                # other files of the release's change that it was built with
    cpu: float               # seconds, of the baselines too


@dataclass(slots=True)
class Surveyed:
    """Those in `path`. The last of one change counts."""

    path: Path
    code: str
    any_code: bool = False

    def known(self) -> Mapping[tuple[str, str, str, str], SurveyAnswer]:
        """(before, after, path, also) -> answer."""
        found: dict[tuple[str, str, str, str], SurveyAnswer] = {}
        names = {one.name for one in fields(SurveyAnswer)}
        try:
            rows = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return found
        for row in rows:
            try:
                value = json.loads(row)
                if not isinstance(value, dict) or value.keys() != names:
                    continue
                one = SurveyAnswer(**{**value, "verdict": Build(value["verdict"])})
            except (ValueError, TypeError):
                continue
            if self.any_code or one.code == self.code:
                found[one.before, one.after, one.path, one.also] = one
        return found

    def keep(self, one: SurveyAnswer) -> None:
        """Append it, on a line of its own whatever the file ends with."""
        private_directory(self.path.parent)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, b"\n" + json.dumps(asdict(one)).encode() + b"\n")
        finally:
            os.close(handle)
