"""Users' tokens: what verifying one costs, and what one costs that has been verified before."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from bench.figures import Figure, percentile, say

from hingecraft.identity.key_set import KeySet
from hingecraft.identity.settings import AuthSettings
from hingecraft.identity.tokens import Tokens
from hingecraft.proxies import Proxies
from hingecraft.settings import Secret
from support.issuer import running_issuer
from support.tokens import ISSUER, SECRET, ec_signer, rsa_signer, token_for

TOKENS = 2000
VERIFIED_MS, REMEMBERED_MS = 0.2, 0.02
RSA, EC = rsa_signer("rsa"), ec_signer("ec")
SIGNERS: dict[str, Callable[[], str]] = {"HS256": token_for, "ES256": EC.token_for, "RS256": RSA.token_for}


async def _milliseconds(tokens: Tokens, sent: Sequence[str]) -> list[float]:
    found = []
    for token in sent:
        started = time.perf_counter()
        await tokens.principal_of(token)
        found.append((time.perf_counter() - started) * 1000)
    return found


async def _measured() -> dict[str, tuple[list[float], list[float]]]:
    """For each algorithm, the times of tokens that are new and of the same ones again."""
    found = {}
    async with running_issuer(RSA, EC) as issuer:
        settings = AuthSettings(auth_jwt_secret=Secret(SECRET), auth_jwt_issuer=(ISSUER,))
        tokens = Tokens(settings, KeySet(issuer.address, Proxies()))
        try:
            for algorithm, signed in SIGNERS.items():
                await tokens.principal_of(signed())
                sent = [signed() for _ in range(TOKENS)]
                found[algorithm] = await _milliseconds(tokens, sent), await _milliseconds(tokens, sent)
        finally:
            await tokens.close()
    return found


def run() -> Iterator[Figure]:
    for algorithm, (new, again) in asyncio.run(_measured()).items():
        say(f"{algorithm}: p99 {percentile(new, 0.99):.3f} ms, and {percentile(again, 0.99):.3f} ms from the cache")
        yield Figure(f"a token by {algorithm}, median", statistics.median(new), VERIFIED_MS, unit=" ms")
        yield Figure("the same from the cache, median", statistics.median(again), REMEMBERED_MS, unit=" ms")
