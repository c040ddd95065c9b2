"""The guide to all calls, in Markdown. Its numbers are read from the code."""

from __future__ import annotations

from dataclasses import dataclass

from hingecraft.idempotency import service as idempotency
from hingecraft.identity.settings import LARGEST_TOKEN
from hingecraft_api.access.limits import IN_A_NETWORK, MISTAKES
from hingecraft_api.access.visitor import VALID_FOR
from hingecraft_api.messages.bodies import LARGEST_BODY
from hingecraft_api.reference import events
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.endpoint import ANSWERED_WITHIN
from hingecraft_api.web.idempotent import LONGEST_KEY, REPLAYED, SHORTEST_KEY

TAGS = {
    "Donations": "Take a donation and follow it. No authentication: ids can't be guessed.",
    "Credits": "What members have and spend. Users call with their own token, your backend with `SERVICE_TOKEN`.",
    "Purchases": "Designs, courses and subscriptions. Anybody lists products; users call with their own token.",
    "Provider webhooks": "Stripe and NOWPayments call these. Your own code never does.",
    "Wix app": "For the dashboard of the Wix app, and for Wix, which calls the webhooks.",
    "Wix dashboard": "For the dashboards of the sites in `WIX_OWNER_INSTANCES`, which may see and refund payments.",
    "Admin": "For the people who run the backend. Every call needs the admin token. Every change is in the audit log.",
    "Operations": "For probes and load balancers.",
    events.TAG: "What the backend sends to your site.",
}


def _default(setting: str) -> int:
    number: int = ApiSettings.model_fields[setting].default
    return number


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a minute."""

    visitor: int = _default("rate_limit")
    routes: int = _default("rate_limit_routes")
    site: int = _default("rate_limit_site")


def markdown(rates: Rates) -> str:
    """All sections."""
    return "\n".join(f"## {title}\n\n{text}" for title, text in _sections(rates).items())


def _sections(rates: Rates) -> dict[str, str]:
    return {
        "Start here": _START,
        "Authentication": _AUTHENTICATION,
        "Requests and answers": _REQUESTS,
        "Amounts and currencies": _AMOUNTS,
        "Idempotency": _IDEMPOTENCY,
        "Rate limits": _limits(rates),
        "Errors": _ERRORS,
        "Events": events.guide(),
        "Versions": _VERSIONS,
    }


_START = """\
In the examples `$API` is the address of the backend:

```
export API=https://payments.example.com
```

To take a donation, `POST /charter/generate-payment` and send the donor to the `url` of the answer. When the donor comes
back, ask `GET /payments/{id}` until the status is final. The file `docs/api.md` of the project is a tutorial.
"""
_AUTHENTICATION = f"""\
Calls for donations need no authentication. Calls under `/admin` need the `ADMIN_TOKEN` of the backend:

```
curl -s "$API/admin/policy" -H "Authorization: Bearer $ADMIN_TOKEN"
```

Instead of `Authorization` you can send the token as `X-Admin-Token`. A missing or wrong token gets 401 `unauthorized`.
After {MISTAKES} wrong tokens in a minute an address gets 429, even with the right one.

Calls for members need a user's token: a JWT of your identity provider, such as Supabase Auth, of at most
{LARGEST_TOKEN // 1024} KB. A service sends the `SERVICE_TOKEN`, or a JWT with the role `service`. An admin can also
send a JWT with the role `admin`.

```
curl -s "$API/api/v1/credits/balance" -H "Authorization: Bearer $TOKEN"
```

No token gets 401 `missing_token`, a wrong or expired one 401 `invalid_token`, and one whose role may not make the call
403 `role_not_allowed`. A wrong token is rejected also by calls that need none. After {MISTAKES} wrong ones in a minute
an address gets 429 for further wrong ones.

A site that calls for its visitors names them to the limits, with
`X-HC-Visitor: v1;<id>;<seconds since 1970>;<hex HMAC-SHA256(VISITOR_SECRET, "v1;<id>;<seconds since 1970>")>`.
The id is `ip:<address>` or `vid:` and 22 base64url characters. A signature is valid for {VALID_FOR} seconds. Without
the header, or with a wrong one, the visitor is the address that the request came from.
"""
_REQUESTS = f"""\
Bodies and answers are JSON in UTF-8 with names in camelCase. Every answer is an envelope: `success` is `true` and the
result is in `data`, or `success` is `false` and the answer is an error.

- Send `Content-Type: application/json`. A body can have up to {LARGEST_BODY // 1024} KB. Unknown fields and repeated
  names are rejected.
- Every answer comes within {ANSWERED_WITHIN:.0f} seconds, unless you ask `POST /admin/refresh` to wait longer, and has
  `X-Request-ID`. Send your own id in the same header to find a request in both logs.
- Times are RFC 3339 in UTC with milliseconds.
- Lists are read page by page: send `nextCursor` of a page as `cursor` of the next one.
- Browsers can call from the origins in `CORS_ORIGINS` only. Pages of any origin can call `GET /api/v1/appearance` and
  `POST /charter/generate-payment`, without cookies and without `Authorization`.
"""
_AMOUNTS = """\
Amounts are exact decimals. Send them as numbers or strings; send strings if your language has only floats. They come
back as numbers, and quantities of coins as strings. An amount has at most the decimals of its currency.

A currency is a code, symbol or name in any case: `EUR`, `€`, `btc`, `bitcoin`. `GET /config` lists what is accepted.
**Send `strict: true` when you create a payment.** Without it, text that names no currency means US dollars, and the
answer has `currencyDefaulted: true`.
"""
_IDEMPOTENCY = f"""\
Send `Idempotency-Key` with every POST that creates something: a key of {SHORTEST_KEY} to {LONGEST_KEY} characters
without spaces, new for each donation and the same for each retry. For
{idempotency.KEPT_FOR.total_seconds() // 3600:.0f} hours the same key and body get the same answer, with
`{REPLAYED}: true`, and nothing is created twice, also if the backend crashed in between.

- The same key with another body gets 422 `idempotency_key_reused`. `25` and `"25.00"` are different bodies.
- While the first request runs, a second one waits for its answer. If that takes too long it gets 409
  `idempotency_in_flight`: send it again after `Retry-After`.
- A key belongs to a method, a path and the caller: a user, a service, an admin or, if the site has signed
  `X-HC-Visitor`, a visitor.
- Answers that are kept: successes and rejections by the payment provider. After any other error you can correct the
  request and use the same key.
"""
_ERRORS = """\
Every error has a sentence for people, a code for your program and the id of the request. `fields` says what to correct:

```
{
  "success": false,
  "error": "Please correct: amount is required.",
  "code": "invalid_request",
  "requestId": "8db4145d8032f9390000000a",
  "fields": {"amount": "is required"}
}
```

Branch on `code`, never on `error`, whose words can change. Retry 429 and 503, and 502 `provider_unavailable` or
`provider_busy` with the same idempotency key, after the seconds in `Retry-After`. Don't retry other errors
unchanged.
"""
_VERSIONS = """\
This document describes the version of the backend that serves it. Changes only add: new calls, optional fields, codes
and event types. Ignore fields that you don't know, and treat an unknown `code` like its HTTP status.
"""


def _limits(rates: Rates) -> str:
    return f"""\
| What | Requests a minute |
|---|---|
| each visitor and each user | {rates.visitor} |
| each visitor, `GET /routes` | {rates.routes}, counted apart |
| all visitors together that a site names by `vid:` | {rates.site} |
| wrong signatures on provider webhooks, each address | {MISTAKES} |
| wrong admin and service tokens, each address | {MISTAKES} |
| other wrong tokens, each address | {MISTAKES} |

Beyond that the answer is 429 `rate_limited` with `Retry-After`. With IPv6 a visitor is a /64, and its /48 has
{IN_A_NETWORK} times the limit. Services and admins with the right token, `/health` and `/ready` are not limited.
"""
