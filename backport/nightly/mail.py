"""The report as one plain-text mail, in the thread of the night before, through sendmail or an SMTP server."""

from __future__ import annotations

import base64
import email.policy
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from backport.errors import InfraError, UserError
from backport.report.escape import cut, line, visible
from backport.wholefile import write_whole

_THREAD = "nightly.thread"           # Message-IDs of the thread in the store's memory, oldest first
_THREAD_LENGTH = 12
_TIMEOUT = 60.0                      # seconds for one answer of a server
_WHOLE = 300.0                       # for all of them: a server that sends a byte a minute would hold the night
_ID = re.compile(r"<[^\s<>]+>")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes out; `host` "" means the local sendmail."""

    sender: str = ""
    host: str = ""
    port: int = 25
    security: str = "none"           # none | starttls | tls
    user: str = ""
    password_file: str = ""
    ca_file: str = ""                # certificates to trust instead of the system's (a house's own authority)

    @property
    def place(self) -> str:
        """For people: where a mail goes."""
        return f"{self.host}:{self.port}" if self.host else "sendmail"


_KEYS = ("host", "port", "security", "user", "password_file", "ca_file")


def default_config() -> Path:
    return Path(platformdirs.user_config_dir("backport")) / "mail.yaml"


def load_server(path: Path | None = None) -> Server:
    """The mail configuration: `from`, and `smtp` with host, port, security, user, password_file, ca_file.

    Without the file: the local sendmail. Raises UserError where the file is wrong or names one that cannot be read: to
    hear of that after a night's work would be late.
    """
    file = path or default_config()
    if path is None and not file.exists():
        return Server()
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the mail configuration {file}: {error}") from error
    if told is None:                 # an empty file
        return Server()
    if not isinstance(told, Mapping):
        raise UserError(f"{file}: the mail configuration is not a mapping", hint="see docs/nightly.md")
    smtp = told.get("smtp") or {}
    if not isinstance(smtp, Mapping):
        raise UserError(f"{file}: `smtp` is not a mapping", hint="see docs/nightly.md")
    unknown = sorted({str(key) for key in told} - {"from", "smtp"}
                     | {f"smtp.{key}" for key in smtp} - {f"smtp.{key}" for key in _KEYS})
    if unknown:
        raise UserError(f"{file}: unknown keys: {', '.join(unknown)}", hint="see docs/nightly.md")
    server = Server(str(told.get("from") or ""), str(smtp.get("host") or ""), _port(file, smtp.get("port", 25)),
                    str(smtp.get("security") or "none"),
                    *(str(smtp.get(key) or "") for key in ("user", "password_file", "ca_file")))
    if server.security not in ("none", "starttls", "tls"):
        raise UserError(f"{file}: smtp.security is none, starttls or tls, not {server.security}")
    if smtp and not server.host:
        raise UserError(f"{file}: smtp.host is missing")
    if server.user and server.security == "none" and not _loopback(server.host):
        raise UserError(f"{file}: a password over the network needs smtp.security starttls or tls")
    if bool(server.user) != bool(server.password_file):
        raise UserError(f"{file}: smtp.user and smtp.password_file belong together")
    if server.ca_file and server.security == "none":
        raise UserError(f"{file}: smtp.ca_file without smtp.security: nothing would be checked")
    for name in filter(None, (server.password_file, server.ca_file)):
        try:
            Path(name).expanduser().read_bytes()
        except OSError as error:
            raise UserError(f"{file}: cannot read {name}: {error.strerror}") from error
    return server


def _port(file: Path, value: Any) -> int:
    if not isinstance(value, int) or not 0 < value < 65536:
        raise UserError(f"{file}: smtp.port is not a port number: {value!r}")
    return value


def _loopback(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def address(text: str) -> str:
    """A bare mail address as it was given; raises UserError where it is none (a header could be smuggled in)."""
    try:
        if any(character.isspace() or ord(character) < 32 for character in text):
            raise ValueError("it has a space or a control character in it")
        parsed = Address(addr_spec=text)
        if not parsed.username or not parsed.domain:
            raise ValueError("it has no @")
    except (ValueError, IndexError, AttributeError, MessageError) as error:  # the parser raises all of these
        raise UserError(f"{text!r} is not a mail address: {error}") from error
    return text


def compose(subject: str, body: str, *, sender: str, to: Sequence[str], thread: Sequence[str] = (),
            now: float | None = None) -> EmailMessage:
    """One plain-text mail; `thread` are the Message-IDs of the mails before, oldest first."""
    message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998, cte_type="8bit"))
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = cut(line(subject), 200)
    message["Date"] = format_datetime(datetime.fromtimestamp(time.time() if now is None else now, UTC))
    message["Message-ID"] = make_msgid("backport", domain=sender.rpartition("@")[2] or "localhost")
    thread = [one for one in thread if _ID.fullmatch(one)]
    if thread:
        message["In-Reply-To"] = thread[-1]
        message["References"] = " ".join(thread)
    message["Auto-Submitted"] = "auto-generated"   # no vacation message comes back
    message.set_content(visible(body).encode("utf-8", "backslashreplace").decode(), charset="utf-8")
    return message


def sender_address(server: Server) -> str:
    if server.sender:
        return address(server.sender)
    host = socket.getfqdn() or "localhost"
    try:
        return address(f"{os.environ.get('LOGNAME') or os.environ.get('USER') or ''}@{host}")
    except UserError:                # what is set there is no name: nothing of it gets into a header
        return address(f"uid{os.getuid()}@{host}")


def next_thread(thread: Sequence[str], message_id: str) -> list[str]:
    """The thread with one more mail: the first and the newest ones, so that the header stays short."""
    longer = [*thread, message_id]
    return longer if len(longer) <= _THREAD_LENGTH else [longer[0], *longer[-(_THREAD_LENGTH - 1):]]


def send(message: EmailMessage, server: Server, *, to: Sequence[str], sender: str) -> None:
    """Hand the mail over. Raises InfraError; a mail that no server took was not sent."""
    try:
        if server.host:
            _in_time(lambda: _smtp(message, server, to, sender))
        else:
            _sendmail(message, to, sender)
    except (OSError, smtplib.SMTPException, subprocess.SubprocessError) as error:
        why, hint = _explained(error, server)
        for secret in _secrets(server):
            why = why.replace(secret, "[password]")      # a server may answer with what it was told
        raise InfraError(f"the report mail could not be sent through {server.place}: {why}", hint=hint) from error


def _explained(error: Exception, server: Server) -> tuple[str, str]:
    """What went wrong in words, and what to do. The server's answer is shown; the password never is."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return (f"it rejects the password of {server.user}: {error.smtp_code} {line(said)}",
                f"smtp.user, and the password in {server.password_file}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return (f"its certificate is not trusted: {error.verify_message}",
                "smtp.host must be the name in the certificate; smtp.ca_file names a private CA")
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {error.reason or error}", "smtp.security: tls (from the start, 465) or starttls (587)"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return line(str(error)), "smtp.security and smtp.user must be what this server offers"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "refused: " + ", ".join(f"{name} ({line(_said(answer))})"
                                       for name, answer in sorted(error.recipients.items())), ""
    return line(str(error)), ""


def _secrets(server: Server) -> list[str]:
    """The password, and as it goes over the wire."""
    if not server.password_file:
        return []
    with suppress(OSError, UnicodeDecodeError):
        plain = _password(server)
        wire = (plain, f"\0{server.user}\0{plain}")
        return [plain, *(base64.b64encode(one.encode()).decode() for one in wire)] if plain else []
    return []


def _password(server: Server) -> str:
    return Path(server.password_file).expanduser().read_text(encoding="utf-8").strip()


def _in_time(talk: Callable[[], None]) -> None:
    """Raise what `talk` raises, or OSError where it does not end; the process does not wait for it either."""
    met: list[BaseException] = []

    def run() -> None:
        try:
            talk()
        except BaseException as error:
            met.append(error)

    thread = threading.Thread(target=run, daemon=True, name="mail")
    thread.start()
    thread.join(_WHOLE)
    if thread.is_alive():
        raise OSError(f"it did not take the mail within {_WHOLE:.0f} s")
    if met:
        raise met[0]


def _said(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode('utf-8', 'replace')}"


def _smtp(message: EmailMessage, server: Server, to: Sequence[str], sender: str) -> None:
    context = ssl.create_default_context(cafile=str(Path(server.ca_file).expanduser()) if server.ca_file else None)
    connection = (smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=context)
                  if server.security == "tls" else smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT))
    with connection as smtp:
        if server.security == "starttls":
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, _password(server))
        refused = smtp.send_message(message, from_addr=sender, to_addrs=list(to))
    if refused:                      # some took it
        raise smtplib.SMTPRecipientsRefused(refused)


def keep(message: EmailMessage, directory: Path, number: int) -> Path:
    """Write a mail that nobody took to `directory`, ready for any mail program; returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"night-{number}.eml"
    write_whole(path, message.as_bytes(policy=message.policy.clone(linesep="\n")))
    return path


def _sendmail(message: EmailMessage, to: Sequence[str], sender: str) -> None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib"])
    program = shutil.which("sendmail", path=path)
    if program is None:
        raise OSError("no sendmail on this machine; set an SMTP server in the mail configuration")
    data = message.as_bytes(policy=message.policy.clone(linesep="\n"))
    done = subprocess.run([program, "-i", "-f", sender, "--", *to], input=data, capture_output=True,
                          timeout=_TIMEOUT, check=False)
    if done.returncode != 0:
        raise OSError(f"{program} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()}")
