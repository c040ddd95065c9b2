"""Traces that a cluster could leave on this machine, compared before and after it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

# Those that kubelet changes for the whole machine; what it changes of the network is the node's own.
SYSCTLS = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
CGROUPS = Path("/sys/fs/cgroup")
# Where its programs would write if they were not told otherwise.
_FOLDERS = (
    "/etc/cni/net.d", "/opt/cni", "/opt/containerd", "/run/containerd", "/run/netns", "/tmp/hostpath_pv",
    "/var/lib/cni", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods",
)  # fmt: skip
# Left by whatever builds an image on this machine for the first time, and by nothing of the cluster.
_BUILDAHS = Path("/etc/cni/net.d/cni.lock")

Traces = dict[str, list[str]]


def traces() -> Traces:
    """Everything that there is of each kind, in order."""
    return {
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "iptables": sorted(line for line in _said("iptables-save").splitlines() if line.startswith("-A")),
        "ipsets": sorted(_said("ipset", "list", "-name").split()),
        "nft": sorted(table for table in _said("nft", "list", "tables").splitlines() if not _is_of_iptables(table)),
        "mounts": sorted(line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()),
        "cgroups": sorted(
            str(path.relative_to(CGROUPS)) for path in CGROUPS.glob("*/*") if path.is_dir() and not path.is_symlink()
        ),
        "settings": [f"{name}={(Path('/proc/sys') / name).read_text().strip()}" for name in SYSCTLS],
        "folders": [
            str(inner)
            for name in _FOLDERS
            if Path(name).exists()
            for inner in sorted(Path(name).iterdir())
            if inner != _BUILDAHS
        ],
    }


def _is_of_iptables(table: str) -> bool:
    """Its rules are compared above; the tables stay when the last rule has gone."""
    return table.rpartition(" ")[2] in {"filter", "mangle", "nat", "raw", "security"}


def left(before: Traces) -> list[str]:
    """The traces that were not there before; a setting is listed with its value."""
    now = traces()
    return [f"{kind}: {thing}" for kind, things in before.items() for thing in sorted(set(now[kind]) - set(things))]


def _said(*command: str) -> str:
    """Nothing, where the program is missing: what was never there has left nothing either."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
