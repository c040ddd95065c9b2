"""A person whose data is asked for: a member by user id, or anybody by e-mail address. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

_LONGEST_EMAIL = 320
# "ada@example.com" is not part of joan.ada@example.com, nor of ada@example.com.au. A full stop may end a sentence.
_WHOLE = r"(?<![\w.+-])(?:{})(?![\w-]|\.\w)"


@dataclass(frozen=True, kw_only=True)
class Person:
    """The ids and the address by which rows are found; addresses are compared in lower case."""

    users: frozenset[UUID]
    email: str | None
    customers: frozenset[str] = frozenset()
    # Whether Stripe still has one of them.
    is_at_stripe: bool = False
    # Of the customers; a member's address comes from a token, so rows are not found by it.
    addresses: frozenset[str] = frozenset()

    def needles(self) -> list[str]:
        """The texts of which a provider's message about this person contains one, in lower case, as JSON writes them.

        Messages about others may contain one too, in a longer address or id: ask `is_named_in`.
        """
        return sorted({form for text in self._names for form in (text, json.dumps(text)[1:-1].lower())})

    def is_named_in(self, text: str) -> bool:
        """Whether the text has the address or one of the ids."""
        return self._named.search(text.lower()) is not None

    def has_address_in(self, text: str) -> bool:
        """Whether the text has one of the addresses."""
        return self._addressed.search(text.lower()) is not None

    @property
    def _names(self) -> set[str]:
        texts = {*map(str, self.users), *self.customers, *([self.email] if self.email else [])}
        return {text.lower() for text in texts}

    @cached_property
    def _named(self) -> re.Pattern[str]:
        return _any_of(self._names)

    @cached_property
    def _addressed(self) -> re.Pattern[str]:
        return _any_of({*self.addresses, *([self.email] if self.email else [])})


def _any_of(texts: Collection[str]) -> re.Pattern[str]:
    """Without texts it finds nothing."""
    return re.compile(_WHOLE.format("|".join(map(re.escape, sorted(texts))) or "(?!)"))


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
