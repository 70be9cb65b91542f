"""Secrets at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, models
from django.db.migrations.writer import MigrationWriter
from django.test.utils import isolate_apps

from openlines_project.lib.crypto import (
    DecryptionError,
    EncryptedJSONField,
    Secrets,
    decrypt,
    encrypt,
    masked,
    rotate,
)

CANARY = "canary-secret-0123"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def keys(settings: Any) -> Any:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    return settings


def test_what_is_encrypted_comes_back() -> None:
    text = encrypt({"token": CANARY, "n": 5, "list": ["é"]})
    assert CANARY not in text
    assert decrypt(text) == {"token": CANARY, "n": 5, "list": ["é"]}


def test_the_same_value_is_never_the_same_text() -> None:
    assert encrypt({"a": 1}) != encrypt({"a": 1})


@pytest.mark.parametrize("text", ["", "nonsense", "é", encrypt.__name__ * 20])
def test_what_we_did_not_write_is_an_error(text: str) -> None:
    with pytest.raises(DecryptionError, match="FIELD_ENCRYPTION_KEYS"):
        decrypt(text)


def test_a_changed_value_is_an_error() -> None:
    text = encrypt({"token": CANARY})
    position = len(text) // 2
    changed = text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]
    with pytest.raises(DecryptionError) as caught:
        decrypt(changed)
    assert CANARY not in str(caught.value)


def test_a_value_that_is_no_object_is_an_error() -> None:
    text = Fernet(OLD).encrypt(b"[1]").decode()
    with pytest.raises(DecryptionError):
        decrypt(text)


def test_keys_are_exchanged_without_a_gap(keys: Any) -> None:
    text = encrypt({"token": CANARY})
    keys.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert decrypt(text) == {"token": CANARY}
    rotated = rotate(text)
    keys.FIELD_ENCRYPTION_KEYS = [NEW]
    assert decrypt(rotated) == {"token": CANARY}
    with pytest.raises(DecryptionError):
        decrypt(text)
    with pytest.raises(DecryptionError):
        rotate(text)


def test_secrets_do_not_show_when_printed() -> None:
    value = decrypt(encrypt({"token": CANARY}))
    assert isinstance(value, Secrets)
    assert CANARY not in f"{value} {value!r} {[value]}"
    assert value["token"] == CANARY


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", ""),
        (None, ""),
        ("short", "••••"),
        ("eleven-char", "••••"),
        ("twelve-chars", "••••hars"),
        (CANARY, "••••0123"),
    ],
)
def test_of_a_secret_only_the_end_is_shown(value: object, shown: str) -> None:
    assert masked(value) == shown


# --- the field ----------------------------------------------------------------------------


@pytest.fixture
def safe(transactional_db: None) -> Iterator[Any]:
    """A model with such a field, and its table."""
    with isolate_apps("django.contrib.contenttypes"):

        class Safe(models.Model):
            content = EncryptedJSONField(default=dict, null=True)

            class Meta:
                app_label = "contenttypes"

            def __str__(self) -> str:
                return "a safe"

        with connection.schema_editor() as editor:
            editor.create_model(Safe)
        yield Safe
        with connection.schema_editor() as editor:
            editor.delete_model(Safe)


def stored(model: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT content FROM {model._meta.db_table} ORDER BY id")  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def test_the_database_holds_no_secret(safe: Any) -> None:
    safe.objects.create(content={"token": CANARY})
    safe.objects.create()
    safe.objects.create(content=None)
    token, empty, nothing = stored(safe)
    assert CANARY not in token
    assert len(empty) > 50  # not even that there is none
    assert nothing is None
    assert [one.content for one in safe.objects.order_by("pk")] == [{"token": CANARY}, {}, None]
    assert CANARY not in repr(safe.objects.values("content")[0])


def test_a_dump_holds_no_secret_and_can_be_loaded(safe: Any) -> None:
    original = safe(pk=7, content={"token": CANARY})
    dump = serializers.serialize("json", [original])
    assert CANARY not in dump
    value = safe._meta.get_field("content").to_python(decoded(dump))
    assert value == {"token": CANARY}


def decoded(dump: str) -> str:
    import json

    text: str = json.loads(dump)[0]["fields"]["content"]
    return text


@pytest.mark.parametrize("lookup", ["content", "content__startswith", "content__token"])
def test_nobody_looks_for_secrets(safe: Any, lookup: str) -> None:
    with pytest.raises(FieldError):
        list(safe.objects.filter(**{lookup: "a"}))
    assert list(safe.objects.filter(content__isnull=True)) == []


def test_the_field_can_be_written_into_a_migration() -> None:
    field = EncryptedJSONField(default=dict, blank=True)
    field.set_attributes_from_name("content")
    code, imports = MigrationWriter.serialize(field)
    assert code == "openlines_project.lib.crypto.EncryptedJSONField(blank=True, default=dict)"
    assert imports == {"import openlines_project.lib.crypto"}
    assert field.formfield() is None
