"""The broker made of files: what is half written is not there yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

from openlines_project.celery import app
from openlines_project.lib import broker

QUEUE = "default"


def channel_of(transport: type[Any], folder: Path) -> Any:
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
    }
    connection: Any = Connection
    return connection(transport=transport, transport_options=options).channel()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Any]:
    channel = channel_of(filesystem.Transport, tmp_path)
    yield channel
    channel.close()


def put_while_somebody_reads(
    writer: Any, reader: Any, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    """A worker looks into the queue at the very moment in which a message is being written."""

    def slowly(payload: Any) -> Any:
        with pytest.raises(Empty):
            reader._get(QUEUE)
        return dumps(payload)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(module, "dumps", slowly)
    writer._put(QUEUE, {"number": 1})


def test_a_message_is_seen_when_it_is_whole(
    tmp_path: Path, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = channel_of(broker.Transport, tmp_path)
    put_while_somebody_reads(writer, reader, monkeypatch, broker)
    assert reader._get(QUEUE) == {"number": 1}
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == []


def test_kombus_own_channel_shows_it_before(
    tmp_path: Path, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once this fails, kombu has mended it and `lib.broker` can go."""
    writer = channel_of(filesystem.Transport, tmp_path)
    with pytest.raises(ValueError, match="Expecting value"):
        put_while_somebody_reads(writer, reader, monkeypatch, filesystem)


def test_messages_come_whole_and_in_order_while_they_are_written(
    tmp_path: Path, reader: Any
) -> None:
    number = 300
    writer = channel_of(broker.Transport, tmp_path)

    def write() -> None:
        for count in range(number):
            writer._put(QUEUE, {"number": count})

    thread = threading.Thread(target=write)
    thread.start()
    read: list[int] = []
    while len(read) < number:
        try:
            read.append(reader._get(QUEUE)["number"])
        except Empty:
            assert thread.is_alive() or list(tmp_path.glob("*.msg"))
    thread.join()
    assert sorted(read) == list(range(number))


def test_a_message_that_cannot_be_stored_is_the_senders_to_hear(tmp_path: Path) -> None:
    writer = channel_of(broker.Transport, tmp_path)
    writer.data_folder_out = tmp_path / "gone"
    with pytest.raises(ChannelError):
        writer._put(QUEUE, {"number": 1})


def test_the_application_uses_it() -> None:
    connection = app.connection_for_write("filesystem://localhost/")
    assert connection.get_transport_cls() is broker.Transport
