"""Nobody gets another caller's answer, and the audit log says who called."""

from __future__ import annotations

from itertools import combinations

import pytest

from hingecraft.identity.principal import ANONYMOUS, Kind, Principal
from hingecraft_api.web.idempotent import scope_of

CALLERS = [
    ANONYMOUS,
    Principal(kind=Kind.VISITOR, id="ip:192.0.2.1"),
    Principal(kind=Kind.USER, id="4f0e"),
    Principal(kind=Kind.USER, id="8f7e"),
    Principal(kind=Kind.WIX_INSTANCE, id="4f0e"),
    Principal(kind=Kind.SERVICE),
    Principal(kind=Kind.ADMIN),
    Principal(kind=Kind.ENGINE),
]


@pytest.mark.parametrize(("one", "other"), list(combinations(CALLERS, 2)))
def test_two_callers_never_share_an_idempotency_key(one, other):
    assert scope_of("POST", "/x", one) != scope_of("POST", "/x", other)


def test_the_keys_of_visitors_are_called_as_they_were():
    """Pods of before and after an upgrade answer the same request together."""
    assert scope_of("POST", "/x", ANONYMOUS) == "POST /x"
    assert scope_of("POST", "/x", CALLERS[1]) == "POST /x ip:192.0.2.1"


def test_the_audit_log_names_who_it_was():
    assert [each.actor for each in CALLERS[2:]] == [
        "user:4f0e", "user:8f7e", "wix_instance:4f0e", "service", "admin", "engine",
    ]  # fmt: skip
    assert ANONYMOUS.actor == "api"


def test_policies_of_the_database_see_an_id_of_users_only():
    """A visitor's signed address or an admin must never be taken for a user."""
    assert CALLERS[2].claims == {"role": "authenticated", "sub": "4f0e"}
    assert ANONYMOUS.claims == CALLERS[1].claims == {"role": "anon"}
    assert [CALLERS[5].claims, CALLERS[6].claims] == [{"role": "service_role"}] * 2


@pytest.mark.parametrize("caller", [CALLERS[4], CALLERS[7]])
def test_a_caller_that_the_database_has_no_role_for_gets_none(caller):
    with pytest.raises(ValueError, match="no role in the database"):
        _ = caller.claims
