"""The CRM in the administration."""

from crm_app.admin import (  # noqa: F401  registers the pages
    contacts,
    duplicates,
    forms,
    leads,
    lists,
    submissions,
)
