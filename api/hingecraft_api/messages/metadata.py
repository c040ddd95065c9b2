"""The metadata that a client sends along with a checkout: Stripe's limits, and none of our own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from hingecraft.providers.stripe.metadata import OWN_PREFIX

MOST_NAMES, LONGEST_NAME, LONGEST_VALUE = 50, 40, 500
# They, and names that begin with the prefix, say whose payment it is and what for, which only our own rows decide.
OWN_NAMES = frozenset({"userId", "planType", "payment_id", "installation", "source", "purpose"})


def _checked(given: Mapping[str, str]) -> Mapping[str, str]:
    if len(given) > MOST_NAMES:
        raise ValueError(f"must have at most {MOST_NAMES} names")
    own = sorted(name for name in given if name in OWN_NAMES or name.startswith(OWN_PREFIX))
    if own:
        raise ValueError(f"must not have the name {own[0]}, which the backend writes itself")
    for name, value in given.items():
        if not 1 <= len(name) <= LONGEST_NAME or "[" in name or "]" in name:
            raise ValueError(f"must have names of 1 to {LONGEST_NAME} characters without square brackets")
        if len(value) > LONGEST_VALUE:
            raise ValueError(f"must have values of at most {LONGEST_VALUE} characters")
    return given


Metadata = Annotated[
    dict[str, str],
    AfterValidator(_checked),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MOST_NAMES,
            "propertyNames": {"minLength": 1, "maxLength": LONGEST_NAME, "pattern": r"^[^\[\]]*$"},
            "additionalProperties": {"type": "string", "maxLength": LONGEST_VALUE},
        }
    ),
]
