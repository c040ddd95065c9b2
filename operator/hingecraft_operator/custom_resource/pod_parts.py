"""Parts of the Job's pod that a resource may set, in the format of Kubernetes.

Only what the reconciliation needs. Nothing here can reach the node, so editing PaymentRoutes gives no more rights than
creating pods under the restricted Pod Security Standard.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from hingecraft_operator.custom_resource.affinity import Affinity
from hingecraft_operator.custom_resource.containers import Container, InitContainer
from hingecraft_operator.custom_resource.environment import ONE_VALUE, EnvFrom, Variable
from hingecraft_operator.custom_resource.fields import (
    ATOMIC_LIST,
    ClassName,
    Part,
    like,
    list_map,
    rules,
)
from hingecraft_operator.custom_resource.volumes import Volume, VolumeMount

_IP = like(
    "^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9a-fA-F.]*:[0-9a-fA-F.:]*)$", 45, "must be an IP address such as 192.0.2.1"
)
_OWN_SETTINGS = (
    "DATABASE_URL", "AMOUNT_MIN", "AMOUNT_MAX", "WIX_APP_ID", "WIX_APP_SECRET", "WIX_API_BASE", "WIX_INSTALLATIONS_URL",
)  # fmt: skip
_OWN_ENV = [name + ending for name in _OWN_SETTINGS for ending in ("", "_FILE")]
_OWN_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component", "payments.hingecraft.io/paymentroutes")


def _has_volumes(owner: str) -> str:
    """A CEL rule: each mount of `owner` names one of the pod's volumes."""
    return (
        f"!has({owner}.volumeMounts) || {owner}.volumeMounts.all(mount, has(self.volumes) && "
        "self.volumes.exists(volume, volume.name == mount.name))"
    )


def _for_each(containers: str, rule: str) -> str:
    return f"!has(self.{containers}) || self.{containers}.all(container, {rule})"


_NO_NAME_TWICE = (
    "!has(self.initContainers) || !has(self.extraContainers) || self.initContainers.all(first, "
    "!self.extraContainers.exists(other, other.name == first.name))"
)


class EnvVar(Variable):
    """An environment variable of the Job's own container."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                f"!(self.name in {_OWN_ENV})",
                "is set by the operator: use spec.database, spec.reconcile.amounts and spec.reconcile.wixApp",
            ),
            ONE_VALUE,
        )
    )


class HostAlias(Part):
    """An address and its names."""

    ip: str = Field(description="the address", json_schema_extra=_IP)
    hostnames: list[Annotated[str, Field(max_length=253)]] = Field(
        min_length=1, max_length=16, description="its names", json_schema_extra=ATOMIC_LIST
    )


class DnsOption(Part):
    """An option of the resolver."""

    name: str = Field(max_length=63, description="such as ndots")
    value: str | None = Field(None, max_length=63, description="its value")


class DnsConfig(Part):
    """DNS settings in addition to the policy."""

    nameservers: list[Annotated[str, Field(max_length=45)]] = Field(
        default_factory=list, max_length=3, description="addresses of name servers", json_schema_extra=ATOMIC_LIST
    )
    searches: list[Annotated[str, Field(max_length=253)]] = Field(
        default_factory=list, max_length=32, description="domains that are searched", json_schema_extra=ATOMIC_LIST
    )
    options: list[DnsOption] = Field(
        default_factory=list, max_length=16, description="options of the resolver", json_schema_extra=ATOMIC_LIST
    )


class Toleration(Part):
    """A taint that the pod tolerates."""

    key: str | None = Field(None, max_length=317, description="the key of the taint; every taint if absent")
    operator: Literal["Exists", "Equal"] | None = Field(None, description="Exists, or Equal by default")
    value: str | None = Field(None, max_length=63, description="the value of the taint")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="the effect; every effect if absent"
    )
    toleration_seconds: int | None = Field(None, description="for how long NoExecute is tolerated")


class PodSecurity(Part):
    """The users and groups of the pod's processes and files."""

    run_as_user: int | None = Field(None, ge=1, description="the user; the image's own if absent")
    run_as_group: int | None = Field(None, ge=1, description="the group; the image's own if absent")
    fs_group: int | None = Field(None, ge=1, description="the group that volumes are given to")
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = Field(
        None, description="when volumes are given to it; Always if absent"
    )
    supplemental_groups: list[Annotated[int, Field(ge=1)]] | None = Field(
        None, max_length=16, description="more groups", json_schema_extra=ATOMIC_LIST
    )


class PodParts(Part):
    """The parts that a resource may add to the pods of its Job."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (_has_volumes("self"), "each of volumeMounts must name one of volumes"),
            *(
                (
                    _for_each(containers, _has_volumes("container")),
                    f"each of the volumeMounts of {containers} must name one of volumes",
                )
                for containers in ("initContainers", "extraContainers")
            ),
            (_NO_NAME_TWICE, "initContainers and extraContainers must not have the same name"),
        )
    )

    env: list[EnvVar] = Field(
        default_factory=list,
        max_length=32,
        description="more settings, such as HTTPS_PROXY or SSL_CERT_FILE; .env.example lists all of them",
        json_schema_extra=list_map(),
    )
    env_from: list[EnvFrom] = Field(
        default_factory=list,
        max_length=16,
        description="Secrets with the providers' keys and SITE_URL; ConfigMaps with other settings",
        json_schema_extra=ATOMIC_LIST,
    )
    volumes: list[Volume] = Field(
        default_factory=list,
        max_length=16,
        description="files, such as a company's certificate authorities",
        json_schema_extra=list_map(),
    )
    volume_mounts: list[VolumeMount] = Field(
        default_factory=list,
        max_length=16,
        description="where the volumes are in the Job's container",
        json_schema_extra=list_map("mountPath"),
    )
    init_containers: list[InitContainer] = Field(
        default_factory=list,
        max_length=8,
        description="containers that end before the Job's own starts, or run beside it with restartPolicy Always",
        json_schema_extra=list_map(),
    )
    extra_containers: list[Container] = Field(
        default_factory=list,
        max_length=8,
        description="containers beside the Job's own; the Job ends only when they have ended, after an hour at most",
        json_schema_extra=list_map(),
    )
    pod_labels: dict[str, Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict,
        max_length=32,
        description="more labels of the Job's pods",
        json_schema_extra=rules(
            (
                f"self.all(key, !(key in {list(_OWN_LABELS)}))",
                f"must not set {', '.join(_OWN_LABELS)}: the operator sets these labels",
            )
        ),
    )
    pod_annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict,
        max_length=32,
        description="annotations of the Job's pods, such as one that disables the sidecar of a service mesh",
    )
    node_selector: dict[str, Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict, max_length=16, description="labels that the Job's node must have"
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=16, description="taints that the Job tolerates", json_schema_extra=ATOMIC_LIST
    )
    affinity: Affinity | None = Field(None, description="which nodes the Job prefers or needs")
    priority_class_name: ClassName | None = Field(None, description="a PriorityClass")
    runtime_class_name: ClassName | None = Field(None, description="a RuntimeClass")
    pod_security_context: PodSecurity | None = Field(
        None, description="users and groups, in addition to what the operator sets"
    )
    host_aliases: list[HostAlias] = Field(
        default_factory=list, max_length=16, description="lines of /etc/hosts", json_schema_extra=ATOMIC_LIST
    )
    dns_policy: Literal["ClusterFirst", "Default", "None"] | None = Field(
        None, description="ClusterFirst by default; None needs dnsConfig"
    )
    dns_config: DnsConfig | None = Field(None, description="DNS settings in addition to the policy")
