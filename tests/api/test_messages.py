"""The answers to wrong requests: one sentence that says what to do, in our own words."""

from __future__ import annotations

import pytest

from support.pods import ADMIN

GENERATE = "/charter/generate-payment"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is empty. Send a JSON object."),
        (b'{"amount": 25,', "The body is not valid JSON. Check it at character 15."),
        (b'{"amount" 25}', "The body is not valid JSON. Check it at character 11."),
        (b'{"amount": NaN}', "The body must be valid JSON, which does not allow NaN or Infinity."),
        (b'{"amount": 1, "amount": 2}', "An object in the body has the same name twice. Use each name once."),
        (b"[]", "The body must be a JSON object."),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_read(pod, body, sentence):
    headers = {"Content-Type": "application/json"}
    status, answer = await pod.call("POST", GENERATE, data=body, headers=headers)
    assert (status, answer["error"]) == (400, sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"amount": 25}, "Please correct: currency is required."),
        (
            {"amount": 25, "currenzy": "EUR"},
            "Please correct: currency is required; currenzy is not a known field (did you mean currency?).",
        ),
        ({"amount": 25, "currency": "EUR", "foo": 1}, "Please correct: foo is not a known field."),
        ({"amount": 25, "currency": 1}, "Please correct: currency must be a string."),
        ({"amount": 25, "currency": ""}, "Please correct: currency must be at least 1 characters long."),
        ({"amount": 25, "currency": "x" * 65}, "Please correct: currency must be at most 64 characters long."),
        ({"amount": 25, "currency": "EUR", "strict": "yes"}, "Please correct: strict must be true or false."),
        ({"amount": 25, "currency": "EUR", "returnTo": "x"}, "Please correct: returnTo must be 'site' or 'embed'."),
        (
            {"amount": 25, "currency": "EUR", "email": "me"},
            "Please correct: email must be an e-mail address such as name@example.com.",
        ),
    ],
)  # fmt: skip
async def test_a_field_that_is_wrong(pod, body, sentence):
    status, answer = await pod.call("POST", GENERATE, json=body)
    assert (status, answer["code"], answer["error"]) == (400, "invalid_request", sentence)


async def test_a_field_inside_another(pod):
    body = {"amount": 25, "userInfo": {"emial": "name@example.com"}}
    _, answer = await pod.call("POST", "/mission-support/other", json=body)
    assert answer["error"] == "Please correct: userInfo.emial is not a known field (did you mean email?)."
    _, answer = await pod.call("POST", "/mission-support/other", json={"amount": 25, "userInfo": "me"})
    assert answer["error"] == "Please correct: userInfo must be an object."


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=abc", "Please correct: limit must be a whole number."),
        ("limit=1.5", "Please correct: limit must be a whole number."),
        ("limit=0", "Please correct: limit must be at least 1."),
        ("limit=201", "Please correct: limit must be at most 200."),
        ("limit=" + "9" * 5000, "Please correct: limit must be a smaller number."),
        ("limit=1&limit=2", "Please correct: limit is given twice."),
        ("cursor=-", "Please correct: cursor must be the nextCursor of the previous page."),
        ("limmt=5", "Please correct: limmt is not a known field (did you mean limit?)."),
    ],
)  # fmt: skip
async def test_a_parameter_that_is_wrong(pod, query, sentence):
    status, answer = await pod.call("GET", f"/admin/audit?{query}", headers=ADMIN)
    assert (status, answer["code"], answer["error"]) == (400, "invalid_request", sentence)


async def test_a_cursor_of_payments(pod):
    _, answer = await pod.call("GET", "/admin/payments?cursor=a%0A", headers=ADMIN)
    assert answer["error"] == "Please correct: cursor must be the nextCursor of the previous page."


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/route", "/routes"), ("/routes/", "/routes"), ("/Routes", "/routes"),
        ("/payment/a51ab48c-fcc1-48e3-b9fd-743938b0d330", "/payments/{id}"),
        ("/charter/generate", GENERATE), ("/charter/generate_payment", GENERATE), ("/admin/polizy", "/admin/policy"),
        ("/nothing", None), ("/metrics", None), ("/internal/routes", None), ("/" + "routes" * 30, None),
    ],
)  # fmt: skip
async def test_a_path_that_does_not_exist(pod, path, meant):
    status, answer = await pod.call("GET", path)
    suggestion = f" Did you mean {meant}?" if meant else ""
    assert (status, answer["error"]) == (404, f"No such endpoint.{suggestion} See /docs.")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", GENERATE, "POST"), ("DELETE", "/routes", "GET or HEAD"), ("PUT", "/admin/policy", "GET or PATCH")],
)
async def test_a_method_that_a_path_does_not_take(pod, method, path, allowed):
    status, answer = await pod.call(method, path)
    assert (status, answer["error"]) == (405, f"Use {allowed} for this path.")
