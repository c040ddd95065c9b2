"""Unexpected errors go to Sentry when a DSN is set; what leaves is masked like the logs and holds no request body."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from hingecraft import __version__
from hingecraft.observability.logs import Masker
from hingecraft.settings import Secret


def start_sentry(dsn: str, process: str, secrets: Iterable[Secret]) -> None:
    """Do nothing without a DSN."""
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - importing it takes a tenth of a process's start, which is wasted without a DSN

    mask = Masker(secrets)

    def masked(event: Any, _hint: dict[str, Any]) -> Any:
        return cast("Any", json.loads(mask(json.dumps(event, default=str))))

    sentry_sdk.init(
        dsn=dsn,
        release=f"hingecraft@{__version__}",
        server_name=process,
        max_request_body_size="never",
        include_local_variables=False,
        before_send=masked,
    )
