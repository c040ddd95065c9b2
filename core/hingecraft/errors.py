"""Errors that the product knows by name. Their text is shown to people, so it never holds a secret or SQL."""

from __future__ import annotations


class HingecraftError(Exception):
    """The root of all of them."""


class OperatorError(HingecraftError):
    """Whoever runs the program told it something wrong; one line that says what to do."""


class RefusedError(HingecraftError):
    """A caller asked for something that the product refuses, with a code that a machine can act on."""

    def __init__(self, code: str, sentence: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.fields = fields


class InvalidError(RefusedError):
    """The input is malformed or out of range."""


class ConflictError(RefusedError):
    """The input is fine, but the state of things forbids it."""


class MissingError(RefusedError):
    """The thing that was named does not exist."""


class DatabaseUnavailableError(HingecraftError):
    """Postgres cannot be reached, or did not answer in time."""
