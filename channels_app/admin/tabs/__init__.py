"""The tabs of a line's page: one form each, all of them sent and saved together."""

from channels_app.admin.tabs.base import TabForm
from channels_app.admin.tabs.closing import ClosingTab
from channels_app.admin.tabs.general import GeneralTab
from channels_app.admin.tabs.hours import HoursTab
from channels_app.admin.tabs.queue import QueueTab
from channels_app.admin.tabs.texts import TextsTab

# In the order of the page. The Channels tab is no form: its tiles have pages of their own.
TAB_FORMS: tuple[type[TabForm], ...] = (GeneralTab, QueueTab, HoursTab, TextsTab, ClosingTab)

__all__ = ["TAB_FORMS", "TabForm"]
