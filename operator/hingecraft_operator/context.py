"""Shared by all reconcilers: one API server, one set of settings and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from hingecraft_operator.cluster.client import Cluster
from hingecraft_operator.cluster.endpoint_slices import UrlOf
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The objects that all reconcilers share."""

    cluster: Cluster
    settings: OperatorSettings
    metrics: OperatorMetrics
    url_of: UrlOf
