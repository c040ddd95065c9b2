"""Debian's packages, where they may be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

# Another installation may hold the lock for a while.
_APT = ("apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=120")


def install(packages: Sequence[str]) -> None:
    """Try to; the caller checks afterwards whether they are there."""
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print(f"  installing {', '.join(packages)}", flush=True)
    for step in (["update"], ["install", "--no-install-recommends", *packages]):
        subprocess.run([*_APT, *step], check=False, capture_output=True)
