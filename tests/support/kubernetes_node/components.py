"""The programs of the node, in the order in which they need each other."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import yaml

from support import cluster_tools, control_plane
from support.kubernetes_node import credentials
from support.kubernetes_node.machine import MachineError, inside, run
from support.kubernetes_node.places import (
    ADDONS,
    API_SERVER,
    DNS_SERVICE,
    FOLDER,
    INSIDE,
    KUBECONFIG,
    NAME,
    NODE_ADDRESS,
    PODS,
    POLICIES_PORT,
    SERVICES,
    TOOLS,
)
from toolchain.go_tools import cache

PAUSE_IMAGE = "localhost/pause:1"
CONTAINERD = f"unix://{INSIDE}/containerd.sock"
_PKI = INSIDE / "pki"
# Seconds. Reached only where a component does not come up at all, also on a slow machine.
_STARTS_WITHIN = 300.0


def start() -> None:
    """From nothing to a node that is ready for pods."""
    credentials.make()
    _start_control_plane()
    _start_containerd()
    _start_kubelet()
    _start("kube-proxy", _tool("kube-proxy"), f"--config={_config('kube-proxy', _kube_proxy())}")
    _start_network_policies()


def _start_control_plane() -> None:
    _start(
        "etcd", _tool("server"), f"--data-dir={INSIDE}/etcd", "--unsafe-no-fsync", "--log-level=error",
        "--listen-peer-urls=http://127.0.0.1:2380",
    )  # fmt: skip
    _start(
        "kube-apiserver", _tool("kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={NODE_ADDRESS}", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
        f"--service-cluster-ip-range={SERVICES}", f"--token-auth-file={_PKI}/tokens.csv",
        f"--client-ca-file={_PKI}/ca.pem", f"--tls-cert-file={_PKI}/server.pem",
        f"--tls-private-key-file={_PKI}/server.pem", "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={_PKI}/sa.key", f"--service-account-signing-key-file={_PKI}/sa.key",
        f"--kubelet-client-certificate={_PKI}/kubelet-client.pem", f"--kubelet-client-key={_PKI}/kubelet-client.pem",
        "--kubelet-preferred-address-types=InternalIP", "--enable-aggregator-routing=true",
        f"--requestheader-client-ca-file={_PKI}/ca.pem", "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-", f"--proxy-client-cert-file={_PKI}/front-proxy.pem",
        f"--proxy-client-key-file={_PKI}/front-proxy.pem", f"--cert-dir={INSIDE}/certs", "--profiling=false",
    )  # fmt: skip
    _wait("the API server", _api_server_is_ready)
    _start(
        "kube-controller-manager", _tool("kube-controller-manager"), f"--kubeconfig={_PKI}/controller.kubeconfig",
        "--use-service-account-credentials", "--leader-elect=false", "--enable-hostpath-provisioner=true",
        f"--service-account-private-key-file={_PKI}/sa.key", f"--root-ca-file={_PKI}/ca.pem",
        # A cluster that is waited for: it looks at its numbers more often than one that only has to be cheap.
        "--horizontal-pod-autoscaler-sync-period=5s", "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=20s", f"--cert-dir={INSIDE}/certs",
    )  # fmt: skip
    _start("volumes", "bash", "-c", _OPEN_VOLUMES)
    _start(
        "kube-scheduler", _tool("kube-scheduler"), f"--kubeconfig={_PKI}/scheduler.kubeconfig", "--leader-elect=false",
        f"--cert-dir={INSIDE}/certs",
    )  # fmt: skip


# The provisioner of upstream makes folders that only root can enter, and none of our pods is root.
_OPEN_VOLUMES = """
while true; do
  find /tmp/hostpath_pv -mindepth 1 -maxdepth 1 -type d ! -perm 0777 -exec chmod 0777 {} + 2>/dev/null
  sleep 0.2
done
"""


def _start_containerd() -> None:
    network = {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "ipMasq": True, "hairpinMode": True,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "dataDir": f"{INSIDE}/addresses"},
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }  # fmt: skip
    (FOLDER / "cni").mkdir(exist_ok=True)
    (FOLDER / "cni" / "pods.conflist").write_text(json.dumps(network))
    (FOLDER / "containerd.toml").write_text(_CONTAINERD)
    _start("containerd", "containerd", "--config", INSIDE / "containerd.toml")
    _wait("containerd", lambda: _answers("ctr", "--address", CONTAINERD.removeprefix("unix://"), "version"))


_CONTAINERD = f"""
version = 2
root = "{INSIDE}/containerd"
state = "{INSIDE}/containerd-state"
[grpc]
  address = "{CONTAINERD.removeprefix("unix://")}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{INSIDE}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no pod would start: "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{INSIDE}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def _start_kubelet() -> None:
    (FOLDER / "resolv.conf").write_text("")
    configuration = _config(
        "kubelet",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "failCgroupV1": False, "cgroupDriver": "cgroupfs", "failSwapOn": False,
            "containerRuntimeEndpoint": CONTAINERD, "clusterDNS": [DNS_SERVICE], "clusterDomain": "cluster.local",
            "resolvConf": f"{INSIDE}/resolv.conf", "authorization": {"mode": "Webhook"},
            "authentication": {"x509": {"clientCAFile": f"{_PKI}/ca.pem"}, "webhook": {"enabled": True}},
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "serializeImagePulls": False, "maxPods": 110, "oomScoreAdj": 0,
            "nodeStatusUpdateFrequency": "5s", "syncFrequency": "10s",
        },
    )  # fmt: skip
    _start(
        "kubelet", _tool("kubelet"), f"--config={configuration}", f"--kubeconfig={_PKI}/kubelet.kubeconfig",
        f"--node-ip={NODE_ADDRESS}", f"--hostname-override={NAME}", f"--root-dir={INSIDE}/kubelet",
        f"--cert-dir={INSIDE}/certs",
    )  # fmt: skip
    _wait("the node", _node_is_ready)


def _kube_proxy() -> dict[str, object]:
    """With nftables: kube-router restores the filter table of iptables, and would undo what another wrote meanwhile."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
        "clusterCIDR": PODS, "hostnameOverride": NAME, "conntrack": {"maxPerCore": 0},
        "clientConnection": {"kubeconfig": f"{_PKI}/proxy.kubeconfig"},
    }  # fmt: skip


def _start_network_policies() -> None:
    """kube-router, of which only the part that enforces NetworkPolicies runs."""
    kubectl("apply", "--server-side", f"--filename={ADDONS / 'network-policies.yaml'}")
    _start(
        "kube-router", TOOLS / cluster_tools.kube_router().relative_to(cache() / "go"), "--run-firewall",
        "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false", "--enable-cni=false",
        f"--kubeconfig={_PKI}/policies.kubeconfig", f"--hostname-override={NAME}",
        f"--service-cluster-ip-range={SERVICES}", f"--health-port={POLICIES_PORT}",
    )  # fmt: skip
    _wait("the enforcement of NetworkPolicies", _policies_are_enforced)


def kubectl(*arguments: str, given: str | None = None) -> str:
    """As the admin, from this machine; answers what it said."""
    done = subprocess.run(
        [str(control_plane.binaries() / "kubectl"), f"--kubeconfig={KUBECONFIG}", *arguments],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise MachineError(f"kubectl {' '.join(arguments)[:200]}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def is_up() -> bool:
    """Whether a cluster runs here already."""
    try:
        return _api_server_is_ready() and _node_is_ready() and _policies_are_enforced()
    except (MachineError, OSError):
        return False


def _api_server_is_ready() -> bool:
    context = ssl.create_default_context(cafile=FOLDER / "pki" / "ca.pem")
    request = urllib.request.Request(f"{API_SERVER}/readyz", headers={"Authorization": f"Bearer {credentials.admin()}"})
    try:
        with urllib.request.urlopen(request, context=context, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _node_is_ready() -> bool:
    try:
        wanted = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
        return kubectl("get", "nodes", "-o", wanted) == "True"
    except MachineError:
        return False


def _policies_are_enforced() -> bool:
    """The rules are there, and the one that keeps them is alive."""
    try:
        with urllib.request.urlopen(f"http://{NODE_ADDRESS}:{POLICIES_PORT}/healthz", timeout=2):
            return _answers("iptables", "--wait", "--list-rules", "KUBE-ROUTER-FORWARD")
    except OSError:
        return False


def _answers(*command: str) -> bool:
    try:
        run(*inside(*command))
    except MachineError:
        return False
    return True


def _wait(what: str, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while not ready():
        if time.monotonic() > until:
            raise MachineError(f"{what} is not ready after {_STARTS_WITHIN:.0f} s: see {FOLDER / 'logs'}")
        time.sleep(0.1)


def _tool(name: str) -> Path:
    return TOOLS / control_plane.binaries().relative_to(cache() / "go") / name


def _config(name: str, document: dict[str, object]) -> Path:
    (FOLDER / f"{name}.yaml").write_text(yaml.safe_dump(document))
    return INSIDE / f"{name}.yaml"


def _start(name: str, *command: str | Path) -> None:
    (FOLDER / "logs").mkdir(exist_ok=True)
    with (FOLDER / "logs" / f"{name}.log").open("ab") as log:
        subprocess.Popen(
            inside(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "GOMAXPROCS": "2"},
        )  # fmt: skip
