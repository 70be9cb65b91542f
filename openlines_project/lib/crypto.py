"""Secrets at rest: a model field whose content is encrypted in the database.

The keys are `settings.FIELD_ENCRYPTION_KEYS`. The first encrypts and all decrypt, so a new key is
put in front, every value is rotated, and the old key is taken away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

SHOWN_CHARACTERS = 4
# Four characters of a short secret would be most of it.
SHOWN_FROM_LENGTH = 12


class DecryptionError(Exception):
    """A stored secret cannot be read: it was changed, or none of the keys is the right one."""


class Secrets(dict[str, Any]):
    """Decrypted values that do not show when somebody prints or logs them."""

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"

    __str__ = __repr__


def encrypt(value: Mapping[str, Any]) -> str:
    """A JSON object as encrypted text. Raises `TypeError` when it holds what JSON has not."""
    plain = json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(plain.encode()).decode("ascii")


def decrypt(text: str) -> Secrets:
    """What `encrypt` was given. Raises `DecryptionError`."""
    try:
        plain = _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(text.encode())
        value = json.loads(plain)
    except (InvalidToken, ValueError):
        value = None
    if not isinstance(value, dict):
        raise DecryptionError(
            "A stored secret cannot be decrypted. Check FIELD_ENCRYPTION_KEYS, or enter it again."
        )
    return Secrets(value)


def rotate(text: str) -> str:
    """Encrypted text, encrypted again with the first key. Raises `DecryptionError`."""
    try:
        fernet = _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))
        return fernet.rotate(text.encode()).decode("ascii")
    except (InvalidToken, ValueError):
        raise DecryptionError("A stored secret cannot be decrypted with any key.") from None


def masked(value: object) -> str:
    """What may be shown of a secret: dots and its last four characters; empty for no secret."""
    text = str(value or "")
    if not text:
        return ""
    shown = text[-SHOWN_CHARACTERS:] if len(text) >= SHOWN_FROM_LENGTH else ""
    return "••••" + shown


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]
else:
    TextField = models.TextField  # takes no type arguments when it runs


class EncryptedJSONField(TextField):
    """A dict in Python, encrypted text in the database, in dumps and in serialised rows.

    It can be looked up by `isnull` only: a filter on ciphertext finds nothing, and an address
    that filters by it must not work.
    """

    description = "Encrypted JSON object"
    if TYPE_CHECKING:  # what the type checker lets in and takes out
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(
        self, value: str | None, _expression: Any, _connection: Any
    ) -> Secrets | None:
        return None if value is None else decrypt(value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            return decrypt(value)
        return value if value is None or isinstance(value, Secrets) else Secrets(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else encrypt(value)

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, _name: str) -> Any:
        return None

    def formfield(self, **_kwargs: Any) -> Any:
        """No form field: a form of the driver asks for each secret and never shows one."""
        return None
