"""The project as an app: it brings the system checks and the management commands."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProjectConfig(AppConfig):
    """Registers the checks of `openlines_project.checks`."""

    name = "openlines_project"
    verbose_name = _("Open Lines")

    def ready(self) -> None:
        from openlines_project import checks  # noqa: F401  registers them
