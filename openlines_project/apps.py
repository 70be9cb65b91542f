"""The project as an app: it brings the system checks and the management commands."""

import os

import os

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


# Set by `manage.py up --demo`: the worker lets the demonstration's visitors write.
DEMO_VARIABLE = "OPENLINES_DEMO"
DEMO_SECONDS = 12


class ProjectConfig(AppConfig):
    """Registers the checks of `openlines_project.checks`, and a demonstration's visitors."""

    name = "openlines_project"
    verbose_name = _("Open Lines")

    def ready(self) -> None:
        from openlines_project import checks  # noqa: F401  registers them

        if os.environ.get("OPENLINES_DEMO") == "1":
            from openlines_project.demo import demo_tick
            from openlines_project.lib.worker import sweeper_register

            # Set by `up --demo` for its children: visitors write while it runs.
            sweeper_register(demo_tick, every_seconds=20, thread="demo", covers_beat=False)

        if os.environ.get(DEMO_VARIABLE):
            from openlines_project.demo import demo_tick
            from openlines_project.lib.worker import sweeper_register

            sweeper_register(demo_tick, DEMO_SECONDS, thread="demo", covers_beat=False)
