"""Every rule of the CustomResourceDefinition, at the real API server: what it refuses, and in which words."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from hingecraft_operator.cluster.client import PAYMENT_ROUTES, ClusterRejectedError
from hingecraft_operator.custom_resource import crd
from hingecraft_operator.custom_resource.spec import Spec
from support.control_plane import binaries
from support.kube import DEFINITIONS, until

HOOK = {"name": "site", "url": "https://www.example.com/hook", "secretRef": {"name": "hooks", "key": "WEBHOOK_SECRET"}}
WIX_APP = {
    "id": "5f0e1b7c-2d34-4a86-9c1f-3b8d6e7a4f21", "secretRef": {"name": "wix", "key": "WIX_APP_SECRET"},
    "apiBase": "https://wix.example.com",
}  # fmt: skip
PARTS: dict[str, Any] = {
    "env": [
        {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "HTTPS_PROXY"}}},
        {"name": "SSL_CERT_FILE", "value": "/etc/company/ca.crt"},
        {"name": "SENTRY_DSN", "valueFrom": {"configMapKeyRef": {"name": "sentry", "key": "dsn"}}},
    ],
    "volumes": [
        {"name": "ca", "configMap": {"name": "company", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"name": "more", "secret": {"secretName": "more", "items": [{"key": "a", "path": "b/c"}]}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {
            "name": "both", "projected": {"sources": [
                {"secret": {"name": "more", "items": [{"key": "a", "path": "a"}]}}, {"configMap": {"name": "company"}},
                {"serviceAccountToken": {"audience": "sts.example.com", "expirationSeconds": 900, "path": "token"}},
            ]},
        },
        {
            "name": "vault", "csi": {
                "driver": "secrets-store.csi.k8s.io", "readOnly": True, "nodePublishSecretRef": {"name": "vault"},
                "volumeAttributes": {"secretProviderClass": "payments"},
            },
        },
    ],
    "volumeMounts": [
        {"name": "ca", "mountPath": "/etc/company", "readOnly": True},
        {"name": "scratch", "mountPath": "/tmp", "subPath": "job"},
    ],
    "initContainers": [
        {
            "name": "proxy", "image": "registry.example.com/proxy:1", "imagePullPolicy": "Always",
            "command": ["/proxy"], "args": ["--port=5432"], "workingDir": "/tmp", "restartPolicy": "Always",
            "env": [{"name": "DATABASE_URL", "value": "its own"}],
            "envFrom": [{"secretRef": {"name": "proxy"}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
            "resources": {"limits": {"memory": "64Mi"}},
            "securityContext": {"runAsUser": 65532, "runAsGroup": 65532, "readOnlyRootFilesystem": True},
            "startupProbe": {"httpGet": {"path": "/startup", "port": 9090}, "periodSeconds": 1, "failureThreshold": 60},
        },
        {"name": "first", "image": "registry.example.com/first:1"},
    ],
    "extraContainers": [
        {
            "name": "beside", "image": "registry.example.com/beside:1",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        },
    ],
    "podLabels": {"team": "payments"}, "podAnnotations": {"sidecar.istio.io/inject": "false"},
    "nodeSelector": {"pool": "payments"},
    "tolerations": [
        {"key": "payments", "operator": "Equal", "value": "only", "effect": "NoExecute", "tolerationSeconds": 60}
    ],
    "affinity": {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["payments"]}]},
        ]}},
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 10, "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "busy"}},
            }},
        ]},
    },
    "priorityClassName": "payments", "runtimeClassName": "gvisor",
    "podSecurityContext": {
        "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroups": [4000],
    },
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["db.example.com"]}],
    "dnsPolicy": "None",
    "dnsConfig": {
        "nameservers": ["192.0.2.53"], "searches": ["example.com"], "options": [{"name": "ndots", "value": "1"}],
    },
}  # fmt: skip
FULL = {
    "sync": {"leading": False, "quiet": "50ms", "max": "2s", "resync": "1m"},
    "webhooks": [{**HOOK, "timeout": "5s", "events": ["routes.updated", "payment.completed"]}],
    "providers": {"stripe": {"enabled": True}, "nowpayments": {"enabled": False}},
    "publish": {"singleUseCheckouts": False},
    "reconcile": {
        "schedule": "*/5 * * * *", "lookback": "48h", "suspend": True,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": 1, "memory": "256Mi"}},
        "envFrom": [{"secretRef": {"name": "providers"}}, {"configMapRef": {"name": "settings"}}],
        "serviceAccountName": "reconcile",
        "imagePullSecrets": [{"name": "registry"}], "amounts": {"min": "1.00", "max": "500"}, "wixApp": WIX_APP,
        **PARTS,
    },
    "pinVersion": 3,
    "paused": False,
}  # fmt: skip


def hooks(**changes):
    return {"webhooks": [{**HOOK, **changes}]}


def reconcile(**values):
    return {"reconcile": values}


def beside(field="extraContainers", **values):
    return reconcile(**{field: [{"name": "beside", "image": "registry.example.com/beside:1", **values}]})


REFUSED = {
    "quiet longer than max": ({"sync": {"quiet": "2s", "max": "1s"}}, "quiet must not be longer than max"),
    "quiet longer than the usual max": ({"sync": {"quiet": "3s"}}, "quiet must not be longer than max"),
    "quiet is not a duration": ({"sync": {"quiet": "soon"}}, "must be between 10ms and 10s, written as 100ms"),
    "quiet without a unit": ({"sync": {"quiet": "100"}}, "must be between 10ms and 10s"),
    "quiet too short": ({"sync": {"quiet": "1ms"}}, "must be between 10ms and 10s"),
    "quiet too long": ({"sync": {"quiet": "11s", "max": "12s"}}, "must be between 10ms and 10s"),
    "max too long": ({"sync": {"max": "2m"}}, "must be between 10ms and 60s"),
    "resync too long": ({"sync": {"resync": "2h"}}, "must be between 1s and 1h"),
    "a number as a duration": ({"sync": {"quiet": 100}}, "must be of type string"),
    "a webhook over plain http": (hooks(url="http://www.example.com/hook"), "must be an https URL"),
    "a webhook that is not an address": (hooks(url="www.example.com"), "must be an https URL"),
    "a password in a webhook": (hooks(url="https://u:p@www.example.com/"), "must not contain a user or password"),
    "a webhook that is too long": (hooks(url="https://www.example.com/" + "x" * 2048), "may not be more than 2048"),
    "two webhooks of one name": ({"webhooks": [HOOK, HOOK]}, "Duplicate value"),
    "a webhook's name in capitals": (hooks(name="Site"), "must contain only lower-case letters, digits and hyphens"),
    "a webhook without a secret": (
        {"webhooks": [{"name": "site", "url": "https://www.example.com"}]}, "secretRef: Required value",
    ),
    "an unknown event": (hooks(events=["payment.lost"]), "Unsupported value"),
    "no event": (hooks(events=[]), "should have at least 1 items"),
    "an event twice": (hooks(events=["routes.updated", "routes.updated"]), "Duplicate value"),
    "a webhook's time-out too long": (hooks(timeout="1m"), "must be between 1s and 20s"),
    "more webhooks than 20": ({"webhooks": [{**HOOK, "name": f"n{i}"} for i in range(21)]}, "must have at most 20"),
    "a schedule in words": (reconcile(schedule="every hour"), "must be a cron schedule such as */15 * * * *"),
    "a minute that there is not": (reconcile(schedule="61 * * * *"), "must be a cron schedule"),
    "four fields": (reconcile(schedule="* * * *"), "must be a cron schedule"),
    "a month that there is not": (reconcile(schedule="0 0 1 13 *"), "must be a cron schedule"),
    "a lookback beyond what Stripe keeps": (reconcile(lookback="721h"), "must be between 1m and 720h"),
    "a quantity that is none": (reconcile(resources={"limits": {"cpu": "lots"}}), "should match"),
    "a Secret without a name": (reconcile(envFrom=[{"secretRef": {}}]), "name: Required value"),
    "a Secret's name in capitals": (reconcile(envFrom=[{"secretRef": {"name": "NO"}}]), "must be the name of a Secret"),
    "an envFrom of nothing": (reconcile(envFrom=[{}]), "must have either secretRef or configMapRef"),
    "a ConfigMap's name in capitals": (
        reconcile(envFrom=[{"configMapRef": {"name": "NO"}}]), "must be the name of a ConfigMap",
    ),
    "a Wix app without its secret": (reconcile(wixApp={"id": WIX_APP["id"]}), "secretRef: Required value"),
    "a Wix app whose id is a name": (reconcile(wixApp={**WIX_APP, "id": "payments"}), "must be a UUID such as"),
    "a Wix app over plain http": (
        reconcile(wixApp={**WIX_APP, "apiBase": "http://wix.example.com"}), "must be an https URL",
    ),
    "a variable of the operator's": (
        reconcile(env=[{"name": "DATABASE_URL_FILE", "value": "/x"}]),
        "is set by the operator: use spec.database, spec.reconcile.amounts and spec.reconcile.wixApp",
    ),
    "a variable twice": (reconcile(env=[{"name": "A", "value": "1"}] * 2), "Duplicate value"),
    "a variable with a space": (reconcile(env=[{"name": "A B", "value": "1"}]), "must be the name of an environment"),
    "two values": (
        reconcile(env=[{"name": "A", "value": "1", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]),
        "must not have both value and valueFrom",
    ),
    "a value from nowhere": (reconcile(env=[{"name": "A", "valueFrom": {}}]), "must have either secretKeyRef or"),
    "a volume of the node": (
        reconcile(volumes=[{"name": "node", "hostPath": {"path": "/"}}]),
        "must have one of configMap, secret, projected, csi and emptyDir; other volumes are not supported",
    ),
    "a volume of two kinds": (
        reconcile(volumes=[{"name": "x", "emptyDir": {}, "secret": {"secretName": "x"}}]), "must have one of configMap",
    ),
    "an unknown medium": (reconcile(volumes=[{"name": "x", "emptyDir": {"medium": "Tape"}}]), 'values: "Memory"'),
    "a projection of two kinds": (
        reconcile(volumes=[{"name": "x", "projected": {"sources": [
            {"secret": {"name": "a"}, "configMap": {"name": "b"}}]}}]),
        "must have one of secret, configMap and serviceAccountToken",
    ),
    "an affinity that weighs too much": (
        reconcile(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 101, "preference": {}}]}}),
        "should be less than or equal to 100",
    ),
    "a mount without its volume": (
        reconcile(volumeMounts=[{"name": "ca", "mountPath": "/etc/ca"}]), "each of volumeMounts must name one of",
    ),
    "a relative mount": (
        reconcile(volumes=[{"name": "x", "emptyDir": {}}], volumeMounts=[{"name": "x", "mountPath": "tmp"}]),
        "must be an absolute path without a colon",
    ),
    "a file outside of the mount": (
        reconcile(volumes=[{"name": "x", "configMap": {"name": "x", "items": [{"key": "a", "path": "../a"}]}}]),
        "must be a path below the mount, without ..",
    ),
    "a label of the operator's": (
        reconcile(podLabels={"app.kubernetes.io/component": "api"}), "must not set app.kubernetes.io/name",
    ),
    "an alias of no address": (reconcile(hostAliases=[{"ip": "db", "hostnames": ["x"]}]), "must be an IP address"),
    "an unknown policy of names": (reconcile(dnsPolicy="Sometimes"), "Unsupported value"),
    "a container without an image": (reconcile(extraContainers=[{"name": "beside"}]), "image: Required value"),
    "a container of the Job's own name": (beside(name="reconcile"), "must not be reconcile, the Job's own container"),
    "an init container of the Job's own name": (beside("initContainers", name="reconcile"), "must not be reconcile"),
    "two containers of one name": (
        reconcile(
            initContainers=[{"name": "x", "image": "a"}], extraContainers=[{"name": "x", "image": "b"}],
        ),
        "initContainers and extraContainers must not have the same name",
    ),
    "a container's mount without its volume": (
        beside(volumeMounts=[{"name": "ca", "mountPath": "/etc/ca"}]),
        "each of the volumeMounts of extraContainers must name one of volumes",
    ),
    "an init container's mount without its volume": (
        beside("initContainers", volumeMounts=[{"name": "ca", "mountPath": "/etc/ca"}]),
        "each of the volumeMounts of initContainers must name one of volumes",
    ),
    "a container of root's": (beside(securityContext={"runAsUser": 0}), "should be greater than or equal to 1"),
    "a container with more rights": (
        beside(securityContext={"allowPrivilegeEscalation": True}), 'supported values: "false"',
    ),
    "a container that keeps a capability": (
        beside(securityContext={"capabilities": {"drop": ["CHOWN"]}}), 'supported values: "ALL"',
    ),
    "a sidecar that is restarted on failure": (
        beside("initContainers", restartPolicy="OnFailure"), 'supported values: "Always"',
    ),
    "a pod of root's": (reconcile(podSecurityContext={"runAsUser": 0}), "should be greater than or equal to 1"),
    "a class in capitals": (reconcile(priorityClassName="High"), "must be the name of a class"),
    "a start of what ends": (
        beside("initContainers", startupProbe={"tcpSocket": {"port": 1}}), "startupProbe needs restartPolicy Always",
    ),
    "a probe of nothing": (
        beside("initContainers", restartPolicy="Always", startupProbe={}), "must have one of exec, httpGet and tcp",
    ),
    "a pin of nothing": ({"pinVersion": 0}, "should be greater than or equal to 1"),
    "paused in words": ({"paused": "yes"}, "must be of type boolean"),
    "a switch without a position": ({"providers": {"stripe": {}}}, "enabled: Required value"),
    "no database": ({"database": None}, "database: Required value"),
    "a database without a key": ({"database": {"secretRef": {"name": "x"}}}, "key: Required value"),
    "a key with a space": (
        {"database": {"secretRef": {"name": "x", "key": "a b"}}}, "must be a key of a Secret",
    ),
    "no push secret": ({"api": {"service": {"name": "api"}}}, "pushSecretRef: Required value"),
    "a service's name in capitals": (
        {"api": {"service": {"name": "API"}, "pushSecretRef": {"name": "x", "key": "y"}}},
        "must contain only lower-case letters",
    ),
}  # fmt: skip
SCHEDULES = (
    "@hourly", "@daily", "0 0 1 1 0", "*/15 * * * *", "5,35 8-18 * * mon-fri", "0 4 1,15 JAN-MAR,12 *", "59 23 31 12 6",
    "0-30/5 */2 * * *",
)  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_wrong_is_refused_in_a_sentence(namespace, case):
    spec, sentence = REFUSED[case]
    with pytest.raises(ClusterRejectedError, match=r".") as refused:
        await namespace.make(namespace.routes(**spec))
    assert sentence in str(refused.value)


async def test_what_is_right_is_accepted_and_read_as_it_is(namespace):
    made = await namespace.make(namespace.routes(**FULL))
    spec = Spec.model_validate(made["spec"])
    assert spec.model_dump(by_alias=True, exclude_none=True) == made["spec"]
    assert {key: made["spec"][key] for key in FULL} == FULL


async def test_what_is_left_out_has_the_value_that_the_models_give_it(namespace):
    made = await namespace.make(namespace.routes())
    assert made["spec"]["sync"] == {"leading": True, "quiet": "100ms", "max": "1s", "resync": "30s"}
    assert made["spec"]["reconcile"] == {
        "schedule": "*/15 * * * *", "lookback": "24h", "suspend": False, "amounts": {},
    }  # fmt: skip
    assert not {"providers", "publish", "paused", "pinVersion"} & made["spec"].keys()
    bare = namespace.routes()["spec"]
    assert Spec.model_validate(bare) == Spec.model_validate(made["spec"])


@pytest.mark.parametrize("schedule", SCHEDULES)
async def test_schedules_that_cron_knows_are_accepted(namespace, schedule):
    await namespace.make(namespace.routes(reconcile={"schedule": schedule}))


async def test_the_status_keeps_no_field_that_is_not_declared(namespace):
    made = await namespace.make(namespace.routes())
    path = PAYMENT_ROUTES.path(namespace.name, "main", "status")
    kept = await namespace.cluster.request("PUT", path, {**made, "status": {"version": 7, "surprise": True}})
    assert kept["status"] == {"version": 7}


async def test_an_object_of_an_older_definition_still_reads_and_can_be_edited(namespace):
    """It was stored when fewer things were asked of it: what it lacks is filled in, what it has wrong may stay."""
    name = crd.definition()["metadata"]["name"]
    older = copy.deepcopy(crd.definition())
    schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for field in ("sync", "reconcile", "webhooks", "providers", "publish"):
        del schema["properties"][field]
    schema["properties"]["reconcile"] = {
        "type": "object", "properties": {"schedule": {"type": "string"}, "note": {"type": "string"}},
    }  # fmt: skip
    await redefine(namespace, older)
    await accepted(namespace, namespace.routes(reconcile={"schedule": "whenever", "note": "gone"}))
    await redefine(namespace, crd.definition())

    async def reads():
        return (await namespace.read())["spec"]

    spec = await until(reads, lambda seen: "sync" in seen)
    assert Spec.model_validate(spec).sync.quiet == "100ms"
    assert spec["reconcile"]["schedule"] == "whenever"
    edited = await namespace.edit("main", paused=True)
    assert edited["spec"]["paused"] is True
    with pytest.raises(ClusterRejectedError, match="cron"):
        await namespace.edit("main", reconcile={"schedule": "never"})
    assert name == "paymentroutes.payments.hingecraft.io"


async def redefine(namespace, definition):
    name = definition["metadata"]["name"]
    there = await namespace.cluster.get(DEFINITIONS, "", name)
    definition = {**definition, "metadata": {**definition["metadata"], **version_of(there)}}
    await namespace.cluster.replace(DEFINITIONS, "", name, definition)


async def accepted(namespace, document):
    """Create it; the server takes up a new schema a moment after it has said yes."""

    async def made():
        try:
            return await namespace.make(document)
        except ClusterRejectedError:
            return None

    await until(made, bool)


def version_of(document):
    return {"resourceVersion": document["metadata"]["resourceVersion"]}


async def test_kubectl_shows_the_columns(namespace, plane):
    await namespace.make(namespace.routes("shown"))
    status = {
        "version": 12, "routeCount": 24, "podsSummary": "3/3", "webhooksSummary": "1/1", "checksum": "abc",
        "latency": {"last": 120, "p50": 100, "p99": 130},
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Serving", "message": "x",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }  # fmt: skip
    document = {**namespace.routes("shown"), "status": status}
    document.pop("spec")
    await namespace.cluster.apply(PAYMENT_ROUTES, document, sub="status")
    head, row = await kubectl(namespace, plane, "get", "proutes", "shown")
    assert head.split() == ["NAME", "VERSION", "ROUTES", "SYNCED", "WEBHOOKS", "READY", "REASON", "AGE"]
    assert row.split()[:7] == ["shown", "12", "24", "3/3", "1/1", "True", "Serving"]
    head, row = await kubectl(namespace, plane, "get", "paymentroutes", "shown", "-o", "wide")
    assert head.split()[8:] == ["CHECKSUM", "LATENCY", "LAST-RECONCILE"]
    assert row.split()[8:10] == ["abc", "120"]


async def test_kubectl_explains_every_field(namespace, plane):
    """The API server takes some time to apply a changed definition."""
    lines = await kubectl(namespace, plane, "explain", "paymentroutes.spec", "--recursive")
    for field in ("pinVersion", "singleUseCheckouts", "pushSecretRef", "lookback"):
        assert any(field in line for line in lines)


async def kubectl(namespace, plane, *arguments):
    """Until it knows what it is asked about: it asks the API server for all kinds first."""
    code, said, complained = await until(
        lambda: tried(namespace, plane, *arguments),
        lambda seen: not any(words in seen[2] for words in ("couldn't find resource", "doesn't have a resource type")),
    )
    assert code == 0, complained
    return said.splitlines()


async def tried(namespace, plane, *arguments):
    process = await asyncio.create_subprocess_exec(
        binaries() / "kubectl", f"--kubeconfig={plane.folder / 'admin.kubeconfig'}", f"--namespace={namespace.name}",
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(namespace.folder)},
    )  # fmt: skip
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode()
