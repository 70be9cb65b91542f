"""How a service refuses: an exception with a code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ServiceError(Exception):
    """A refusal. Nothing was changed.

    `code` is for programs and fixed, `detail` a translated sentence, `status` the HTTP status
    that fits, `fields` names what is wrong where.
    """

    status = 400

    def __init__(
        self, code: str, detail: Any, *, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(str(detail))
        self.code = code
        self.detail = detail
        self.fields: Mapping[str, Sequence[str]] = fields or {}


class InvalidError(ServiceError):
    """The values make no sense: see `fields`."""

    status = 400


class ForbiddenError(ServiceError):
    """The right person might; this one may not."""

    status = 403


class ConflictError(ServiceError):
    """Not at this moment, or somebody was faster."""

    status = 409
