"""The project as an app: it brings the system checks and the management commands."""

import os

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

# Set by `manage.py up --demo` for its worker: visitors write while it runs.
DEMO_VARIABLE = "OPENLINES_DEMO"
DEMO_SECONDS = 20


class ProjectConfig(AppConfig):
    """Registers the checks of `openlines_project.checks`, and a demonstration's visitors."""

    name = "openlines_project"
    verbose_name = _("Open Lines")

    def ready(self) -> None:
        from openlines_project import checks  # noqa: F401  registers them

        if os.environ.get(DEMO_VARIABLE):
            from openlines_project.demo import demo_tick
            from openlines_project.lib.worker import sweeper_register

            sweeper_register(demo_tick, DEMO_SECONDS, thread="demo", covers_beat=False)
