"""The Texts tab: welcome and consent, and what all texts have in common."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from channels_app.admin.tabs.closing import ClosingTab
from channels_app.models import OpenChannel, ServiceText
from channels_app.services.open_channels import open_channel_update
from tests.channels_app.admin.line_page import address, form_sent, opened, sent
from tests.factories import OpenChannelFactory, moment

pytestmark = pytest.mark.django_db


def texts(line: OpenChannel) -> dict[str, str]:
    return dict(ServiceText.objects.filter(open_channel=line).values_list("kind", "text"))


def test_texts_are_saved_and_taken_out(administrator: Client) -> None:
    line = OpenChannelFactory()
    page = sent(
        administrator, line, text_welcome=" Hello\r\nthere ", welcome_when="every",
        text_consent="May we?", consent_url="example.com/privacy",
    )  # fmt: skip
    assert administrator.post(address(line), page).status_code == 302
    line.refresh_from_db()
    assert texts(line) == {"welcome": "Hello\nthere", "consent": "May we?"}
    assert (line.welcome_when, line.consent_url) == ("every", "https://example.com/privacy")
    assert line.version == 2
    page = sent(administrator, line, text_consent="", consent_url="")
    administrator.post(address(line), page)
    assert texts(line) == {"welcome": "Hello\nthere"}


def test_a_text_of_several_lines_is_no_change_when_it_comes_back(administrator: Client) -> None:
    line = OpenChannelFactory()
    administrator.post(address(line), sent(administrator, line, text_welcome="One\r\n\r\nTwo"))
    administrator.post(address(line), sent(administrator, line))
    line.refresh_from_db()
    assert (line.version, texts(line)["welcome"]) == (2, "One\n\nTwo")


@pytest.mark.parametrize(
    ("changes", "part", "words"),
    [
        ({"text_welcome": "{operator}"}, "id_text_welcome", "{operator} is always empty here"),
        ({"text_welcome": "{opens_at}"}, "id_text_welcome", "this line has no working hours"),
        ({"text_welcome": "{custumer}"}, "id_text_welcome", "Did you mean {customer}?"),
        ({"text_welcome": "x" * 2001}, "id_text_welcome", "at most 2000 characters"),
        ({"text_consent": "May we?"}, "id_consent_url", "Give the page"),
        ({"consent_url": "https://example.com"}, "id_text_consent", "Write the text"),
        ({"consent_url": "nowhere at all"}, "id_consent_url", "Enter a valid URL"),
    ],
)
def test_a_wrong_text_is_told_beside_its_field(
    administrator: Client, changes: dict[str, Any], part: str, words: str
) -> None:
    line = OpenChannelFactory()
    text = administrator.post(address(line), sent(administrator, line, **changes)).content.decode()
    assert opened(text) == "texts"
    assert f'href="#{part}"' in text
    assert re.search(rf'id="{part}"[^>]*', text)
    assert words in text
    assert texts(line) == {}


def test_only_placeholders_that_can_have_a_value_are_offered(administrator: Client) -> None:
    text = administrator.get(address(OpenChannelFactory())).content.decode()
    offered: dict[str, set[str]] = {}
    for name, place in re.findall(r'data-insert="{(\w+)}" data-into="id_text_(\w+)"', text):
        offered.setdefault(place, set()).add(name)
    everything = {"customer", "operator", "line", "opens_at", "session"}
    assert offered == {
        "no_answer": everything - {"operator"},
        "closed": everything,
        "welcome": everything - {"operator"},
        "consent": everything - {"operator"},
        "ending": everything,
        "auto_close": everything,
    }


def test_two_editors_of_two_texts_keep_both(administrator: Client) -> None:
    line = OpenChannelFactory()
    page = sent(administrator, line, text_welcome="Mine")
    open_channel_update(
        open_channel=line,
        changes={"service_texts": [{"kind": "ending", "text": "Theirs"}]},
        now=moment(),
    )
    told = administrator.post(address(line), page)
    assert told.status_code == 409
    assert "Closing text: now Theirs" in told.content.decode()
    assert texts(line) == {"ending": "Theirs"}
    administrator.post(address(line), form_sent(told.content.decode()))
    assert texts(line) == {"ending": "Theirs", "welcome": "Mine"}


def test_a_text_the_page_has_no_place_for_stays(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = open_channel_update(
        open_channel=OpenChannelFactory(),
        changes={"service_texts": [{"kind": "ending", "text": "Bye"}]},
        now=moment(),
    )
    page = sent(administrator, line, text_welcome="Hello")
    monkeypatch.setattr(ClosingTab, "TEXTS", ())
    administrator.post(address(line), page)
    assert texts(line) == {"ending": "Bye", "welcome": "Hello"}
