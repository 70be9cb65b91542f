"""Every answer under attack: its headers, its cookies, where it sends people, who may sign in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.http.response import HttpResponseBase
from django.test import Client, override_settings

from tests.factories import (
    PASSWORD,
    LiveChatConnectorFactory,
    SuperuserFactory,
    UserFactory,
)
from tests.project.test_settings import POSTGRESQL, settings_ask

pytestmark = pytest.mark.django_db

STRICT = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
    "img-src": "'self' data:", "font-src": "'self'", "media-src": "'self'",
    "connect-src": "'self'", "manifest-src": "'self'", "form-action": "'self'",
    "frame-ancestors": "'none'", "base-uri": "'none'", "object-src": "'none'",
}  # fmt: skip
# What the documented variables of production make of these settings.
PRODUCTION = (
    "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD",
    "SECURE_SSL_REDIRECT", "SECURE_REDIRECT_EXEMPT", "SECURE_PROXY_SSL_HEADER",
    "SESSION_COOKIE_SECURE", "SESSION_COOKIE_NAME", "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_AGE", "CSRF_COOKIE_SECURE",
    "CSRF_COOKIE_SAMESITE", "CSRF_TRUSTED_ORIGINS", "ALLOWED_HOSTS", "TRUSTED_PROXIES",
    "PUBLIC_URL",
)  # fmt: skip
BY_HTTPS = {"Host": "desk.example.com", "X-Forwarded-Proto": "https"}


def policy(answer: HttpResponseBase) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in parts)}


@pytest.fixture(scope="module")
def production_values() -> Any:
    question = f"{{name: getattr(settings, name) for name in {PRODUCTION!r}}}"
    return settings_ask(
        question, **POSTGRESQL, PUBLIC_URL="https://desk.example.com", TRUSTED_PROXIES="127.0.0.1"
    )


@pytest.fixture
def production(production_values: Any) -> Iterator[None]:
    with override_settings(**production_values):
        yield


# --- headers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/login/", 200), ("/inbox/mine/", 200), ("/inbox/me/", 200), ("/inbox/list/mine/", 200),
        ("/api/docs/", 200), ("/api/v1/sessions/", 401), ("/healthz", 200), ("/", 302),
        ("/webhooks/nobody/", 404), ("/files/nobody/", 404), ("/nothing/here", 404),
        ("/logout/", 405), ("/widget/nobody.js", 404), ("/chat/nobody/", 404),
    ],
)  # fmt: skip
def test_every_answer_has_the_strict_policy_also_a_refusal(
    client: Client, path: str, status: int
) -> None:
    if path != "/login/":
        client.force_login(SuperuserFactory())
    answer = client.get(path)
    assert answer.status_code == status
    assert policy(answer) == STRICT
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/admin/", "/admin/auth/user/", "/admin/nothing/"])
def test_the_administration_may_evaluate_and_nothing_more(client: Client, path: str) -> None:
    client.force_login(SuperuserFactory())
    answer = client.get(path)
    assert policy(answer) == STRICT | {"script-src": "'self' 'unsafe-eval'"}
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/Admin/", "//admin/", "/inbox/../admin/", "/files/admin/"])
def test_nothing_that_only_looks_like_the_administration_may(client: Client, path: str) -> None:
    assert "unsafe" not in client.get(path).headers["Content-Security-Policy"]


def test_the_chat_page_runs_only_what_is_ours(client: Client) -> None:
    answer = client.get(f"/chat/{LiveChatConnectorFactory().public_id}/")
    assert answer.status_code == 200
    given = policy(answer)
    assert (given["default-src"], given["script-src"]) == ("'none'", "'self'")
    assert (given["base-uri"], given["object-src"]) == ("'none'", "'none'")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_pages_of_the_desk_stay_in_no_cache(client: Client) -> None:
    client.force_login(SuperuserFactory())
    for path in ("/inbox/mine/", "/inbox/me/", "/admin/", "/admin/auth/user/"):
        assert "no-store" in client.get(path).headers["Cache-Control"], path


# --- production ---------------------------------------------------------------------------


@pytest.mark.usefixtures("production")
def test_an_https_installation_promises_to_stay_one() -> None:
    answer = Client(headers=BY_HTTPS).get("/login/")
    assert answer.status_code == 200
    assert (
        answer.headers["Strict-Transport-Security"]
        == "max-age=31536000; includeSubDomains; preload"
    )


@pytest.mark.usefixtures("production")
def test_plain_http_is_sent_to_https_and_probes_are_not() -> None:
    plain = Client(headers={"Host": "desk.example.com"})
    answer = plain.get("/inbox/?a=1")
    assert (answer.status_code, answer.headers["Location"]) == (
        301, "https://desk.example.com/inbox/?a=1",
    )  # fmt: skip
    assert plain.get("/healthz").status_code == 200


@pytest.mark.usefixtures("production")
def test_cookies_of_an_https_installation_travel_nowhere_else() -> None:
    UserFactory(username="maria")
    client = Client(headers=BY_HTTPS)
    client.get("/login/")
    answer = client.post("/login/", {"username": "maria", "password": PASSWORD})
    assert answer.status_code == 302
    session = answer.cookies["__Host-sessionid"]
    assert session["secure"] is True
    assert session["httponly"] is True
    assert (session["samesite"], session["path"], session["domain"]) == ("Lax", "/", "")
    assert session["max-age"] == 12 * 3600
    token = answer.cookies["csrftoken"]
    assert token["secure"] is True
    assert token["samesite"] == "Lax"


@pytest.mark.usefixtures("production")
def test_a_form_of_another_origin_is_refused() -> None:
    UserFactory(username="maria")
    client = Client(enforce_csrf_checks=True, headers=BY_HTTPS)
    page = client.get("/login/").content.decode()
    found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    form = {"username": "maria", "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    for origin in ("https://evil.example", "http://desk.example.com", "null",
                   "https://desk.example.com.evil.example"):  # fmt: skip
        assert client.post("/login/", form, headers={"Origin": origin}).status_code == 403, origin
    # Without an origin the referrer is asked, and none is none of ours.
    assert client.post("/login/", form).status_code == 403
    ours = {"Origin": "https://desk.example.com"}
    assert client.post("/login/", form, headers=ours).status_code == 302


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    "host", ["evil.example", "desk.example.com.evil.example", "evil@desk.example.com", "a b", ""]
)
def test_another_host_name_is_refused_everywhere(host: str) -> None:
    client = Client(headers={"Host": host, "X-Forwarded-Proto": "https"})
    for path in ("/login/", "/inbox/", "/admin/", "/api/v1/sessions/", "/chat/nobody/"):
        answer = client.get(path)
        assert answer.status_code == 400, path
        assert "Location" not in answer.headers


@pytest.mark.usefixtures("production")
def test_a_forwarded_host_is_not_believed() -> None:
    headers = BY_HTTPS | {"X-Forwarded-Host": "evil.example"}
    answer = Client(headers=headers).get("/inbox/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login/?next=/inbox/"


# --- where people are sent ----------------------------------------------------------------

ELSEWHERE = [
    "//evil.example", "///evil.example", "https://evil.example/", "http:evil.example",
    "\\\\evil.example", "/\\evil.example", "javascript:alert(1)", "https:///evil.example",
    "//testserver@evil.example", "\t//evil.example", "data:text/html,x", "\x00//evil.example",
]  # fmt: skip


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("door", ["/login/", "/admin/login/"])
def test_signing_in_leads_to_no_other_site(client: Client, door: str, address: str) -> None:
    user = SuperuserFactory(username="root")
    form = {"username": "root", "password": PASSWORD, "next": address}
    for answer in (client.post(door, form), client.get(door, {"next": address})):
        assert answer.status_code == 302
        assert answer.headers["Location"] in {"/inbox/", "/admin/"}
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_neither_signing_out_nor_a_language_leads_elsewhere(client: Client, address: str) -> None:
    for path, form in (
        ("/i18n/setlang/", {"language": "pt-br", "next": address}),
        ("/logout/", {"next": address}),
    ):
        answer = client.post(path, form, headers={"Referer": "https://evil.example/"})
        assert answer.status_code in {204, 302}
        location = answer.headers.get("Location", "/")
        assert location in {"/", "/login/"}, (path, location)


def test_a_refused_action_leads_back_to_a_page_of_ours_only(client: Client) -> None:
    client.force_login(UserFactory())
    for referer in ("https://evil.example/inbox/", "http://testserver.evil.example/inbox/",
                    "http://testserver@evil.example/inbox/", "//evil.example/inbox/"):  # fmt: skip
        answer = client.post("/inbox/next/", headers={"Referer": referer})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox/")


# --- signing in ---------------------------------------------------------------------------


@pytest.fixture
def lock() -> Iterator[None]:
    cache.clear()
    with override_settings(AXES_ENABLED=True, AXES_FAILURE_LIMIT=3):
        yield
    cache.clear()


def attempt(
    path: str = "/login/",
    *,
    password: str = "wrong",  # noqa: S107
    name: str = "maria",
    via: str = "203.0.113.9",
    **headers: str,
) -> int:
    client = Client(REMOTE_ADDR=via)
    form = {"username": name, "password": password}
    return client.post(path, form, headers=headers).status_code


@pytest.mark.usefixtures("lock")
def test_both_doors_count_together_and_an_unknown_name_is_locked_alike() -> None:
    SuperuserFactory(username="maria")
    for name in ("maria", "nobody"):
        doors = ("/login/", "/admin/login/", "/login/")
        assert [attempt(door, name=name) for door in doors] == [200, 200, 429], name
        assert attempt("/login/", name=name, password=PASSWORD) == 429
        assert attempt("/admin/login/", name=name, password=PASSWORD) == 429


@pytest.mark.usefixtures("lock")
def test_a_made_up_forwarding_header_neither_resets_the_count_nor_locks_others() -> None:
    UserFactory(username="maria")
    forged = [{"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": "192.0.2.7"} for n in range(3)]
    assert [attempt(**headers) for headers in forged] == [200, 200, 429]
    # The address that was named in the header has done nothing.
    assert attempt(via="198.51.100.0", password=PASSWORD) == 302


@pytest.mark.usefixtures("lock")
def test_behind_a_proxy_a_stranger_locks_only_himself_out(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    UserFactory(username="maria")
    stranger = {"X-Forwarded-For": "198.51.100.66"}
    colleague = {"X-Forwarded-For": "203.0.113.9"}
    tried = [attempt(via="127.0.0.1", **stranger) for _ in range(3)]
    assert tried == [200, 200, 429]
    assert attempt(via="127.0.0.1", password=PASSWORD, **colleague) == 302
    assert attempt(via="127.0.0.1", password=PASSWORD, **stranger) == 429
    # What he writes before the proxy's word changes nothing.
    disguised = {"X-Forwarded-For": "203.0.113.9, 198.51.100.66"}
    assert attempt(via="127.0.0.1", password=PASSWORD, **disguised) == 429


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("name", ["a\x00b", "x" * 100_000, "\u202emaria", "<script>", "' OR 1=1"])
def test_a_hostile_name_is_refused_and_no_fault(name: str) -> None:
    for path in ("/login/?next=%00&x=\x00", "/admin/login/"):
        client = Client(REMOTE_ADDR="203.0.113.9")
        for _ in range(4):
            answer = client.post(path, {"username": name, "password": "p\x00" * 1000})
            assert answer.status_code in {200, 429}
            assert b"<script>" not in answer.content
            assert "_auth_user_id" not in client.session


def test_a_planted_session_is_worth_nothing_after_signing_in(client: Client) -> None:
    UserFactory(username="maria")
    client.post("/i18n/setlang/", {"language": "en"})
    planted = client.session
    planted["mine"] = "yes"
    planted.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = planted.session_key or ""
    client.post("/login/", {"username": "maria", "password": PASSWORD})
    assert client.session.session_key != planted.session_key
    attacker = Client()
    attacker.cookies[django_settings.SESSION_COOKIE_NAME] = planted.session_key or ""
    assert attacker.get("/inbox/mine/").status_code == 302


def test_a_session_ends_on_the_server_not_only_in_the_browser(client: Client) -> None:
    client.force_login(UserFactory())
    copied = client.session.session_key or ""
    client.post("/logout/")
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = copied
    assert thief.get("/inbox/mine/").status_code == 302
    assert "session" not in thief.get("/api/v1/sessions/").content.decode()


@pytest.mark.parametrize("path", ["/logout/", "/admin/logout/"])
def test_signing_out_needs_a_post_with_the_forms_token(path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(SuperuserFactory())
    assert client.get(path).status_code == 405
    assert client.post(path).status_code == 403
    assert "_auth_user_id" in client.session


def test_a_new_password_and_a_switched_off_account_end_every_session(client: Client) -> None:
    for change in ("password", "inactive"):
        user = UserFactory(is_staff=True)
        client.force_login(user)
        assert client.get("/inbox/mine/").status_code == 200
        if change == "password":
            user.set_password("another horse battery")
        else:
            user.is_active = False
        user.save()
        assert client.get("/inbox/mine/").status_code == 302
        assert client.get("/admin/").status_code == 302
