"""More containers of the Job's pod, in the format of Kubernetes, under the restricted Pod Security Standard.

The operator sets what that standard asks of each of them; a resource may repeat it, but not weaken it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from hingecraft_operator.custom_resource.environment import EnvFrom, Variable
from hingecraft_operator.custom_resource.fields import (
    ATOMIC_LIST,
    Name,
    Part,
    list_map,
    rules,
)
from hingecraft_operator.custom_resource.volumes import VolumeMount

OWN_CONTAINER = "reconcile"
_Argument = Annotated[str, Field(max_length=4096)]
_Seconds = Annotated[int, Field(ge=1, le=3600)]
_ONE_PROBE = (
    "[has(self.exec), has(self.httpGet), has(self.tcpSocket)].filter(each, each).size() == 1",
    "must have one of exec, httpGet and tcpSocket",
)


class Capabilities(Part):
    """Capabilities of the container's processes."""

    drop: list[Literal["ALL"]] | None = Field(
        None, max_length=1, description="ALL, as the operator sets", json_schema_extra=ATOMIC_LIST
    )


class ContainerSecurity(Part):
    """The rights of a container's processes."""

    run_as_user: int | None = Field(None, ge=1, description="the user; the image's own if absent")
    run_as_group: int | None = Field(None, ge=1, description="the group; the image's own if absent")
    read_only_root_filesystem: bool | None = Field(None, description="whether only volumes can be written to")
    allow_privilege_escalation: Literal[False] | None = Field(None, description="false, as the operator sets")
    capabilities: Capabilities | None = Field(None, description="none, as the operator sets")


class ExecAction(Part):
    """A command that succeeds with exit code 0."""

    command: list[_Argument] = Field(
        min_length=1, max_length=32, description="the command and its arguments", json_schema_extra=ATOMIC_LIST
    )


class HttpGetAction(Part):
    """A request that succeeds with a status below 400."""

    path: str | None = Field(None, max_length=1024, description="the path; / if absent")
    port: int = Field(ge=1, le=65535, description="the port")
    scheme: Literal["HTTP", "HTTPS"] | None = Field(None, description="HTTP if absent")


class TcpSocketAction(Part):
    """A connection that succeeds."""

    port: int = Field(ge=1, le=65535, description="the port")


class StartupProbe(Part):
    """When a container that goes on running has started."""

    model_config = ConfigDict(json_schema_extra=rules(_ONE_PROBE))

    exec: ExecAction | None = Field(None, description="a command in the container")
    http_get: HttpGetAction | None = Field(None, description="a request to it")
    tcp_socket: TcpSocketAction | None = Field(None, description="a connection to it")
    initial_delay_seconds: _Seconds | None = Field(None, description="the delay before the first attempt")
    period_seconds: _Seconds | None = Field(None, description="the time between attempts; 10 if absent")
    timeout_seconds: _Seconds | None = Field(None, description="the limit of an attempt; 1 if absent")
    failure_threshold: _Seconds | None = Field(None, description="the number of attempts; 3 if absent")


class Container(Part):
    """A container of the Job's pod."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (f"self.name != '{OWN_CONTAINER}'", f"must not be {OWN_CONTAINER}, the Job's own container"), at=".name"
        )
    )

    name: Name = Field(description="its name")
    image: str = Field(min_length=1, max_length=512, description="its image")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="when the image is pulled; Kubernetes' default if absent"
    )
    command: list[_Argument] | None = Field(
        None, max_length=32, description="the command; the image's own if absent", json_schema_extra=ATOMIC_LIST
    )
    args: list[_Argument] | None = Field(
        None, max_length=64, description="its arguments; the image's own if absent", json_schema_extra=ATOMIC_LIST
    )
    working_dir: str | None = Field(None, max_length=1024, description="the working directory")
    env: list[Variable] | None = Field(
        None, max_length=32, description="environment variables", json_schema_extra=list_map("name")
    )
    env_from: list[EnvFrom] | None = Field(
        None,
        max_length=16,
        description="Secrets and ConfigMaps whose keys become environment variables",
        json_schema_extra=ATOMIC_LIST,
    )
    volume_mounts: list[VolumeMount] | None = Field(
        None, max_length=16, description="where the volumes are mounted", json_schema_extra=list_map("mountPath")
    )
    resources: dict[str, Any] | None = Field(
        None, description="resource requests and limits", json_schema_extra={"x-resources": True}
    )
    security_context: ContainerSecurity | None = Field(None, description="the rights of its processes")


class InitContainer(Container):
    """A container that starts before the Job's own."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (f"self.name != '{OWN_CONTAINER}'", f"must not be {OWN_CONTAINER}, the Job's own container"),
            (
                "!has(self.startupProbe) || has(self.restartPolicy)",
                "startupProbe needs restartPolicy Always: other init containers end before the next one starts",
            ),
        )
    )

    restart_policy: Literal["Always"] | None = Field(
        None, description="Always for a sidecar: it runs beside the Job's container and is stopped after it"
    )
    startup_probe: StartupProbe | None = Field(
        None, description="for a sidecar: the next container starts only after it succeeds"
    )
