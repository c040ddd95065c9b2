"""The routes that a pod serves, the policy behind them, and the engine's pushes."""

from __future__ import annotations

from hingecraft_api.feature import Feature
from hingecraft_api.handlers import internal, routes
from hingecraft_api.handlers.admin import routes as admin_routes

ROUTES = Feature(
    endpoints=[*routes.ENDPOINTS, *admin_routes.ENDPOINTS],
    internal=internal.ENDPOINTS,
    works=lambda pod: {"looking for newer routes": pod.loader.run},
)
