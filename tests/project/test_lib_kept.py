from __future__ import annotations

import pytest
from django.utils.translation import override

from channels_app.services.connectors import connector_check
from openlines_project.lib.kept import kept_sentence
from tests.factories import ConnectorFactory, moment


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("Telegram could not be reached.", "Não foi possível alcançar o Telegram."),
        ("Telegram refused: Bad Request", "O Telegram recusou: Bad Request"),
        ("Telegram refused: 100% wrong", "O Telegram recusou: 100% wrong"),
        ("Telegram refused: ", "O Telegram recusou: "),
        (
            "The secret is missing or shorter than 16 characters.\nTelegram could not be reached.",
            "O segredo falta ou tem menos de 16 caracteres.\nNão foi possível alcançar o Telegram.",
        ),
    ],
)
def test_a_kept_sentence_is_told_in_the_readers_language(kept: str, told: str) -> None:
    with override("pt-br"):
        assert kept_sentence(kept) == told
    with override("en"):
        assert kept_sentence(kept) == kept


@pytest.mark.parametrize(
    "text",
    ["", "\n", "KeyError: 'chat'", "%(reason)s", "Somebody's words: Bad Request", "%", "a: now b"],
)
def test_what_no_catalogue_has_stays_as_it_is(text: str) -> None:
    with override("pt-br"):
        assert kept_sentence(text) == text
    with override(None):
        assert kept_sentence(text) == text


@pytest.mark.django_db
def test_what_one_administrator_finds_is_kept_for_a_reader_of_any_language() -> None:
    connector = ConnectorFactory()
    with override("pt-br"):
        result = connector_check(connector=connector, now=moment())
    english = "There is no address for answers: customers can write to us only."
    assert ("Segredo", "definido") in result.facts
    assert result.problems[0].startswith("Não há endereço para respostas")
    assert connector.last_error.split("\n")[0] == english
