"""The Celery application: an alarm clock. The database says what is to be done."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openlines_project.settings")

TRANSPORT_ALIASES["filesystem"] = "openlines_project.lib.broker:Transport"

app = Celery("openlines")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
