"""The cost of members: their tokens and their credits."""

from __future__ import annotations

from collections.abc import Iterator

from bench import spending, tokens
from bench.common import Figure


def run() -> Iterator[Figure]:
    yield from tokens.run()
    yield from spending.run()
