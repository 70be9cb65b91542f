"""How often somebody may ask: counted by address, by visitor, by whatever names him.

Counters in Django's cache over fixed windows. A cache that is away lets everybody in: the limit
guards against floods, and must not be what keeps customers out.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

from django.core.cache import cache

logger = logging.getLogger(__name__)

KEY = "openlines:limit"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in `seconds`. `name` tells the counters of the product apart."""

    name: str
    count: int
    seconds: int


def wait_seconds(limits: tuple[Limit, ...], who: str) -> int:
    """Count one request of `who`; 0 when it is within all limits, else the seconds to wait."""
    waits = [_count(limit, who) for limit in limits]
    return max(waits, default=0)


def _count(limit: Limit, who: str) -> int:
    now = time.time()
    window = int(now // limit.seconds)
    key = f"{KEY}:{limit.name}:{window}:{who}"
    try:
        # `add` first: two processes must not both begin at zero.
        cache.add(key, 0, timeout=limit.seconds + 1)
        used = int(cache.incr(key))
    except ValueError:
        # The window ended between the two calls: a new one has begun.
        return 0
    except Exception as error:  # noqa: BLE001  whatever the cache's library raises
        logger.warning("Limits are not counted: %s", type(error).__name__)
        return 0
    if used <= limit.count:
        return 0
    return max(1, math.ceil((window + 1) * limit.seconds - now))
