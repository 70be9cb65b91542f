import pytest
from django.core.cache import cache

from channels_app.selectors import connector_cache_clear


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    """No test meets the counters or the connectors of another."""
    cache.clear()
    connector_cache_clear()
