"""SHA256SUMS of a release's files, and its signature by `ssh-keygen`, which needs no network to make or verify it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from hingecraft.errors import UsageError
from release.archives import files_below

CHECKSUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
# The namespace of the signature: one that the same key has made for another purpose is not valid here.
PURPOSE = "hingecraft-release"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_checksums(folder: Path) -> None:
    """In the format of `sha256sum`, of every file that is there."""
    lines = [f"{digest(file)}  {file.relative_to(folder)}\n" for file in files_below(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def sign(folder: Path, key: Path) -> None:
    """Sign with a private SSH key, or with a public one whose private part an agent holds."""
    _ssh_keygen("-Y", "sign", "-q", "-f", str(key), "-n", PURPOSE, str(folder / CHECKSUMS))


def fingerprint(key: Path) -> str:
    return _ssh_keygen("-l", "-f", str(key)).split()[1]


def _ssh_keygen(*arguments: str) -> str:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise UsageError("ssh-keygen is not installed: install OpenSSH's client, or release without RELEASE_KEY")
    # A passphrase is asked for on the terminal, if there is one.
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode != 0:
        raise UsageError(f"ssh-keygen could not use the key: {done.stderr.strip()}")
    return done.stdout
