"""Phones and e-mails in what customers write. Pure.

Found are only numbers that phonenumberslite holds valid for the country, of 8 digits or more, with
a plus or with separators as people write them; a bare run of digits only when it is the whole
message. What looks like a date, a time, a price, a document, an order or a card is no phone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

from crm_app.normalization import email_normalize, phone_normalize

MAX_LENGTH = 4000
MAX_TRIES = 100
MIN_DIGITS = 8
MOST_FOUND = 10

# Stands where something else was: in no phone number, so none grows together across it.
_WALL = "|"


@dataclass(frozen=True, slots=True)
class FoundPoint:
    """A phone (E.164) or an e-mail (lower case) and the words it was found as."""

    kind: Literal["phone", "email"]
    value: str
    text: str


_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-]|\.[\w])", re.I
)
_URL = re.compile(r"\b(?:https?://|www\.)\S+", re.I)
# Bounded, as all repetitions here: a text made for it must not keep anybody waiting.
_NUMBER = r"\d[\d.,' \u00a0\u202f]{0,20}"
_MONEY_WORDS = (
    r"r\$|us\$|[$€£¥₽]|brl|usd|eur|rub|reais|real|euros?|dollars?|bucks|руб(?:\.|лей|ля|ль)?|"
    r"рублей|тыс|kg|km|m²|%"
)
# What comes before the number of something that is no phone. The number may have several groups.
_ORDER_WORDS = (
    r"pedidos?|ordem|encomenda|protocolo|nota(?: fiscal)?|nf-?e?|boleto|c[óo]digo|rastreio|"
    r"rastreamento|matr[íi]cula|contrato|cpf|cnpj|rg|cep|pix|conta|ag[êe]ncia|cart[ãa]o|s[ée]rie|"
    r"заказ(?:а|у|ом|е)?|номер(?:а)? заказа|договор(?:а|у)?|сч[её]т(?:а|у)?|артикул|трек|"
    r"накладн\w*|чек|инн|кпп|огрн|снилс|паспорт|карт[аыеу]|код|заявк\w*|"
    r"bestell\w*|auftrag\w*|rechnung\w*|kunden\w*|vertrag\w*|sendung\w*|iban|bic|konto\w*|"
    r"artikel\w*|aktenzeichen|steuer\w*|plz|serien\w*|"
    r"orders?|invoices?|tickets?|case|tracking|account|acct|reference|ref|serial|sku|isbn|ssn|"
    r"card|zip|order id|confirmation|booking|policy|claim|id"
)
_NOT_PHONES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # dates: 24.11.2026, 24/11/26, 2026-11-24, also with a time behind
        r"(?<!\d)\d{4}[-./]\d{1,2}[-./]\d{1,2}(?:[T ,]+\d{1,2}:\d{2}(?::\d{2})?)?(?!\d)",
        r"(?<!\d)(?<!\+)(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)\d{2}(?!\d)",
        r"(?<!\d)(?<!\+)(?:0?[1-9]|1[0-2])[./-](?:0?[1-9]|[12]\d|3[01])[./-](?:19|20)\d{2}(?!\d)",
        # dates without a year, only where more of them follow: 24.11. - 30.11.
        r"(?<![\d.])\d{1,2}\.\d{1,2}\.(?!\d)",
        # times: 18:30, 18:30:00
        r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)",
        # money, before and behind the number
        rf"(?:{_MONEY_WORDS})\s?{_NUMBER}",
        rf"(?<![\d+]){_NUMBER}\s?(?:{_MONEY_WORDS})(?![^\W\d_])",
        # thousands and a decimal part: 1.299.000,00 and 1,299,000.00
        r"(?<![\d+])\d{1,3}(?:[. ]\d{3})+,\d{1,2}(?!\d)",
        r"(?<![\d+])\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?(?!\d)",
        r"(?<![\d+])\d{1,3}(?:\.\d{3}){2,}(?![\d-])",
        # coordinates and other decimals: 23.550520, -46,633308
        r"(?<![\d+(.])-?\d{1,3}[.,]\d{4,}(?![\d.-])",
        # CPF, CNPJ, cards, IBAN, addresses of networks
        r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)",
        r"(?<!\d)\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}(?!\d)",
        r"(?<![\d+])(?:\d{4}[ -]){3}\d{4}(?!\d)",
        r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\b",
        r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)",
        # a number named as that of something else; "order no: 4830-1923 114" as a whole
        rf"(?<![^\W_])(?:{_ORDER_WORDS})(?![^\W\d_])\W{{0,3}}"
        r"(?:n[ºo°.]{0,3}|nr\.?|no\.?|number|номер|№|#|id|is|é|e|ist|de)?\W{0,3}"
        r"\d[\d./\- \u00a0]{0,30}\d",
        r"(?:[#№]|\bn[º°])\s?\d[\d./\- \u00a0]{0,30}\d",
        # letters grown together with digits: ORD-11983212345, BR123456789BR
        r"(?<![^\W_])(?=[^\W_])(?=[\w-]{0,40}[^\W\d_])(?=[\w-]{0,40}\d)"
        r"\w{1,40}(?:-\w{1,40}){0,5}(?![^\W_])",
    )
)


def contact_points_found(text: str, *, country: str = "") -> list[FoundPoint]:
    """The phones and e-mails in a text, in their order, each once, at most 10.

    `country` (two letters) reads numbers without a country code; without it only those with a
    plus are found. Only the first 4,000 characters are read.
    """
    text = text[:MAX_LENGTH]
    found: list[tuple[int, FoundPoint]] = []
    for match in _EMAIL.finditer(text):
        address = email_normalize(match.group().strip("'"))
        if address:
            found.append((match.start(), FoundPoint("email", address, match.group())))
    found += _phones(text, country)
    found.sort(key=lambda item: item[0])
    once = {(point.kind, point.value): point for _start, point in reversed(found)}
    ordered = dict.fromkeys((point.kind, point.value) for _start, point in found)
    return [once[key] for key in ordered][:MOST_FOUND]


def _phones(text: str, country: str) -> list[tuple[int, FoundPoint]]:
    whole = text.strip().rstrip(".!,;")
    if whole.isdecimal():
        # The answer to "what is your number?".
        number = phone_normalize(whole, country=country) if len(whole) >= MIN_DIGITS else None
        return [(0, FoundPoint("phone", number, whole))] if number else []
    masked = _walled(text)
    found: list[tuple[int, FoundPoint]] = []
    matcher = PhoneNumberMatcher(
        masked, country or None, leniency=Leniency.VALID, max_tries=MAX_TRIES
    )
    for match in matcher:
        raw = match.raw_string
        digits = sum(character.isdigit() for character in raw)
        has_plus = raw.lstrip("(").startswith(("+", "\uff0b"))
        has_separator = any(not c.isdigit() for c in raw.strip())
        if digits < MIN_DIGITS or not (has_plus or has_separator):
            continue
        number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        found.append((match.start, FoundPoint("phone", number, raw)))
    return found


def _walled(text: str) -> str:
    """The text with everything that is known to be no phone blanked out, as long as before."""
    for pattern in (_EMAIL, _URL, *_NOT_PHONES):
        text = pattern.sub(lambda match: _WALL * len(match.group()), text)
    return text
