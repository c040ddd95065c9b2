"""Answers of Wix about a site that cannot be used."""

from __future__ import annotations

import pytest

from hingecraft.wix_app.client.model import UnreadableAnswerError, app_instance_in

SITE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59.999Z", "soon", 7])
def test_a_period_whose_end_is_not_a_time_is_rejected(end: object):
    billing = {
        "packageName": "pro", "billingCycle": "YEARLY", "timeStamp": "2026-11-27T10:00:00Z", "expirationDate": end,
    }  # fmt: skip
    with pytest.raises(UnreadableAnswerError):
        app_instance_in({"instance": {"instanceId": SITE, "isFree": False, "billing": billing}})
