import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.widget.colours import DARK_GROUND, LIGHT_GROUND, contrast, palette


def test_contrast_is_wcags() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#0b6572", "#0b6572") == 1


def test_a_dark_colour_gets_white_text() -> None:
    assert palette("#0B6572") == {
        "accent": "#0b6572",
        "accent_2": "#095661",
        "on_accent": "#ffffff",
        "ink_light": "#0b6572",
        "ink_dark": "#639ca5",
    }


def test_a_light_colour_gets_dark_text() -> None:
    colours = palette("#ffd400")
    assert colours is not None
    assert colours["on_accent"] == "#1b2123"


@pytest.mark.parametrize(
    "colour", ["", "red", "#fff", "#12345g", "#0b6572;}", " #0b6572", "#0b65721"]
)
def test_what_is_no_colour_gives_none(colour: str) -> None:
    assert palette(colour) is None


@given(st.integers(min_value=0, max_value=0xFFFFFF))
def test_every_colour_stays_readable(number: int) -> None:
    colours = palette(f"#{number:06x}")
    assert colours is not None
    assert contrast(colours["on_accent"], colours["accent"]) >= 4
    assert contrast(colours["on_accent"], colours["accent_2"]) >= 4
    assert contrast(colours["ink_light"], LIGHT_GROUND) >= 4.5
    assert contrast(colours["ink_dark"], DARK_GROUND) >= 4.5
