"""The lists of a line: hours, holidays, exceptional days, automatic texts.

A list is given whole, as plain mappings, and replaces what is stored; a field that is left out has
its model's default. What is wrong is named by its path: `work_intervals.2.closes`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from channels_app.models import (
    Holiday,
    HoursException,
    OpenChannel,
    ServiceText,
    TextKind,
    WorkInterval,
)

Row = dict[str, Any]
Problems = dict[str, list[str]]

MAX_TEXT = 2000
MAX_REMINDERS = 3


@dataclass(frozen=True, slots=True)
class RowList:
    """One list: its model, the fields of a row, how many rows it may have, and their order."""

    model: type[models.Model]
    fields: tuple[str, ...]
    most: int
    order: Callable[[Row], Any]


LISTS: Mapping[str, RowList] = {
    "work_intervals": RowList(
        WorkInterval, ("weekday", "opens", "closes"), 70, lambda row: (row["weekday"], row["opens"])
    ),
    "holidays": RowList(
        Holiday, ("date", "every_year", "name"), 400, lambda row: row["date"]
    ),
    "hours_exceptions": RowList(
        HoursException, ("date", "opens", "closes"), 400,
        lambda row: (row["date"], row["opens"] or dt.time.min),
    ),
    "service_texts": RowList(
        ServiceText, ("kind", "position", "minutes", "text"), 20,
        lambda row: (row["kind"], row["position"]),
    ),
}  # fmt: skip


def rows_stored(open_channel: OpenChannel) -> dict[str, list[Row]]:
    """All lists of a line, each in its order. One that is not stored yet has empty ones."""
    if open_channel._state.adding:
        return {name: [] for name in LISTS}
    stored = {}
    for name, kind in LISTS.items():
        rows = _manager(kind).filter(open_channel=open_channel).values(*kind.fields)
        stored[name] = rows_ordered(name, rows)
    return stored


def rows_ordered(name: str, rows: Sequence[Row] | models.QuerySet[Any, Row]) -> list[Row]:
    """The rows in the order in which the list is kept and compared."""
    return sorted(rows, key=LISTS[name].order)


def rows_clean(name: str, given: Any) -> tuple[list[Row], Problems]:
    """The rows of a list as they would be stored, in the order given, and what is wrong in them.

    Looks at each row and for one that is there twice; what rows mean together and beside other
    settings is for `line_checks`.
    """
    kind = LISTS[name]
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
        return [], {name: [_("Give a list.")]}
    if len(given) > kind.most:
        return [], {name: [_("At most %(n)d entries.") % {"n": kind.most}]}
    rows: list[Row] = []
    problems: Problems = {}
    for index, values in enumerate(given):
        row, wrong = _row_clean(kind, values)
        rows.append(row)
        # Without a field it is the row itself that is none.
        problems |= {f"{name}.{index}.{field}".rstrip("."): texts for field, texts in wrong.items()}
    if not problems:
        problems = _twice(name, rows)
    return rows, problems


def rows_replace(open_channel: OpenChannel, name: str, rows: Sequence[Row]) -> None:
    """Make the list exactly these checked rows, inside the caller's transaction."""
    kind = LISTS[name]
    manager = _manager(kind)
    manager.filter(open_channel=open_channel).delete()
    manager.bulk_create([kind.model(open_channel=open_channel, **row) for row in rows])


def text_path(kind: str, position: int = 0) -> str:
    """What a text is called where it is wrong or missing: `service_texts.reminder.2`."""
    path = f"service_texts.{kind}"
    return f"{path}.{position}" if position else path


def _manager(kind: RowList) -> models.Manager[Any]:
    manager: models.Manager[Any] = kind.model._default_manager
    return manager


def _row_clean(kind: RowList, values: Any) -> tuple[Row, Problems]:
    if not isinstance(values, Mapping):
        return {}, {"": [_("Give an object.")]}
    unknown = [str(field)[:100] for field in values if field not in kind.fields]
    if unknown:
        return {}, {field: [_("There is no such field.")] for field in unknown[:20]}
    row = kind.model(**values)
    problems = _missing(row, kind)
    try:
        row.clean_fields(exclude=["open_channel", *problems])
    except ValidationError as error:
        problems |= error.message_dict
    found = {field: getattr(row, field) for field in kind.fields}
    if not problems and isinstance(row, HoursException):
        problems = _exception_problems(found)
    if not problems and isinstance(row, ServiceText):
        found["text"] = row.text.strip()
        problems = _text_problems(found)
    return found, problems


def _missing(row: models.Model, kind: RowList) -> Problems:
    """Days and times that are not there, in words that say so; an empty one stands for none."""
    problems: Problems = {}
    for field in kind.fields:
        value = getattr(row, field)
        if field not in {"date", "opens", "closes"} or (value is not None and value != ""):
            continue
        if field == "date":
            problems[field] = [_("Give the date.")]
        elif isinstance(row, WorkInterval):
            problems[field] = [_("Give both times.")]
        else:
            setattr(row, field, None)
    return problems


def _exception_problems(row: Row) -> Problems:
    if (row["opens"] is None) == (row["closes"] is None):
        return {}
    missing = "opens" if row["opens"] is None else "closes"
    return {missing: [_("Give both times, or none for a closed day.")]}


def _text_problems(row: Row) -> Problems:
    problems: Problems = {}
    if not row["text"]:
        problems["text"] = [_("Write the text, or leave it out.")]
    elif len(row["text"]) > MAX_TEXT:
        problems["text"] = [_("At most %(n)d characters.") % {"n": MAX_TEXT}]
    if row["kind"] == TextKind.REMINDER:
        if row["minutes"] is None:
            problems["minutes"] = [_("Say after how many minutes.")]
        if not 1 <= row["position"] <= MAX_REMINDERS:
            problems["position"] = [_("Reminders are numbered 1 to 3.")]
    else:
        if row["minutes"] is not None:
            problems["minutes"] = [_("Only a reminder has a time.")]
        if row["position"]:
            problems["position"] = [_("Only reminders are numbered.")]
    return problems


def _twice(name: str, rows: Sequence[Row]) -> Problems:
    """Rows that stand for the same thing as an earlier one. Times of a day are no such matter:
    they overlap, which is told as that."""
    seen: set[Any] = set()
    problems: Problems = {}
    for index, row in enumerate(rows):
        if name == "holidays":
            key, path, words = row["date"], "date", _("This date is in the list already.")
        elif name == "service_texts":
            key, path, words = (
                (row["kind"], row["position"]), "kind", _("This text is in the list already."),
            )  # fmt: skip
        else:
            return {}
        if key in seen:
            problems[f"{name}.{index}.{path}"] = [words]
        seen.add(key)
    return problems
