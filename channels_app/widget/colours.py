"""From one colour chosen by an administrator to a readable set, by WCAG's contrast formula."""

import re

WHITE, INK = "#ffffff", "#1b2123"
# The bubbles that links stand in: in each theme the ground nearest to the text.
LIGHT_GROUND, DARK_GROUND = "#ebe9e3", "#232a2c"
TEXT_CONTRAST = 4.5
HEX = re.compile(r"#[0-9a-fA-F]{6}")
STEP = 0.04


def palette(colour: str) -> dict[str, str] | None:
    """The colours that follow from `colour` ("#rrggbb"); None when it is no such colour.

    `accent` is the colour itself, `accent_2` a shade for the pointer, `on_accent` the text on it;
    `ink_light` and `ink_dark` are the nearest shades readable as text in the light and the dark
    theme.
    """
    if not HEX.fullmatch(colour):
        return None
    accent = colour.lower()
    on_accent = max((WHITE, INK), key=lambda text: contrast(text, accent))
    return {
        "accent": accent,
        # Away from the text on it, so that the shade never costs contrast.
        "accent_2": _mix(accent, "#000000" if on_accent == WHITE else WHITE, 0.15),
        "on_accent": on_accent,
        "ink_light": _readable(accent, ground=LIGHT_GROUND, towards="#000000"),
        "ink_dark": _readable(accent, ground=DARK_GROUND, towards=WHITE),
    }


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two "#rrggbb" colours, from 1 to 21."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _readable(colour: str, *, ground: str, towards: str) -> str:
    share = 0.0
    while contrast(_mix(colour, towards, share), ground) < TEXT_CONTRAST:
        share += STEP
    return _mix(colour, towards, share)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _mix(colour: str, other: str, share: float) -> str:
    share = min(share, 1.0)
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
