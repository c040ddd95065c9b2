"""The authority that the pods of the tests trust, so that they talk https among themselves as they do in production."""

from __future__ import annotations

from pathlib import Path

import trustme

from toolchain.go_tools import cache


def authority() -> trustme.CA:
    """Made once and kept, since images carry it."""
    folder = public().parent
    key = folder / "key.pem"
    if not key.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = trustme.CA()
        made.cert_pem.write_to_path(public())
        key.touch(mode=0o600)
        made.private_key_pem.write_to_path(key)
    return trustme.CA.from_pem(public().read_bytes(), key.read_bytes())


def public() -> Path:
    """The authority's certificate."""
    return cache() / "images" / "authority" / "authority.pem"
