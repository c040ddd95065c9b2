"""What all reconcilers share."""

from __future__ import annotations

from dataclasses import dataclass

from hingecraft_operator.cluster.client import Cluster
from hingecraft_operator.cluster.endpoint_slices import UrlOf
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One API server, one process."""

    cluster: Cluster
    settings: OperatorSettings
    metrics: OperatorMetrics
    url_of: UrlOf
