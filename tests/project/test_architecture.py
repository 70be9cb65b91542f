"""Apps import downwards only; and the contract that says so does notice when they do not."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("openlines_project", "crm_app", "channels_app", "queue_app", "stats_app")
LINT = Path(sys.executable).with_name("lint-imports")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a tree."""
    return subprocess.run(
        [LINT, "--no-cache", "--config", "pyproject.toml"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "NO_COLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_import_goes_downwards() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("crm_app/planted.py", "import queue_app.models", "Apps import downwards only"),
        ("openlines_project/lib/planted.py", "import crm_app.models", "Apps import downwards only"),
        ("channels_app/drivers/planted.py", "import crm_app.models", "Drivers import no models"),
        (
            "queue_app/services/planted.py",
            "from queue_app.inbox import urls",
            "Services import no views",
        ),
        (
            "queue_app/distribution.py",
            "from django.db import models",
            "The rules of the desk know no database",
        ),
        ("stats_app/planted.py", "import unfold", "Only the base admin imports the theme"),
    ],
)
def test_a_wrong_import_breaks_the_contract(
    tmp_path: Path, module: str, line: str, contract: str
) -> None:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "static", "locale"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
    assert "1 broken" in result.stdout


# The contracts know outside packages as a whole only.
FORBIDDEN_PARTS = {
    "channels_app/drivers": ("django.db", "django.http"),
    "crm_app/services": ("django.http", "django.shortcuts", "django.views"),
    "channels_app/services": ("django.http", "django.shortcuts", "django.views"),
    "queue_app/services": ("django.http", "django.shortcuts", "django.views"),
}


def imports(source: str) -> set[str]:
    """All modules a source names in its imports; of `from a import b` both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def forbidden(source: str, parts: tuple[str, ...]) -> set[str]:
    return {
        name
        for name in imports(source)
        if any(name == part or name.startswith(f"{part}.") for part in parts)
    }


@pytest.mark.parametrize("folder", FORBIDDEN_PARTS)
def test_outside_parts_that_do_not_belong_are_not_imported(folder: str) -> None:
    found = {
        path.name: names
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (names := forbidden(path.read_text(), FORBIDDEN_PARTS[folder]))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line", ["import django.db", "from django import db", "from django.db.models import Q"]
)
def test_the_search_for_outside_parts_finds_them(line: str) -> None:
    assert forbidden(f"def late():\n    {line}\n", ("django.db",))
    assert not forbidden("from django import forms\nimport django.dbx", ("django.db",))
