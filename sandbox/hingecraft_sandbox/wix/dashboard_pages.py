"""The app's dashboard in a frame, as at Wix: the page has another origin and makes a new token each time."""

from __future__ import annotations

import logging
from html import escape
from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

from hingecraft_sandbox.providers.pages import page
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.wix import DASHBOARD_OPENED, PREFIX
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.sites import Sites, WixRejectedError
from hingecraft_sandbox.wix.tokens import Tokens

log = logging.getLogger(__name__)

LOCALES = {"en": "English", "de": "Deutsch", "fr": "Français", "ar": "العربية"}
# Wix's own channel works at manage.wix.com only, so the frame is as high as the window instead of as its content.
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name} - Wix - sandbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><style>
* {{ box-sizing: border-box; }}
body {{ margin: 0; display: grid; grid-template: auto 1fr / auto 1fr; height: 100vh;
  font: 15px/1.5 system-ui, sans-serif; }}
header {{ grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1.2rem;
  padding: .6rem 1rem; background: #131720; color: #fff; }}
header strong {{ letter-spacing: .08em; }} header span {{ color: #ffd27a; }} header nav {{ margin-inline-start: auto; }}
a {{ color: inherit; margin-inline-start: .8rem; }}
aside {{ padding: 1.2rem 1.4rem; background: #1f2533; color: #cfd6e4; }}
aside p {{ margin: 0 0 .7rem; }} aside p.here {{ color: #fff; font-weight: 600; }}
iframe {{ width: 100%; height: 100%; border: 0; }}
:focus-visible {{ outline: 3px solid #7ea2ff; outline-offset: 2px; }}
@media (max-width: 800px) {{ aside {{ display: none; }} iframe {{ grid-column: 1 / -1; }} }}
</style></head><body>
<header><strong>WIX</strong> {name} <span>Sandbox: this page stands for Wix</span>
<nav aria-label="Language">{locales}<a href="{site}">The site and its plan</a></nav></header>
<aside><p>Home</p><p>Catalog</p><p>Apps</p><p class="here">HingeCraft payments</p><p>Settings</p></aside>
<iframe title="HingeCraft payments" src="{src}"></iframe></body></html>"""


class DashboardPages:
    """`/wix/sites/{id}/dashboard`."""

    def __init__(self, sites: Sites, tokens: Tokens, switches: Switches, config: WixConfig) -> None:
        self._sites = sites
        self._tokens = tokens
        self._switches = switches
        self._config = config

    def add_to(self, app: web.Application) -> None:
        """The routes."""
        app.router.add_get(PREFIX + "/dashboard", self.owners)
        app.router.add_get(PREFIX + "/sites/{id}/dashboard", self.dashboard)

    async def owners(self, _request: web.Request) -> web.Response:
        """A short address of the owner's dashboard."""
        raise web.HTTPFound(f"{PREFIX}/sites/{self._config.owner_site}/dashboard")

    async def dashboard(self, request: web.Request) -> web.Response:
        """As the owner sees it after a click on the app."""
        try:
            site = self._sites.find(request.match_info["id"])
        except WixRejectedError as error:
            return page("Not found", f"<p>{escape(str(error))}</p>", status=HTTPStatus.NOT_FOUND)
        log.info(DASHBOARD_OPENED)
        chosen = request.query.get("locale", "en")
        here = f"{PREFIX}/sites/{site['id']}"
        backend = (self._switches.wix.backend or self._config.backend).rstrip("/")
        query = {"instance": self._tokens.instance_of(site), "locale": chosen, "viewMode": "dashboard"}
        if "upgrade" in request.query:
            query["upgrade"] = request.query["upgrade"]
        text = _PAGE.format(
            name=escape(site["name"]),
            site=here,
            locales="".join(f'<a href="{here}/dashboard?locale={code}">{name}</a>' for code, name in LOCALES.items()),
            src=escape(f"{backend}/wix-dashboard?{urlencode(query)}"),
        )
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})
