"""Open Lines: settings, addresses and everything that is put together from the apps."""

from openlines_project.celery import app as celery_app

__all__ = ["celery_app"]
