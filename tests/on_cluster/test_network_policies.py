"""Every rule of the chart's NetworkPolicies, enforced: what passes and what does not.

The policies are the chart's. The pods are stand-ins with the labels and named ports of the chart's pods. They listen on
every port, and each connection is made once before the policies exist: one that fails later was stopped by a policy.
"""

from __future__ import annotations

import json
import time

import pytest
import yaml

from hingecraft_operator.cronjob.manifest import LABELS as RECONCILE
from support.helm_release import CHART, Release
from support.stand_ins import Connection, StandIns

pytestmark = pytest.mark.timeout(300)
PORTS = (53, 443, 5353, 5432, 5433, 6379, 6380, 6432, 8080, 8081, 8083, 8443, 9443)
HERE, ELSEWHERE = Release("hingecraft-policies"), Release("hingecraft-elsewhere")
# By the prefix of their stand-ins' names.
RELEASES = {"": HERE, "narrow-": ELSEWHERE}
BOTH = {
    "site": {"url": "https://www.example.com", "publicUrl": "https://pay.example.com"},
    "database": {"secret": "database"}, "api": {"secret": "api"},
}  # fmt: skip
# The values that add rules, and the default ports.
WIDE = {
    **BOTH,
    "api": {"secret": "api", "valkeySecret": "valkey"},
    "operator": {"watchNamespaces": [HERE.namespace, ELSEWHERE.namespace]},
    "postgres": {"enabled": True, "secret": "database"},
    "crds": {"upgrade": True},
    "networkPolicies": {
        "operatorNamespaceSelector": {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "In",
                    "values": [HERE.namespace, ELSEWHERE.namespace],
                }
            ]
        },
        "ingressFrom": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "ingress"}}}],
        "metricsFrom": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "prometheus"}}}],
        "extraEgress": [{"ports": [{"port": 9443, "protocol": "TCP"}]}],
    },
}  # fmt: skip
# A release in another namespace, with no optional rules, and with narrower ports and peers.
NARROW = {
    **BOTH,
    "sentry": {"secret": "sentry"},
    "networkPolicies": {
        "egress": {
            "dns": {"ports": [53]},
            # Its Service's address and port, which plug-ins do not see.
            "apiServer": {"ports": [443], "to": [{"ipBlock": {"cidr": "10.96.0.1/32"}}]},
            "https": {
                "ports": [443, 8443],
                "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "world"}}}],
            },
        },
    },
}  # fmt: skip
# By their labels; the chart's own pods come from the chart.
OTHERS = {
    "": {"reconcile": RECONCILE, "stranger": {"app": "stranger"}},
    "narrow-": {
        **{name: {"app": name} for name in ("world", "ingress", "prometheus")},
        "far-operator": {"app.kubernetes.io/name": "hingecraft", "app.kubernetes.io/component": "operator"},
        "narrow-reconcile": RECONCILE,
    },
}
SERVICES = {
    # name: of which pod, its own port, the pod's
    "dns-on-5353": ("world", 53, 5353),
    "https-on-8443": ("world", 443, 8443),
}


def _names_and(who, *more):
    """The rules that nearly every component has, and its own."""
    rules = {
        "egress 53/udp 53 5353/udp 5353": (
            ["world:53/udp", "world:53", "world:5353/udp", "world:5353", "dns-on-5353:53/udp"],
            ["world:5433/udp", "world:8443/udp"],
        ),
        "egress 9443": (["world:9443"], ["world:8443", "stranger:8443"]),
    }
    found = {
        f"{who} {rule}": tuple([f"{who} > {target}" for target in targets] for targets in both)
        for rule, both in rules.items()
    }
    return {**found, **dict(more)}


# For each rule of each policy: what passes, what does not.
RULES = {
    "api ingress http": (
        ["ingress > api:8080", "check > api:8080"],
        ["stranger > api:8080", "narrow-api > api:8080", "world > api:8080", "ingress > api:8443"],
    ),
    "api ingress internal": (
        ["operator > api:8081", "far-operator > api:8081", "prometheus > api:8081"],
        ["ingress > api:8081", "stranger > api:8081", "prometheus > api:8443"],
    ),
    **_names_and(
        "api",
        ("api egress 5432 6432", (["api > postgres:5432"], ["api > postgres:6432", "api > world:5432"])),
        ("api egress 443", (["api > world:443"], ["api > world:8443", "api > https-on-8443:443"])),
        ("api egress 6379", (["api > world:6379"], ["api > world:6380"])),
    ),
    "check ingress nothing": ([], ["ingress > check:8080", "stranger > check:8081"]),
    **_names_and(
        "check",
        (
            "check egress http",
            (["check > api:8080"], ["check > api:8081", "check > stranger:8080", "check > world:443"]),
        ),
    ),
    "reconcile ingress nothing": ([], ["stranger > reconcile:8080", "prometheus > reconcile:8081"]),
    **_names_and(
        "reconcile",
        (
            "reconcile egress 5432 6432",
            (["reconcile > postgres:5432"], ["reconcile > world:5432", "reconcile > world:6379"]),
        ),
        ("reconcile egress 443", (["reconcile > world:443"], ["reconcile > world:8443", "reconcile > kubernetes:443"])),
    ),
    "operator ingress operator": (
        ["prometheus > operator:8083"],
        ["stranger > operator:8083", "ingress > operator:8083", "prometheus > operator:8081"],
    ),
    **_names_and(
        "operator",
        # Resources name databases of their own.
        (
            "operator egress 5432 6432",
            (
                ["operator > postgres:5432", "operator > world:5432", "operator > world:6432"],
                ["operator > world:5433", "operator > postgres:6379"],
            ),
        ),
        ("operator egress 443", (["operator > world:443"], ["operator > https-on-8443:443"])),
        # The Service's port is 443, and the API server itself listens on 6443.
        ("operator egress 443 6443", (["operator > kubernetes:443"], ["operator > stranger:8443"])),
        (
            "operator egress 8081",
            (
                ["operator > api:8081", "operator > stranger:8081", "operator > world:8081"],
                ["operator > api:8080", "operator > world:8080", "operator > world:8083"],
            ),
        ),
    ),
    "postgres ingress postgres": (
        [f"{who} > postgres:5432" for who in ("api", "operator", "far-operator", "reconcile", "migrate")],
        ["stranger > postgres:5432", "world > postgres:5432", "narrow-operator > postgres:6432"],
    ),
    "postgres egress nothing": ([], ["postgres > world:443", "postgres > world:53/udp", "postgres > kubernetes:443"]),
    "migrate ingress nothing": ([], ["stranger > migrate:8080", "prometheus > migrate:8081"]),
    **_names_and(
        "migrate",
        (
            "migrate egress 5432 6432",
            (["migrate > postgres:5432"], ["migrate > world:5432", "migrate > world:443", "migrate > kubernetes:443"]),
        ),
    ),
    "definition ingress nothing": ([], ["stranger > definition:8080", "prometheus > definition:8081"]),
    **_names_and(
        "definition",
        ("definition egress 443 6443", (["definition > kubernetes:443"], ["definition > postgres:5432"])),
    ),
    "narrow-api ingress http": (["stranger > narrow-api:8080", "world > narrow-api:8080"], ["world > narrow-api:8443"]),
    "narrow-api ingress internal": (
        ["narrow-operator > narrow-api:8081"],
        ["operator > narrow-api:8081", "prometheus > narrow-api:8081"],
    ),
    "narrow-api egress 53/udp 53": (
        ["narrow-api > world:53/udp", "narrow-api > world:53"],
        ["narrow-api > dns-on-5353:53/udp", "narrow-api > world:5353"],
    ),
    "narrow-api egress 5432 6432": (
        ["narrow-api > world:5432", "narrow-api > world:6432"],
        ["narrow-api > world:5433", "narrow-api > world:6379", "narrow-api > world:9443"],
    ),
    "narrow-api egress 443 8443": (
        ["narrow-api > world:443", "narrow-api > https-on-8443:443"],
        ["narrow-api > stranger:443", "narrow-api > ingress:443"],
    ),
    "narrow-check ingress nothing": ([], ["stranger > narrow-check:8080"]),
    "narrow-check egress 53/udp 53": (["narrow-check > world:53/udp"], ["narrow-check > dns-on-5353:53/udp"]),
    "narrow-check egress http": (["narrow-check > narrow-api:8080"], ["narrow-check > world:8080"]),
    "narrow-reconcile ingress nothing": ([], ["stranger > narrow-reconcile:8080"]),
    "narrow-reconcile egress 53/udp 53": (["narrow-reconcile > world:53/udp"], ["narrow-reconcile > world:5353/udp"]),
    "narrow-reconcile egress 5432 6432": (["narrow-reconcile > world:6432"], ["narrow-reconcile > world:5433"]),
    "narrow-reconcile egress 443 8443": (["narrow-reconcile > world:443"], ["narrow-reconcile > ingress:443"]),
    "narrow-operator ingress nothing": ([], ["prometheus > narrow-operator:8083", "stranger > narrow-operator:8083"]),
    "narrow-operator egress 53/udp 53": (["narrow-operator > world:53/udp"], ["narrow-operator > world:5353/udp"]),
    "narrow-operator egress 5432 6432": (["narrow-operator > world:5432"], ["narrow-operator > world:5433"]),
    "narrow-operator egress 443 8443": (
        ["narrow-operator > world:443", "narrow-operator > world:8443"],
        ["narrow-operator > ingress:443"],
    ),
    # Upgrades failed because of this: the API server does not listen on 443.
    "narrow-operator egress 443": ([], ["narrow-operator > kubernetes:443"]),
    "narrow-operator egress 8081": (
        ["narrow-operator > world:8081", "narrow-operator > narrow-api:8081"],
        ["narrow-operator > stranger:8081", "narrow-operator > api:8081", "narrow-operator > world:8080"],
    ),
    "narrow-migrate ingress nothing": ([], ["stranger > narrow-migrate:8080"]),
    "narrow-migrate egress 53/udp 53": (["narrow-migrate > world:53/udp"], ["narrow-migrate > world:5353/udp"]),
    "narrow-migrate egress 5432 6432": (["narrow-migrate > world:5432"], ["narrow-migrate > world:5433"]),
    "narrow-migrate egress 443 8443": (["narrow-migrate > world:443"], ["narrow-migrate > ingress:443"]),
}
PASS, BLOCKED = ({Connection.read(text) for rule in RULES.values() for text in rule[which]} for which in (0, 1))


def rendered(where, values):
    text = where.helm("template", where.name, str(CHART), "--values=-", given=json.dumps(values))
    return [document for document in yaml.safe_load_all(text) if document]


def stand_ins_of(documents, prefix):
    """The pods of a release: what the chart calls their component, their labels and named ports."""
    for document in documents:
        pod = document if document["kind"] == "Pod" else document.get("spec", {}).get("template", {})
        if "containers" in pod.get("spec", {}):
            labels = pod["metadata"]["labels"]
            ports = pod["spec"]["containers"][0].get("ports", [])
            yield f"{prefix}{labels['app.kubernetes.io/component']}", {"labels": labels, "ports": ports}


def rules_of(policy, prefix):
    """Each as the table above names it."""
    component = policy["metadata"]["labels"]["app.kubernetes.io/component"]
    for direction in ("ingress", "egress"):
        for rule in policy["spec"][direction] or [{"ports": []}]:
            ports = " ".join(f"{each['port']}{'/udp' * (each['protocol'] == 'UDP')}" for each in rule["ports"])
            yield f"{prefix}{component} {direction} {ports or 'nothing'}"


@pytest.fixture(scope="module")
def charts():
    return {"": rendered(HERE, WIDE), "narrow-": rendered(ELSEWHERE, NARROW)}


@pytest.fixture(scope="module")
def policies(charts):
    return {
        prefix: [document for document in documents if document["kind"] == "NetworkPolicy"]
        for prefix, documents in charts.items()
    }


@pytest.fixture(scope="module")
def stand_ins(charts):
    """Running, in two namespaces without policies."""
    remove()
    made = StandIns(PORTS)
    for prefix, where in RELEASES.items():
        where.prepare()
        others = {name: {"labels": labels} for name, labels in OTHERS[prefix].items()}
        made.start(where, dict(stand_ins_of(charts[prefix], prefix)) | others)
    for name, (pod, port, target) in SERVICES.items():
        made.serve(name, pod, port, target)
    made.wait()
    made.addresses["kubernetes"] = HERE.get("service", "kubernetes", "--namespace=default")["spec"]["clusterIP"]
    yield made
    remove()


def remove():
    names = [where.namespace for where in RELEASES.values()]
    HERE.kubectl("delete", "namespace", *names, "--ignore-not-found", "--timeout=120s")


@pytest.fixture(scope="module")
def connected(stand_ins, policies):
    """The connections that succeed once the policies are in force; before, all of them do."""
    everything = PASS | BLOCKED
    assert everything - stand_ins.connected(everything) == set()
    for prefix, where in RELEASES.items():
        where.apply(*policies[prefix])
    until = time.monotonic() + 60
    while (found := stand_ins.connected(everything)) != PASS and time.monotonic() < until:
        pass
    return found


def test_every_rule_of_the_chart_is_here(policies):
    found = [rule for prefix, each in policies.items() for policy in each for rule in rules_of(policy, prefix)]
    assert sorted(found) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_passes_and_stops(connected, rule):
    passes, stops = ({Connection.read(text) for text in texts} for texts in RULES[rule])
    assert passes - connected == set(), "stopped, and should pass"
    assert stops & connected == set(), "passes, and should be stopped"
