"""Pages of a list by keyset: a page begins where the last one ended, whatever was added since.

A view says how its list may be ordered by `orderings` (name to columns, all in one direction
and together unique) and `default_ordering`. The position is given out as a signed, opaque text.
Nothing is counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
PARAMETERS = ("cursor", "page_size", "ordering")

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_SALT = "openlines.cursor"

M = TypeVar("M", bound=Model)


class CursorError(APIException):
    """The cursor was not given out by us for this order."""

    status_code = 400
    default_code = "cursor"
    default_detail = gettext_lazy("This cursor is not valid. Begin again without one.")


class OrderedView(Protocol):
    """What the pages need of a view."""

    @property
    def orderings(self) -> Mapping[str, Sequence[str]]: ...

    @property
    def default_ordering(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Position:
    """After, or with `is_backward` before, the row whose ordering columns have these values."""

    values: tuple[int, ...]
    is_backward: bool


def cursor_encode(position: Position, *, ordering: str) -> str:
    """The text of a position in a list ordered by `ordering`."""
    return signing.dumps(
        [position.is_backward, *position.values], salt=f"{_SALT}.{ordering}", compress=False
    )


def cursor_decode(text: str, *, ordering: str, columns: int) -> Position:
    """The position of a text. Raises `CursorError` for anything we did not give out."""
    try:
        found = signing.loads(text, salt=f"{_SALT}.{ordering}")
    except (signing.BadSignature, ValueError):
        raise CursorError from None
    if not isinstance(found, list) or len(found) != columns + 1:
        raise CursorError
    return Position(values=tuple(found[1:]), is_backward=bool(found[0]))


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`, with `?cursor=`, `?page_size=` and `?ordering=`."""

    def paginate_queryset(  # type: ignore[override]  # a query set, never a plain list
        self, queryset: QuerySet[M], request: Request, view: APIView | None = None
    ) -> list[M]:
        """The rows of the page that the request asks for."""
        ordered = cast(OrderedView, view)
        self._request = request
        self._ordering = _ordering(request, ordered)
        names = tuple(ordered.orderings[self._ordering])
        self._names = tuple(name.lstrip("-") for name in names)
        is_descending = names[0].startswith("-")
        size = _page_size(request)
        cursor = request.query_params.get("cursor")
        position = None
        if cursor is not None:
            position = cursor_decode(cursor, ordering=self._ordering, columns=len(names))
        is_backward = position is not None and position.is_backward

        # Backwards the list is read from the far end, and the page turned round afterwards.
        is_reading_down = is_descending != is_backward
        if position is not None:
            queryset = queryset.filter(_beyond(self._names, position.values, is_reading_down))
        sign = "-" if is_reading_down else ""
        rows = list(queryset.order_by(*(sign + name for name in self._names))[: size + 1])
        has_more = len(rows) > size
        rows = rows[:size]
        if is_backward:
            rows.reverse()

        self._next = self._previous = None
        if rows and (has_more or is_backward):
            self._next = self._link(rows[-1], is_backward=False)
        if rows and (has_more if is_backward else position is not None):
            self._previous = self._link(rows[0], is_backward=True)
        if is_backward and not rows:
            # Everything before is gone: the way on is the beginning of the list.
            self._next = remove_query_param(request.build_absolute_uri(), "cursor")
        return rows

    def _link(self, row: Model, *, is_backward: bool) -> str:
        values = tuple(int(getattr(row, name)) for name in self._names)
        position = Position(values=values, is_backward=is_backward)
        cursor = cursor_encode(position, ordering=self._ordering)
        url = self._request.build_absolute_uri()
        return str(replace_query_param(url, "cursor", cursor))

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter("cursor", {"type": "string"}, "Taken from `next` or `previous`."),
            _parameter(
                "page_size",
                {"type": "integer", "default": DEFAULT_PAGE_SIZE},
                f"Rows per page, 1 to {MAX_PAGE_SIZE}.",
            ),
            _parameter(
                "ordering",
                {
                    "type": "string",
                    "enum": list(view.orderings),
                    "default": view.default_ordering,
                },
                "A minus sign reads from the end.",
            ),
        ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


def _ordering(request: Request, view: OrderedView) -> str:
    name = request.query_params.get("ordering", view.default_ordering)
    if name not in view.orderings:
        raise ValidationError({"ordering": [_("The list cannot be ordered by this.")]})
    return name


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size")
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not _INTEGER.fullmatch(text):
        raise ValidationError({"page_size": [_("Enter a whole number.")]})
    return max(1, min(int(text), MAX_PAGE_SIZE))


def _beyond(names: Sequence[str], values: Sequence[int], is_reading_down: bool) -> Q:
    """Rows after these values: (a > x) or (a = x and b > y), and so on."""
    operator = "lt" if is_reading_down else "gt"
    condition = Q()
    equal = Q()
    for name, value in zip(names, values, strict=True):
        condition |= equal & Q(**{f"{name}__{operator}": value})
        equal &= Q(**{name: value})
    return condition
