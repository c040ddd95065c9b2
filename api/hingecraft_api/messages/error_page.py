"""An error as a page, for people who open a link in a browser."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from aiohttp import web

from hingecraft.errors import RejectedError
from hingecraft_api.messages.errors import answer_for

_STYLE = """
:root { color-scheme: light dark }
body { max-width: 34rem; margin: 15vh auto 0; padding: 0 1.25rem; font: 1.0625rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25 }
a { display: inline-block; padding: .5rem 0 }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Vary": "Accept, Origin",
}


def asks_for_page(request: web.Request) -> bool:
    """Whether a browser opens the address itself: programs that send `*/*` or nothing get JSON."""
    kinds = (part.partition(";") for part in request.headers.get("Accept", "").split(","))
    return request.method == "GET" and any(
        kind.strip().lower() == "text/html" and parameters.replace(" ", "") not in {"q=0", "q=0.0"}
        for kind, _, parameters in kinds
    )


def page_for(error: RejectedError, request_id: str, *, title: str, link: str, link_text: str) -> web.Response:
    """The error with the status that its JSON has, and one link that leads on."""
    status = answer_for(error, request_id).status
    page = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><main><h1>{escape(title)}</h1><p>{escape(error.sentence)}</p>
<p><a href="{escape(link)}">{escape(link_text)}</a></p></main></body>
</html>
"""
    return web.Response(text=page, status=status, content_type="text/html", headers=_HEADERS)
