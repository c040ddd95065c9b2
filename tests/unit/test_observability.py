from __future__ import annotations

import gzip
import io
import json
import logging
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli
import pytest
import sentry_sdk

from hingecraft.observability.logs import Masker, start_logging
from hingecraft.observability.sentry import start_sentry
from hingecraft.settings import Secret

OPENED_BY = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}


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


@pytest.fixture
def sentry():
    """Takes what the SDK sends, as Sentry would."""
    taken: list[bytes] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(OPENED_BY[self.headers.get("Content-Encoding", "")](body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", taken
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    server.shutdown()
    server.server_close()


def test_unexpected_errors_reach_sentry_without_secrets(sentry):
    dsn, taken = sentry
    start_sentry(dsn, "test", [Secret("the-admin-token")])
    try:
        raise ValueError("broken by the-admin-token of someone@example.org")
    except ValueError as error:
        sentry_sdk.capture_exception(error)
    sentry_sdk.flush(5)
    sent = b"".join(taken)
    assert b"broken by *** of ***" in sent
    assert b"the-admin-token" not in sent


def test_without_a_dsn_nothing_is_started():
    start_sentry("", "test", [])
    assert not sentry_sdk.get_client().is_active()


def test_passwords_and_bearer_tokens_are_masked():
    mask = Masker()
    assert mask("postgresql://user:hunter22@db:5432/x") == "postgresql://***@db:5432/x"
    assert mask("Authorization: Bearer abc.def-1") == "Authorization: Bearer ***"


def test_without_a_dsn_the_library_is_not_even_imported():
    asked = (
        "import sys; from hingecraft.observability.sentry import start_sentry; "
        "start_sentry('', 'api', []); print('sentry_sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
