from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from channels_app.api.fields import (
    ChoiceTextField,
    FlagField,
    IdField,
    ObjectField,
    StrictSerializer,
    TextField,
    TimeField,
    UserField,
    WholeField,
)

JSON_VALUES: list[Any] = ["x", "5", "", 5, 5.0, -1, 2**70, True, None, [], ["x"], {}, {"a": 1}]


@pytest.mark.parametrize(
    ("field", "taken"),
    [
        (TextField(), ["x", "5"]),
        (WholeField(), [5, -1, 2**70]),
        (IdField(), [5]),
        (FlagField(), [True]),
        (ChoiceTextField(choices=["x", "5"]), ["x", "5"]),
        (ObjectField(), [{}, {"a": 1}]),
        (UserField(), ["x", "5", 5]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_field_takes_its_own_json_type_only(field: Any, taken: Any) -> None:
    found = []
    for value in JSON_VALUES:
        try:
            found.append((value, type(value), field.run_validation(value)))
        except ValidationError:
            continue
    assert [(value, kind) for value, kind, _result in found] == [(v, type(v)) for v in taken]
    assert all(value == result for value, _kind, result in found)


def test_times_are_shown_in_utc_with_z() -> None:
    west = dt.timezone(dt.timedelta(hours=-3))
    shown = TimeField().to_representation(dt.datetime(2026, 3, 1, 9, 30, tzinfo=west))
    assert shown == "2026-03-01T12:30:00Z"


class Body(StrictSerializer):
    name = TextField()


def test_an_unknown_name_is_refused_by_name() -> None:
    body = Body(data={"name": "x", "is_staff": True, "id": 1})
    assert not body.is_valid()
    assert body.errors == {
        "id": ["There is no such field."], "is_staff": ["There is no such field."],
    }  # fmt: skip


def test_a_heap_of_unknown_names_is_answered_shortly() -> None:
    body = Body(data={f"{number}" + "x" * 1000: 1 for number in range(1000)})
    assert not body.is_valid()
    assert len(body.errors) == 20
    assert all(len(name) == 100 for name in body.errors)
