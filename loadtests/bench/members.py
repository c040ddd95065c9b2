"""The cost of members: their tokens, their credits and their downloads."""

from __future__ import annotations

from collections.abc import Iterator

from bench import downloads, spending, tokens
from bench.common import Figure


def run() -> Iterator[Figure]:
    yield from tokens.run()
    yield from spending.run()
    yield from downloads.run()
