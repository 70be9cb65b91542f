"""Phones and e-mails in what customers write, and nothing else that looks like them."""

from __future__ import annotations

import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_app.normalization import phone_normalize
from crm_app.tracker import MOST_FOUND, contact_points_found

FOUND = [
    ("BR", "meu número é (11) 98321-2345, me chama", "+5511983212345"),
    ("BR", "11 98321-2345", "+5511983212345"),
    ("BR", "11983212345", "+5511983212345"),
    ("BR", " 11983212345. ", "+5511983212345"),
    ("BR", "zap: 11 9 8321-2345", "+5511983212345"),
    ("BR", "fixo 11 3031-4567 ou cel 11 98321.2345", "+551130314567 +5511983212345"),
    ("BR", "+5511983212345 é meu", "+5511983212345"),
    ("BR", "pode ligar 011 98321-2345 hoje às 18:30", "+5511983212345"),
    ("BR", "tel:(11)98321-2345", "+5511983212345"),
    ("BR", "whatsapp 11.98321.2345.", "+5511983212345"),
    ("BR", "Comprei dia 24/11/2026, meu tel 21 2345-6789", "+552123456789"),
    ("BR", "Estou em Lisboa: +351 912 345 678", "+351912345678"),
    ("RU", "мой телефон 8 (912) 345-67-89", "+79123456789"),
    ("RU", "+7 912 345 67 89 звоните", "+79123456789"),
    ("RU", "8-912-345-67-89", "+79123456789"),
    ("RU", "8 912 3456789", "+79123456789"),
    ("RU", "89123456789", "+79123456789"),
    ("RU", "тел.: +7(912)345-67-89", "+79123456789"),
    ("RU", "(495) 123-45-67", "+74951234567"),
    ("RU", "заказ получил 24.11.2026, звоните 8 912 345 67 89", "+79123456789"),
    ("DE", "Sie erreichen mich unter 0151 23456789", "+4915123456789"),
    ("DE", "Tel. 030/901820", "+4930901820"),
    ("DE", "+49 (0)30 901820", "+4930901820"),
    ("DE", "0049 30 901820", "+4930901820"),
    ("DE", "0151/234 567 89 ab 18:30 Uhr", "+4915123456789"),
    ("DE", "Rechnung kam am 24.11.2026, Handy: 0151-23456789", "+4915123456789"),
    ("US", "call me at (212) 555-2368", "+12125552368"),
    ("US", "1-212-555-2368", "+12125552368"),
    ("US", "my cell is 212.555.2368, thanks", "+12125552368"),
    ("US", "text 212 555 2368 after 5", "+12125552368"),
    ("US", "2125552368", "+12125552368"),
    ("US", "I am in London, +44 20 7946 0958", "+442079460958"),
    ("", "+49 151 23456789", "+4915123456789"),
    ("", "0151 23456789", ""),
]


@pytest.mark.parametrize(("country", "text", "numbers"), FOUND)
def test_every_form_of_a_phone_is_found(country: str, text: str, numbers: str) -> None:
    found = contact_points_found(text, country=country)
    assert [point.kind for point in found] == ["phone"] * len(found)
    assert " ".join(point.value for point in found) == numbers


NOT_FOUND = [
    # prices
    ("BR", "custa R$ 1.234.567,89"), ("BR", "custa 11.983.212,45 reais"),
    ("BR", "fica por 11 98321-2345 reais"), ("RU", "стоит 8 912 345 руб"),
    ("RU", "1 234 567,89 ₽"), ("DE", "1.299.000,00 EUR"), ("US", "$1,212,555.23"),
    ("US", "total 2125552368.00 USD"), ("US", "2,125,552,368 people"),
    # orders and documents
    ("BR", "pedido 11 98321-2345"), ("BR", "Pedido nº 2026-1123-4455"),
    ("BR", "protocolo 20261124118832"), ("BR", "CPF 119.832.123-45"), ("BR", "119.832.123-45"),
    ("BR", "12.345.678/0001-95"), ("BR", "CEP 01310-100"), ("BR", "rastreio BR123456789BR"),
    ("BR", "cartão 4111 1111 1111 1111"), ("BR", "código de barras 7891 0000 5590 7"),
    ("BR", "o valor ficou em 11983212345 no boleto"), ("BR", "NF-e 11 3031-4567"),
    ("RU", "заказ № 8 912 345-67-89"), ("RU", "договор 2026/1123-445566"),
    ("RU", "ИНН 7707083893"), ("RU", "Номер заказа: 8 912 345 67 89"),
    ("DE", "Bestellung 0151 23456789"), ("DE", "Rechnungsnummer: 2026-0151-2345"),
    ("DE", "IBAN DE89 3704 0044 0532 0130 00"), ("DE", "DE89 3704 0044 0532 0130 00"),
    ("DE", "Kundennr. 0301 901820"), ("DE", "Auftrag 030/901820"), ("DE", "PLZ 10115 Berlin"),
    ("US", "order 212-555-2368"), ("US", "invoice #212-555-2368"), ("US", "SSN 123-45-6789"),
    ("US", "tracking 1Z999AA10123456784"), ("US", "card 4111-1111-1111-1111"),
    ("US", "ISBN 978-0-13-235088-4"), ("US", "ORD-2125552368"),
    # dates, times, places, machines
    ("BR", "24/11/2026 18:30"), ("BR", "de 24/11/2026 a 30/11/2026"),
    ("BR", "-23.550520, -46.633308"), ("BR", "IP 192.168.100.200"),
    ("RU", "24.11.2026 в 18:30"), ("DE", "am 24.11.2026 um 18:30"),
    ("DE", "vom 24.11.-30.11.2026"), ("US", "11/24/2026 at 6:30 PM"), ("US", "10.11.12.13"),
    ("US", "2026-11-24 18:30:00"), ("US", "https://example.com/212-555-2368"),
    # too short, or a bare run among words
    ("US", "room 2125 or 5552368"), ("US", "the number 2125552368 is big"), ("BR", "98321-2345"),
    ("BR", "1234567"), ("RU", "9-12-34-5"),
]  # fmt: skip


@pytest.mark.parametrize(("country", "text"), NOT_FOUND)
def test_prices_orders_and_dates_are_no_phones(country: str, text: str) -> None:
    assert contact_points_found(text, country=country) == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("escreva para Paulo.Anjos@Example.com, ou paulo@b.co.uk.",
         ["paulo.anjos@example.com", "paulo@b.co.uk"]),
        ("моя почта ivan@example.ru!", ["ivan@example.ru"]),
        ("Mail: <rita+shop@example.de>", ["rita+shop@example.de"]),
        ("(see o'hara@example.ie)", ["o'hara@example.ie"]),
        ("write to mailto:a@example.com?subject=x", ["a@example.com"]),
        ("user@host is none, @name neither, a@b..com not at all", []),
    ],
)  # fmt: skip
def test_addresses_are_found_in_lower_case(text: str, addresses: list[str]) -> None:
    found = contact_points_found(text)
    assert [(point.kind, point.value) for point in found] == [("email", a) for a in addresses]


def test_phones_and_addresses_come_in_their_order_and_once() -> None:
    text = "a@example.com, (11) 98321-2345, A@EXAMPLE.COM, +55 11 98321 2345, b@example.com"
    found = contact_points_found(text, country="BR")
    assert [point.value for point in found] == ["a@example.com", "+5511983212345", "b@example.com"]
    assert found[0].text == "a@example.com"


def test_a_list_of_numbers_is_not_taken_over_whole() -> None:
    text = ", ".join(f"(11) 98321-23{number}" for number in range(10, 60))
    assert len(contact_points_found(text, country="BR")) == MOST_FOUND


# --- made by chance -----------------------------------------------------------------------

WORDS = {
    "BR": ["olá", "meu telefone é", "pode ligar", "obrigado", "bom dia", "a mesa chegou", "e"],
    "RU": ["здравствуйте", "мой телефон", "звоните", "спасибо", "стол пришёл", "и", "завтра"],
    "DE": ["hallo", "meine Nummer ist", "rufen Sie an", "danke", "der Tisch ist da", "und"],
    "US": ["hi", "my phone is", "call me", "thanks", "the table came", "and", "tomorrow"],
}
PREFIX = {"BR": "", "RU": "8 ", "DE": "0", "US": ""}


@st.composite
def messages_with_a_phone(draw: st.DrawFn) -> tuple[str, str, str]:
    """A message of one of four countries with one valid number among ordinary words."""
    country = draw(st.sampled_from(sorted(WORDS)))
    national = {
        "BR": st.from_regex(r"(?:11|21|48|85)9[6-9][0-9]{7}", fullmatch=True),
        "RU": st.from_regex(r"9(?:03|12|16|26)[0-9]{7}", fullmatch=True),
        "DE": st.from_regex(r"151[1-9][0-9]{7}", fullmatch=True),
        "US": st.from_regex(r"(?:212|415|305)[2-9][2-9]{2}[0-9]{4}", fullmatch=True),
    }
    digits = draw(national[country])
    code = str(phonenumbers.country_code_for_region(country))
    number = phonenumbers.parse(f"+{code}{digits}")
    style = draw(st.sampled_from(["international", "national", "e164"]))
    formats = phonenumbers.PhoneNumberFormat
    written = {
        "international": lambda: phonenumbers.format_number(number, formats.INTERNATIONAL),
        "national": lambda: phonenumbers.format_number(number, formats.NATIONAL),
        "e164": lambda: f"+{code}{digits}",
    }[style]()
    words = st.lists(st.sampled_from(WORDS[country]), max_size=4).map(" ".join)
    text = f"{draw(words)} {written}{draw(st.sampled_from(['', ' ', ', ', '. ', '!']))}"
    return country, f"{text} {draw(words)}".strip(), f"+{code}{digits}"


@given(messages_with_a_phone())
def test_a_valid_number_among_words_is_found_and_nothing_more(made: tuple[str, str, str]) -> None:
    country, text, number = made
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))
    assert [point.value for point in contact_points_found(text, country=country)] == [number]


def _thousands(number: int, mark: str) -> str:
    return f"{number:,}".replace(",", mark)


@given(
    number=st.integers(1_000, 10**11),
    cents=st.integers(0, 99),
    country=st.sampled_from(sorted(WORDS)),
    spelled=st.sampled_from(["R$ {br}", "{br} reais", "{us} USD", "${us}", "{ru} руб.", "{ru} ₽",
                             "{br} €", "EUR {br}", "€{br}"]),
)  # fmt: skip
def test_no_price_is_a_phone(number: int, cents: int, country: str, spelled: str) -> None:
    price = spelled.format(
        br=f"{_thousands(number, '.')},{cents:02}",
        us=f"{_thousands(number, ',')}.{cents:02}",
        ru=f"{_thousands(number, ' ')},{cents:02}",
    )
    word = WORDS[country][0]
    assert contact_points_found(f"{word} {price} {word}", country=country) == []


@given(
    day=st.dates(), hour=st.integers(0, 23), minute=st.integers(0, 59),
    country=st.sampled_from(sorted(WORDS)),
    form=st.sampled_from(["%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y", "%d-%m-%Y"]),
    behind=st.sampled_from(["", " {time}", ", {time}", " - {day}"]),
)  # fmt: skip
def test_no_date_is_a_phone(
    day: object, hour: int, minute: int, country: str, form: str, behind: str
) -> None:
    year = max(getattr(day, "year", 1), 1900)
    written = day.replace(year=min(year, 2099), day=1).strftime(form)  # type: ignore[attr-defined]
    text = written + behind.format(time=f"{hour:02}:{minute:02}", day=written)
    assert contact_points_found(f"{WORDS[country][0]} {text}", country=country) == []


@given(
    digits=st.from_regex(r"[0-9]{3,5}(?:[-./ ]?[0-9]{2,5}){1,3}", fullmatch=True),
    country=st.sampled_from(sorted(WORDS)),
    word=st.sampled_from(["Pedido nº", "pedido:", "заказ №", "Заказ", "Bestellnummer:",
                          "Bestellung Nr.", "order #", "Order number", "ticket", "#"]),
)  # fmt: skip
def test_no_order_number_is_a_phone(digits: str, country: str, word: str) -> None:
    assert contact_points_found(f"{word} {digits}", country=country) == []


@given(text=st.text(max_size=200), country=st.sampled_from(["", *WORDS]))
def test_whatever_is_written_gives_points_in_their_one_spelling(text: str, country: str) -> None:
    for point in contact_points_found(text, country=country):
        if point.kind == "phone":
            assert phone_normalize(point.value) == point.value
        else:
            assert point.value == point.value.lower()


@pytest.mark.parametrize(
    "text",
    ["1" * 9000, "1 " * 9000, "1." * 9000, "a." * 9000 + "@", "a@" * 9000, "(" * 9000, "-" * 9000,
     "1111 " * 2000, "1,234" * 2000, "0 " * 9000, "pedido " * 1000, "+1 " * 3000,
     "1 1'1,1.1" * 900],
)  # fmt: skip
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    start = time.process_time()
    contact_points_found(text, country="BR")
    assert time.process_time() - start < 0.5
