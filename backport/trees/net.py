"""Is anybody there? One short question before a program is started that would wait for minutes.

git has no limit for connecting (curl's own is five minutes), so a host that swallows packets would hold a run.
"""

from __future__ import annotations

import os
import socket
import urllib.parse

from backport.errors import SourceUnavailable

CONNECT_SECONDS = 10.0
_PORTS = {"http": 80, "https": 443, "git": 9418, "ssh": 22, "git+ssh": 22, "ssh+git": 22, "ftp": 21, "ftps": 990}


def host_of(url: str) -> str:
    """The host a URL (or scp-like git address) names, "" for a path or file: URL."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme and "://" in url:
        return parts.hostname or ""
    head, colon, _ = url.partition(":")
    return head.rpartition("@")[2] if colon and "/" not in head else ""


def check_host(url: str, seconds: float = CONNECT_SECONDS) -> None:
    """Raise SourceUnavailable where no connection to the URL's host (or its proxy) can be opened."""
    host = host_of(url)
    if not host:
        return
    parts = urllib.parse.urlsplit(url if "://" in url else f"ssh://{host}")
    target, port = host, 0
    try:
        port = parts.port or 0
    except ValueError:
        raise SourceUnavailable(f"{url}: the port is not a number") from None
    scheme = parts.scheme.lower()
    if scheme in ("http", "https", "ftp"):
        from urllib.request import getproxies, proxy_bypass  # with http and ssl behind them: only a fetch waits
        proxy = getproxies().get(scheme) or os.environ.get("ALL_PROXY")
        if proxy and not proxy_bypass(host):
            # what can be reached behind a proxy only the proxy knows
            via = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            target, port = via.hostname or host, via.port or _PORTS.get(via.scheme, 1080)
    port = port or _PORTS.get(scheme, 443)
    try:
        socket.create_connection((target, port), timeout=seconds).close()
    except OSError as error:
        where = host if target == host else f"{host} (through the proxy {target})"
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise HostDown(host, f"{where} not reached: {reason}") from None


class HostDown(SourceUnavailable):
    """Nobody answers at `host`: no need to ask it again for the next tree."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(message)
        self.host = host
