from __future__ import annotations

import pytest
from django.utils.translation import override

from openlines_project.lib.kept import kept_sentence


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
