"""Where the node's things are: on this machine, and as the node sees them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
ADDONS = ROOT / "tests" / "cluster" / "addons"
FOLDER = ROOT / ".cluster"
# The same folder inside: short, since sockets in it may have a path of 107 characters at most.
INSIDE = Path("/run/node")
TOOLS = Path("/run/tools")

NAME = "hingecraft"
CONTEXT = "hingecraft-node"
KUBECONFIG = FOLDER / "kubeconfig"

# The two ends of the wire between this machine and the node; of a range that no network uses.
WIRE = "hingecraft0"
HOST_ADDRESS, NODE_ADDRESS = "198.18.0.1", "198.18.0.2"
API_SERVER = f"https://{NODE_ADDRESS}:6443"
PODS, SERVICES = "10.244.0.0/24", "10.96.0.0/16"
FIRST_SERVICE, DNS_SERVICE = "10.96.0.1", "10.96.0.10"
# Where the enforcer of NetworkPolicies says whether it is alive.
POLICIES_PORT = 20244
# What this machine reaches the ingress and the sandbox by: NodePorts, and the same on 127.0.0.1.
INGRESS_PORT, SANDBOX_PORT = 30080, 30092
INGRESS, SANDBOX = f"http://127.0.0.1:{INGRESS_PORT}", f"https://127.0.0.1:{SANDBOX_PORT}"
