"""One way to a Postgres connection: lazily, bounded in time, and with dead sockets noticed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias

import asyncpg

from hingecraft.db.failures import UNREACHABLE, translated, translation_of
from hingecraft.db.pool import Pool
from hingecraft.errors import DatabaseUnavailableError, InRecoveryError
from hingecraft.settings import Secret

log = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"

# Both end with the transaction, also behind a pooler that gives the next transaction to another client.
ACT = "SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"

# These go into a query that is asked anyway, so that they cost no round trip.
IN_RECOVERY = "pg_is_in_recovery()"
# Until the transaction ends, each statement keeps one plan for a connection's life. Where rows are looked up by arrays
# of keys, Postgres would otherwise plan it again for each array, which takes longer than to run it. The statement that
# has this is still planned as usual.
KEEP_PLANS = "set_config('plan_cache_mode', 'force_generic_plan', true)"

CONNECT_TIMEOUT = 3.0
STATEMENT_TIMEOUT = 5.0
FIRST_CONNECTION = 10.0
_TRIED_AGAIN_AFTER = 0.5
# A half-open socket is given up after about as long as a statement may take.
_UNACKNOWLEDGED_MS = 5000
_KEEPALIVE_IDLE = 5
_KEEPALIVE_INTERVAL = 2
_KEEPALIVE_PROBES = 3


def require_primary(*, in_recovery: bool) -> None:
    """Raise InRecoveryError at a standby: what it knows may be old, and it sends no notifications."""
    if in_recovery:
        raise InRecoveryError


class Caller(Protocol):
    """The caller that row-level security applies to."""

    @property
    def database_role(self) -> str:
        """The role whose rights the caller has."""
        ...

    @property
    def claims(self) -> Mapping[str, str]:
        """The claims that policies read from `request.jwt.claims`."""
        ...


async def connect(
    dsn: Secret, *, application: str, statement_timeout: float | None = STATEMENT_TIMEOUT, **server_settings: str
) -> asyncpg.Connection:
    """One direct connection, outside of any pool; a call's own `timeout=None` would mean the default."""
    try:
        connection = await asyncpg.connect(
            dsn.newest,
            timeout=CONNECT_TIMEOUT,
            command_timeout=statement_timeout,
            server_settings={"application_name": application, **server_settings},
        )
    except UNREACHABLE as error:
        raise DatabaseUnavailableError(f"Postgres cannot be reached: {_reason(error)}") from error
    keep_alive(connection)
    return connection


async def connect_at_start(
    dsn: Secret, *, application: str, statement_timeout: float | None = STATEMENT_TIMEOUT
) -> asyncpg.Connection:
    """The first connection of a process that runs once; what passes by itself is tried again for ten seconds.

    Postgres may be starting, and a NetworkPolicy may not know a new pod yet.
    """
    until = asyncio.get_running_loop().time() + FIRST_CONNECTION
    while True:
        try:
            return await connect(dsn, application=application, statement_timeout=statement_timeout)
        except DatabaseUnavailableError as error:
            if not _passes(error.__cause__) or asyncio.get_running_loop().time() >= until:
                raise
            log.info("%s; trying again", error)
        await asyncio.sleep(_TRIED_AGAIN_AFTER)


def _passes(cause: BaseException | None) -> bool:
    """Several addresses of one host are one error, which says no more than their texts."""
    return isinstance(cause, ConnectionError | TimeoutError | asyncpg.CannotConnectNowError) or (
        type(cause) is OSError and str(cause).startswith("Multiple exceptions")
    )


def keep_alive(connection: asyncpg.Connection) -> None:
    """Have the kernel notice a peer that is gone; asyncpg itself only sets TCP_NODELAY.

    The options are set on a duplicate of the descriptor, which shares the socket, because uvloop's
    transport does not let them be set.
    """
    driver: Any = connection
    transport = driver._transport  # noqa: SLF001 - asyncpg has no public way to its socket
    live = transport.get_extra_info("socket")
    if live is None or live.family == socket.AF_UNIX:
        return
    with socket.socket(fileno=os.dup(live.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", _KEEPALIVE_IDLE),
            ("TCP_KEEPINTVL", _KEEPALIVE_INTERVAL),
            ("TCP_KEEPCNT", _KEEPALIVE_PROBES),
            ("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS),
        ):
            if hasattr(socket, option):
                same.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class Database:
    """A pool that is opened at its first use, and again after Postgres was down."""

    def __init__(self, dsn: Secret, *, application: str, smallest: int = 0, largest: int = 4) -> None:
        self._dsn = dsn
        self._application = application
        self._smallest = smallest
        self._largest = largest
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection from the pool; the driver's errors are raised as our own."""
        return _Use(self)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction; services open these, stores never do."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    @asynccontextmanager
    async def acting(self, caller: Caller) -> AsyncIterator[Connection]:
        """A transaction with the role and the claims of the caller, by which row-level security decides."""
        async with self.transaction() as conn:
            try:
                await conn.execute(ACT, caller.database_role, json.dumps(dict(caller.claims)))
            except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
                raise DatabaseUnavailableError(
                    f"the database role {caller.database_role} cannot be used ({error}): run `hingecraft migrate`, "
                    "and grant the role to the one that this process logs in as"
                ) from error
            yield conn

    async def close(self) -> None:
        """Close every connection; waits for running statements for a moment only."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def pool(self) -> Pool:
        """The pool, opened if it is not."""
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    with translated():
                        self._pool = await self._open()
        return self._pool

    async def _open(self) -> Pool:
        pool = await asyncpg.create_pool(
            self._dsn.newest,
            min_size=self._smallest,
            max_size=self._largest,
            connect=self._connect,
            timeout=CONNECT_TIMEOUT,
            command_timeout=STATEMENT_TIMEOUT,
            server_settings={"application_name": self._application},
            reset=_leave_no_transaction,
        )
        return Pool(pool)

    async def _connect(self, *_: object, **options: Any) -> asyncpg.Connection:
        """Read the DSN again for each connection, so that a rotated password is taken up."""
        connection: asyncpg.Connection = await asyncpg.connect(self._dsn.newest, **options)
        keep_alive(connection)
        return connection


class _Use:
    """One use of a connection. It is a class since every request has some: generators would take twice as long."""

    __slots__ = ("_conn", "_database", "_pool")

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Connection:
        self._pool = await self._database.pool()
        conn = self._pool.at_hand()
        if conn is None:
            with translated():
                conn = await self._pool.acquire()
        self._conn = conn
        return conn

    async def __aexit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None and self._pool.keep(self._conn):
            return
        try:
            if error is not None:
                self._raise(error)
        finally:
            await self._pool.release(self._conn)

    def _raise(self, error: BaseException) -> None:
        """Raise what the error means to the caller, if that is another one."""
        ours = translation_of(error)
        if isinstance(ours or error, DatabaseUnavailableError):
            # A statement that took too long is still cancelled, which the release waits for.
            if not isinstance(error, TimeoutError):
                with suppress(asyncpg.InterfaceError):  # the driver may have closed it already
                    self._conn.terminate()
            if _is_cancelled():
                raise asyncio.CancelledError from ours or error
        if ours is not None:
            raise ours from error


def _is_cancelled() -> bool:
    """A rollback that fails after a cancellation hides it: the task would go on as if it had not been cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _leave_no_transaction(conn: asyncpg.Connection) -> None:
    """The driver's own reset is a round trip after every use, and all that we set ends with its transaction."""
    if conn.is_in_transaction():
        await conn.execute("ROLLBACK")


def _reason(error: BaseException) -> str:
    """The driver's own words hold no password, but a time-out says nothing at all."""
    return str(error) or type(error).__name__
