from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import SuperuserFactory


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(SuperuserFactory(username="root"))
    return client
