"""A dedicated connection that receives Postgres' notifications of changed routes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hingecraft.db.connection import IN_RECOVERY, connect, require_primary
from hingecraft.db.failures import UNREACHABLE
from hingecraft.errors import DatabaseUnavailableError, InRecoveryError
from hingecraft.settings import Secret

log = logging.getLogger(__name__)

_INTERRUPTIONS: tuple[type[BaseException], ...] = (DatabaseUnavailableError, *UNREACHABLE)
AT_A_STANDBY = f"SELECT {IN_RECOVERY}"
HEARTBEAT = "SELECT count(*) FROM pg_listening_channels()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How often the listener proves that it still hears, and how soon it comes back. In seconds."""

    every: float = 1.0
    timeout: float = 2.0
    first_retry: float = 0.1
    longest_retry: float = 1.0


class Listener:
    """Keeps listening through restarts, cut connections and half-open sockets."""

    def __init__(
        self,
        dsn: Secret,
        channel: str,
        heard: Callable[[], None],
        state: Callable[[bool], None] = lambda _connected: None,
        heartbeat: Heartbeat | None = None,
        rejected: Callable[[InRecoveryError], None] = lambda _error: None,
    ) -> None:
        self._dsn = dsn
        self._channel = channel
        self._heard = heard
        self._state = state
        self._heartbeat = heartbeat or Heartbeat()
        self._rejected = rejected
        self.connected = False
        # When it last received a notification, or tried to connect.
        self.progress_at = time.monotonic()

    async def run(self) -> None:
        """Listen until cancelled."""
        pause = self._heartbeat.first_retry
        while True:
            self.progress_at = time.monotonic()
            try:
                await self._listen()
            except _INTERRUPTIONS as error:
                log.warning("listening on %s was interrupted: %s", self._channel, str(error) or type(error).__name__)
                if isinstance(error, InRecoveryError):
                    self._rejected(error)
            pause = self._heartbeat.first_retry if self.connected else min(pause * 2, self._heartbeat.longest_retry)
            self._be_connected(connected=False)
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Listen; one check after LISTEN finds the changes that were committed before."""
        connection = await connect(self._dsn, application="hingecraft-listener")
        try:
            require_primary(in_recovery=await connection.fetchval(AT_A_STANDBY, timeout=self._heartbeat.timeout))
            await connection.add_listener(self._channel, self._on_notification)
            self._be_connected(connected=True)
            self._heard()
            while True:
                await asyncio.sleep(self._heartbeat.every)
                if not await connection.fetchval(HEARTBEAT, timeout=self._heartbeat.timeout):
                    raise DatabaseUnavailableError("the connection no longer listens")
                self.progress_at = time.monotonic()
        finally:
            # Closing politely would wait for an answer that a dead socket never gives.
            with suppress(*UNREACHABLE):
                connection.terminate()

    def _be_connected(self, *, connected: bool) -> None:
        if connected != self.connected:
            self._state(connected)
        self.connected = connected

    def _on_notification(self, *_: object) -> None:
        self._heard()
