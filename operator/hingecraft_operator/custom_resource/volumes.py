"""Volumes of the Job's pod, in the format of Kubernetes: those that the restricted Pod Security Standard allows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from hingecraft_operator.custom_resource.fields import (
    ATOMIC_LIST,
    ConfigMapName,
    LocalRef,
    Name,
    Part,
    SecretKey,
    SecretName,
    like,
    rules,
)

_SIZE = like("^[0-9]+([.][0-9]+)?([kKMGTPE]i?)?$", 20, "must be a number of bytes such as 64Mi")
_PATH = like("^[^/.][^/]*(/[^/.][^/]*)*$", 512, "must be a path below the mount, without ..")
_ONE_KIND = (
    "[has(self.configMap), has(self.secret), has(self.projected), has(self.csi), has(self.emptyDir)]"
    ".filter(each, each).size() == 1"
)


class KeyToPath(Part):
    """A key that becomes a file."""

    key: SecretKey = Field(description="the key")
    path: str = Field(
        description="the file, below the mount",
        json_schema_extra=_PATH,
    )


class ConfigMapSource(Part):
    """A ConfigMap as files."""

    name: ConfigMapName = Field(description="the ConfigMap")
    items: list[KeyToPath] = Field(
        default_factory=list,
        max_length=16,
        description="some of its keys; all if absent",
        json_schema_extra=ATOMIC_LIST,
    )


class SecretSource(Part):
    """A Secret as files."""

    secret_name: SecretName = Field(description="the Secret")
    items: list[KeyToPath] = Field(
        default_factory=list,
        max_length=16,
        description="some of its keys; all if absent",
        json_schema_extra=ATOMIC_LIST,
    )


class ProjectedSecret(Part):
    """A Secret in a projected volume."""

    name: SecretName = Field(description="the Secret")
    items: list[KeyToPath] | None = Field(
        None, max_length=8, description="some of its keys; all if absent", json_schema_extra=ATOMIC_LIST
    )


class ProjectedConfigMap(Part):
    """A ConfigMap in a projected volume."""

    name: ConfigMapName = Field(description="the ConfigMap")
    items: list[KeyToPath] | None = Field(
        None, max_length=8, description="some of its keys; all if absent", json_schema_extra=ATOMIC_LIST
    )


class ProjectedToken(Part):
    """A token of the Job's service account, such as a cloud's workload identity exchanges."""

    audience: str | None = Field(None, max_length=253, description="who takes it; the API server if absent")
    expiration_seconds: int | None = Field(None, ge=600, description="how long it is valid; an hour if absent")
    path: str = Field(description="the file, below the mount", json_schema_extra=_PATH)


class Projection(Part):
    """One source of a projected volume."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "[has(self.secret), has(self.configMap), has(self.serviceAccountToken)].filter(each, each).size() == 1",
                "must have one of secret, configMap and serviceAccountToken",
            ),
        )
    )

    secret: ProjectedSecret | None = Field(None, description="a Secret")
    config_map: ProjectedConfigMap | None = Field(None, description="a ConfigMap")
    service_account_token: ProjectedToken | None = Field(None, description="a token of the service account")


class Projected(Part):
    """Several sources in one folder."""

    sources: list[Projection] = Field(
        min_length=1, max_length=8, description="what is in it", json_schema_extra=ATOMIC_LIST
    )


class Csi(Part):
    """A volume of a CSI driver that lives as long as the pod, such as that of the Secrets Store."""

    driver: str = Field(max_length=63, description="the driver, such as secrets-store.csi.k8s.io")
    read_only: bool | None = Field(None, description="mount it read-only")
    fs_type: str | None = Field(None, max_length=63, description="the file system; the driver's own if absent")
    volume_attributes: dict[str, Annotated[str, Field(max_length=1024)]] | None = Field(
        None, max_length=16, description="what the driver is told, such as secretProviderClass"
    )
    node_publish_secret_ref: LocalRef | None = Field(None, description="a Secret with the driver's credentials")


class EmptyDir(Part):
    """An empty folder that is deleted with the pod."""

    medium: Literal["Memory"] | None = Field(None, description="Memory; the node's disk if absent")
    size_limit: Annotated[str, Field(json_schema_extra=_SIZE)] | None = Field(None, description="the maximum size")


class Volume(Part):
    """Files for the Job's container."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                _ONE_KIND,
                "must have one of configMap, secret, projected, csi and emptyDir; other volumes are not supported",
            ),
        )
    )

    name: Name = Field(description="the name that a mount refers to")
    config_map: ConfigMapSource | None = Field(None, description="a ConfigMap")
    secret: SecretSource | None = Field(None, description="a Secret")
    projected: Projected | None = Field(None, description="several sources in one folder")
    csi: Csi | None = Field(None, description="a volume of a CSI driver")
    empty_dir: EmptyDir | None = Field(None, description="an empty folder")


class VolumeMount(Part):
    """Where a volume is mounted."""

    name: Name = Field(description="the volume")
    mount_path: str = Field(
        description="the path in the container",
        json_schema_extra=like("^/[^:]+$", 1024, "must be an absolute path without a colon"),
    )
    sub_path: str | None = Field(None, max_length=1024, description="mount only this folder or file of the volume")
    read_only: bool | None = Field(None, description="mount it read-only")
