"""Installs a lock file and the project into the environment of this Python: `install.py requirements-run.lock`.

With uv, which takes seconds where pip takes minutes. With pip where uv cannot reach the packages: it reads neither
pip's configuration nor its certificates.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
# The locks are complete. Told to look for more, an old pip takes a newer release for "coverage[toml]" and refuses it.
AS_LOCKED = ["--require-hashes", "--no-deps"]
TRYING_PIP = "uv could not install the packages. Trying pip, which takes longer."


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


def with_uv(python: str | Path, command: str, *arguments: str) -> int:
    """`uv pip` for the environment of that Python. Without its name uv takes the environment that it runs in."""
    return run(sys.executable, "-m", "uv", "pip", command, "--python", str(python), *arguments)


def install(home: Path, *what: str) -> int:
    """Install into the environment in a folder, which may be one without pip."""
    python = str(home / "bin" / "python")
    if with_uv(python, "install", "--quiet", *what) == 0:
        return 0
    print(TRYING_PIP, flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    return run(*pip, "install", "--quiet", *what)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lock", help="the lock file")
    parser.add_argument("--exactly", action="store_true", help="remove what it does not list")
    arguments = parser.parse_args()
    install_uv()
    how = ["sync", "--require-hashes"] if arguments.exactly else ["install", *AS_LOCKED, "--requirement"]
    code = with_uv(sys.executable, *how, arguments.lock)
    if code != 0:
        print(TRYING_PIP, flush=True)
        code = run(*PIP, *AS_LOCKED, "--requirement", arguments.lock)
    return code or run(*PIP, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")


if __name__ == "__main__":
    sys.exit(main())
