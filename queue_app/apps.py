from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QueueConfig(AppConfig):
    name = "queue_app"
    verbose_name = _("Queue")

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from openlines_project.lib.worker import sweeper_register
        from queue_app import receivers
        from queue_app.services.desk import desk_sweep
        from queue_app.services.notices import line_notices_sweep
        from queue_app.services.schedules import schedules_sweep
        from queue_app.services.timers import timers_sweep

        sweeper_register(timers_sweep, every_seconds=5, thread="timers")
        sweeper_register(desk_sweep, every_seconds=30, thread="desk")
        sweeper_register(schedules_sweep, every_seconds=30, thread="schedules")
        # In a thread of its own: a mail server that hangs keeps nothing else waiting.
        sweeper_register(line_notices_sweep, every_seconds=30, thread="notices")
        # Ours comes after that of django.contrib.auth, which makes the rights.
        post_migrate.connect(receivers.on_migrated, sender=self, dispatch_uid="desk.groups")
