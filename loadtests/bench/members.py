"""What members cost: their tokens."""

from __future__ import annotations

from collections.abc import Iterator

from bench import tokens
from bench.common import Figure


def run() -> Iterator[Figure]:
    yield from tokens.run()
