import datetime as dt
import json
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_app.models import InboundEvent, Message
from channels_app.selectors import connector_cache_clear
from tests.channels_app.widget.visitor import SITE, Visitor, livechat

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
OUR_OWN = "http://testserver"


def preflight(connector: Any, origin: Any, path: Any = "messages") -> Any:
    return Client().options(
        f"/widget/{connector.public_id}/{path}",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )


def nothing_was_written() -> Any:
    return not Message.objects.exists() and not InboundEvent.objects.exists()


# --- origins ------------------------------------------------------------------------------


def test_a_listed_site_may_write_and_read_the_answer() -> None:
    response = Visitor.arrived(livechat()).write()
    assert response.status_code == 201
    assert response["Access-Control-Allow-Origin"] == SITE
    assert "Origin" in response["Vary"]
    assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://shop.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://shop.example:444",
        "https://shop.example/",
        "https://SHOP.example",
        "https://user@shop.example",
        "*",
        "https://shop.exampl\u00e9",
    ],
)
def test_any_other_origin_is_refused_without_a_cors_header(origin: Any) -> None:
    visitor = Visitor.arrived(livechat())
    visitor.origin = origin.encode().decode("latin-1")
    for response in (
        visitor.write(),
        visitor.get("messages"),
        visitor.get("config"),
        visitor.post("session"),
    ):
        assert response.status_code == 403
        assert response.json()["code"] == "origin"
        assert "Access-Control-Allow-Origin" not in response
    assert nothing_was_written()


def test_without_listed_sites_only_our_own_page_is_left() -> None:
    connector = livechat()
    connector.config = {"allowed_origins": []}
    connector.save()
    assert Visitor(connector, origin=SITE).post("session").status_code == 403
    assert Visitor(connector, origin=OUR_OWN).post("session").status_code == 201
    assert Visitor(connector, origin=None).get("config").status_code == 200


def test_the_public_address_is_our_own_also_behind_a_proxy(monkeypatch: Any) -> None:
    monkeypatch.setattr(django_settings, "PUBLIC_URL", "https://chat.example/")
    connector = livechat()
    assert Visitor(connector, origin="https://chat.example").post("session").status_code == 201
    assert Visitor(connector, origin="http://chat.example").post("session").status_code == 403


def test_a_setting_of_the_wrong_kind_allows_nobody() -> None:
    connector = livechat()
    connector.config = {"allowed_origins": f"x{SITE}x"}
    connector.save()
    assert Visitor(connector, origin=SITE).post("session").status_code == 403


def test_a_preflight_of_a_listed_site_is_answered() -> None:
    response = preflight(livechat(), SITE)
    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == SITE
    assert response["Access-Control-Allow-Methods"] == "GET, POST"
    assert response["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert "Access-Control-Allow-Credentials" not in response


def test_a_preflight_of_another_site_is_refused() -> None:
    response = preflight(livechat(), "https://evil.example")
    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_refusals_can_be_read_by_the_site() -> None:
    """Otherwise its page could not tell "too many" from "no network"."""
    connector = livechat()
    response = Visitor(connector).get("messages")
    assert response.status_code == 401
    assert response["Access-Control-Allow-Origin"] == SITE
    assert response["Access-Control-Expose-Headers"] == "Retry-After"


# --- connectors ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["config", "session", "messages", "files", "seen", "typing"])
def test_an_unknown_key_is_404(path: Any) -> None:
    url = f"/widget/nobody-knows-this/{path}"
    for response in (
        Client().get(url),
        Client().post(url, {}, content_type="application/json"),
        Client().options(url, headers={"Origin": SITE}),
    ):
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


def test_a_connector_of_another_kind_has_no_chat() -> None:
    connector = livechat()
    connector.kind = "telegram"
    connector.save()
    visitor = Visitor(connector)
    assert visitor.get("config").status_code == 404
    assert visitor.post("session").status_code == 404


def test_a_switched_off_chat_takes_nothing_and_says_so() -> None:
    connector = livechat()
    visitor = Visitor.arrived(connector)
    connector.status = "disabled"
    connector.save()
    connector_cache_clear()
    assert visitor.get("config").status_code == 404
    for response in (
        visitor.write(),
        visitor.post("session"),
        visitor.post("typing"),
        visitor.post("seen"),
    ):
        assert response.status_code == 403
        assert response.json()["detail"] == "This chat is closed."
    assert nothing_was_written()


def test_methods_are_checked() -> None:
    visitor = Visitor(livechat())
    response = visitor.get("session")
    assert response.status_code == 405
    assert response["Allow"] == "POST, OPTIONS"
    assert visitor.client.delete(visitor.url("messages")).status_code == 405


# --- tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "\u00e9"])
def test_a_wrong_token_is_401(token: Any) -> None:
    visitor = Visitor(livechat(), token=token)
    for response in (visitor.write(), visitor.get("messages"), visitor.post("seen", {"seq": 1})):
        assert response.status_code == 401
        assert response.json()["code"] == "token"
    assert nothing_was_written()


def test_a_token_in_an_address_or_a_cookie_is_no_token() -> None:
    visitor = Visitor.arrived(livechat())
    token, visitor.token = visitor.token, ""
    visitor.client.cookies["visitor_token"] = token
    assert visitor.get(f"messages?token={token}").status_code == 401
    assert "Set-Cookie" not in visitor.get("config").headers


def test_guessing_tokens_is_stopped() -> None:
    connector = livechat()
    with time_machine.travel(NOW, tick=False):
        guess = Visitor(connector, token="x:y:z")
        answers = [guess.get("messages").status_code for _ in range(31)]
    assert answers == [401] * 30 + [429]
    assert Visitor.arrived(connector).get("messages").status_code == 200


# --- limits -------------------------------------------------------------------------------


def test_a_burst_of_messages_is_stopped() -> None:
    visitor = Visitor.arrived(livechat())
    with time_machine.travel(NOW, tick=False):
        answers = [visitor.write(f"no. {number}") for number in range(25)]
    assert [response.status_code for response in answers] == [201] * 20 + [429] * 5
    assert answers[-1]["Retry-After"] == "10"
    assert answers[-1]["Access-Control-Allow-Origin"] == SITE
    assert Message.objects.count() == 20


def test_new_visitors_from_one_address_are_limited() -> None:
    connector = livechat()
    with time_machine.travel(NOW, tick=False):
        answers = [Visitor(connector).post("session").status_code for _ in range(61)]
    assert answers == [201] * 60 + [429]


def test_a_forged_forwarding_header_does_not_reset_the_limit() -> None:
    visitor = Visitor(livechat())
    with time_machine.travel(NOW, tick=False):
        answers = [
            visitor.post("session", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").status_code
            for number in range(61)
        ]
    assert answers[-1] == 429


# --- bodies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"7",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"text": NaN}',
        b'{"text": ' + b"9" * 5000 + b"}",
        b"[" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "{}".encode("utf-16"),
    ],
)
def test_junk_is_400(body: Any) -> None:
    visitor = Visitor.arrived(livechat())
    response = visitor.post("messages", body)
    assert response.status_code == 400
    assert set(response.json()) == {"code", "detail", "fields"}
    assert nothing_was_written()


def test_a_body_above_64_kb_is_413() -> None:
    visitor = Visitor.arrived(livechat())
    response = visitor.post("messages", b"{" + b" " * 64 * 1024)
    assert response.status_code == 413
    assert nothing_was_written()


@pytest.mark.parametrize("path", ["messages", "seen", "typing"])
def test_what_is_not_json_is_415(path: Any) -> None:
    visitor = Visitor.arrived(livechat())
    kinds: list[dict[str, Any]] = [
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/json", "HTTP_CONTENT_ENCODING": "gzip"},
    ]
    for options in kinds:
        response = visitor.client.post(
            visitor.url(path), json.dumps({}), headers=visitor.headers(), **options
        )
        assert response.status_code == 415


FIELD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "client_id": st.uuids().map(str) | FIELD,
        "text": st.text(max_size=50) | FIELD,
        "page": st.fixed_dictionaries({}, optional={"url": FIELD, "title": FIELD}) | FIELD,
        "seq": FIELD,
        "status": FIELD,
    },
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODY | FIELD, path=st.sampled_from(["messages", "seen", "typing"]))
def test_no_body_is_ever_a_server_error(body: Any, path: str) -> None:
    cache.clear()
    visitor = Visitor.arrived(livechat())
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert visitor.post(path, raw).status_code in {200, 201, 400}


def test_a_database_that_is_away_is_503_and_never_500(monkeypatch: Any) -> None:
    connector = livechat()
    visitor = Visitor.arrived(connector)

    def away(**kwargs: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr("channels_app.widget.views.visitor_message_receive", away)
    monkeypatch.setattr("channels_app.widget.selectors.visitor_conversation", away)
    for response in (visitor.write(), visitor.get("messages")):
        assert response.status_code == 503
        assert response["Retry-After"] == "5"
        assert response["Access-Control-Allow-Origin"] == SITE
