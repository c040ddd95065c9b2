"""The chart, rendered in the ways that people install it."""

from __future__ import annotations

from typing import Any

import pytest

from support.helm_chart import REQUIRED

_HARDENED = {
    "runAsUser": 65532, "runAsGroup": 65532, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}  # fmt: skip
_AMOUNT = {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "16Mi"}


def _beside(name):
    resources = {"requests": _AMOUNT, "limits": _AMOUNT}
    image = "registry.example.com/beside:1"
    return {"name": name, "image": image, "resources": resources, "securityContext": _HARDENED}


EXTRAS: dict[str, Any] = {
    "envFrom": [{"configMapRef": {"name": "settings"}}],
    "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    "extraContainers": [_beside("beside")],
    "initContainers": [_beside("first")],
}
NAMES: dict[str, Any] = {
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["db.example.com"]}],
    "dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.53"], "options": [{"name": "ndots", "value": "1"}]},
}  # fmt: skip
PLACE: dict[str, Any] = {"nodeSelector": {"pool": "payments"}, "tolerations": [{"key": "pool", "operator": "Exists"}]}
AFFINITY: dict[str, Any] = {
    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "pool", "operator": "Exists"}]},
    ]}},
}  # fmt: skip
CLASSES = {"priorityClassName": "payments", "runtimeClassName": "gvisor"}
# Such as a cloud's proxy for its database: it runs beside the Job's container and is stopped after it.
SIDECAR: dict[str, Any] = {
    **_beside("first"), "restartPolicy": "Always", "startupProbe": {"httpGet": {"port": 9090, "path": "/startup"}},
    "env": [{"name": "DATABASE_URL", "value": "its own"}], "command": ["/proxy"], "args": ["--port=5432"],
    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
}  # fmt: skip
# Volumes that only some drivers and projections make.
OF_JOBS: list[dict[str, Any]] = [
    {
        "name": "both",
        "projected": {"defaultMode": 288, "sources": [{"secret": {"name": "a"}}, {"configMap": {"name": "b"}}]},
    },
    {"name": "vault", "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True}},
]
# Of something that runs once.
SHORT: dict[str, Any] = {
    "podLabels": {"mesh": "off"}, "podAnnotations": {"a": "b"}, "placement": {**PLACE, "affinity": AFFINITY},
    "extraEnv": [{"name": "MORE", "value": "1"}], **EXTRAS, **NAMES,
}  # fmt: skip
EVERYTHING: dict[str, Any] = {
    **REQUIRED,
    "site": {
        **REQUIRED["site"], "origins": ["https://www.example.com", "https://example.com"],
        "returnOrigins": ["https://app.example.com"], "embedOrigins": ["https://*.editorx.io"],
    },
    "image": {"pullSecrets": ["registry", {"name": "other"}], "digest": f"sha256:{'0' * 64}"},
    "imagePullSecrets": [{"name": "third"}],
    "commonLabels": {"team": "payments"}, "commonAnnotations": {"example.com/cost-centre": "42"},
    "caBundle": {"configMap": "company-ca"},
    "proxy": {"secret": "proxy", "httpProxy": "http://proxy.example.com:8080", "noProxy": ["sentry.example.com"]},
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}, "data": {"of": "{{ .Release.Name }}"}}
    ],
    "database": {"secret": "database", "listenKey": "LISTEN_DATABASE_URL", "migrationKey": "MIGRATION_DATABASE_URL"},
    "sentry": {"secret": "sentry"},
    "tracing": {"endpoint": "http://collector.monitoring.svc:4318", "secret": "collector"},
    "providers": {
        "secret": "providers", "stripe": {"enabled": True, "portalConfiguration": "bpc_1AbcDEF"},
        "nowpayments": {"enabled": True},
    },
    "api": {
        "secret": "api", "valkeySecret": "valkey", "trustedProxies": ["10.0.0.0/8"], "podAnnotations": {"a": "b"},
        "auth": {
            "jwtSecret": "members", "jwksUrl": "https://auth.example.com/keys", "serviceSecret": "members",
            "issuers": ["https://auth.example.com", "supabase"], "audience": "members",
        },
        "planSessions": {"secret": "members", "cookieDomain": "example.com"},
        "wixApp": {"id": "5f0e1b7c-2d34-4a86-9c1f-3b8d6e7a4f21", "secret": "wix", "apiBase": "https://wix.example.com"},
        "amounts": {"min": "1", "max": "5000"}, "extraEnv": [{"name": "STRIPE_RATE", "value": "50"}],
        "placement": {"nodeSelector": {"kubernetes.io/os": "linux"}, "priorityClassName": "payments"},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "payments"}}, **EXTRAS, **NAMES,
        "service": {
            "type": "LoadBalancer", "nodePort": 30090, "loadBalancerClass": "example.com/lb",
            "loadBalancerSourceRanges": ["192.0.2.0/24"], "externalTrafficPolicy": "Local",
            "trafficDistribution": "PreferSameZone", "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"],
        },
    },
    "operator": {
        "watchNamespaces": ["*"], "podLabels": {"mesh": "off"}, "podAnnotations": {"a": "b"},
        "extraEnv": [{"name": "LISTEN_ALSO", "value": "1"}], **EXTRAS, **NAMES,
    },
    "migrate": {"serviceAccountName": "migrations", **SHORT},
    "crds": {"upgrade": True, **SHORT},
    "check": {"serviceAccountName": "checks", **SHORT},
    "paymentRoutes": {
        "webhookSecret": "webhooks", "webhooks": [{"name": "site", "url": "https://www.example.com/_functions/x"}],
        "extraSpec": {"sync": {"quiet": "50ms"}},
        "reconcile": {
            "podLabels": {"mesh": "off"}, "podAnnotations": {"a": "b"}, **NAMES,
            "placement": {**PLACE, "affinity": AFFINITY, **CLASSES}, "podSecurityContext": {"fsGroup": 65532},
            "extraEnv": [{"name": "PUBLIC_URL", "value": "https://pay.example.com"}],
            "extraVolumes": [*EXTRAS["extraVolumes"], *OF_JOBS],
            **{name: EXTRAS[name] for name in ("envFrom", "extraVolumeMounts", "extraContainers")},
            "initContainers": [SIDECAR],
        },
    },
    "ingress": {
        "enabled": True, "className": "traefik", "tlsSecret": "tls", "labels": {"a": "b"},
        "paths": [{"path": "/routes", "pathType": "Exact"}, {"path": "/charter"}],
        "extraHosts": [{"host": "give.example.org", "tlsSecret": "give"}, {"host": "*.example.net"}],
    },
    "httpRoute": {
        "enabled": True, "parentRefs": [{"name": "gateway"}], "labels": {"a": "b"}, "annotations": {"a": "b"},
        "extraHosts": ["give.example.org"], "matches": [{"path": {"type": "PathPrefix", "value": "/charter"}}],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-internal"]}}],
        "timeouts": {"request": "30s", "backendRequest": "20s"},
    },
    "networkPolicies": {
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "egress": {"proxy": {"ports": [3128]}},
    },
    "monitoring": {
        "podMonitors": {"enabled": True, "relabelings": [{"targetLabel": "cluster", "replacement": "one"}]},
        "dashboard": {"enabled": True},
        "rules": {"enabled": True, "runbooks": "https://docs.example/"},
    },
    "postgres": {
        "enabled": True, "secret": "database", "podLabels": {"mesh": "off"}, "podAnnotations": {"a": "b"},
        "placement": PLACE, "extraEnv": [{"name": "MORE", "value": "1"}], **EXTRAS,
    },
}  # fmt: skip
# Names that YAML reads as something else, wherever a name can be given.
NUMBERS: dict[str, Any] = {
    **EVERYTHING,
    "database": {"secret": "123", "listenKey": "true", "migrationKey": "1e3"},
    "api": {
        "secret": "1e3",
        "valkeySecret": "9",
        "auth": {"jwtSecret": "2", "serviceSecret": "0x2"},
        "planSessions": {"secret": "3"},
        "placement": {"priorityClassName": "100"},
    },
    "providers": {"secret": "456", "stripe": {"enabled": True}},
    "paymentRoutes": {"webhookSecret": "7", "webhooks": [{"name": "1", "url": "https://www.example.com/x"}]},
    "ingress": {"enabled": True, "className": "0x1", "tlsSecret": "10"},
    "image": {"repository": "123", "tag": "456", "pullSecrets": ["8"]},
}
WAYS = {"least": REQUIRED, "everything": EVERYTHING}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]
