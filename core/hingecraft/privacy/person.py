"""A person whose data is asked for: a member by user id, or anybody by e-mail address. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

_LONGEST_EMAIL = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The ids and the address by which rows are found; an address is compared in lower case."""

    users: frozenset[UUID]
    email: str | None
    customers: frozenset[str] = frozenset()

    def needles(self) -> list[str]:
        """The texts that a provider's message about this person contains, in lower case and as JSON writes them."""
        texts: Collection[str] = {*map(str, self.users), *self.customers, *([self.email] if self.email else [])}
        return sorted({form for text in texts for form in (text.lower(), json.dumps(text)[1:-1].lower())})


def person_of(text: str) -> Person | None:
    """Read what somebody typed; None if it is neither an e-mail address nor a user id."""
    given = text.strip()
    try:
        return Person(users=frozenset({UUID(given)}), email=None)
    except ValueError:
        name, at, domain = given.rpartition("@")
        if at and name and domain and not any(each.isspace() for each in given) and len(given) <= _LONGEST_EMAIL:
            return Person(users=frozenset(), email=given.lower())
    return None
