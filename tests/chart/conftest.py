"""The chart, rendered in the ways that people install it."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from support import cluster_tools
from support.release import CHART

REQUIRED = {
    "site": {"url": "https://www.example.com", "publicUrl": "https://pay.example.com"},
    "database": {"secret": "database"},
    "api": {"secret": "api"},
}
EVERYTHING = {
    **REQUIRED,
    "image": {"pullSecrets": ["registry"], "digest": f"sha256:{'0' * 64}"},
    "database": {"secret": "database", "listenKey": "LISTEN_DATABASE_URL", "migrationKey": "MIGRATION_DATABASE_URL"},
    "sentry": {"secret": "sentry"},
    "providers": {"secret": "providers", "stripe": {"enabled": True}, "nowpayments": {"enabled": True}},
    "api": {
        "secret": "api", "valkeySecret": "valkey", "trustedProxies": ["10.0.0.0/8"], "podAnnotations": {"a": "b"},
        "amounts": {"min": "1", "max": "5000"}, "extraEnv": [{"name": "STRIPE_RATE", "value": "50"}],
        "placement": {"nodeSelector": {"kubernetes.io/os": "linux"}, "priorityClassName": "payments"},
    },
    "operator": {"watchNamespaces": ["*"]},
    "paymentRoutes": {
        "webhookSecret": "webhooks", "webhooks": [{"name": "site", "url": "https://www.example.com/_functions/x"}],
        "extraSpec": {"sync": {"quiet": "50ms"}},
    },
    "ingress": {"enabled": True, "className": "traefik", "tlsSecret": "tls"},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
    "networkPolicies": {
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    },
    "monitoring": {
        "podMonitors": {"enabled": True}, "dashboard": {"enabled": True},
        "rules": {"enabled": True, "runbooks": "https://docs.example/"},
    },
    "postgres": {"enabled": True, "secret": "database"},
}  # fmt: skip
WAYS = {"least": REQUIRED, "everything": EVERYTHING}


def rendered_text(values, *more):
    """What Helm makes of it, or its complaint."""
    return subprocess.run(
        [cluster_tools.helm(), "template", "release", CHART, "--namespace=pay", "--values=-", *more],
        input=yaml.safe_dump(values), capture_output=True, text=True, check=False,
    )  # fmt: skip


def rendered(values, *more):
    done = rendered_text(values, *more)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]
