"""Programs that a benchmark needs from Debian's packages."""

from __future__ import annotations

import shutil

from hingecraft.errors import UsageError
from toolchain import debian


def need(program: str, package: str) -> str:
    """The path of a program, installed from Debian's packages where we may."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        debian.install([package])
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        raise UsageError(f"not run: {program} is missing (apt-get install {package})")
    return path
