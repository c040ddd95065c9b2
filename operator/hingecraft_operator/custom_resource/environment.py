"""Environment variables of a container, in the format of Kubernetes."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from hingecraft_operator.custom_resource.fields import ConfigMapName, LocalRef, Part, SecretKey, SecretRef, like, rules

ONE_VALUE = ("!has(self.value) || !has(self.valueFrom)", "must not have both value and valueFrom")
_NAME = like("^[-._a-zA-Z][-._a-zA-Z0-9]*$", 253, "must be the name of an environment variable")


class ConfigMapRef(Part):
    """A ConfigMap in the resource's namespace."""

    name: ConfigMapName = Field(description="its name")


class EnvFrom(Part):
    """A Secret or ConfigMap whose keys become environment variables."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.secretRef) != has(self.configMapRef)", "must have either secretRef or configMapRef"),
        )
    )

    secret_ref: LocalRef | None = Field(None, description="the Secret")
    config_map_ref: ConfigMapRef | None = Field(None, description="the ConfigMap")


class ConfigMapKeyRef(Part):
    """A key of a ConfigMap in the resource's namespace."""

    name: ConfigMapName = Field(description="the ConfigMap")
    key: SecretKey = Field(description="the key of the value in it")


class ValueFrom(Part):
    """Where a value comes from."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.secretKeyRef) != has(self.configMapKeyRef)",
                "must have either secretKeyRef or configMapKeyRef",
            ),
        )
    )

    secret_key_ref: SecretRef | None = Field(None, description="a key of a Secret")
    config_map_key_ref: ConfigMapKeyRef | None = Field(None, description="a key of a ConfigMap")


class Variable(Part):
    """An environment variable."""

    model_config = ConfigDict(json_schema_extra=rules(ONE_VALUE))

    name: Annotated[str, Field(json_schema_extra=_NAME)] = Field(description="the variable")
    value: str | None = Field(None, max_length=8192, description="its value")
    value_from: ValueFrom | None = Field(None, description="where its value comes from")
