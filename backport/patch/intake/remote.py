"""A message id or lore link through b4, where that is installed and the network allows it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from backport.errors import SourceUnavailable
from backport.patch.intake import files
from backport.patch.intake.raw import Raw
from backport.patch.model import Refused

_LINK = re.compile(r"^https?://(?:lore\.kernel\.org|patch\.msgid\.link|lkml\.kernel\.org)/\S+$")
_ID = re.compile(r"^<?[^\s<>@/][^\s<>@]*@[^\s<>@]+>?$")
_SECONDS = 120


def is_message_id(spec: str) -> bool:
    """True for `<id@host>`, `id@host` and links to a mail on lore."""
    return bool(_LINK.match(spec) or (_ID.match(spec) and not spec.startswith("-")))


def mails(spec: str) -> list[Raw | Refused]:
    """The series that `spec` names, as `b4 am` assembles it; raises SourceUnavailable."""
    program = shutil.which("b4")
    if program is None:
        raise SourceUnavailable(f"{spec} is a message id, which needs b4 to be fetched, and b4 is not installed",
                                hint="pip install b4, or save the mail and give the file")
    wanted = spec if spec.startswith("http") else spec.strip("<>")
    try:
        done = subprocess.run([program, "-q", "am", "-o", "-", "--", wanted], capture_output=True, check=False,
                              timeout=_SECONDS, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailable(f"b4 gave no answer for {spec} in {_SECONDS} s",
                                hint="save the mail and give the file") from error
    if done.returncode != 0 or not done.stdout.strip():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise SourceUnavailable(f"b4 could not fetch {spec}: {said[-1] if said else 'no message'}",
                                hint="no network? save the mail and give the file")
    return files.split(done.stdout, spec)
