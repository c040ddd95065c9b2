"""Schemathesis makes requests from the document, right and wrong ones, and holds the answers against it."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from support.generated import openapi
from support.pods import ADMIN
from support.processes import ApiProcess

schema = schemathesis.openapi.from_dict(json.loads(openapi()))


@pytest.mark.timeout(600)
@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_pod_keeps_to_its_document(case, pod: ApiProcess):
    case.call_and_validate(base_url=pod.public, headers=ADMIN)
