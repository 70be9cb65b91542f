"""The card index: contacts, and the forms that strangers fill in."""

from crm_app.models.contacts import Contact
from crm_app.models.forms import CrmForm, CrmFormField, FieldKind, FormSubmission

__all__ = ["Contact", "CrmForm", "CrmFormField", "FieldKind", "FormSubmission"]
