"""No trust in a patch's paths, and no input that ends in anything but a Patch or a reason."""

from __future__ import annotations

import base64
import gzip
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backport.errors import InvalidPatch
from backport.patch.compose import adapted_mail
from backport.patch.intake import read_bytes
from backport.patch.mail import read_mail
from backport.patch.model import Patch, Refused
from backport.patch.parse import parse
from tests.support.mails import mails

EVIL = ["../../etc/passwd", "a/../../x", "/etc/passwd", ".git/hooks/post-checkout", "x/.git/config", ".GIT/config",
        ".git./x", ".git /x", "git~1/x", "./x", "x//y", "x/", "..", ".", "", "x/../y", ".git\\config", ".git::$INDEX/x",
        "x\\n/y", "\\000x"]


def header(path: str) -> bytes:
    raw = path.encode()
    return b"diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n" % (raw, raw, raw, raw)


def quoted(path: str) -> bytes:
    raw = path.encode()
    return b'diff --git "a/%s" "b/%s"\n--- "a/%s"\n+++ "b/%s"\n@@ -1 +1 @@\n-a\n+b\n' % (raw, raw, raw, raw)


@pytest.mark.parametrize("path", [path for path in EVIL if "\\" not in path])
def test_a_path_out_of_the_tree_is_refused_in_every_place(path: str) -> None:
    raw = path.encode()
    forms = [
        header(path), quoted(path),
        b"--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n" % (raw, raw),
        b"diff --git a/ok b/%s\nsimilarity index 100%%\nrename from ok\nrename to %s\n" % (raw, raw),
        b"diff --git a/%s b/ok\nsimilarity index 100%%\ncopy from %s\ncopy to ok\n" % (raw, raw),
        b"diff --git a/ok b/ok\nrename from ok\nrename to %s\n" % raw,
        b"diff --git a/ok b/ok\n--- a/ok\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n" % raw,
        b"diff --git a/%s b/%s\nnew file mode 100644\n--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+b\n" % (raw, raw, raw),
    ]
    for form in forms:
        with pytest.raises(InvalidPatch):
            parse(form)


@pytest.mark.parametrize("escape", [
    r"\056\056/x", r"\056git/config", r"x/\056\056/\056\056/y", r"\000x", r"x\012y", r".git\134config",
    r".g\342\200\214it/config"])
def test_a_path_hidden_in_gits_quoting_is_refused(escape: str) -> None:
    with pytest.raises(InvalidPatch):
        parse(quoted(escape))


def test_odd_but_honest_paths_are_taken() -> None:
    for raw, path in ((rb"od\"d\tn\303\244me.c", 'od"d\tnäme.c'), (rb"caf\351.c", "caf\udce9.c"),
                      (rb"a\\b.c", "a\\b.c")):
        assert parse(quoted(raw.decode())).paths == (path,)
    assert parse(header("..x/.gitignore")).paths == ("..x/.gitignore",)
    assert parse(header("x/.github/y")).paths == ("x/.github/y",)


@pytest.mark.parametrize("form", [
    b"diff --git a/x b/y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n",                       # two names, no rename
    b"diff --git a/x b/x\n--- a/y\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    b"diff --git a/x b/x\nnew file mode 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    b"diff --git a/x b/x\nnew file mode 100644\ndeleted file mode 100644\n",
    b"diff --git a/x b/y\nrename from x\n",
    b"diff --git a/x b/y\nrename from x\nrename to z\n",
    b"diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n",
    b"diff --git a/x b/x\nold mode 100644\nnew mode 107777\n",
    b"--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n",
    b"diff --git a/x b/x\n--- a/x\n@@ -1 +1 @@\n-a\n+b\n",
])
def test_header_lines_that_contradict_each_other_are_refused(form: bytes) -> None:
    with pytest.raises(InvalidPatch):
        parse(form)


@given(mails(), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=12)), max_size=6))
@settings(max_examples=400, deadline=None)
def test_damaged_input_is_a_patch_or_a_reason_and_never_a_crash(
        data: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for at, length, put in cuts:
        data = data[:at] + put + data[at + length:]
    for item in read_bytes(data, "x"):
        if isinstance(item, Patch):
            read_mail(item)
            if not item.said and not item.envelope:
                assert item.render() in data
            assert all(path and not path.startswith("/") and ".." not in path.split("/") for path in item.paths)
        else:
            assert isinstance(item, Refused)
            assert item.reason
            assert item.slug


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_answered(data: bytes) -> None:
    for item in read_bytes(data, "x"):
        assert isinstance(item, (Patch, Refused))


# pieces that have a meaning to some reader of mails, diffs or paths
PIECES = st.one_of(st.binary(max_size=6), st.sampled_from([
    b"=?undefined?q?x?=", b"=?\0?b?//8=?=", b"=?utf-7?q?+2AA-?=", b"=?", b"?=", b"; charset*0*=idna''%ff", b"boundary=",
    b"\nContent-Type: multipart/mixed; boundary*=\0''x\n", b"\nContent-Transfer-Encoding: base64\n",
    b"\nContent-Transfer-Encoding: quoted-printable\n", b"\n--XX\n", b"\n--XX--\n", b"\nFrom ",
    b"\ncommit " + b"3" * 40 + b"\nAuthor: ", b"\nDate:   Mon Nov 2 10:00:00 2026 +0000\n\n    x\n",
    b"\nindex abcdefg..1234567\n", b"--- /dev/null\n", b"+++ /dev/null\n", b"\t1970-01-01 00:00:00 +0000\n",
    b"rename from ", b"rename to ", b"new file mode 100644\n", b"deleted file mode 100644\n", b"@@ -0,0 +1 @@\n+x\n",
    b"GIT binary patch\n", b"literal 5\nM", b'"a/\\', b"\xef\xbb\xbf", b"\r\n", b"/../", b"\0", b"\nReferences: <",
    b"\nSubject: [PATCH 1/2] x\n", b"\n-- \n", b"\n---\n", b"linux-6.1/", b"diff --git a/x b/x\n"]))


@st.composite
def wrapped(draw: st.DrawFn) -> bytes:
    """A mail, as it is or in one of the forms that intake undoes."""
    data = draw(mails())
    form = draw(st.sampled_from(["plain", "base64", "quoted-printable", "multipart", "show", "log", "mbox", "gzip"]))
    head, body = data.split(b"\n\n", 1)
    if form in ("base64", "quoted-printable"):
        coded = base64.encodebytes(body) if form == "base64" else quopri.encodestring(body)
        return head + b"\nContent-Transfer-Encoding: " + form.encode() + b"\n\n" + coded
    if form == "multipart":
        return (head + b"\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/plain\n\n" + body
                + b"\n--XX--\n")
    if form in ("show", "log"):
        entry = (b"commit " + b"3" * 40 + b"\nAuthor: A <a@example.org>\nDate:   Mon Nov 2 10:00:00 2026 +0000\n\n"
                 b"    x: y\n    \n    Why.\n\n" + body[body.index(b"diff --git"):])
        return entry if form == "show" else entry + b"\n" + entry
    return data + b"\n" + data if form == "mbox" else gzip.compress(data) if form == "gzip" else data


@given(wrapped(), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), max_size=5))
@settings(max_examples=60, deadline=None)
def test_nothing_but_a_patch_or_a_reason_comes_of_a_mutated_mail_in_any_form(
        data: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
    for place, length, put in cuts:
        at = int(place * len(data))
        data = data[:at] + put + data[at + length:]
    for item in read_bytes(data, "x"):
        assert item.slug
        if isinstance(item, Patch):
            assert parse(item.render()).paths == item.paths          # what is handed on reads the same again
            seen = read_mail(item)
            "".join([seen.title, str(seen.author), *item.said, *item.doubts]).encode("utf-8")
            adapted_mail(item, item.files, series="6.1", upstream_sha=seen.upstream_sha)
        else:
            assert item.reason
