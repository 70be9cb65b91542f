"""What Instagram's deliveries say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.channels_app.drivers.meta_driver import driver_for
from tests.channels_app.drivers.meta_expectations import concluded, samples_of, wanted_of


@pytest.mark.parametrize(("path", "expected"), samples_of("instagram"))
def test_each_sample_says_what_is_expected(path: Path, expected: list[dict[str, Any]]) -> None:
    events = driver_for("instagram").parse(path.read_bytes())
    said = [concluded(*pair) for pair in zip(events, expected, strict=True)]
    assert said == [wanted_of(event) for event in expected]
