"""The table `wix_site_settings`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection

ALL = "SELECT name, value::text AS value FROM wix_site_settings WHERE instance_id = $1"
KEEP = """
INSERT INTO wix_site_settings AS s (instance_id, name, value)
SELECT $1, g.name, g.value FROM unnest($2::text[], $3::jsonb[]) AS g (name, value)
ON CONFLICT (instance_id, name) DO UPDATE SET value = excluded.value, updated_at = clock_timestamp()
WHERE s.value <> excluded.value
RETURNING name
"""


async def all_of(conn: Connection, instance_id: UUID) -> dict[str, Any]:
    """The settings that were changed; the other names have their defaults."""
    return {row["name"]: json.loads(row["value"]) for row in await conn.fetch(ALL, instance_id)}


async def set_some(conn: Connection, instance_id: UUID, values: Mapping[str, Any]) -> list[str]:
    """Set values; returns the names whose value has changed."""
    names = sorted(values)
    rows = await conn.fetch(KEEP, instance_id, names, [json.dumps(values[name]) for name in names])
    return sorted(row["name"] for row in rows)
