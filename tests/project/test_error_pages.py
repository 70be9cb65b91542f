"""What somebody sees where there is nothing to see: in his language, and naming nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import translation
from django.views import defaults

from tests.factories import OperatorFactory

MISSING = "/nothing/here/"


@pytest.mark.django_db
def test_a_page_that_is_missing_is_missed_in_words(client: Client) -> None:
    response = client.get(MISSING)
    assert response.status_code == 404
    assert "<h1>This page does not exist</h1>" in response.content.decode()


@pytest.mark.django_db
def test_it_speaks_portuguese(client: Client) -> None:
    response = client.get(MISSING, headers={"accept-language": "pt-BR"})
    assert response.status_code == 404
    assert "<h1>Esta página não existe</h1>" in response.content.decode()


@pytest.mark.django_db
def test_only_who_is_signed_in_is_led_to_the_inbox(client: Client) -> None:
    assert 'href="/inbox/"' not in client.get(MISSING).content.decode()
    client.force_login(OperatorFactory().user)
    assert 'href="/inbox/"' in client.get(MISSING).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/chat/no-such-chat/", MISSING, "/files/no-such-file/"])
def test_a_customer_reads_no_name_of_ours(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "Open Lines" not in response.content.decode()


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_words() -> None:
    response = Client(enforce_csrf_checks=True).post("/login/", {"username": "ana"})
    assert response.status_code == 403
    assert "<h1>This form has expired</h1>" in response.content.decode()


def refused(request: HttpRequest) -> HttpResponse:
    return defaults.permission_denied(request, PermissionDenied())


def unreadable(request: HttpRequest) -> HttpResponse:
    return defaults.bad_request(request, SuspiciousOperation())


@pytest.mark.parametrize(
    ("view", "status", "heading"),
    [
        (refused, 403, "Você não pode ver esta página"),
        (unreadable, 400, "Não conseguimos ler esta requisição"),
        (defaults.server_error, 500, "Algo deu errado"),
    ],
)
def test_other_errors_are_told_without_the_database(
    view: Callable[[HttpRequest], HttpResponse], status: int, heading: str
) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with translation.override("pt-br"):
        response = view(request)
    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in response.content.decode()
