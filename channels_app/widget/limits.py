"""How often a visitor and an address may ask.

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

KEY = "openlines:widget:limit"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in `seconds`."""

    name: str
    count: int
    seconds: int


# Per visitor: a person writes slower than this, a loop does not.
VISITOR_LIMITS = {
    "write": (Limit("write", 20, 10), Limit("write-long", 300, 3600)),
    "upload": (Limit("upload", 10, 60), Limit("upload-long", 60, 3600)),
    "signal": (Limit("signal", 60, 10),),
    # Eight tabs that ask every 1.5 s are 54.
    "read": (Limit("read", 150, 10),),
}
# Per address: an office behind one address has many visitors.
ADDRESS_LIMITS = {
    "write": (Limit("write", 60, 10),),
    "upload": (Limit("upload", 40, 60),),
    "signal": (Limit("signal", 300, 10),),
    "read": (Limit("read", 1000, 10),),
    "session": (Limit("session", 60, 60),),
    "config": (Limit("config", 300, 10),),
    # Wrong tokens: guessing them is hopeless, and is not helped.
    "guess": (Limit("guess", 30, 60),),
}


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
        logger.warning("The limits of the live chat are not counted: %s", type(error).__name__)
        return 0
    if used <= limit.count:
        return 0
    return max(1, math.ceil((window + 1) * limit.seconds - now))
