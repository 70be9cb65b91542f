"""The locked requirements: complete, hashed, and silent about where they came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "openlines_project" / "requirements"
FILES = ("runtime.txt", "dev.txt")


def pins(name: str) -> dict[str, tuple[str, list[str]]]:
    """Read a lock file as `{package: (version, hashes)}`."""
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in (FOLDER / name).read_text().replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.startswith("#"):
            continue
        package, *hashes = entry.split()
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)", package)
        assert match, f"not one pinned package: {entry[:80]}"
        found[match[1]] = (match[2], hashes)
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", text, maxsplit=1)[0].lower() for text in requirements}


@pytest.mark.parametrize("name", FILES)
def test_no_address_is_in_the_files(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert re.findall(r"https?:|file:|index-url|find-links| @ ", text) == []


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_with_a_hash(name: str) -> None:
    found = pins(name)
    assert len(found) > 30
    bad = {
        package
        for package, (_version, hashes) in found.items()
        if not hashes or any(not re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes)
    }
    assert bad == set()


def test_what_runs_is_what_was_tested() -> None:
    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert {name: dev.get(name) for name in runtime} == runtime
    assert set(dev) - set(runtime)


def test_the_files_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names(project["dependencies"]) - set(pins("runtime.txt")) == set()
    assert names(project["optional-dependencies"]["dev"]) - set(pins("dev.txt")) == set()
