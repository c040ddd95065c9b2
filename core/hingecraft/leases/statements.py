"""The SQL of a lease: the column `claimed_until` of a row says until when one process works on it.

The time also names the lease. Once another process has taken the row over, a statement that names the old time
finds no row. Times are set by the clock of the database, which all processes share.
"""

from __future__ import annotations

# No process works on the row, or its lease has ended.
FREE = "(claimed_until IS NULL OR claimed_until < now())"


def held(*key: str, first: int = 1) -> str:
    """The condition that the lease of one row still stands: its key and its time are parameters, from `first` on."""
    return " AND ".join(f"{column} = ${number}" for number, column in enumerate((*key, "claimed_until"), first))


def renewed(lease: str) -> str:
    """The assignment by which a statement takes or renews a lease; the new time names it from then on.

    `lease` is the parameter with the length.
    """
    return f"claimed_until = clock_timestamp() + {lease}"


def claim(
    table: str, *, key: tuple[str, ...], due: str, lease: str, returning: str, also: str = "", joined: str = ""
) -> str:
    """Lease the rows that `due` selects and locks (FREE ... FOR UPDATE SKIP LOCKED), and return them.

    `table` ends with its alias and `lease` is the parameter with the length. `also` is what else is set, and `joined`
    a table that `returning` reads.
    """
    alias = table.rsplit(maxsplit=1)[-1]
    same = " AND ".join(f"{alias}.{column} = due.{column}" for column in key)
    return f"""
WITH due AS ({due})
UPDATE {table} SET {renewed(lease)} {also and ", " + also}
FROM due {joined and "JOIN " + joined}
WHERE {same}
RETURNING {returning}
"""
