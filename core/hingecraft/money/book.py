"""The currencies in memory: names, bounds and digits, loaded again soon after the table has changed."""

from __future__ import annotations

import time
from decimal import Decimal

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, MissingError
from hingecraft.money import store
from hingecraft.money.model import Currency
from hingecraft.money.normalise import CurrencyTable, tightened
from hingecraft.money.tickers import code_of

# Seconds.
FRESH_FOR = 10.0


class CurrencyBook:
    """The currencies of one process. Every checkout reads its currency from the database again."""

    def __init__(self, database: Database, least: Decimal | None = None, most: Decimal | None = None) -> None:
        self._database = database
        self._bounds = (least, most)
        self._stamp: str | None = None
        self._table: CurrencyTable | None = None
        self._refreshed_at = float("-inf")

    @property
    def table(self) -> CurrencyTable:
        """All currencies; empty before the first load."""
        if self._table is None:
            raise DatabaseUnavailableError("the currencies are not loaded yet")
        return self._table

    def by_code(self, code: str) -> Currency:
        """A currency by its code, enabled or not: money may arrive in a disabled one."""
        found = self.table.by_code.get(code)
        if found is None:
            raise MissingError("unknown_currency", f"{code} is not in the table currencies. Add it.")
        return found

    def coin_of(self, ticker: str) -> str:
        """The code of a coin by NOWPayments' name for it: `usdttrc20` is USDT on Tron."""
        return code_of(ticker, self.table.by_code)

    def is_at(self, stamp: str) -> bool:
        """Whether the loaded currencies have that stamp."""
        return stamp == self._stamp

    async def refresh_if_stale(self) -> None:
        """Load the table if it has changed, unless that was checked a few seconds ago."""
        if time.monotonic() - self._refreshed_at > FRESH_FOR:
            await self.refresh()

    async def refresh(self, stamp: str | None = None) -> None:
        """Load the table if it has changed; pass its stamp if you have just read it."""
        refreshed_at = time.monotonic()
        if stamp is not None and stamp == self._stamp:
            self._refreshed_at = refreshed_at
            return
        async with self._database.connection() as conn:
            stamp = await store.stamp(conn)
            if stamp != self._stamp:
                self._table = CurrencyTable(tightened(await store.load_currencies(conn), *self._bounds))
                self._stamp = stamp
        self._refreshed_at = refreshed_at
