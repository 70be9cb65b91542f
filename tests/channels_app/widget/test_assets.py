import gzip
import re

from django.conf import settings

from channels_app.widget.assets import FOLDER, STYLE, widget_script

TOKENS = settings.BASE_DIR / "openlines_project" / "static" / "tokens.css"
TOKEN = re.compile(r"(--[\w-]+):\s*(light-dark\([^()]*\)|#[0-9a-f]{6})")


def test_the_script_is_small() -> None:
    script = widget_script()
    assert len(script.gzipped) < 20_000
    assert gzip.decompress(script.gzipped) == script.body


def test_the_tag_names_the_content() -> None:
    assert re.fullmatch(r'W/"[0-9a-f]{32}"', widget_script().etag)
    assert widget_script().etag == widget_script().etag


def test_no_data_becomes_markup() -> None:
    source = widget_script().body.decode()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ):
        assert way not in source


def test_nothing_comes_from_elsewhere() -> None:
    addresses = set(re.findall(r"https?://[\w./-]+", widget_script().body.decode()))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_its_colours_are_those_of_the_design() -> None:
    """The style sheet repeats the tokens because it lives alone; they must not drift apart."""
    design = set(TOKEN.findall(TOKENS.read_text()))
    ours = set(TOKEN.findall((FOLDER / STYLE).read_text()))
    own = {item for item in ours if item[0] == "--tint"}
    assert ours - own
    assert ours - own <= design
