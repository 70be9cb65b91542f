"""The CRM in the administration."""

from crm_app.admin import forms, submissions  # noqa: F401  registers the pages
