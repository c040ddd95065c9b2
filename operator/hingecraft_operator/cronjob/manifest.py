"""The manifest of the reconciliation CronJob. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from hingecraft_operator.cluster.client import CRON_JOBS, Document
from hingecraft_operator.custom_resource.containers import OWN_CONTAINER, Container
from hingecraft_operator.custom_resource.fields import Part, SecretRef
from hingecraft_operator.custom_resource.spec import API_VERSION, KIND, Spec

LABELS = {"app.kubernetes.io/name": "hingecraft", "app.kubernetes.io/component": "reconcile"}
RESOURCE_LABEL = "payments.hingecraft.io/paymentroutes"
_SUFFIX = "-reconcile"
_LONGEST_NAME = 52
_LONGEST_LABEL = 63
_RUN_AT_MOST = 3600
_KEPT_RUNS = 3
_RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def cronjob_name(resource: str) -> str:
    """The CronJob's name, at most 52 characters, since Kubernetes adds to it for the names of Jobs."""
    name = f"{resource}{_SUFFIX}"
    return name if len(name) <= _LONGEST_NAME else f"{_short(resource, _LONGEST_NAME - len(_SUFFIX))}{_SUFFIX}"


def label_value(resource: str) -> str:
    """The resource's name as a label value, shortened to 63 characters."""
    return resource if len(resource) <= _LONGEST_LABEL else _short(resource, _LONGEST_LABEL)


def _short(name: str, length: int) -> str:
    tail = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: length - 9].rstrip('-.')}-{tail}"


def cronjob_manifest(resource: Document, spec: Spec, image: str) -> Document:
    """The CronJob of a resource, which owns it."""
    metadata = resource["metadata"]
    labels = {**LABELS, RESOURCE_LABEL: label_value(metadata["name"])}
    reconcile = spec.reconcile
    return {
        "apiVersion": CRON_JOBS.api_version,
        "kind": "CronJob",
        "metadata": {
            "name": cronjob_name(metadata["name"]),
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "schedule": reconcile.schedule,
            "suspend": reconcile.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 300,
            "successfulJobsHistoryLimit": _KEPT_RUNS,
            "failedJobsHistoryLimit": _KEPT_RUNS,
            "jobTemplate": {
                "metadata": {"labels": labels},
                "spec": {
                    "backoffLimit": 1,
                    "activeDeadlineSeconds": _RUN_AT_MOST,
                    "template": _template(spec, image, labels),
                },
            },
        },
    }


def _template(spec: Spec, image: str, labels: Mapping[str, str]) -> dict[str, Any]:
    reconcile = spec.reconcile
    metadata: dict[str, Any] = {"labels": {**reconcile.pod_labels, **labels}}
    if reconcile.pod_annotations:
        metadata["annotations"] = reconcile.pod_annotations
    return {"metadata": metadata, "spec": {**_pod(spec, image), **_pod_fields(spec)}}


def _pod_fields(spec: Spec) -> dict[str, Any]:
    """The parts of the pod that the resource sets in Kubernetes' own format."""
    names = {
        "volumes", "node_selector", "tolerations", "affinity", "priority_class_name", "runtime_class_name",
        "host_aliases", "dns_policy", "dns_config",
    }  # fmt: skip
    given = spec.reconcile.model_dump(by_alias=True, exclude_none=True, include=names)
    return {name: value for name, value in given.items() if value}


def _dumped(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [part.model_dump(by_alias=True, exclude_none=True) for part in parts]


def _extra_container(container: Container) -> dict[str, Any]:
    """A container that the resource adds, restricted whatever it says."""
    (written,) = _dumped([container])
    return {**written, "securityContext": {**written.get("securityContext", {}), **_RESTRICTED}}


def _pod(spec: Spec, image: str) -> dict[str, Any]:
    reconcile = spec.reconcile
    database = spec.database.secret_ref
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {**_pod_security(spec), "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": OWN_CONTAINER,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "args": ["reconcile", "--once", "--lookback", reconcile.lookback],
                "env": [
                    _from_secret("DATABASE_URL", database),
                    *_amounts(spec),
                    *_wix_app(spec),
                    *_dumped(reconcile.env),
                ],
                "envFrom": _dumped(reconcile.env_from),
                "volumeMounts": _dumped(reconcile.volume_mounts),
                "resources": reconcile.resources,
                "securityContext": {**_RESTRICTED, "readOnlyRootFilesystem": True},
            },
            *map(_extra_container, reconcile.extra_containers),
        ],
    }
    if reconcile.init_containers:
        pod["initContainers"] = [_extra_container(each) for each in reconcile.init_containers]
    if reconcile.service_account_name:
        pod["serviceAccountName"] = reconcile.service_account_name
    if reconcile.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": each.name} for each in reconcile.image_pull_secrets]
    return pod


def _pod_security(spec: Spec) -> dict[str, Any]:
    given = spec.reconcile.pod_security_context
    return given.model_dump(by_alias=True, exclude_none=True) if given else {}


def _amounts(spec: Spec) -> list[dict[str, str]]:
    amounts = {"AMOUNT_MIN": spec.reconcile.amounts.min, "AMOUNT_MAX": spec.reconcile.amounts.max}
    return [{"name": name, "value": value} for name, value in amounts.items() if value is not None]


def _wix_app(spec: Spec) -> list[dict[str, Any]]:
    app = spec.reconcile.wix_app
    if app is None:
        return []
    addresses = {"WIX_API_BASE": app.api_base, "WIX_INSTALLATIONS_URL": app.installations_url}
    return [
        {"name": "WIX_APP_ID", "value": app.id},
        _from_secret("WIX_APP_SECRET", app.secret_ref),
        *({"name": name, "value": value} for name, value in addresses.items() if value is not None),
    ]


def _from_secret(name: str, ref: SecretRef) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
