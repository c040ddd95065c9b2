"""What members cost: their tokens, their credits, the events that grant them; and that they cost donors nothing."""

from __future__ import annotations

from collections.abc import Iterator

from bench import grants, spending, tokens, unchanged
from bench.common import Figure


def run() -> Iterator[Figure]:
    yield from tokens.run()
    yield from grants.run()
    yield from spending.run()
    yield from unchanged.run()
