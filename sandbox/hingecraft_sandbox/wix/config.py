"""Our app at the stand-in: its id, secret and key, and where its backend is."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APP_ID = "4f1c2d6e-7a35-4b0e-9a8e-52c6d1f0a7b3"
APP_SECRET = "sandbox-wix-app-secret"  # noqa: S105 - known to everyone, protects nothing


@dataclass(frozen=True, kw_only=True)
class WixConfig:
    """The app, and the file that keeps the key with which webhooks are signed; without one it lasts for one start.

    `owner_site` is the instance id of a site that has the app from the start.
    """

    app_id: str = APP_ID
    secret: str = APP_SECRET
    backend: str = ""
    key_file: Path | None = None
    owner_site: str = ""

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """The private key, made when it is first needed."""
        return key_in(self.key_file)

    @property
    def public_key(self) -> str:
        """The public key as Wix's developer center shows it, in base64 and one line: WIX_APP_PUBLIC_KEY."""
        return public_key_of(self.key)


def key_in(file: Path | None) -> rsa.RSAPrivateKey:
    """The private key in a file, which is made if it is missing."""
    if file is not None and file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{file} is not an RSA key")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return key


def public_key_of(key: rsa.RSAPrivateKey) -> str:
    """The public half, as PEM in base64."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(pem).decode()
