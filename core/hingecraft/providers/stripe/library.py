"""Stripe's library and httpx, without two packages that they import only where they find them.

They are requests, which our own client for Stripe's library replaces, and click, for httpx's command line. Both are
installed for other packages, and loading them would take an eighth of a pod's start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Importing these raises ImportError meanwhile, unless something has imported them before."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # documented, but not typed
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hidden("requests", "click"):
    import httpx
    import stripe
    from httpx_aiohttp import AiohttpTransport

__all__ = ["AiohttpTransport", "httpx", "stripe"]
