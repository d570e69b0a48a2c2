"""Where a server listens: loopback alone, unless another host is asked for."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from medshelf.core.errors import SettingError

HOST = "localhost"
_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - to be recognised
_N_WAITING = 128
_N_TRIES = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """How a server is to be reached.

    Attributes:
        host: Name or address to listen at; `localhost` is every loopback address.
        port: None takes a free one.
        with_token: Whether the first request has to bring the token that was printed.
        with_browser: Whether to open the user's browser.
    """

    host: str = HOST
    port: int | None = None
    with_token: bool = True
    with_browser: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == HOST

    @property
    def is_everywhere(self) -> bool:
        """Whether every address of this machine will do."""
        return self.host in _WILDCARDS

    @property
    def called(self) -> str:
        """The host as it stands in an address bar."""
        if self.is_everywhere:
            return socket.gethostname()
        if self.host == HOST:
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host


@contextmanager
def listening(wish: Wish) -> Iterator[list[socket.socket]]:
    """Yield sockets that take connections already; they are closed at the end.

    Raises:
        SettingError: The port is taken, or the host is none of this machine.
    """
    sockets = _loopbacks(wish.port) if wish.host == HOST else [_bound(wish.host, wish.port or 0)]
    try:
        yield sockets
    finally:
        for each in sockets:
            each.close()


def _loopbacks(port: int | None) -> list[socket.socket]:
    """Listen at one port of both loopback addresses: nobody else shall answer to `localhost`."""
    for _ in range(_N_TRIES):
        first = _bound("127.0.0.1", port or 0)
        try:
            return [first, _opened("::1", first.getsockname()[1])]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # this machine has no IPv6
                return [first]
            first.close()
            if port is not None:
                raise _refused("::1", port, error) from error
    problem = "No port is free at both loopback addresses, 127.0.0.1 and ::1"
    raise SettingError(problem, "Name one of them with --host")


def _bound(host: str, port: int) -> socket.socket:
    try:
        return _opened(host, port)
    except (OSError, UnicodeError) as error:
        raise _refused(host, port, error) from error


def _opened(host: str, port: int) -> socket.socket:
    (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_N_WAITING)
    except OSError:
        made.close()
        raise
    return made


def _refused(host: str, port: int, error: Exception) -> SettingError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        problem = f"Port {port} of {host} is taken by another program"
    elif isinstance(error, PermissionError):
        problem = f"Port {port} of {host} is reserved for the system"
    else:
        problem = f"This machine cannot listen at {host}: {error}"
        return SettingError(problem, "Leave out --host, or name an address of this machine")
    return SettingError(problem, "Name another with --port, or leave it out to take a free one")
