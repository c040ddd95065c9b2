"""Each call as a curl command that can be pasted. `$API` is the backend's address, `$ADMIN_TOKEN` the admin token."""

from __future__ import annotations

import json
import re
from typing import Any

from hingecraft_api.access.credentials import CREDENTIALS
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.idempotent import HEADER

_PATH_PART = re.compile(r"{(\w+)}")

# Headers that hold a token: the command has a variable in their place.
_PASTED = {"Authorization": "PlanSession $PLAN_SESSION"}


def call(endpoint: Endpoint, operation: dict[str, Any]) -> str:
    """The command; the parameters that it needs have the values of their examples."""
    path = _PATH_PART.sub(lambda part: str(endpoint.parts[part[1]]["examples"][0]), endpoint.path)
    method = {"GET": "", "HEAD": " --head"}.get(endpoint.method, f" -X {endpoint.method}")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    lines = [f'curl -s{method} "$API{path}"']
    credential = CREDENTIALS[endpoint.access[0]].curl
    if credential:
        lines.append(f'-H "{credential}"')
    lines += [f'-H "{name}: {sent}"' for name, sent in _PASTED.items() if name in endpoint.headers]
    if endpoint.idempotent:
        key = next(each for each in operation["parameters"] if each["name"] == HEADER)
        lines.append(f"-H '{HEADER}: {key['example']}'")
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{json.dumps(body, ensure_ascii=False)}'")
    return " \\\n  ".join(lines)
