"""Bodies of requests."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


async def object_in(request: web.Request) -> dict[str, Any] | None:
    """The JSON object in the body; None if it is something else."""
    try:
        found = json.loads(await request.text())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
