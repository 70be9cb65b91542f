from __future__ import annotations

import pytest
from django.utils import translation

from channels_app.durations import duration_split, duration_words


@pytest.mark.parametrize(
    ("minutes", "split", "words"),
    [
        (0, (0, "minutes"), "0 minutes"),
        (1, (1, "minutes"), "1 minute"),
        (90, (90, "minutes"), "90 minutes"),
        (60, (1, "hours"), "1 hour"),
        (240, (4, "hours"), "4 hours"),
        (1440, (1, "days"), "1 day"),
        (40320, (28, "days"), "28 days"),
    ],
)
def test_a_length_is_told_in_the_largest_unit_that_fits(
    minutes: int, split: tuple[int, str], words: str
) -> None:
    assert duration_split(minutes) == split
    with translation.override("en"):
        assert duration_words(minutes) == words
