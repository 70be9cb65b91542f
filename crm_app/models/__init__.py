"""The card index: contacts, leads, their history, and the forms that strangers fill in."""

from crm_app.models.contacts import (
    EMAIL,
    PHONE,
    Contact,
    ContactPoint,
    MatchKey,
    MergeProposal,
    Tombstone,
)
from crm_app.models.custom_fields import CustomField
from crm_app.models.forms import CrmForm, CrmFormField, FieldKind, FormSubmission
from crm_app.models.leads import OPEN_STAGES, Lead, LeadSource, LeadStatus, Stage
from crm_app.models.timeline import EntryKind, TimelineEntry

__all__ = [
    "EMAIL",
    "OPEN_STAGES",
    "PHONE",
    "Contact",
    "ContactPoint",
    "CrmForm",
    "CrmFormField",
    "CustomField",
    "EntryKind",
    "FieldKind",
    "FormSubmission",
    "Lead",
    "LeadSource",
    "LeadStatus",
    "MatchKey",
    "MergeProposal",
    "Stage",
    "TimelineEntry",
    "Tombstone",
]
