from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "channels_app"
    verbose_name = _("Channels")

    def ready(self) -> None:
        from channels_app import receivers  # noqa: F401  connects the signals
        from channels_app.services.delivery import delivery_sweep
        from channels_app.services.media import media_sweep
        from channels_app.services.pending import inbound_sweep
        from channels_app.services.polling import connectors_poll
        from openlines_project.lib.worker import sweeper_register

        sweeper_register(delivery_sweep, every_seconds=5, thread="outbox")
        sweeper_register(inbound_sweep, every_seconds=5, thread="inbound")
        sweeper_register(media_sweep, every_seconds=30, thread="media")
        sweeper_register(connectors_poll, every_seconds=2, thread="polling", covers_beat=False)
