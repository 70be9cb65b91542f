"""Every test of the form's page stands at one moment, with nobody counted yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.core.cache import cache

from tests.crm_app.public.visitor import NOW


@pytest.fixture(autouse=True)
def _still_clock() -> Iterator[None]:
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield
    cache.clear()
