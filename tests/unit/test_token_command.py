"""`hingecraft token` signs tokens for development, and never beside real money."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from hingecraft.cli import main
from hingecraft.identity.principal import Kind, Principal
from hingecraft.identity.tokens import Tokens
from hingecraft.settings import load
from hingecraft_api.token_command import TokenSettings
from support.tokens import SECRET

USER = str(uuid4())


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in TokenSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("AUTH_JWT_SECRET", SECRET)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Principal(kind=Kind.USER, id=USER)),
        (["--role", "service"], Principal(kind=Kind.SERVICE, id=USER)),
        (["--role", "admin", "--email", "someone@example.com"], Principal(kind=Kind.ADMIN, id=USER)),
    ],
)
def test_pods_with_the_same_settings_accept_it(monkeypatch, capsys, arguments, expected):
    monkeypatch.setenv("AUTH_JWT_ISSUER", "https://one.example.com,https://two.example.com")
    assert main(["token", "--sub", USER, *arguments]) == 0
    assert asyncio.run(Tokens(load(TokenSettings)).principal_of(capsys.readouterr().out.strip())) == expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STRIPE_SECRET", "rk_live_" + "x" * 20, "STRIPE_SECRET is a live key"),
        ("AUTH_JWT_SECRET", "", "AUTH_JWT_SECRET is not set"),
        ("AUTH_JWT_SECRET", "too short", "AUTH_JWT_SECRET needs at least 32 characters"),
    ],
)
def test_it_signs_nothing_with_a_live_key_or_without_a_secret(monkeypatch, capsys, name, value, message):
    monkeypatch.setenv(name, value)
    assert main(["token", "--sub", USER]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err


def test_only_a_uuid_is_a_user(capsys):
    with pytest.raises(SystemExit):
        main(["token", "--sub", "somebody"])
    assert "is not a UUID" in capsys.readouterr().err
