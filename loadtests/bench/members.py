"""The cost of members: their tokens, their credits, and the events that grant them; and that donors pay none of it."""

from __future__ import annotations

from collections.abc import Iterator

from bench import grants, spending, tokens, unchanged
from bench.common import Figure


def run() -> Iterator[Figure]:
    yield from tokens.run()
    yield from grants.run()
    yield from spending.run()
    yield from unchanged.run()
