"""Resources of this machine that the node uses and gives back: namespaces, a wire, rules, cgroups, settings."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from support.kubernetes_node.places import (
    FOLDER,
    HOST_ADDRESS,
    INGRESS_PORT,
    INSIDE,
    NAME,
    NODE_ADDRESS,
    SANDBOX_PORT,
    TOOLS,
    WIRE,
)
from support.kubernetes_node.traces import CGROUPS, Traces, left, traces
from support.limits import PROGRESS
from toolchain import debian
from toolchain.go_tools import MissingToolError, cache

_PACKAGES = {
    "containerd": "containerd", "runc": "runc", "iptables": "iptables", "conntrack": "conntrack", "ip": "iproute2",
    "/usr/lib/cni/bridge": "containernetworking-plugins", "buildah": "buildah", "debootstrap": "debootstrap",
    "ctr": "containerd", "nsenter": "util-linux", "nft": "nftables", "ipset": "ipset",
}  # fmt: skip
_PODS = "kubepods"
# The first process inside: it shares nothing with this machine that it could leave behind, and waits for orphans.
_INIT = f"""
set -e
mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p {INSIDE} {TOOLS}
mount --bind {shlex.quote(str(FOLDER))} {INSIDE}
mount --bind {shlex.quote(str(cache() / "go"))} {TOOLS}
mount -t tmpfs tmpfs /var/lib
mkdir -p {INSIDE}/log
mount --bind {INSIDE}/log /var/log
mkdir -p {INSIDE}/volumes
mount --bind {INSIDE}/volumes /tmp
hostname {NAME}
ip link set lo up
touch {INSIDE}/inside
trap 'exit 0' TERM
while true; do sleep 3600 & wait $!; done
"""


class MachineError(MissingToolError):
    """It cannot be had here; the message says what to do."""


def missing() -> list[str]:
    """Debian's packages that are not here."""
    return sorted({package for program, package in _PACKAGES.items() if shutil.which(program) is None})


def check() -> None:
    """Install what is missing where we may, or say what it is."""
    if os.geteuid() != 0:
        raise MachineError(
            "not run: a cluster of our own needs root: run it with sudo, or use make kind where there is Docker"
        )
    debian.install(missing())
    if _link().exists() and init() is None:
        raise MachineError("not run: a cluster of another checkout is up on this machine: run make cluster-down there")
    if missing():
        raise MachineError(f"not run: the Debian packages {', '.join(missing())} are missing")


def init() -> int | None:
    """The first process inside, if it is there."""
    with suppress(OSError, ValueError):
        outer = int((FOLDER / "node.pid").read_text())
        inner = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        if inner and "unshare" in Path(f"/proc/{outer}/cmdline").read_text():
            return int(inner[0])
    return None


def inside(*command: str | Path) -> list[str]:
    """A command as it is run in the node."""
    pid = init()
    if pid is None:
        raise MachineError("there is no cluster here: run make cluster")
    namespaces = ("--net", "--mount", "--pid", "--ipc", "--uts")
    return ["nsenter", f"--target={pid}", *namespaces, "--", *map(str, command)]


def run(*command: str | Path, quiet: bool = False) -> str:
    """Run a command on this machine; returns its output."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode and not quiet:
        raise MachineError(f"{' '.join(map(str, command))[:300]}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def take() -> None:
    """Make the node's namespaces and wire it to this machine."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "before.json").write_text(json.dumps(traces()))
    (FOLDER / "inside").unlink(missing_ok=True)
    with (FOLDER / "init.log").open("ab") as log:
        outer = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "bash", "-c", _INIT],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    (FOLDER / "node.pid").write_text(str(outer.pid))
    until = time.monotonic() + PROGRESS
    while not (FOLDER / "inside").exists():
        if time.monotonic() > until or outer.poll() is not None:
            raise MachineError(f"its namespaces cannot be made: {(FOLDER / 'init.log').read_text()[-500:]}")
        time.sleep(0.02)
    _wire()


def _wire() -> None:
    run("ip", "link", "add", WIRE, "type", "veth", "peer", "name", "eth0", "netns", str(init()))
    run("ip", "address", "add", f"{HOST_ADDRESS}/30", "dev", WIRE)
    run("ip", "link", "set", WIRE, "up")
    for arguments in (
        ("address", "add", f"{NODE_ADDRESS}/30", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("route", "add", "default", "via", HOST_ADDRESS),
    ):
        run(*inside("ip", *arguments))
    run(*inside("sysctl", "-qw", "net.ipv4.ip_forward=1"))
    _sysctl(f"net/ipv4/conf/{WIRE}/route_localnet").write_text("1")
    for rule in _rules():
        run("iptables", "--wait", "--table", "nat", "--append", *rule)


def _rules() -> list[list[str]]:
    """127.0.0.1 and the ports of the ingress and the sandbox lead to the node."""
    ours = ["--match", "comment", "--comment", NAME]
    port = ["--protocol", "tcp", "--match", "multiport", "--dports", f"{INGRESS_PORT},{SANDBOX_PORT}"]
    return [
        ["OUTPUT", *port, "--destination", "127.0.0.1", *ours, "--jump", "DNAT", "--to-destination", NODE_ADDRESS],
        ["POSTROUTING", *port, "--destination", NODE_ADDRESS, *ours, "--jump", "SNAT", "--to-source", HOST_ADDRESS],
    ]


def give_back() -> list[str]:
    """Whatever is there of it, in whatever state; answers what could not be put back as it was."""
    if not FOLDER.exists():
        return []
    pid = init()
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _wait_for_the_end_of(pid)
    run("ip", "link", "delete", WIRE, quiet=True)
    for rule in _rules():
        run("iptables", "--wait", "--table", "nat", "--delete", *rule, quiet=True)
    for folder in (CGROUPS, *CGROUPS.iterdir()):
        _remove_cgroup(folder / _PODS)
    kept = FOLDER / "before.json"
    before: Traces = json.loads(kept.read_text()) if kept.exists() else {}
    for setting in before.get("settings", ()):
        name, _, value = setting.partition("=")
        _sysctl(name).write_text(value)
    shutil.rmtree(FOLDER, ignore_errors=True)
    return left(before)


def _wait_for_the_end_of(pid: int) -> None:
    """Of all that lives in its namespaces too: the kernel ends it with the first process."""
    until = time.monotonic() + PROGRESS
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)


def _remove_cgroup(folder: Path) -> None:
    if folder.exists():
        for below in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                below.rmdir()
        with suppress(OSError):
            folder.rmdir()


def _link() -> Path:
    return Path("/sys/class/net") / WIRE


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name
