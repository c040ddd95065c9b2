"""`make load-cluster`: a thousand people come through the ingress while routes change, and what it takes.

Thresholds are Locust's (loadtests/locustfile.py), and: commit to the last pod, the pods' memory, and that no pod logs
an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kubernetes.utils.quantity import parse_quantity

from release.records import Recording, outcome
from support.helm_release import HOST, CommandFailedError, Release, cluster, until
from support.kubernetes_node.places import INGRESS, ROOT
from support.pods import VISITOR_SECRET
from toolchain.go_tools import MissingToolError

RESULTS = ROOT / "test_results" / "load-cluster"
# What the sign-off of a release asks for: `make release` reads it from test_results/records.
_PROVED, _USERS_AT_LEAST = "thousand_visitors", 1000
USERS, SECONDS = os.environ.get("LOAD_USERS", "1000"), os.environ.get("LOAD_SECONDS", "300")
ROUTES_P99 = "20"
MEMORY_AT_MOST = 120 * 2**20
COMMIT_WITHIN = 0.5
_EVERY = 2.0
_BUCKET = re.compile(r'^hingecraft_sync_since_commit_seconds_bucket\{.*?le="([^"]+)".*?\} ([0-9.e+]+)$', re.MULTILINE)

_PROCESSOR = re.compile(r"^process_cpu_seconds_total (\S+)$", re.MULTILINE)
_REQUESTS = re.compile(r"^hingecraft_http_request_seconds_count\{.*\} (\S+)$", re.MULTILINE)


def change_routes(release: Release, stop: threading.Event) -> None:
    """A commit now and then, as saving a link would be."""
    number = 0
    while not stop.wait(_EVERY):
        number += 1
        release.postgres(f"UPDATE currencies SET name = 'Euro {number}' WHERE code = 'EUR'")


def memory_of(release: Release) -> dict[str, int]:
    """Of each pod that serves, as Kubernetes counts it: what it cannot give back."""
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{release.namespace}/pods"
    found = release.raw(path)
    pods = set(release.ready_pods("api"))
    return {
        item["metadata"]["name"]: int(parse_quantity(item["containers"][0]["usage"]["memory"]))
        for item in found["items"]
        if item["metadata"]["name"] in pods
    }


def landed(release: Release) -> dict[float, float]:
    """How many commits had reached the last pod after how long, by the leader's own count."""
    leader = release.get("lease", "hingecraft-operator")["spec"]["holderIdentity"]
    path = f"/api/v1/namespaces/{release.namespace}/pods/{leader}:8083/proxy/metrics"
    text = release.kubectl("get", "--raw", path)
    counts: dict[float, float] = {}
    for bound, count in _BUCKET.findall(text):
        counts[float(bound)] = counts.get(float(bound), 0.0) + float(count)
    return counts


def used(release: Release) -> tuple[float, float]:
    """The processor time in seconds that the API pods have used, and the requests that they have answered."""
    seconds = requests = 0.0
    for pod in release.ready_pods("api"):
        path = f"/api/v1/namespaces/{release.namespace}/pods/{pod}:8081/proxy/metrics"
        text = release.kubectl("get", "--raw", path)
        seconds += sum(map(float, _PROCESSOR.findall(text)))
        requests += sum(map(float, _REQUESTS.findall(text)))
    return seconds, requests


def attack() -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            sys.executable, "-m", "locust", "--locustfile", ROOT / "loadtests" / "locustfile.py", "--headless",
            "--users", USERS, "--spawn-rate", "50", "--run-time", f"{SECONDS}s", "--host", INGRESS, "--only-summary",
            "--html", RESULTS / "report.html", "--csv", RESULTS / "load", "--stop-timeout", "20", "--reset-stats",
        ],
        env={"LOAD_ROUTES_P99_MS": ROUTES_P99, **os.environ, "VISITOR_SECRET": VISITOR_SECRET, "LOAD_HOST": HOST},
        check=False,
    )  # fmt: skip
    return done.returncode


def measure(release: Release) -> int:
    stop = threading.Event()
    changing = threading.Thread(target=change_routes, args=(release, stop))
    before, used_before = landed(release), used(release)
    changing.start()
    try:
        code = attack()
    finally:
        stop.set()
        changing.join()
    counts = {bound: count - before.get(bound, 0.0) for bound, count in landed(release).items()}
    commits, soon = counts[float("inf")], counts[COMMIT_WITHIN]
    seconds, requests = (after - then for after, then in zip(used(release), used_before, strict=True))
    memory = memory_of(release)
    largest = max(memory.values())
    errors = release.errors_logged("api", "operator")
    met = soon >= 0.99 * commits > 0 and largest <= MEMORY_AT_MOST and not errors
    print(f"{soon:.0f} of {commits:.0f} commits reached the last pod within {COMMIT_WITHIN * 1000:.0f} ms")
    print(f"{len(memory)} pods, the largest of {largest / 2**20:.0f} MB (at most {MEMORY_AT_MOST / 2**20:.0f})")
    print("\n".join(["no pod logged an error"] if not errors else [f"{len(errors)} errors logged:", *errors[:20]]))
    print(f"each of {requests:.0f} requests took {1000 * seconds / requests:.2f} ms of the pods' processor time")
    print(f"report: {RESULTS / 'report.html'}")
    return code or (0 if met else 1)


def main() -> int:
    recording = Recording("load-cluster")
    try:
        cluster()
        code = installed()
    except (CommandFailedError, MissingToolError) as error:
        print(error, file=sys.stderr)
        return 1
    proved = (
        {f"loadtests/{Path(__file__).name}::{_PROVED}": outcome(code == 0)} if int(USERS) >= _USERS_AT_LEAST else {}
    )
    recording.end(proved)
    return code


def installed() -> int:
    """Measure a release that is removed afterwards."""
    release = Release(namespace="hingecraft-load")
    release.remove()
    try:
        release.prepare()
        release.start_sandbox()
        started = time.monotonic()
        release.install("--set=api.autoscaling.scaleDownAfterSeconds=300")
        print(f"installed and ready after {time.monotonic() - started:.1f} s", flush=True)
        until(lambda: memory_of(release), 90)
        return measure(release)
    finally:
        release.remove()


if __name__ == "__main__":
    sys.exit(main())
