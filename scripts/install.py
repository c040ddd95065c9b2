"""Installs a lock file and the project into the environment of this Python: `install.py requirements-run.lock`.

With uv, which takes seconds where pip takes minutes. With pip where uv cannot reach the packages: it reads neither
pip's configuration nor its certificates.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
# The locks are complete. Told to look for more, an old pip takes a newer release for "coverage[toml]" and refuses it.
AS_LOCKED = ["--require-hashes", "--no-deps"]


def pinned(name: str, lock: Path) -> str:
    """The lines of a lock file about one package."""
    lines = lock.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    after = next((n for n in range(first + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
    return "\n".join(lines[first:after]) + "\n"


def install_uv() -> None:
    if find_spec("uv") is not None:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as lock:
        lock.write(pinned("uv", ROOT / "requirements-dev.lock"))
        lock.flush()
        subprocess.run([*PIP, "--quiet", *AS_LOCKED, "--requirement", lock.name], check=True)


def run(*arguments: str) -> int:
    return subprocess.run(arguments, cwd=ROOT, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lock", help="the lock file")
    parser.add_argument("--exactly", action="store_true", help="remove what it does not list")
    arguments = parser.parse_args()
    install_uv()
    # Told by its variable, uv also works where no environment is active.
    os.environ["VIRTUAL_ENV"] = sys.prefix
    uv = [sys.executable, "-m", "uv", "pip"]
    how = ["sync", "--require-hashes"] if arguments.exactly else ["install", *AS_LOCKED, "--requirement"]
    code = run(*uv, *how, arguments.lock)
    if code != 0:
        print("uv could not install the packages. Trying pip, which takes longer.", flush=True)
        code = run(*PIP, *AS_LOCKED, "--requirement", arguments.lock)
    return code or run(*PIP, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")


if __name__ == "__main__":
    sys.exit(main())
