"""What becomes of an event on its way in: how it ended, and the two reasons to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["done", "duplicate", "pending", "dead", "ignored", "unsaved"]


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one event. Everything but `unsaved` is committed."""

    key: str
    outcome: Outcome
    conversation_id: int | None = None
    message_id: int | None = None


class NotYetError(Exception):
    """The event speaks of a message that is not here (yet)."""


class HeldBackError(Exception):
    """An earlier event of the same conversation waits to be tried again."""


class SenderBlockedError(Exception):
    """We want to hear nothing of who sent this."""
