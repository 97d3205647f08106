from __future__ import annotations

import base64
import email
import email.policy
import os
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from backport.cell import Cell
from backport.errors import InfraError, UserError
from backport.nightly.mail import Server, address, compose, load_server, next_thread, send, sender_address
from backport.nightly.night import Night, night
from backport.results.store import Results
from tests.support.cells import HOSTILE, cell, failing, fill


class Inbox:
    """A real SMTP server on loopback that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return "451 not today"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.rcpt_tos, message))
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[tuple[Inbox, Server]]:
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, Server("night@example.invalid", "127.0.0.1", port)
    finally:
        controller.stop()


def test_a_mail_through_a_real_server(smtp: tuple[Inbox, Server]) -> None:
    inbox, server = smtp
    to = ["one@example.invalid", "two@example.invalid"]
    message = compose("1 newly broken", "Straße\n" + HOSTILE + "\n.\nafter a dot\n" + "x" * 3000 + "\n",
                      sender=sender_address(server), to=to, thread=["<a@x>", "<b@x>"], now=0)
    send(message, server, to=to, sender=server.sender)
    (receivers, mail), = inbox.mails
    assert receivers == to
    assert mail["Subject"] == "1 newly broken"
    assert mail["In-Reply-To"] == "<b@x>"
    assert mail["References"] == "<a@x> <b@x>"
    assert mail.get_content_type() == "text/plain"
    assert not mail.is_multipart()
    body = mail.get_content().replace("\r\n", "\n")
    assert body.startswith("Straße\n<script>alert(1)</script> | `x` \\x1b[31mred")
    assert "\n.\nafter a dot\n" in body
    assert "x" * 3000 in body


def test_a_refused_mail_is_an_error(smtp: tuple[Inbox, Server]) -> None:
    inbox, server = smtp
    inbox.refuse = True
    message = compose("s", "b", sender="a@example.invalid", to=["b@example.invalid"])
    with pytest.raises(InfraError, match="not today"):
        send(message, server, to=["b@example.invalid"], sender="a@example.invalid")


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    message = compose("s", "b", sender="a@example.invalid", to=["b@example.invalid"])
    with pytest.raises(InfraError, match=f"127.0.0.1:{port}"):
        send(message, Server(host="127.0.0.1", port=port), to=["b@example.invalid"], sender="a@example.invalid")


class Liar:
    """A server that says `lines`, one an answer, and then `last` for ever, every `pause` seconds."""

    def __init__(self, *lines: bytes, last: bytes = b"", pause: float = 0.0) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.lines, self.last, self.pause = lines, last, pause
        threading.Thread(target=self._talk, daemon=True).start()

    def _talk(self) -> None:
        with suppress(OSError), self.socket:
            there, _ = self.socket.accept()
            with there, there.makefile("rb") as heard:
                for number, line in enumerate(self.lines):
                    if number:
                        got = heard.readline()
                        line = line.replace(b"%s", got.strip())
                    there.sendall(line)
                while self.last:
                    time.sleep(self.pause)
                    there.sendall(self.last)

    def server(self, **more: str) -> Server:
        return Server("night@example.invalid", "127.0.0.1", self.socket.getsockname()[1], **more)


@pytest.mark.parametrize(("liar", "said"), [
    (partial(Liar, b"220 hello\r\n", b"250 yes\r\n"), "Connection unexpectedly closed"),
    (partial(Liar, b""), "Connection unexpectedly closed"), (partial(Liar, b"hello\r\n"), "could not be sent"),
    (partial(Liar, b"999 \x1b[31m\xff\r\n"), r"\\x1b\[31m"),
    (partial(Liar, b"220 " + b"x" * 20_000 + b"\r\n"), "Line too long"),
    (partial(Liar, b"220 hello\r\n", b"250 yes\r\n", b"250 yes\r\n", b"250 yes\r\n", b"554 no\r\n"), "no"),
    (partial(Liar, last=b"2", pause=0.01), "did not take the mail within 1 s"),
    (partial(Liar, b"220 hello\r\n", last=b"250-x\r\n", pause=0.01), "did not take the mail within 1 s"),
])
def test_a_server_that_lies_hangs_or_leaves(monkeypatch: pytest.MonkeyPatch, liar: Callable[[], Liar],
                                             said: str) -> None:
    monkeypatch.setattr("backport.nightly.mail._WHOLE", 1.0)
    message = compose("x", "y", sender="night@example.invalid", to=["one@example.invalid"])
    with pytest.raises(InfraError, match=said) as met:
        send(message, liar().server(), to=["one@example.invalid"], sender="night@example.invalid")
    assert "\x1b" not in str(met.value)


def test_a_server_that_answers_with_the_password_does_not_get_it_printed(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    liar = Liar(b"220 hello\r\n", b"250-yes\r\n250 AUTH PLAIN\r\n", b"535 hunter2: %s\r\n", b"221 bye\r\n")
    message = compose("x", "y", sender="night@example.invalid", to=["one@example.invalid"])
    with pytest.raises(InfraError, match="rejects the password of me") as met:
        send(message, liar.server(user="me", password_file=str(tmp_path / "password")), to=["one@example.invalid"],
             sender="night@example.invalid")
    assert "hunter2" not in str(met.value)
    assert base64.b64encode(b"\0me\0hunter2").decode() not in str(met.value)


@pytest.mark.parametrize("name", ["x\nBcc: evil@example.invalid", "x\rBcc: y", "a b", "<x>", "x\0", ""])
def test_nothing_of_the_environment_or_the_store_gets_into_a_header(monkeypatch: pytest.MonkeyPatch,
                                                                   name: str) -> None:
    monkeypatch.setenv("LOGNAME", name) if "\0" not in name else monkeypatch.setattr(os, "environ", {"LOGNAME": name})
    sender = sender_address(Server())
    assert address(sender) == sender
    message = compose("x", "y", sender=sender, to=["one@example.invalid"], thread=[f"<{name}@x>", "<good@x>"])
    assert message["In-Reply-To"] == "<good@x>"
    assert b"\nBcc" not in message.as_bytes()


def test_the_local_sendmail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sendmail"
    program.write_text('#!/bin/sh\necho "$@" > "$0.args"\ncat > "$0.mail"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    message = compose("subject", "body\n", sender="a@example.invalid", to=["-oQ/tmp@example.invalid"])
    send(message, Server(), to=["-oQ/tmp@example.invalid"], sender="a@example.invalid")
    assert (tmp_path / "sendmail.args").read_text() == "-i -f a@example.invalid -- -oQ/tmp@example.invalid\n"
    assert b"\nSubject: subject\n" in (tmp_path / "sendmail.mail").read_bytes()
    assert (tmp_path / "sendmail.mail").read_bytes().endswith(b"\n\nbody\n")
    program.write_text("#!/bin/sh\necho queue is full >&2\nexit 75\n")
    with pytest.raises(InfraError, match="ended with 75: queue is full"):
        send(message, Server(), to=["b@example.invalid"], sender="a@example.invalid")


def test_no_header_can_be_smuggled_in() -> None:
    message = compose("x\r\nBcc: evil@example.invalid", "b", sender="a@example.invalid", to=["b@example.invalid"])
    assert message["Bcc"] is None
    assert message["Subject"] == "x Bcc: evil@example.invalid"
    for text in ("no-at", "two@a.invalid b@c.invalid", "a@b.invalid\nBcc: c@d.invalid", "", "a@", "@b", "a@b@c"):
        with pytest.raises(UserError, match="not a mail address"):
            address(text)
    assert address("stable+list@example.invalid") == "stable+list@example.invalid"


def test_the_thread_stays_short_and_keeps_its_first_mail() -> None:
    thread: list[str] = []
    for number in range(40):
        thread = next_thread(thread, f"<{number}@x>")
    assert len(thread) == 12
    assert (thread[0], thread[-1]) == ("<0@x>", "<39@x>")


def test_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mail.yaml"
    (tmp_path / "password").write_text("secret\n")
    file.write_text("from: me@example.invalid\nsmtp: {host: mail.invalid, port: 587, security: starttls, user: me, "
                    f"password_file: {tmp_path}/password}}\n")
    assert load_server(file) == Server("me@example.invalid", "mail.invalid", 587, "starttls", "me",
                                       f"{tmp_path}/password")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert load_server() == Server()
    for text, message in (("[]", "not a mapping"), ("smtp: [1]", "not a mapping"), ("form: x", "unknown keys: form"),
                          ("smtp: {host: h, prot: 1}", r"unknown keys: smtp\.prot"),
                          ("smtp: {host: h, port: x}", "not a port number"), ("smtp: {port: 25}", "host is missing"),
                          ("smtp: {host: h, security: maybe}", "starttls or tls"),
                          ("smtp: {host: h, user: u}", "over the network"), ("{", "cannot read")):
        file.write_text(text)
        with pytest.raises(UserError, match=message):
            load_server(file)
    with pytest.raises(UserError, match="cannot read"):
        load_server(tmp_path / "missing.yaml")


# --- encrypted, with a password

PASSWORD = "correct horse"
DAY = 86400.0


@dataclass
class Post:
    """A mail server that wants TLS and a password, and its configuration file."""

    inbox: Inbox
    port: int
    place: Path
    secret: bytes = PASSWORD.encode()

    def configure(self, **smtp: object) -> Path:
        (self.place / "password").write_text(f"{PASSWORD}\n")
        told = {"host": "localhost", "port": self.port, "security": "starttls", "user": "night",
                "password_file": str(self.place / "password"), "ca_file": str(self.place / "ca.pem")} | smtp
        file = self.place / "mail.yaml"
        file.write_text(yaml.safe_dump({"from": "night@example.invalid", "smtp": told}))
        return file

    def try_to_send(self, **smtp: object) -> None:
        server = load_server(self.configure(**smtp))
        message = compose("s", "body\n", sender=server.sender, to=["b@example.invalid"])
        send(message, server, to=["b@example.invalid"], sender=server.sender)

    def check(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=given.login == b"night" and given.password == self.secret, handled=False)


@pytest.fixture(params=["starttls", "tls"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Post]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Post(Inbox(), probe.getsockname()[1], tmp_path)
    early = {"ssl_context": context} if request.param == "tls" else {"tls_context": context, "require_starttls": True}
    controller = Controller(made.inbox, hostname="127.0.0.1", port=made.port, authenticator=made.check,
                            auth_required=True, auth_require_tls=request.param != "tls", **early)
    with warnings.catch_warnings():  # TLS from the start counts as none with this server
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
        controller.start()
        made.configure = partial(made.configure, security=request.param)  # type: ignore[method-assign]
        yield made
        controller.stop()


def test_a_mail_over_tls_with_a_password(post: Post) -> None:
    post.try_to_send()
    (receivers, mail), = post.inbox.mails
    assert receivers == ["b@example.invalid"]
    assert mail.get_content() == "body\r\n" or mail.get_content() == "body\n"


def test_a_wrong_password_names_user_and_file_and_never_itself(post: Post) -> None:
    post.secret = b"another one"
    with pytest.raises(InfraError, match="rejects the password of night: 535") as caught:
        post.try_to_send()
    assert str(post.place / "password") in caught.value.hint
    assert PASSWORD not in str(caught.value)
    assert post.inbox.mails == []


def test_a_certificate_that_nobody_vouches_for_is_refused(post: Post) -> None:
    with pytest.raises(InfraError, match="its certificate is not trusted: "):
        post.try_to_send(ca_file="")
    assert post.inbox.mails == []


def test_the_name_in_the_certificate_counts(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **more: real(
        "127.0.0.1" if host == "elsewhere.invalid" else host, *args, **more))
    with pytest.raises(InfraError, match="its certificate is not trusted: Hostname mismatch"):
        post.try_to_send(host="elsewhere.invalid")


def test_a_server_without_tls_gets_neither_password_nor_mail(smtp: tuple[Inbox, Server], tmp_path: Path) -> None:
    inbox, plain = smtp
    (tmp_path / "password").write_text(PASSWORD)
    server = Server("a@example.invalid", "localhost", plain.port, "starttls", "night", str(tmp_path / "password"))
    message = compose("s", "b", sender="a@example.invalid", to=["b@example.invalid"])
    with pytest.raises(InfraError, match="STARTTLS extension not supported") as caught:
        send(message, server, to=["b@example.invalid"], sender="a@example.invalid")
    assert "smtp.security" in caught.value.hint
    assert inbox.mails == []


def test_what_a_configuration_needs_is_asked_for_before_the_night(tmp_path: Path) -> None:
    file = tmp_path / "mail.yaml"
    for text, message in (("smtp: {host: h, security: tls, user: u}", "belong together"),
                          ("smtp: {host: h, security: tls, user: u, password_file: /nonexistent}", "No such file"),
                          ("smtp: {host: h, security: tls, ca_file: /nonexistent}", "No such file"),
                          (f"smtp: {{host: h, ca_file: {file}}}", "nothing would be checked")):
        file.write_text(text)
        with pytest.raises(UserError, match=message):
            load_server(file)


def test_a_mail_that_nobody_took_is_kept_and_told_again(post: Post) -> None:
    """Through a whole night: exit code 3, the mail in a file, and the next night's mail has it."""
    good, bad = cell("p", "linux-9.1.y"), failing("p", "linux-9.1.y")
    with Results(post.place / "state" / "results.sqlite") as results:
        def go(now: float, one: Cell) -> Night:
            return night(results, lambda store: fill(store, [one], kind="nightly"), mail_to=["b@example.invalid"],
                         server=load_server(post.configure()), now=lambda: now)
        assert go(DAY, good).mailed
        post.secret = b"changed over the day"
        with pytest.raises(InfraError, match="rejects the password of night") as caught:
            go(2 * DAY, bad)
        assert caught.value.exit_code == 3
        kept = post.place / "state" / "unsent" / "night-2.eml"
        assert str(kept) in str(caught.value)
        assert "the next night reports it again" in caught.value.hint
        mail = email.message_from_bytes(kept.read_bytes(), policy=email.policy.default)
        assert mail["Subject"] == "backport: 1 newly broken"
        assert "implicit declaration" in mail.get_content()  # type: ignore[attr-defined]
        post.secret = PASSWORD.encode()
        assert go(3 * DAY, bad).mailed
    (_first, first), (_second, second) = post.inbox.mails
    assert "newly broken" in second["Subject"]
    assert second["In-Reply-To"] == first["Message-ID"]
