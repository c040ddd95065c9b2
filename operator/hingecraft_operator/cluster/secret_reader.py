"""Reads values from the Secrets that a resource names."""

from __future__ import annotations

import base64
import binascii

from hingecraft.errors import HingecraftError
from hingecraft_operator.cluster.client import SECRETS, Cluster, Document


class SecretMissingError(HingecraftError):
    """A Secret, or a key in it, is missing or empty; the message names it."""


class SecretReader:
    """Reads each Secret once. Make a new reader for each reconciliation, so that it sees rotated values."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._read: dict[str, Document | None] = {}

    async def value(self, name: str, key: str) -> str:
        """The value of a key; raises SecretMissingError if it is missing or empty."""
        values = await self.values(name)
        if key not in values:
            raise SecretMissingError(f"the Secret {name} has no key {key}, or it is empty")
        return values[key]

    async def values(self, name: str) -> dict[str, str]:
        """The decoded values of a Secret, without empty ones."""
        if name not in self._read:
            self._read[name] = await self._cluster.get(SECRETS, self._namespace, name)
        secret = self._read[name]
        if secret is None:
            raise SecretMissingError(f"the Secret {name} does not exist in the namespace {self._namespace}")
        decoded = {key: _decoded(name, key, text) for key, text in (secret.get("data") or {}).items()}
        return {key: text for key, text in decoded.items() if text}


def _decoded(name: str, key: str, text: str) -> str:
    try:
        return base64.b64decode(text).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        raise SecretMissingError(f"the key {key} of the Secret {name} is not text") from None
