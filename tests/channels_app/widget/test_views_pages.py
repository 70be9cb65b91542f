import gzip
from typing import Any

import pytest
from django.test import Client

from channels_app.selectors import connector_cache_clear
from channels_app.widget.assets import widget_script
from tests.channels_app.widget.visitor import SITE, Visitor, livechat

pytestmark = pytest.mark.django_db


def script_of(connector: Any, **headers: Any) -> Any:
    return Client().get(f"/widget/{connector.public_id}.js", headers=headers)


# --- the script ---------------------------------------------------------------------------


def test_the_script_may_be_kept_and_asked_for_again() -> None:
    connector = livechat()
    response = script_of(connector)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.content == widget_script().body
    assert response["Cache-Control"].startswith("public, max-age=300")
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Cookie" not in response["Vary"]
    again = script_of(connector, If_None_Match=response["ETag"])
    assert again.status_code == 304
    assert again.content == b""
    assert again["ETag"] == response["ETag"]


def test_the_script_is_compressed_for_those_who_can() -> None:
    response = script_of(livechat(), Accept_Encoding="br, gzip")
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content) == widget_script().body
    assert "Accept-Encoding" in response["Vary"]


def test_there_is_no_script_for_an_unknown_key() -> None:
    assert Client().get("/widget/nobody-knows-this.js").status_code == 404
    assert Client().post(f"/widget/{livechat().public_id}.js").status_code == 405


# --- the configuration --------------------------------------------------------------------


def test_the_configuration_comes_from_the_connector() -> None:
    connector = livechat()
    connector.config |= {
        "title": "Aroeira help",
        "greeting": "Good day!",
        "colour": "#ffd400",
        "position": "left",
    }
    connector.save()
    config = Visitor(connector).get("config").json()
    assert config["title"] == "Aroeira help"
    assert config["greeting"] == "Good day!"
    assert config["position"] == "left"
    assert config["colours"]["accent"] == "#ffd400"
    assert config["language"] == "en"
    assert config["open"] is True
    assert config["limits"] == {"text": 10_000, "files": 5, "file_bytes": 25 * 1024 * 1024}
    assert all(config["texts"].values())


def test_what_is_not_set_has_a_default(settings: Any) -> None:
    settings.COMPANY_NAME = ""
    connector = livechat(public_name="")
    connector.config = {}
    connector.save()
    config = Visitor(connector, origin=None).get("config").json()
    assert config["title"] == "Chat"
    assert config["greeting"] == "Hello! How can we help?"
    assert config["position"] == "right"
    assert config["colours"] is None


def test_the_title_is_the_public_name_or_the_company(settings: Any) -> None:
    settings.COMPANY_NAME = "Aroeira Ltda"
    assert Visitor(livechat()).get("config").json()["title"] == "Aroeira Home"
    assert Visitor(livechat(public_name="")).get("config").json()["title"] == "Aroeira Ltda"


def test_the_language_is_the_lines() -> None:
    connector = livechat(language="pt-br")
    response = Visitor(connector).get("config", HTTP_ACCEPT_LANGUAGE="en")
    assert response.json()["language"] == "pt-BR"


def test_an_inactive_line_is_said_to_be_closed() -> None:
    assert Visitor(livechat(is_active=False)).get("config").json()["open"] is False


# --- the page -----------------------------------------------------------------------------


def test_the_page_is_nothing_but_the_chat() -> None:
    connector = livechat(language="pt-br")
    response = Client().get(f"/chat/{connector.public_id}/")
    assert response.status_code == 200
    html = response.content.decode()
    assert '<html lang="pt-BR">' in html
    assert "<title>Aroeira Home</title>" in html
    assert f'<script async src="/widget/{connector.public_id}.js" data-page></script>' in html
    assert " style=" not in html
    assert html.count("<script") == 1


def test_the_page_is_framed_by_nobody_and_runs_nothing_foreign() -> None:
    response = Client().get(f"/chat/{livechat().public_id}/")
    policy = response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in response.headers


def test_a_hostile_title_is_text() -> None:
    connector = livechat(public_name="</title><script>alert(1)</script>")
    html = Client().get(f"/chat/{connector.public_id}/").content.decode()
    assert "<script>alert(1)" not in html


def test_the_page_of_a_switched_off_chat_says_so() -> None:
    connector = livechat()
    connector.status = "disabled"
    connector.save()
    connector_cache_clear()
    response = Client().get(f"/chat/{connector.public_id}/")
    assert response.status_code == 404
    assert "This chat is closed." in response.content.decode()
    assert "<script" not in response.content.decode()


def test_there_is_no_page_for_an_unknown_key() -> None:
    assert Client().get("/chat/nobody-knows-this/").status_code == 404


def test_our_own_page_needs_no_listed_site() -> None:
    connector = livechat()
    connector.config = {}
    connector.save()
    visitor = Visitor(connector, origin="http://testserver")
    visitor.token = visitor.post("session").json()["visitor_token"]
    assert visitor.write().status_code == 201
    assert Visitor(connector, origin=SITE).get("config").status_code == 403
