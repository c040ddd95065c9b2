"""The nodes that the Job's pod prefers or needs, in the format of Kubernetes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hingecraft_operator.custom_resource.fields import (
    ATOMIC_LIST,
    Name,
    Part,
)

_Label = Annotated[str, Field(max_length=317)]
_Value = Annotated[str, Field(max_length=63)]


class Requirement(Part):
    """A condition on a label."""

    key: _Label = Field(description="the label")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(description="the comparison")
    values: list[_Value] | None = Field(
        None, max_length=16, description="what it is compared with", json_schema_extra=ATOMIC_LIST
    )


class NodeTerm(Part):
    """Conditions that a node meets together."""

    match_expressions: list[Requirement] | None = Field(
        None, max_length=8, description="on the node's labels", json_schema_extra=ATOMIC_LIST
    )
    match_fields: list[Requirement] | None = Field(
        None, max_length=8, description="on the node's fields", json_schema_extra=ATOMIC_LIST
    )


class NodeTerms(Part):
    """Terms of which a node meets one."""

    node_selector_terms: list[NodeTerm] = Field(
        min_length=1, max_length=8, description="the terms", json_schema_extra=ATOMIC_LIST
    )


class PreferredNodes(Part):
    """Nodes that are preferred."""

    weight: int = Field(ge=1, le=100, description="how much, from 1 to 100")
    preference: NodeTerm = Field(description="the nodes")


class NodeAffinity(Part):
    """By labels of the nodes."""

    required_during_scheduling_ignored_during_execution: NodeTerms | None = Field(None, description="what is needed")
    preferred_during_scheduling_ignored_during_execution: list[PreferredNodes] | None = Field(
        None, max_length=8, description="what is preferred", json_schema_extra=ATOMIC_LIST
    )


class PodSelector(Part):
    """Pods by their labels."""

    match_labels: dict[str, _Value] | None = Field(None, max_length=8, description="labels that they have")
    match_expressions: list[Requirement] | None = Field(
        None, max_length=8, description="conditions on their labels", json_schema_extra=ATOMIC_LIST
    )


class PodTerm(Part):
    """Pods, and where being beside them begins."""

    topology_key: _Label = Field(description="the label of nodes that are the same place")
    label_selector: PodSelector | None = Field(None, description="the pods")
    namespaces: list[Name] | None = Field(
        None, max_length=8, description="their namespaces; the Job's if absent", json_schema_extra=ATOMIC_LIST
    )


class PreferredPods(Part):
    """Pods that are preferred, or avoided."""

    weight: int = Field(ge=1, le=100, description="how much, from 1 to 100")
    pod_affinity_term: PodTerm = Field(description="the pods")


class PodAffinity(Part):
    """By pods that run there."""

    required_during_scheduling_ignored_during_execution: list[PodTerm] | None = Field(
        None, max_length=8, description="what is needed", json_schema_extra=ATOMIC_LIST
    )
    preferred_during_scheduling_ignored_during_execution: list[PreferredPods] | None = Field(
        None, max_length=8, description="what is preferred", json_schema_extra=ATOMIC_LIST
    )


class Affinity(Part):
    """The nodes that the pod prefers or needs."""

    node_affinity: NodeAffinity | None = Field(None, description="by labels of the nodes")
    pod_affinity: PodAffinity | None = Field(None, description="beside these pods")
    pod_anti_affinity: PodAffinity | None = Field(None, description="away from these pods")
