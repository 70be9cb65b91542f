"""How a service of the post office refuses: the product's errors, and the platforms' own."""

from __future__ import annotations

from openlines_project.lib.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    ServiceError,
)

__all__ = ["ConflictError", "ForbiddenError", "InvalidError", "PlatformError", "ServiceError"]


class PlatformError(ServiceError):
    """The platform refused, or could not be asked: `detail` is what it said."""

    status = 502
