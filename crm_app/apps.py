from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm_app"
    verbose_name = _("CRM")

    def ready(self) -> None:
        from crm_app.services.forms import form_submissions_sweep
        from crm_app.timeline import own_renderers_register
        from openlines_project.lib.worker import sweeper_register

        own_renderers_register()
        sweeper_register(form_submissions_sweep, every_seconds=60, covers_beat=False)
