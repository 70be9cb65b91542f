from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QueueConfig(AppConfig):
    name = "queue_app"
    verbose_name = _("Queue")

    def ready(self) -> None:
        from openlines_project.lib.worker import sweeper_register
        from queue_app import receivers  # noqa: F401  connects the signals
        from queue_app.services.desk import desk_sweep
        from queue_app.services.timers import timers_sweep

        sweeper_register(timers_sweep, every_seconds=5, thread="timers")
        sweeper_register(desk_sweep, every_seconds=30, thread="desk")
