from __future__ import annotations

import os

import pytest
from stripe._api_version import _ApiVersion

from hingecraft import settings as module
from hingecraft.errors import UsageError
from hingecraft.settings import DsnSecret, Secret, load
from hingecraft.sync.command import SyncSettings
from hingecraft_api.settings import STRIPE_JS, ApiSettings

NEEDED = {
    "DATABASE_URL": "postgresql://someone:pw@localhost/db",
    "ADMIN_TOKEN": "an-admin-token",
    "PUSH_SECRET": "a-push-secret",
    "VISITOR_SECRET": "a-visitor-secret",
    "SITE_URL": "https://www.example.com",
    "API_ADDRESSES": "http://127.0.0.1:1, http://127.0.0.1:2",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [*ApiSettings.model_fields, *SyncSettings.model_fields]:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_lists_and_defaults_are_read():
    assert load(SyncSettings).api_addresses == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert load(ApiSettings).rate_limit == 100


@pytest.mark.parametrize("name", ["DATABASE_URL", "ADMIN_TOKEN", "PUSH_SECRET", "VISITOR_SECRET"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_or_empty_secret_is_named_in_one_line(monkeypatch, name, value):
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name) as error:
        load(ApiSettings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ADMIN_TOKEN", "short"), ("DATABASE_URL", "mysql://x"), ("RATE_LIMIT", "0"), ("RATE_LIMIT", "many"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"), ("CORS_ORIGINS", "*"), ("CORS_ORIGINS", "https://a.example/path"),
        ("EMBED_ORIGINS", "*"), ("EMBED_ORIGINS", "https://a.example/path"), ("EMBED_ORIGINS", "https://a.example;x"),
        ("EMBED_ORIGINS", "https://a.example 'unsafe-inline'"), ("EMBED_ORIGINS", "https://*"),
        ("LOG_LEVEL", "LOUD"), ("PORT", "70000"), ("DATABASE_POOL_MIN", "21"),
        ("STRIPE_SECRET", "pk_test_aaaaaaaaaa"), ("STRIPE_PUBLISHABLE_KEY", "sk_test_x"), ("SITE_URL", "http://a.example"),
        ("STRIPE_API_BASE", "api.stripe.com"), ("AMOUNT_MIN", "0"), ("STRIPE_JS", "https://js.stripe.com"),
        ("STRIPE_JS", "http://a.example/stripe.js"), ("STRIPE_JS", "https://a.example/x.js; script-src *"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_without_being_shown(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as error:
        load(ApiSettings)
    assert "\n" not in str(error.value)
    assert "short" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        ("STRIPE_SECRET", "sk_test_" + "a" * 10, "STRIPE_WEBHOOK_SECRET"),
        ("NOWPAYMENTS_API_KEY", "a-key-of-theirs", "NOWPAYMENTS_IPN_SECRET"),
    ],
)
@pytest.mark.parametrize("given", ["", " ", ","])
def test_a_key_without_the_secret_that_checks_messages_stops_the_process(monkeypatch, key, value, needed, given):
    monkeypatch.setenv(key, value)
    monkeypatch.setenv(needed, given)
    with pytest.raises(UsageError, match=f"{needed} is not set, and {key} needs it"):
        load(ApiSettings)


def test_a_secret_in_a_file_is_followed_when_it_is_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOK_AGAIN_AFTER", 0.0)
    path = tmp_path / "admin-token"
    path.write_text("the-first-token\n")
    monkeypatch.delenv("ADMIN_TOKEN")
    monkeypatch.setenv("ADMIN_TOKEN_FILE", str(path))
    token = load(ApiSettings).admin_token
    assert token.values == ("the-first-token",)
    replacement = tmp_path / "new"
    replacement.write_text("the-second-token,the-first-token")
    os.replace(replacement, path)
    assert token.values == ("the-second-token", "the-first-token")
    assert token.newest == "the-second-token"
    path.write_text("")
    assert token.newest == "the-second-token", "a file that is empty while it is being written changes nothing"
    path.unlink()
    assert token.newest == "the-second-token"


@pytest.mark.parametrize("name", ["NOWPAYMENTS_PASSWORD", "NOWPAYMENTS_API_KEY", "VALKEY_URL"])
@pytest.mark.parametrize("in_file", [False, True])
def test_a_secret_that_is_sent_is_sent_whole(tmp_path, monkeypatch, name, in_file):
    """Only what verifies is split for a rotation: a password with a comma would never log in."""
    given = "correct-horse, battery-staple"
    path = tmp_path / "secret"
    path.write_text(f"{given}\n")
    monkeypatch.setenv(f"{name}_FILE" if in_file else name, str(path) if in_file else given)
    monkeypatch.setenv("NOWPAYMENTS_IPN_SECRET", "one-of-theirs,another-one")
    settings = load(ApiSettings)
    assert getattr(settings, name.lower()).newest == given
    assert settings.nowpayments_ipn_secret.values == ("one-of-theirs", "another-one")


def test_cards_of_a_live_key_are_entered_at_stripe(monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET", "sk_live_" + "a" * 10)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_of_the_endpoint")
    assert load(ApiSettings).stripe_js == STRIPE_JS
    monkeypatch.setenv("STRIPE_JS", "https://a.example/stripe.js")
    with pytest.raises(UsageError, match=r"STRIPE_JS must be at js[.]stripe[.]com"):
        load(ApiSettings)


def test_the_release_of_stripe_js_is_that_of_the_api():
    assert f"https://js.stripe.com/{_ApiVersion.CURRENT.rpartition('.')[2]}/stripe.js" == STRIPE_JS


def test_two_keys_of_stripe_are_not_taken_for_one(monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET", "sk_test_" + "a" * 10 + ",sk_test_" + "b" * 10)
    with pytest.raises(UsageError, match="must be a single key"):
        load(ApiSettings)


def test_a_file_that_cannot_be_read_stops_the_process(monkeypatch):
    monkeypatch.setenv("ADMIN_TOKEN_FILE", "/nowhere/at/all")
    with pytest.raises(UsageError, match="ADMIN_TOKEN_FILE"):
        load(ApiSettings)


def test_a_dsn_is_one_value_even_with_commas():
    assert DsnSecret("postgresql://a,b/db").newest == "postgresql://a,b/db"


def test_secrets_do_not_show_in_a_repr():
    assert "hidden" not in repr(Secret("hidden-value"))
    assert "a-push-secret" not in repr(load(ApiSettings))


def test_keys_of_two_modes_stop_the_process(monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET", "sk_live_" + "a" * 10)
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_test_" + "a" * 10)
    with pytest.raises(UsageError, match="in the same mode"):
        load(ApiSettings)


SIGNING = "a signing secret of thirty-two characters or more"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AUTH_JWT_SECRET", "x" * 31, "AUTH_JWT_SECRET needs at least 32 characters"),
        ("AUTH_JWT_SECRET", f"{SIGNING},short", "AUTH_JWT_SECRET needs at least 32 characters"),
        (
            "AUTH_JWT_SECRET",
            "-----BEGIN " + "PUBLIC KEY-----" + "x" * 40,
            "AUTH_JWT_SECRET must be a shared secret, not",
        ),
        ("JWT_SECRET", "x" * 31, "JWT_SECRET needs at least 32 characters; set JWT_SECRET or JWT_SECRET_FILE"),
        ("JWT_SECRET", f"{SIGNING},short", "JWT_SECRET needs at least 32 characters; set"),
        ("JWT_SECRET", "-----BEGIN " + "PRIVATE KEY-----" + "x" * 40, "JWT_SECRET must be a shared secret, not"),
        ("AUTH_JWKS_URL", "http://auth.example.com/keys", "AUTH_JWKS_URL must be an https address"),
        ("AUTH_JWKS_URL", "https://user:pw@auth.example.com/keys", "AUTH_JWKS_URL must be an https address"),
        ("AUTH_JWKS_URL", "https://:443/keys", "AUTH_JWKS_URL must be an https address"),
        ("AUTH_JWKS_URL", "https://auth.example.com:x/keys", "AUTH_JWKS_URL must be an https address"),
        ("AUTH_JWKS_URL", "file:///keys", "AUTH_JWKS_URL must be an https address"),
        ("SERVICE_TOKEN", "short", "SERVICE_TOKEN needs at least 8 characters"),
        ("SERVICE_TOKEN", "another-token,an-admin-token", "SERVICE_TOKEN and ADMIN_TOKEN must differ"),
        ("DOWNLOAD_SECRET", "x" * 31, "DOWNLOAD_SECRET needs at least 32 characters"),
    ],
)
def test_what_would_verify_too_much_stops_the_process_with_one_line(monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message):
        load(ApiSettings)


@pytest.mark.parametrize("other", ["", "another secret of more than thirty-two characters,"])
def test_plan_sessions_are_not_signed_with_the_secret_of_users_tokens(monkeypatch, other):
    """While one is rotated too: a visitor would choose what a user's token says."""
    monkeypatch.setenv("AUTH_JWT_SECRET", SIGNING)
    monkeypatch.setenv("JWT_SECRET", f"{other}{SIGNING}")
    with pytest.raises(UsageError) as error:
        load(ApiSettings)
    assert str(error.value) == (
        "JWT_SECRET and AUTH_JWT_SECRET must differ: visitors choose what a plan session contains"
    )


@pytest.mark.parametrize(
    "domain",
    ["com", "localhost", "https://example.com", "example.com:8443", "example.com/", "*.example.com", "..example.com",
     "example.com; Secure", "example.com\r\nSet-Cookie: a=b", "exa mple.com", "-.example.com", "example.com."],
)  # fmt: skip
def test_a_cookie_domain_that_is_none_stops_the_process_with_one_sentence(monkeypatch, domain):
    monkeypatch.setenv("COOKIE_DOMAIN", domain)
    with pytest.raises(UsageError) as error:
        load(ApiSettings)
    assert str(error.value) == (
        f"COOKIE_DOMAIN must be a domain such as example.com, not {domain!r}; "
        "set COOKIE_DOMAIN or COOKIE_DOMAIN_FILE, as .env.example shows"
    )


@pytest.mark.parametrize("given", ["pay.example.com", ".Pay.Example.com"])
def test_a_cookie_domain_is_read_as_browsers_read_it(monkeypatch, given):
    monkeypatch.setenv("COOKIE_DOMAIN", given)
    assert load(ApiSettings).cookie_domain == "pay.example.com"


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*.example.com", "https://a.example/path", "https://a.example/", "http://a.example", "a.example",
     "https://user@a.example", "https://a.example:443", "https://A.example", "ftp://a.example", "https://a.example:",
     "https://a.example\\@b.example", "null"],
)  # fmt: skip
def test_an_origin_that_nobody_may_return_to_stops_the_process_with_one_sentence(monkeypatch, origin):
    """Also beside one that is right."""
    monkeypatch.setenv("RETURN_ORIGINS", f"https://app.example.com,{origin}")
    with pytest.raises(UsageError) as error:
        load(ApiSettings)
    assert str(error.value) == (
        "RETURN_ORIGINS must be https origins such as https://app.example.com (http on this machine only), "
        f"not {origin}; set RETURN_ORIGINS or RETURN_ORIGINS_FILE, as .env.example shows"
    )


def test_origins_to_return_to_may_be_on_this_machine(monkeypatch):
    monkeypatch.setenv("RETURN_ORIGINS", "https://app.example.com:8443, http://127.0.0.1:3000")
    settings = load(ApiSettings)
    assert settings.returns_to == ("https://www.example.com", "https://app.example.com:8443", "http://127.0.0.1:3000")


@pytest.mark.parametrize("address", ["http://127.0.0.1:54321/keys", "http://localhost/keys", "http://[::1]:1/keys"])
def test_keys_may_be_served_on_this_machine(monkeypatch, address):
    monkeypatch.setenv("AUTH_JWKS_URL", address)
    monkeypatch.setenv("AUTH_JWT_ISSUER", "https://one.example.com, https://two.example.com")
    settings = load(ApiSettings)
    assert settings.auth_jwks_url == address
    assert settings.auth_jwt_issuer == ("https://one.example.com", "https://two.example.com")
    assert settings.auth_jwt_audience == "authenticated"
    assert settings.verifies_tokens


def test_a_signing_secret_may_be_two_while_it_is_rotated(monkeypatch):
    monkeypatch.setenv("AUTH_JWT_SECRET", f"{SIGNING}, {SIGNING[::-1]}")
    assert load(ApiSettings).auth_jwt_secret.values == (SIGNING, SIGNING[::-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOWNLOADS", "/srv/designs"), ("DOWNLOADS", "file://srv/designs"), ("DOWNLOADS", "file:///"),
        ("DOWNLOADS", "s3://"), ("DOWNLOADS", "s3://Designs"), ("DOWNLOADS", "s3://designs/folder"),
        ("DOWNLOADS", "https://designs"), ("DOWNLOADS", "s3://designs?x"), ("DOWNLOAD_URL_SECONDS", "29"),
        ("S3_ENDPOINT", "http://s3.example.com"), ("S3_ENDPOINT", "https://user@s3.example.com"),
        ("S3_ENDPOINT", "s3.example.com"), ("S3_REGION", "eu west"),
    ],
)  # fmt: skip
def test_a_place_for_downloads_that_cannot_be_one_stops_the_process(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name):
        load(ApiSettings)


@pytest.mark.parametrize("other", ["AUTH_JWT_SECRET", "JWT_SECRET"])
def test_urls_of_downloads_are_signed_with_a_secret_of_their_own(monkeypatch, other):
    monkeypatch.setenv(other, SIGNING)
    monkeypatch.setenv("DOWNLOAD_SECRET", f"{SIGNING[::-1]},{SIGNING}")
    with pytest.raises(UsageError, match="DOWNLOAD_SECRET must differ"):
        load(ApiSettings)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["DOWNLOADS", "DOWNLOAD_SECRET"]),
        ({"DOWNLOADS": "file:///srv/my%20designs"}, ["DOWNLOAD_SECRET"]),
        ({"DOWNLOADS": "s3://designs", "DOWNLOAD_SECRET": SIGNING}, ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"]),
        ({"DOWNLOADS": "file:///srv/my%20designs", "DOWNLOAD_SECRET": SIGNING}, []),
    ],
)
def test_downloads_are_off_until_all_that_they_need_is_set(monkeypatch, given, missing):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load(ApiSettings)
    assert list(settings.missing_for_downloads) == missing
    assert settings.download_folder == ("/srv/my designs" if "file" in given.get("DOWNLOADS", "") else None)
