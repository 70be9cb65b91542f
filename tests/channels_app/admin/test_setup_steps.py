"""Each channel of ours is explained and has its sign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from channels_app.admin.setup_steps import copyables, setup_steps
from channels_app.admin.tiles import KIND_SENTENCES, kind_tiles
from channels_app.drivers.registry import BUILT_IN, driver_class
from queue_app.templatetags.inbox import CHANNEL_SIGNS
from tests.factories import OpenChannelFactory, SuperuserFactory

STATIC = Path(__file__).parents[3] / "openlines_project" / "static"
KINDS = list(BUILT_IN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_steps_a_sentence_and_a_sign(kind: str) -> None:
    assert len(setup_steps(kind)) >= 3
    assert KIND_SENTENCES[kind]
    assert kind in CHANNEL_SIGNS
    assert f'id="i-c-{kind}"' in (STATIC / "icons.svg").read_text()
    assert re.search(rf"\.ch-{kind} \{{", (STATIC / "components.css").read_text())


def test_every_kind_is_a_tile() -> None:
    assert [tile.kind for tile in kind_tiles()][: len(KINDS)] == KINDS


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "livechat"])
def test_the_webhook_address_can_be_copied(kind: str) -> None:
    (found,) = copyables(kind, "abc", "https://desk.example")
    assert found.text == "https://desk.example/webhooks/abc/"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_a_new_channel_asks_for_its_settings(client: Client, kind: str) -> None:
    client.force_login(SuperuserFactory())
    line = OpenChannelFactory()
    page = client.get(f"/admin/channels_app/connector/add/?open_channel={line.pk}&kind={kind}")
    text = page.content.decode()
    for name, field in driver_class(kind).config_form().fields.items():
        assert field.widget.is_hidden or f'name="config-{name}"' in text
    for step in setup_steps(kind):
        assert step.split("<")[0].split("'")[0] in text
