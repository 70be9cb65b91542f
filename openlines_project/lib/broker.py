"""The broker made of files, for one machine without another one (`manage.py up`).

kombu opens a message's file in the queue's folder and writes it afterwards: a worker that looks
in between takes an empty message, loses it and dies of it. Here a message is written under a
name nobody looks for and gets its own in one step.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Puts whole messages into a queue."""

    def _put(  # type: ignore[override]  # kombu's own classes disagree about the names
        self, queue: str, payload: dict[str, Any], **_options: Any
    ) -> None:
        """Raises `ChannelError` when the message cannot be stored."""
        # As kombu names them: sorted by name they stand in the order of their time.
        name = f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        place = Path(self.data_folder_out) / name
        draft = place.with_name(f"{name}.draft")
        try:
            draft.write_text(str(dumps(payload)))  # type: ignore[no-untyped-call]
            draft.replace(place)
        except OSError as error:
            raise ChannelError(f"Cannot add {name} to the queue.") from error


class Transport(filesystem.Transport):
    """kombu's, with the channel above."""

    Channel = Channel
