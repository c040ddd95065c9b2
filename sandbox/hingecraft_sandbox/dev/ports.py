"""The ports of one `hingecraft dev`."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from hingecraft.errors import UsageError

DEFAULT_PORT = 8080
DEFAULT_POSTGRES_PORT = 54329
_LARGEST_PORT = 65_535
_SITE, _COMPONENTS, _SANDBOX = 10, 11, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every port but that of Postgres is at a fixed distance from the first."""

    first: int = DEFAULT_PORT
    postgres: int = DEFAULT_POSTGRES_PORT

    @property
    def pods(self) -> tuple[int, int]:
        """The public ports of the two pods; the internal port of each is the next one."""
        return self.first, self.first + 2

    @property
    def site(self) -> int:
        """The Wix site."""
        return self.first + _SITE

    @property
    def components(self) -> int:
        """The site's HTML components, on their own host, as at Wix."""
        return self.first + _COMPONENTS

    @property
    def sandbox(self) -> int:
        """The providers' sandbox."""
        return self.first + _SANDBOX

    @property
    def all(self) -> tuple[int, ...]:
        """All ports that are used."""
        pods = (port for pod in self.pods for port in (pod, pod + 1))
        return (*pods, self.site, self.components, self.sandbox, self.postgres)

    def check(self) -> None:
        """Raise an error that names the first port that cannot be used."""
        for port in self.all:
            option = "POSTGRES_PORT" if port == self.postgres else "PORT"
            if not 0 < port <= _LARGEST_PORT:
                raise UsageError(f"{port} is not a port: choose a smaller {option}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise UsageError(
                        f"port {port} cannot be used ({error.strerror}): stop the program that listens there "
                        f"(ss -ltnp shows it), or choose another with make dev {option}={port + 100}"
                    ) from None
