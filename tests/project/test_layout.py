"""The shape of the tree: what lies at the top, and how long a module may become."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = {
    "manage.py",
    "pyproject.toml",
    "README.md",
    "openlines_project",
    "channels_app",
    "crm_app",
    "queue_app",
    "stats_app",
    "templates",
    "tests",
}
LONGEST_MODULE = 400


def tracked(*patterns: str) -> list[str]:
    """The files under version control; a copy without it has nothing to compare."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a version-controlled tree")
    listing = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]


def test_nothing_new_lies_at_the_top() -> None:
    found = {name.split("/", 1)[0] for name in tracked()}
    assert {name for name in found if not name.startswith(".")} - TOP == set()


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    long = {}
    for name in tracked("*.py"):
        lines = len((ROOT / name).read_text().splitlines())
        if "/migrations/" not in name and lines > LONGEST_MODULE:
            long[name] = lines
    assert long == {}


def test_pages_carry_no_styles_or_scripts_of_their_own() -> None:
    """The content security policy would refuse them, on some page nobody opened."""
    import re

    inline = re.compile(r"<style|\sstyle=|\son[a-z]+=\"|<script(?![^>]*\bsrc=)(?![^>]*json)", re.I)
    found = {
        name: match.group()
        for name in tracked("*.html")
        if (match := inline.search((ROOT / name).read_text()))
    }
    assert found == {}
