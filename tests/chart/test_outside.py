"""Connections into and out of a company's network: proxies, certificate authorities, Services, hosts and paths."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from chart.conftest import AFFINITY, CLASSES, EVERYTHING, EXTRAS, NAMES, OF_JOBS, PLACE, SHORT, SIDECAR
from chart.test_refusals import changed
from chart.test_unusual import found, pod_spec
from support.helm_chart import REQUIRED, rendered
from support.kubernetes_node.places import ROOT

PROXY = "http://proxy.example.com:3128"
OF_THE_CLUSTER = ["localhost", "127.0.0.1", "::1", ".svc", ".cluster.local"]
WITH_PROVIDERS = changed(REQUIRED, "providers.secret", "providers")


def environment(entries):
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in entries}


def main_environment(documents, kind, name):
    return environment(pod_spec(found(documents, kind, name))["containers"][0]["env"])


def reconcile(documents):
    return found(documents, "PaymentRoutes")["spec"]["reconcile"]


def test_every_pod_that_calls_out_knows_the_proxy():
    documents = rendered(changed(WITH_PROVIDERS, "proxy.httpsProxy", PROXY))
    told = [
        main_environment(documents, kind, name) for kind, name in (("Deployment", "-api"), ("Deployment", "-operator"))
    ]
    for settings in (*told, environment(reconcile(documents)["env"])):
        assert settings["HTTPS_PROXY"] == PROXY
        assert "HTTP_PROXY" not in settings
        private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
        assert settings["NO_PROXY"].split(",") == OF_THE_CLUSTER + private


def test_names_of_the_cluster_are_reached_directly_whatever_else_is_said():
    values = changed(WITH_PROVIDERS, "proxy", {"httpsProxy": PROXY, "noProxy": ["sentry.example.com", ".svc"]})
    settings = main_environment(rendered(values), "Deployment", "-operator")
    assert settings["NO_PROXY"].split(",") == [*OF_THE_CLUSTER, "sentry.example.com"]


def test_a_proxy_with_a_login_comes_from_a_secret():
    documents = rendered(EVERYTHING)
    wanted = {"secretKeyRef": {"name": "proxy", "key": "HTTPS_PROXY"}}
    assert main_environment(documents, "Deployment", "-api")["HTTPS_PROXY"] == wanted
    assert environment(reconcile(documents)["env"])["HTTPS_PROXY"] == wanted


def test_without_a_proxy_nothing_is_said_of_one():
    assert "_PROXY" not in json.dumps(rendered(WITH_PROVIDERS))


@pytest.mark.parametrize(
    ("proxy", "egress", "ports"),
    [
        ({"httpsProxy": PROXY}, {}, [3128]),
        ({"httpsProxy": "https://proxy.example.com"}, {}, [443]),
        ({"httpProxy": "http://proxy.example.com", "httpsProxy": PROXY}, {}, [3128, 80]),
        ({"secret": "proxy"}, {"ports": [8080]}, [8080]),
    ],
)
def test_the_proxy_can_be_reached(proxy, egress, ports):
    """By those that call out, and nobody else."""
    documents = rendered(changed(changed(WITH_PROVIDERS, "proxy", proxy), "networkPolicies.egress.proxy", egress))
    for name in ("-api", "-operator", "-reconcile"):
        assert ports in opened(found(documents, "NetworkPolicy", name)), name
    for name in ("-check", "-migrate"):
        assert ports not in opened(found(documents, "NetworkPolicy", name)), name


def test_traces_reach_their_collector():
    """From those that have spans, with the headers that it wants."""
    endpoint = "http://collector.monitoring.svc:4318"
    documents = rendered(changed(WITH_PROVIDERS, "tracing", {"endpoint": endpoint, "secret": "collector"}))
    token = {"secretKeyRef": {"name": "collector", "key": "OTEL_EXPORTER_OTLP_HEADERS"}}
    told = [main_environment(documents, "Deployment", name) for name in ("-api", "-operator")]
    for settings in (*told, environment(reconcile(documents)["env"])):
        assert settings["OTEL_EXPORTER_OTLP_ENDPOINT"] == endpoint
        assert settings["OTEL_EXPORTER_OTLP_HEADERS"] == token
    for name in ("-api", "-operator", "-reconcile"):
        assert [4318] in opened(found(documents, "NetworkPolicy", name)), name
    assert [4318] not in opened(found(documents, "NetworkPolicy", "-check"))
    without = rendered(WITH_PROVIDERS)
    assert [4318] not in opened(found(without, "NetworkPolicy", "-api"))
    assert "OTEL_" not in json.dumps(without)


def test_every_process_can_report_its_errors():
    """The pods, the operators, the reconciliation and the migration; `PaymentRoutes` hands it to the CronJob."""
    documents = rendered(changed(WITH_PROVIDERS, "sentry.secret", "sentry"))
    told = [main_environment(documents, "Deployment", name) for name in ("-api", "-operator")]
    told += [main_environment(documents, "Job", "-migrate"), environment(reconcile(documents)["env"])]
    for settings in told:
        assert settings["SENTRY_DSN"] == {"secretKeyRef": {"name": "sentry", "key": "SENTRY_DSN"}}
    assert "SENTRY_DSN" not in json.dumps(rendered(WITH_PROVIDERS))


def opened(policy):
    return [[each["port"] for each in rule["ports"]] for rule in policy["spec"]["egress"]]


@pytest.mark.parametrize("source", ["configMap", "secret"])
def test_a_reconciliation_trusts_the_companys_authority(source):
    parts = reconcile(rendered(changed(WITH_PROVIDERS, "caBundle", {source: "company-ca"})))
    volume = (
        {"configMap": {"name": "company-ca"}} if source == "configMap" else {"secret": {"secretName": "company-ca"}}
    )
    assert parts["volumes"] == [{"name": "ca-bundle", **volume}]
    (mount,) = parts["volumeMounts"]
    assert environment(parts["env"]) == {"SSL_CERT_FILE": f"{mount['mountPath']}/ca.crt"}


def test_a_reconciliation_takes_more():
    parts = reconcile(rendered(EVERYTHING))
    assert parts["env"][-1] == {"name": "PUBLIC_URL", "value": "https://pay.example.com"}
    assert EXTRAS["envFrom"][0] in parts["envFrom"]
    assert EXTRAS["extraVolumes"][0] in parts["volumes"]
    assert EXTRAS["extraVolumeMounts"][0] in parts["volumeMounts"]
    assert (parts["podLabels"], parts["podAnnotations"]) == ({"mesh": "off", "team": "payments"}, {"a": "b"})
    assert {field: parts[field] for field in (*NAMES, *PLACE, "affinity")} == {**NAMES, **PLACE, "affinity": AFFINITY}
    projected, csi = (each for each in parts["volumes"] if "projected" in each or "csi" in each)
    assert projected["projected"] == {"sources": OF_JOBS[0]["projected"]["sources"]}, (
        "the resource has no modes of files"
    )
    assert csi == OF_JOBS[1]
    assert {field: parts[field] for field in CLASSES} == CLASSES
    assert parts["podSecurityContext"] == {"fsGroup": 65532}
    assert (parts["initContainers"], parts["extraContainers"]) == ([SIDECAR], EXTRAS["extraContainers"])


def test_a_reconciliation_needs_no_newer_definition_than_what_it_uses():
    new = {
        "env", "volumes", "volumeMounts", "initContainers", "extraContainers", "podLabels", "podAnnotations",
        "nodeSelector", "tolerations", "podSecurityContext", *CLASSES, *NAMES,
    }  # fmt: skip
    assert not new & reconcile(rendered(WITH_PROVIDERS)).keys()


@pytest.mark.parametrize(("kind", "name"), [("Job", "-migrate"), ("Job", "-definition"), ("Pod", "-check")])
def test_what_runs_once_is_put_somewhere_and_labelled(kind, name):
    document = found(rendered({**EVERYTHING, "postgres": {"enabled": False}}), kind, name)
    metadata = document["metadata"] if kind == "Pod" else document["spec"]["template"]["metadata"]
    assert metadata["labels"].items() >= SHORT["podLabels"].items()
    assert metadata["annotations"].items() >= SHORT["podAnnotations"].items()
    pod = pod_spec(document)
    assert {field: pod[field] for field in (*PLACE, "affinity")} == {**PLACE, "affinity": AFFINITY}


def test_outside_of_the_cluster_only_the_public_port_is_reached():
    documents = rendered(EVERYTHING)
    public = found(documents, "Service", "-api-public")["spec"]
    assert public["type"] == "LoadBalancer"
    assert public["ports"] == [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30090}]
    assert public["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    inside = found(documents, "Service", "-api")["spec"]
    assert "type" not in inside
    assert [port["name"] for port in inside["ports"]] == ["http", "internal"]
    assert inside["selector"] == public["selector"]
    assert not [each for each in rendered(REQUIRED) if each["metadata"]["name"].endswith("-public")]


def test_each_host_has_each_path_and_a_certificate():
    spec = found(rendered(EVERYTHING), "Ingress")["spec"]
    assert [rule["host"] for rule in spec["rules"]] == ["pay.example.com", "give.example.org", "*.example.net"]
    paths = [[(each["path"], each["pathType"]) for each in rule["http"]["paths"]] for rule in spec["rules"]]
    assert paths == [[("/routes", "Exact"), ("/charter", "Prefix")]] * 3
    assert {each["secretName"]: each["hosts"] for each in spec["tls"]} == {
        "tls": ["pay.example.com", "*.example.net"], "give": ["give.example.org"],
    }  # fmt: skip


def test_a_route_says_what_a_gateway_does():
    route = found(rendered(EVERYTHING), "HTTPRoute")
    assert route["spec"]["hostnames"] == ["pay.example.com", "give.example.org"]
    (rule,) = route["spec"]["rules"]
    assert {field: rule[field] for field in ("matches", "filters", "timeouts")} == {
        field: EVERYTHING["httpRoute"][field] for field in ("matches", "filters", "timeouts")
    }
    assert route["metadata"]["annotations"]["a"] == "b"


def test_the_list_of_public_paths_leaves_out_only_what_is_for_the_team():
    """docs/deployment.md shows it: what a visitor, a provider or the site asks for has to be in it."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    (block,) = [
        each for each in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if each.startswith("ingress:\n  paths")
    ]
    paths = [each["path"] for each in yaml.safe_load(block)["ingress"]["paths"]]
    assert rendered({**REQUIRED, "ingress": {"enabled": True, **yaml.safe_load(block)["ingress"]}})
    ours = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    left = {path for path in ours if not any(path == each or path.startswith(f"{each}/") for each in paths)}
    assert {
        path for path in left if not path.startswith(("/admin/", "/docs", "/openapi.json", "/health", "/ready"))
    } == set()
    assert any(path.startswith("/admin/") for path in left)
