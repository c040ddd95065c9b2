"""The systems that each pod serves; a new one is added here and nowhere else in the API."""

from __future__ import annotations

from collections.abc import Sequence

from hingecraft_api.feature import Feature
from hingecraft_api.features.credits import CREDITS
from hingecraft_api.features.donations import DONATIONS
from hingecraft_api.features.jobs import JOBS
from hingecraft_api.features.members import MEMBERS
from hingecraft_api.features.operations import OPERATIONS
from hingecraft_api.features.payments import PAYMENTS
from hingecraft_api.features.purchases import PURCHASES
from hingecraft_api.features.routes import ROUTES
from hingecraft_api.features.stats import STATISTICS
from hingecraft_api.features.subscriptions import SUBSCRIPTIONS
from hingecraft_api.features.wix_app import WIX_APP
from hingecraft_api.features.wix_dashboard import WIX_DASHBOARD

FEATURES: Sequence[Feature] = (
    DONATIONS,
    ROUTES,
    PAYMENTS,
    MEMBERS,
    CREDITS,
    SUBSCRIPTIONS,
    PURCHASES,
    STATISTICS,
    WIX_APP,
    WIX_DASHBOARD,
    JOBS,
    OPERATIONS,
)
