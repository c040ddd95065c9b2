from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.observability import logs
from hingecraft.observability.logs import Masker, start_logging
from hingecraft.settings import Secret


@pytest.fixture
def stream():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    text = io.StringIO()
    start_logging("INFO", [Secret("the-admin-token")], stream=text)
    yield text
    root.handlers[:], root.level = before, level


def test_a_line_is_json_with_what_a_search_asks_for(stream):
    logging.getLogger("x").info("hello %s", "world", extra={"request_id": "r-1"})
    line = json.loads(stream.getvalue())
    assert (line["message"], line["level"], line["logger"], line["request_id"]) == ("hello world", "info", "x", "r-1")
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize(
    "secret",
    [
        "the-admin-token", "sk_" + "live_abcDEF123", "rk_test_abc123", "whsec_" + "c2VjcmV0c2VjcmV0",
        "someone@example.org", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
    ],
)  # fmt: skip
def test_secrets_are_masked_wherever_they_stand(stream, secret):
    logging.getLogger("x").warning("seen: %s!", secret, extra={"more": secret})
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert secret not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_passwords_and_bearer_tokens_are_masked():
    mask = Masker()
    assert mask("postgresql://user:hunter22@db:5432/x") == "postgresql://***@db:5432/x"
    assert mask("Authorization: Bearer abc.def-1") == "Authorization: Bearer ***"


PARTS = ["sk_live_", "rk_", "pk_test_", "whsec_", "Bearer ", "://", "eyJ", "@", ":", ".", "/", "-", "_", " ", "a1", "="]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_a_text_without_a_mark_has_nothing_to_mask(text):
    """The patterns are run only where one of the marks is in the text."""
    assert Masker()(text) == logs._SECRET_SHAPES.sub("***", text)
