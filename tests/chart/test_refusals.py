"""Values that cannot be right are refused, with a sentence that says what to do."""

from __future__ import annotations

import copy

import pytest

from chart.conftest import EVERYTHING, REQUIRED, rendered_text


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
        ("database.secret", "", "database.secret is not set: name a Secret of this namespace whose key DATABASE_URL"),
        ("api.secret", "", "api.secret is not set: name a Secret of this namespace with the keys ADMIN_TOKEN"),
        ("providers.stripe", {"enabled": True}, "providers.secret is not set"),
        ("api.replicas", 0, "minimum: got 0, want 1"),
        ("api.replicas", "two", "got string, want integer"),
        ("api.autoscaling", {"minReplicas": 5, "maxReplicas": 2}, "minReplicas must not be more than"),
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
    ],
)
def test_nonsense_is_refused(path, value, said):
    done = rendered_text(changed(REQUIRED, path, value))
    assert done.returncode != 0
    assert said in done.stderr


def test_an_older_kubernetes_is_refused():
    done = rendered_text(EVERYTHING, "--kube-version=1.29.0")
    assert "chart requires kubeVersion: >=1.30.0-0" in done.stderr
