"""Lists as CSV files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

from openlines_project.lib.tables import csv_lines


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A download, written row by row: a list of any length takes no memory."""
    response = StreamingHttpResponse(
        csv_lines(header, rows), content_type="text/csv; charset=utf-8"
    )
    day = timezone.localdate().isoformat()
    response["Content-Disposition"] = f'attachment; filename="{name}-{day}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def in_time(moment: dt.datetime | None) -> str:
    """A moment as every program reads it."""
    return moment.isoformat(timespec="seconds") if moment else ""
