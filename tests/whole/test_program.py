from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from support.limits import PROGRESS

BARE = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "PUSH_", "ADMIN_"))}


def hingecraft(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hingecraft", *arguments],
        env={**BARE, **environment}, capture_output=True, text=True, check=False, timeout=PROGRESS,
    )  # fmt: skip


def test_help_lists_every_command():
    done = hingecraft("--help")
    assert done.returncode == 0
    for command in ("api", "dev", "migrate", "operator", "sync"):
        assert command in done.stdout


@pytest.mark.parametrize("command", ["api", "dev", "migrate", "sync"])
def test_every_command_has_help(command):
    done = hingecraft(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_command_is_refused():
    done = hingecraft("fly")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["api", "migrate", "sync"])
def test_a_process_without_its_settings_says_what_is_missing(command):
    done = hingecraft(command)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not set" in done.stderr


SYNC = {
    "DATABASE_URL": "postgresql://someone@127.0.0.1:1/x", "PUSH_SECRET": "push-secret-1",
    "API_ADDRESSES": "http://127.0.0.1:1", "WIX_WEBHOOK_ENDPOINTS": "site=https://site.example/x",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "WEBHOOK_SECRET is not set"),
        ({"WEBHOOK_SECRET": "not-a-standard-one"}, "whsec_"),
        ({"WIX_WEBHOOK_ENDPOINTS": "site=http://site.example", "WEBHOOK_SECRET": "whsec_c2VjcmV0LTEyMw=="}, "https"),
        ({"API_ADDRESSES": ""}, "API_ADDRESSES is not set"),
    ],
)
def test_sync_refuses_what_cannot_be_meant(environment, complaint):
    done = hingecraft("sync", **{**SYNC, **environment})
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = hingecraft(
            "api", DATABASE_URL=SYNC["DATABASE_URL"], PUSH_SECRET="push-secret-1", ADMIN_TOKEN="admin-token-1",
            SITE_URL="https://www.example.com",
            VISITOR_SECRET="visitor-secret-1", HOST="127.0.0.1", PORT=port,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
