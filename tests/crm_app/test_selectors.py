"""Finding contacts by whatever somebody remembers of them."""

from __future__ import annotations

import pytest

from crm_app.selectors import contacts_current, contacts_search
from tests.factories import moment
from tests.factories.crm import ContactFactory

pytestmark = pytest.mark.django_db


def found(words: str) -> set[str]:
    return set(contacts_search(contacts_current(), words).values_list("name", flat=True))


@pytest.fixture(autouse=True)
def _people() -> None:
    ContactFactory(name="Paulo Anjos", company="Aroeira", points=[("phone", "+5511983212345")])
    ContactFactory(name="Иван", points=[("phone", "+79123456789"), ("email", "ivan@example.ru")])
    ContactFactory(name="Rita", points=[("phone", "+4930901820"), ("telegram", "77")])
    ContactFactory(name="Gone", erased_at=moment(), points=[("phone", "+5511983212345")])


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("(11) 98321-2345", "Paulo Anjos"), ("011 98321 2345", "Paulo Anjos"),
        ("+55 11 98321-2345", "Paulo Anjos"), ("98321-2345", "Paulo Anjos"),
        ("1198321", "Paulo Anjos"), ("8 (912) 345-67-89", "Иван"), ("+7 912 345 67 89", "Иван"),
        ("030/901820", "Rita"), ("+49 (0)30 901820", "Rita"), ("0049 30 901820", "Rita"),
        ("IVAN@example.ru", "Иван"), ("77", "Rita"), ("anjos paulo", "Paulo Anjos"),
        ("aroeira", "Paulo Anjos"),
    ],
)  # fmt: skip
def test_a_contact_is_found(words: str, name: str) -> None:
    assert found(words) == {name}


@pytest.mark.parametrize(
    "words", ["nobody", "123", "example.ru", "Paulo Souza", "%", "_", "'; --", "9" * 300]
)
def test_a_part_of_too_many_or_of_nothing_finds_nobody(words: str) -> None:
    assert found(words) == set()


def test_without_words_everybody_is_there_but_the_erased() -> None:
    assert found(" ") == {"Paulo Anjos", "Иван", "Rita"}
