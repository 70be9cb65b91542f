"""Real threads and processes on PostgreSQL. No broker: the tests are the workers."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_wake_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openlines_project.lib.tasks.enqueue", lambda *_args, **_options: True)
