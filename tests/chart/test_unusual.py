"""Values that are unusual and right: what they make is what somebody who sets them means."""

from __future__ import annotations

import shutil

import pytest
import yaml

from chart.conftest import EVERYTHING, EXTRAS, NAMES, NUMBERS, PLACE
from chart.test_refusals import changed
from hingecraft import __version__
from support.helm_chart import REQUIRED, rendered
from support.helm_release import CHART

PODS = {"Deployment", "StatefulSet", "Job", "Pod"}


def found(documents, kind, name=""):
    """The one of that kind whose name ends so."""
    (one,) = [each for each in documents if each["kind"] == kind and each["metadata"]["name"].endswith(name)]
    return one


def pod_spec(document):
    return document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]


def settings(documents, name="-api"):
    container = pod_spec(found(documents, "Deployment", name))["containers"][0]
    return {each["name"]: each.get("value") for each in container["env"]}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://www.example.com/", "https://www.example.com"),
        ("https://www.example.com/our/site", "https://www.example.com"),
        ("https://WWW.Example.com:443", "https://www.example.com"),
        ("http://localhost:8090/", "http://localhost:8090"),
    ],
)
def test_the_origin_is_that_of_the_sites_address(url, origin):
    made = settings(rendered(changed(REQUIRED, "site.url", url)))
    assert made["CORS_ORIGINS"] == origin
    assert made["SITE_URL"] == url.removesuffix("/")


def test_a_port_in_the_public_address_does_not_belong_to_the_host():
    values = {**EVERYTHING, "site": {"url": "https://www.example.com", "publicUrl": "https://pay.example.com:8443"}}
    documents = rendered(values)
    assert found(documents, "Ingress")["spec"]["rules"][0]["host"] == "pay.example.com"
    assert found(documents, "HTTPRoute")["spec"]["hostnames"][0] == "pay.example.com"
    assert settings(documents)["PUBLIC_URL"] == "https://pay.example.com:8443"


def test_names_that_yaml_reads_as_numbers_stay_names():
    documents = rendered(NUMBERS)
    spec = found(documents, "PaymentRoutes")["spec"]
    assert spec["database"]["secretRef"] == {"name": "123", "key": "DATABASE_URL", "listenKey": "true"}
    assert spec["api"]["pushSecretRef"]["name"] == "1e3"
    assert spec["webhooks"][0]["name"] == "1"
    assert spec["reconcile"]["envFrom"] == [{"secretRef": {"name": "456"}}]
    pod = pod_spec(found(documents, "Deployment", "-api"))
    assert pod["priorityClassName"] == "100"
    assert pod["imagePullSecrets"] == [{"name": "third"}, {"name": "8"}]
    secrets = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert secrets == ["123", "1e3", "456", "2", "0x2", "3", "9"]
    assert found(documents, "Ingress")["spec"]["ingressClassName"] == "0x1"


def test_a_pod_that_does_not_drain_sleeps_not():
    container = pod_spec(found(rendered(changed(REQUIRED, "api.drainSeconds", 0)), "Deployment", "-api"))
    assert "lifecycle" not in container["containers"][0]


def test_monitors_are_of_what_is_there():
    values = {**EVERYTHING, "operator": {"enabled": False}}
    values["paymentRoutes"] = {**EVERYTHING["paymentRoutes"], "servedElsewhere": True}
    documents = rendered(values)
    assert "PodMonitor" not in {each["kind"] for each in documents}
    groups = found(documents, "PrometheusRule")["spec"]["groups"]
    assert [group["name"] for group in groups] == ["hingecraft"]


def test_alerts_are_about_this_release():
    text = yaml.safe_dump(found(rendered(EVERYTHING), "PrometheusRule"))
    assert 'namespace="pay"' in text
    assert 'service="release-hingecraft-api"' in text
    assert not [place for place in ("NAMESPACE", "FULLNAME", "RUNBOOKS") if place in text]


def umbrella(folder, **dependency):
    """A chart with ours as its subchart."""
    shutil.copytree(CHART, folder / "charts" / "hingecraft")
    chart = {
        "apiVersion": "v2", "name": "umbrella", "version": "1.0.0",
        "dependencies": [{"name": "hingecraft", "version": __version__, **dependency}],
    }  # fmt: skip
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return folder


def test_a_parent_chart_switches_it(tmp_path):
    chart = umbrella(tmp_path, condition="hingecraft.enabled")
    assert rendered({"hingecraft": {**REQUIRED, "enabled": True}}, chart=chart)
    assert rendered({"hingecraft": {**REQUIRED, "enabled": False}}, chart=chart) == []


def test_a_parent_chart_says_where_images_come_from(tmp_path):
    values = {
        "global": {"imageRegistry": "registry.example.com/mirror", "imagePullSecrets": ["shared", {"name": "mirror"}]},
        "hingecraft": {**REQUIRED, "postgres": {"enabled": True, "secret": "database"}},
    }
    documents = [each for each in rendered(values, chart=umbrella(tmp_path)) if each["kind"] in PODS]
    images = {container["image"] for each in documents for container in pod_spec(each)["containers"]}
    mirror = "registry.example.com/mirror"
    assert images == {f"{mirror}/hingecraft:{__version__}", f"{mirror}/library/postgres:18-bookworm"}
    assert all(pod_spec(each)["imagePullSecrets"] == [{"name": "shared"}, {"name": "mirror"}] for each in documents)


def test_names_and_namespace_can_be_chosen():
    values = {**EVERYTHING, "nameOverride": "gifts", "namespaceOverride": "money"}
    documents = rendered(values)
    for document in documents:
        if document["metadata"]["name"] != "more":
            labels = document["metadata"]["labels"]
            assert labels["app.kubernetes.io/name"] == "gifts"
            assert labels["team"] == "payments"
            assert document["metadata"]["annotations"]["example.com/cost-centre"] == "42"
            assert document["metadata"].get("namespace", "money") == "money"
    deployment = found(documents, "Deployment", "-api")
    assert deployment["metadata"]["name"] == "release-gifts-api"
    assert (
        deployment["spec"]["selector"]["matchLabels"].items()
        <= deployment["spec"]["template"]["metadata"]["labels"].items()
    )
    assert found(documents, "ConfigMap", "more")["data"] == {"of": "release"}


def test_the_pods_of_a_reconciliation_have_a_policy_whatever_the_names():
    policy = found(rendered({**REQUIRED, "nameOverride": "gifts"}), "NetworkPolicy", "-reconcile")
    labels = {"app.kubernetes.io/name": "hingecraft", "app.kubernetes.io/component": "reconcile"}
    assert policy["spec"]["podSelector"]["matchLabels"] == labels


@pytest.mark.parametrize(
    "how", [{"openshift": {"adaptSecurityContext": "force"}}, "--api-versions=security.openshift.io/v1"]
)
def test_openshift_chooses_the_users(how):
    values = {**EVERYTHING, "postgres": {"enabled": False}, **(how if isinstance(how, dict) else {})}
    for document in rendered(values, *([how] if isinstance(how, str) else [])):
        if document["kind"] in PODS:
            context = pod_spec(document)["securityContext"]
            assert not {"runAsUser", "runAsGroup", "fsGroup"} & context.keys()
            assert context["runAsNonRoot"] is True


def test_openshift_can_be_told_to_take_ours():
    values = {**EVERYTHING, "openshift": {"adaptSecurityContext": "disabled"}}
    documents = rendered(values, "--api-versions=security.openshift.io/v1")
    assert pod_spec(found(documents, "Deployment", "-api"))["securityContext"]["runAsUser"] == 65532


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Deployment", "-api"), ("Deployment", "-operator"), ("Job", "-migrate"), ("Job", "-definition"),
        ("Pod", "-check"),
    ],
)  # fmt: skip
def test_every_workload_takes_more(kind, name):
    pod = pod_spec(found(rendered({**EVERYTHING, "postgres": {"enabled": False}}), kind, name))
    container, beside = pod["containers"]
    assert beside["name"] == "beside"
    assert pod["initContainers"] == EXTRAS["initContainers"]
    assert container["envFrom"] == EXTRAS["envFrom"]
    assert EXTRAS["extraVolumes"][0] in pod["volumes"]
    assert EXTRAS["extraVolumeMounts"][0] in container["volumeMounts"]
    assert {"name": "SSL_CERT_FILE", "value": "/etc/hingecraft/ca/ca.crt"} in container["env"]
    assert {"name": "ca-bundle", "configMap": {"name": "company-ca"}} in pod["volumes"]
    assert {field: pod[field] for field in NAMES} == NAMES


def test_the_postgres_of_demonstrations_takes_more_too():
    document = found(rendered(EVERYTHING), "StatefulSet", "-postgres")
    pod, (container, beside) = pod_spec(document), pod_spec(document)["containers"]
    assert (beside["name"], pod["initContainers"]) == ("beside", EXTRAS["initContainers"])
    assert container["env"] == [{"name": "PGDATA", "value": "/data/pgdata"}, {"name": "MORE", "value": "1"}]
    assert container["envFrom"] == EXTRAS["envFrom"]
    assert EXTRAS["extraVolumes"][0] in pod["volumes"]
    assert EXTRAS["extraVolumeMounts"][0] in container["volumeMounts"]
    assert {field: pod[field] for field in PLACE} == PLACE
    metadata = document["spec"]["template"]["metadata"]
    assert (metadata["labels"]["mesh"], metadata["annotations"]) == ("off", {"a": "b"})


def test_accounts_and_rights_can_be_somebody_elses():
    values = {
        **REQUIRED, "rbac": {"create": False}, "api": {"secret": "api", "serviceAccount": {"create": False}},
        "operator": {"serviceAccount": {"create": False, "name": "theirs"}},
        "paymentRoutes": {"reconcile": {"serviceAccount": {"name": "named"}}},
    }  # fmt: skip
    documents = rendered(values)
    assert not {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} & {each["kind"] for each in documents}
    assert [each["metadata"]["name"] for each in documents if each["kind"] == "ServiceAccount"] == ["named"]
    assert pod_spec(found(documents, "Deployment", "-api"))["serviceAccountName"] == "default"
    assert pod_spec(found(documents, "Deployment", "-operator"))["serviceAccountName"] == "theirs"


def test_strategy_probes_and_spread_can_be_changed():
    spread = [{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]
    values = changed(REQUIRED, "api.strategy", {"type": "Recreate"})
    values = changed(values, "api.probes", {"liveness": {"failureThreshold": 9}})
    values = changed(values, "api.placement", {"topologySpread": spread})
    values = changed(values, "operator", {"placement": {"topologySpread": []}})
    documents = rendered(values)
    deployment = found(documents, "Deployment", "-api")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    probe = pod_spec(deployment)["containers"][0]["livenessProbe"]
    assert probe == {
        "failureThreshold": 9, "periodSeconds": 10, "timeoutSeconds": 5, "httpGet": {"path": "/health", "port": "http"}
    }  # fmt: skip
    (constraint,) = pod_spec(deployment)["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "rack"
    assert constraint["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "api"
    assert "topologySpreadConstraints" not in pod_spec(found(documents, "Deployment", "-operator"))


def test_alerts_can_wait_longer_weigh_more_and_be_left_out():
    rules = {
        "enabled": True, "runbooks": "https://docs.example/",
        "disabled": ["HingecraftErrors", "HingecraftNobodyLeads"],
        "custom": {
            "HingecraftPodBehind": {"for": "5m", "severity": "critical"}, "HingecraftKeyRejected": {"for": "2m"}
        },
    }  # fmt: skip

    def alerts(values):
        groups = found(rendered(values), "PrometheusRule")["spec"]["groups"]
        return {rule["alert"]: rule for group in groups for rule in group["rules"]}

    as_they_are = alerts(EVERYTHING)
    changed_ones = alerts(changed(EVERYTHING, "monitoring.rules", rules))
    assert as_they_are.keys() - changed_ones.keys() == {"HingecraftErrors", "HingecraftNobodyLeads"}
    assert {name for name, rule in changed_ones.items() if rule != as_they_are[name]} == {
        "HingecraftPodBehind", "HingecraftKeyRejected"
    }  # fmt: skip
    behind = changed_ones["HingecraftPodBehind"]
    assert (behind["for"], behind["labels"]) == ("5m", {"severity": "critical"})
    assert changed_ones["HingecraftKeyRejected"]["for"] == "2m"


def test_another_autoscaler_can_set_the_number_of_pods():
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "calls"}, "target": {"type": "AverageValue", "averageValue": "9"}},
    }
    documents = rendered(changed(REQUIRED, "api.autoscaling.metrics", [metric]))
    (cpu, added) = found(documents, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert (cpu["resource"]["name"], added) == ("cpu", metric)
    documents = rendered(changed(REQUIRED, "api.autoscaling", {"enabled": False, "external": True}))
    assert "HorizontalPodAutoscaler" not in {each["kind"] for each in documents}
    assert "replicas" not in found(documents, "Deployment", "-api")["spec"]


def test_any_secret_of_the_namespace_is_readable_only_where_that_is_said():
    def readable(values):
        role = next(each for each in rendered(values) if each["kind"] == "Role" and "-lease" not in str(each))
        return next(rule.get("resourceNames") for rule in role["rules"] if rule["resources"] == ["secrets"])

    assert readable(REQUIRED) == ["api", "database"]
    assert readable(changed(REQUIRED, "operator.secrets", ["more"])) == ["api", "database", "more"]
    assert readable(changed(REQUIRED, "operator.secrets", ["*"])) is None
    of_others = changed(REQUIRED, "paymentRoutes.enabled", False)
    assert readable(of_others) is None, "the chart knows of none, and the pages say so"
    assert readable(changed(of_others, "operator.secrets", ["more"])) == ["more"]
    ours = changed(REQUIRED, "operator.watchNamespaces", ["pay", "shop"])
    roles = {
        each["metadata"]["namespace"]: each["rules"]
        for each in rendered(ours)
        if each["kind"] == "Role" and each["metadata"]["name"].endswith("-operator")
    }
    names = {
        namespace: [rule.get("resourceNames") for rule in rules if rule["resources"] == ["secrets"]]
        for namespace, rules in roles.items()
    }
    assert names == {"pay": [["api", "database"]], "shop": [None]}
