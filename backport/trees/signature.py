"""Whether the tag of a tree is signed, and what the user's own keyring says of it.

git asks gpg. Nothing is fetched from a key server, and no configuration of a repository says which program is run.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from backport.errors import SourceUnavailable
from backport.git import Git

_STATUS = re.compile(r"^\[GNUPG:\] ([A-Z]+_?[A-Z]*) ?(.*)$", re.MULTILINE)
_GPG = b"-----BEGIN PGP SIGNATURE-----"
_OTHERS = {b"-----BEGIN SSH SIGNATURE-----": "ssh", b"-----BEGIN SIGNED MESSAGE-----": "x509"}
_ONE_EACH = frozenset({"GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"})
_DOUBTS = {"EXPSIG": "which has expired", "EXPKEYSIG": "by a key that has expired",
           "REVKEYSIG": "by a key that was revoked"}


def signature(git: Git, commit: str, name: str, tag: str) -> str:
    """One line about the tag `name` of `commit`, whose object is `tag`; "" where there is none to look at (`name` "").

    Raises SourceUnavailable where the signature is not of this content, or the tag is another one under this name.
    """
    if not name:
        return ""
    body = git.run("cat-file", "tag", tag, ok=())
    if body.code:
        return f"{name} is not signed: it is no tag object"
    head = body.out.split(b"\n\n", 1)[0].split(b"\n")
    if b"tag " + name.encode() not in head or git.rev(f"{tag}^{{commit}}") != commit:
        raise SourceUnavailable(f"the ref {name} holds another tag, or a tag of another commit")
    if _GPG not in body.out:
        other = next((kind for begin, kind in _OTHERS.items() if begin in body.out), "")
        return f"{name}: signature not checked: it is of {other}" if other else f"{name} is not signed"
    if not _keyring().is_dir():
        return f"{name}: signature not checked: you have no keyring of gpg"
    # git calls a key that nobody certified a failure or not, by its configuration: gpg's own words are read
    told = git.run("-c", "gpg.program=gpg", "-c", "gpg.format=openpgp", "verify-tag", "--raw", tag, ok=(), remote=True)
    return _judged(name, _STATUS.findall(told.err))


def _judged(name: str, status: list[tuple[str, str]]) -> str:
    said = dict(status)
    if sum(word in _ONE_EACH for word, _rest in status) > 1 and "BADSIG" not in said:
        # the words about one would be told of another: the name of the first, the trust of the second
        return f"{name}: signature not checked: it has more than one"
    if "BADSIG" in said:
        raise SourceUnavailable(f"the signature of the tag {name} is bad: it is not of this content")
    if "NO_PUBKEY" in said:
        return f"{name}: signature not checked: no key {_plain(said['NO_PUBKEY'])}"
    for word, doubt in _DOUBTS.items():
        if word in said:
            return f"{name}: signature of {_plain(said[word].partition(' ')[2])} {doubt}"
    if "GOODSIG" in said and "VALIDSIG" in said:
        trusted = "TRUST_FULLY" in said or "TRUST_ULTIMATE" in said
        return f"{name}: good signature of {_plain(said['GOODSIG'].partition(' ')[2])}, key " \
               f"{_plain(said['VALIDSIG'].split()[-1])}{'' if trusted else ', which nobody you trust has certified'}"
    return f"{name}: signature not checked: gpg gave no answer"


def _keyring() -> Path:
    return Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
