"""A thousand people on the site: most only read, some give and wait for the thanks.

Ends with exit code 1 when a threshold is not met, and 3 when this machine could not make the load: then it is void.
"""

from __future__ import annotations

import os
import random
from typing import Any

from gevent import sleep
from locust import FastHttpUser, between, events, task
from locust.env import Environment
from visitors import named

SECRET = os.environ.get("VISITOR_SECRET", "dev-visitor-secret")
HOST_HEADER = os.environ.get("LOAD_HOST")
ROUTES_P99_GOAL = float(os.environ.get("LOAD_ROUTES_P99_MS", "50"))
FEWEST_REQUESTS = 1000
VOID = 3
_ROUTES, _LEAST, _STATUS = "/routes", "/health", "/payments/[id]"


class Visitor(FastHttpUser):
    """One visitor after the other: after a gift the visitor leaves, and another one comes."""

    wait_time = between(4, 12)
    network_timeout = 20.0
    connection_timeout = 20.0

    def on_start(self) -> None:
        """Come to the site."""
        self._arrive()
        sleep(random.uniform(0, 8))

    def _arrive(self) -> None:
        self._tag = ""
        self._headers = {**named(SECRET), **({"Host": HOST_HEADER} if HOST_HEADER else {})}

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        with self.client.post(path, json=body, headers=self._headers, catch_response=True) as response:
            answer = response.json() if response.status_code < 400 else None
            if not answer or not answer.get("success"):
                response.failure(f"{response.status_code}: {(response.text or '')[:200]}")
                return {}
            data: dict[str, Any] = answer["data"]
            return data

    def _watch(self, payment: str | None) -> None:
        """As the page does after somebody has gone to pay."""
        for _ in range(3 if payment else 0):
            sleep(random.uniform(2, 4))
            self.client.get(f"/payments/{payment}", headers=self._headers, name=_STATUS)
        self._arrive()

    @task(40)
    def look(self) -> None:
        """A page polls the routes, and says which it has."""
        headers = {**self._headers, **({"If-None-Match": self._tag} if self._tag else {})}
        with self.client.get(_ROUTES, headers=headers, name=_ROUTES, catch_response=True) as response:
            if response.status_code not in {200, 304}:
                response.failure(f"{response.status_code}")
            self._tag = response.headers.get("ETag") or self._tag

    @task(4)
    def knock(self) -> None:
        """The least that a pod answers: what the routes are compared with."""
        self.client.get(_LEAST, headers=self._headers, name=_LEAST)

    @task(2)
    def give_a_little(self) -> None:
        """One click."""
        self._watch(self._post("/mission-support/micro-payment", amount=random.choice((1, 2, 5))).get("paymentId"))

    @task(1)
    def give_another_amount(self) -> None:
        """To Charter, with the amount filled in, and from there to the provider."""
        chosen = self._post("/mission-support/other", amount="37.50")
        if not chosen:
            return
        self.client.get(f"/prefill/{chosen['prefillId']}", headers=self._headers, name="/prefill/[id]")
        sleep(random.uniform(2, 6))
        given = self._post("/charter/generate-payment", amount="37.50", currency="EUR", prefillId=chosen["prefillId"])
        self._watch(given.get("paymentId"))

    @task(1)
    def give_coins(self) -> None:
        """Give in bitcoin, with an invoice."""
        self._watch(self._post("/charter/generate-payment", amount=25, currency="BTC").get("paymentId"))


def judge(environment: Environment, **_kwargs: Any) -> None:
    """Say which threshold was not met."""
    total = environment.stats.total
    routes = environment.stats.get(_ROUTES, "GET")
    least = environment.stats.get(_LEAST, "GET").get_response_time_percentile(0.99)
    p99 = routes.get_response_time_percentile(0.99)
    missed = []
    if total.num_failures:
        missed.append(f"{total.num_failures} of {total.num_requests} requests failed")
    if p99 > ROUTES_P99_GOAL:
        missed.append(f"/routes p99 is {p99:.0f} ms, above {ROUTES_P99_GOAL:.0f}")
    if total.num_requests < FEWEST_REQUESTS:
        missed.append(f"only {total.num_requests} requests were made")
    print(f"{total.num_requests} requests, {total.num_failures} failed; /routes p50 "
          f"{routes.get_response_time_percentile(0.5):.0f} ms, p99 {p99:.0f} ms, "
          f"{p99 / max(least, 1):.2f} of {_LEAST} in the same run")  # fmt: skip
    if environment.runner is not None and environment.runner.cpu_warning_emitted:
        print("void: the load generator was the limit, so these figures are about it")
        environment.process_exit_code = VOID
    elif missed:
        print("not met: " + "; ".join(missed))
        environment.process_exit_code = 1
    else:
        environment.process_exit_code = 0


events.quitting.add_listener(judge)
