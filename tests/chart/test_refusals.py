"""Values that cannot be right are refused, with a sentence that says what to do."""

from __future__ import annotations

import copy

import pytest

from chart.conftest import EVERYTHING
from support.helm_chart import REQUIRED, rendered_text


def changed(values, path, value):
    """The same values, one of which is another."""
    made = copy.deepcopy(values)
    *parents, last = path.split(".")
    where = made
    for name in parents:
        where = where.setdefault(name, {})
    where[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("site.url", "", "site.url is not set: give the address of the site"),
        ("site.url", "www.example.com", "does not match pattern"),
        ("site.publicUrl", "", "site.publicUrl is not set"),
        ("site.publicUrl", "https://pay.example.com?x=1", "does not match pattern"),
        ("site.embedOrigins", ["https://shop.example/page"], "does not match pattern"),
        ("database.secret", "", "database.secret is not set: name a Secret of this namespace with the key"),
        ("api.secret", "", "api.secret is not set: name a Secret of this namespace with the keys ADMIN_TOKEN"),
        ("providers.stripe", {"enabled": True}, "providers.secret is not set"),
        ("api.replicas", 0, "minimum: got 0, want 1"),
        ("api.replicas", "two", "got string, want integer"),
        ("api.autoscaling", {"minReplicas": 5, "maxReplicas": 2}, "minReplicas must not be more than"),
        ("api.autoscaling", {"external": True}, "api.autoscaling.enabled and external are both true: two autoscalers"),
        (
            "monitoring.rules",
            {"enabled": True, "runbooks": "https://x.example", "custom": {"Typo": {"for": "1m"}}},
            "monitoring.rules.custom names an unknown alert, Typo: docs/metrics-and-alerts.md lists them",
        ),
        (
            "monitoring.rules",
            {"enabled": True, "runbooks": "https://x.example", "disabled": ["Typo"]},
            "monitoring.rules.disabled names an unknown alert, Typo",
        ),
        ("api.pool", {"min": 5, "max": 2}, "api.pool.min must not be more than api.pool.max"),
        ("api.amounts.min", "-1", "does not match pattern"),
        (
            "paymentRoutes.webhooks",
            [{"name": "site", "url": "https://x.example"}],
            "paymentRoutes.webhookSecret is not",
        ),
        ("paymentRoutes.webhooks", [{"name": "Site", "url": "https://x.example"}], "does not match pattern"),
        ("operator.enabled", False, "paymentRoutes.enabled needs an operator"),
        ("httpRoute.enabled", True, "httpRoute.parentRefs is empty: name the Gateway"),
        ("monitoring.rules.enabled", True, "monitoring.rules.runbooks is not set"),
        ("postgres.enabled", True, "postgres.secret is not set"),
        ("image.pullPolicy", "Sometimes", "value must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("image.digest", "latest", "does not match pattern"),
        ("logLevel", "LOUD", "value must be one of"),
        ("api.replica", 3, "additional properties 'replica' not allowed"),
        ("typo", True, "additional properties 'typo' not allowed"),
        ("enabled", False, "enabled=false has an effect only in a parent chart"),
        ("site.origins", ["https://*.example.com"], "does not match pattern"),
        ("monitoring.podMonitors.enabled", True, "networkPolicies.metricsFrom is empty, so Prometheus cannot reach"),
        ("operator.watchNamespaces", ["*", "shop"], 'operator.watchNamespaces has "*" and other namespaces'),
        ("operator.watchNamespaces", ["*,shop"], "does not match pattern"),
        ("operator.watchNamespaces", ["shop"], "operator.watchNamespaces does not have pay, so no operator would"),
        ("api.autoscaling", None, "api.autoscaling is null, which takes away the chart's default: leave it out, or"),
        ("api.resources", None, "api.resources is null, which takes away the chart's default: leave it out, or"),
        ("api.placement", None, "api.placement is null, which takes away the chart's default: leave it out, or"),
        (
            "operator.placement.tolerations",
            None,
            "operator.placement.tolerations is null, which takes away the chart's default: leave it out, or",
        ),
        (
            "networkPolicies.egress.dns",
            None,
            "networkPolicies.egress.dns is null, which takes away the chart's default: leave it out, or",
        ),
        ("api", None, "api is null, which takes away the chart's default: leave it out, or give it a value"),
        ("networkPolicies", None, "networkPolicies is null, which"),
        ("logLevel", None, "logLevel is null, which"),
        ("caBundle.key", None, "caBundle.key is null, which"),
        ("paymentRoutes.reconcile", None, "paymentRoutes.reconcile is null, which"),
        ("api.podLabels", {"app.kubernetes.io/component": "x"}, "api.podLabels sets the label app.kubernetes.io/comp"),
        ("commonLabels", {"helm.sh/chart": "x"}, "commonLabels sets the label helm.sh/chart, which the chart sets"),
        ("commonLabels", {"a": 1}, "got number, want string"),
        ("api.podAnnotations", {"a": True}, "got boolean, want string"),
        (
            "api.extraEnv",
            [{"name": "CORS_ORIGINS", "value": "https://x.example"}],
            "api.extraEnv sets CORS_ORIGINS, which the chart sets too",
        ),
        ("api.extraEnv", [{"name": "ADMIN_TOKEN", "value": "x"}], "api.extraEnv sets ADMIN_TOKEN, which the chart"),
        ("api.extraEnv", [{"name": "X", "value": "1"}] * 2, "api.extraEnv sets X, which another entry sets too"),
        ("api.extraEnv", [{"name": "X", "value": 1}], "got number, want string"),
        ("operator.extraEnv", [{"name": "WATCH_NAMESPACES", "value": "x"}], "operator.extraEnv sets WATCH_NAMESPACES"),
        ("migrate.extraEnv", [{"name": "APP_ROLE", "value": "x"}], "migrate.extraEnv sets APP_ROLE, which the chart"),
        ("caBundle", {"configMap": "a", "secret": "b"}, "caBundle.configMap and caBundle.secret are both set"),
        (
            "proxy.httpsProxy",
            "http://me:secret@proxy.example.com:3128",
            "proxy.httpsProxy has a user or password, which",
        ),
        ("proxy.httpsProxy", "proxy.example.com:3128", "must be the address of an http or https proxy such as http://"),
        ("proxy.httpProxy", "socks5://proxy.example.com", "proxy.httpProxy is socks5://proxy.example.com, but it must"),
        ("proxy", {"secret": "a", "httpsProxy": "http://b:1"}, "proxy.secret and proxy.httpsProxy are both set"),
        ("proxy.secret", "proxy", "networkPolicies.egress.proxy.ports is empty, and the chart cannot see the proxy's"),
        ("proxy.noProxy", ["a,b"], "does not match pattern"),
        (
            "api.service.nodePort",
            30080,
            "api.service.nodePort and externalTrafficPolicy need api.service.type NodePort",
        ),
        ("api.service.externalTrafficPolicy", "Local", "need api.service.type NodePort or LoadBalancer"),
        ("api.service", {"type": "NodePort", "loadBalancerClass": "x"}, "need api.service.type LoadBalancer"),
        ("api.service.type", "ExternalName", "value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'"),
        ("check.dnsPolicy", "None", "check.dnsPolicy is None, so check.dnsConfig.nameservers must have an address"),
        ("api.dnsPolicy", "Mine", "value must be one of"),
        ("ingress", {"enabled": True, "paths": []}, "ingress.paths is empty, so the Ingress would serve nothing"),
        ("ingress.paths", [{"path": "routes"}], "does not match pattern"),
        (
            "ingress.extraHosts",
            [{"host": "pay.example.com"}],
            "ingress.extraHosts has pay.example.com, which is already",
        ),
        ("ingress.extraHosts", [{"host": "https://x.example"}], "does not match pattern"),
        ("httpRoute.extraHosts", ["pay.example.com"], "httpRoute.extraHosts has pay.example.com, which is already the"),
        ("httpRoute.timeouts", {"request": "soon"}, "does not match pattern"),
        ("ingress.labels", {"helm.sh/chart": "x"}, "ingress.labels sets the label helm.sh/chart, which the chart sets"),
        (
            "paymentRoutes.reconcile.extraVolumes",
            [{"name": "node", "hostPath": {"path": "/"}}],
            "paymentRoutes.reconcile.extraVolumes has node, but the Jobs accept only configMap, secret, projected,",
        ),
        (
            "paymentRoutes.reconcile.extraContainers",
            [{"name": "reconcile", "image": "x"}],
            "paymentRoutes.reconcile.extraContainers has reconcile, which is the name of the Job's own container too",
        ),
        (
            "paymentRoutes.reconcile.extraContainers",
            [{"name": "x", "image": "x"}, {"name": "x", "image": "y"}],
            "paymentRoutes.reconcile.extraContainers has x, which is the name of another container too",
        ),
        (
            "paymentRoutes.reconcile.extraContainers",
            [{"name": "x", "image": "x", "restartPolicy": "Always"}],
            "additional properties 'restartPolicy' not allowed",
        ),
        (
            "paymentRoutes.reconcile.initContainers",
            [{"name": "x", "image": "x"}],
            "paymentRoutes.reconcile has settings, but the reconciliation runs only with providers.secret",
        ),
        (
            "paymentRoutes.reconcile.extraEnv",
            [{"name": "DATABASE_URL", "value": "x"}],
            "paymentRoutes.reconcile.extraEnv sets DATABASE_URL, which the operator sets itself",
        ),
        (
            "paymentRoutes.reconcile.extraEnv",
            [{"name": "A", "value": "x"}],
            "paymentRoutes.reconcile has settings, but the reconciliation runs only with providers.secret",
        ),
        (
            "check.extraEnv",
            [{"name": "LOG_LEVEL", "value": "x"}],
            "check.extraEnv sets LOG_LEVEL, which the chart sets",
        ),
        ("database.listenKey", "a key", "does not match pattern"),
        ("image.tag", 1.20, "got number, want string"),
        ("openshift.adaptSecurityContext", "yes", "value must be one of 'auto', 'force', 'disabled'"),
    ],
)
def test_nonsense_is_refused(path, value, said):
    done = rendered_text(changed(REQUIRED, path, value))
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize("way_in", [{"ingress": {"enabled": True}}, {"httpRoute": EVERYTHING["httpRoute"]}])
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://pay.example.com/base", "site.publicUrl has the path /base, which neither the Ingress nor"),
        ("https://[2001:db8::1]", "site.publicUrl has the host [2001:db8::1], but an Ingress or HTTPRoute needs a DNS"),
        ("https://192.0.2.1:8443", "site.publicUrl has the host 192.0.2.1, but an Ingress or HTTPRoute needs a DNS"),
    ],
)
def test_an_address_that_no_ingress_serves_is_refused(way_in, address, said):
    done = rendered_text(changed({**REQUIRED, **way_in}, "site.publicUrl", address))
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize("name", ["1pay.prod", "9lives"])
def test_a_release_whose_objects_kubernetes_refuses_is_refused(name):
    done = rendered_text(REQUIRED, name=name)
    assert f"the objects of this release would be named {name}-hingecraft, which Kubernetes refuses" in done.stderr
    assert rendered_text({**REQUIRED, "fullnameOverride": "pay"}, name=name).returncode == 0


@pytest.mark.parametrize("key", ["webhooks", "reconcile", "database", "api"])
def test_a_field_of_the_resource_is_set_once(key):
    values = changed(EVERYTHING, "paymentRoutes.extraSpec", {key: {}})
    said = f"paymentRoutes.extraSpec.{key} cannot be set beside the chart's own values for {key}"
    assert said in rendered_text(values).stderr


def test_openshift_and_the_postgres_of_the_chart_do_not_go_together():
    done = rendered_text(EVERYTHING, "--api-versions=security.openshift.io/v1")
    assert "postgres.enabled does not work with the users that OpenShift chooses" in done.stderr


def test_the_definitions_job_needs_rights():
    done = rendered_text({**EVERYTHING, "rbac": {"create": False}})
    assert "crds.upgrade needs rights that rbac.create=false does not make" in done.stderr


def test_an_older_kubernetes_is_refused():
    done = rendered_text(EVERYTHING, "--kube-version=1.29.0")
    assert "chart requires kubeVersion: >=1.30.0-0" in done.stderr
