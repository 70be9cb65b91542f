"""What the services' tests share: which jobs a service asks the worker for."""

from __future__ import annotations

from typing import Any

import pytest

Sent = list[tuple[Any, ...]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The jobs handed to the broker, as `(name, *arguments)`, once the commit has let them go."""
    jobs: Sent = []

    def enqueue(task: Any, *args: Any, **_options: Any) -> bool:
        jobs.append((task.__name__, *args))
        return True

    monkeypatch.setattr("openlines_project.lib.tasks.enqueue", enqueue)
    return jobs
