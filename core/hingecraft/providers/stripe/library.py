"""Stripe's library without requests, which it imports only where it finds it.

Our own client for Stripe's library replaces it, other packages need it installed, and loading it slows a pod's start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Importing it raises ImportError meanwhile, unless something has imported it before."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # None is documented, and not in the type
    try:
        yield
    finally:
        del sys.modules[name]


with _hidden("requests"):
    import stripe

__all__ = ["stripe"]
