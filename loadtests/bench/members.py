"""The cost of members: tokens, credits, downloads, events and statistics; and that donors pay none of it."""

from __future__ import annotations

from collections.abc import Iterator

from bench import downloads, grants, intents, spending, stats, tokens, unchanged
from bench.figures import Figure


def run() -> Iterator[Figure]:
    yield from tokens.run()
    yield from grants.run()
    yield from intents.run()
    yield from spending.run()
    yield from unchanged.run()
    yield from downloads.run()
    yield from stats.run()
