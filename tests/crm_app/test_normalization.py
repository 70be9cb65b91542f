"""One spelling for phones and e-mails, whatever was typed."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_app.normalization import (
    PhoneError,
    PhoneFault,
    email_normalize,
    phone_normalize,
    phone_parse,
)

SPELLINGS = [
    ("BR", "(11) 98321-2345", "+5511983212345"),
    ("BR", "11 98321 2345", "+5511983212345"),
    ("BR", "011 98321-2345", "+5511983212345"),
    ("BR", "+55 11 98321-2345", "+5511983212345"),
    ("BR", "5511983212345", "+5511983212345"),
    ("BR", "１１ ９８３２１-２３４５", "+5511983212345"),
    ("BR", "11 3031-4567", "+551130314567"),
    ("RU", "8 (912) 345-67-89", "+79123456789"),
    ("RU", "+7 912 345 67 89", "+79123456789"),
    ("RU", "79123456789", "+79123456789"),
    ("DE", "0151 23456789", "+4915123456789"),
    ("DE", "+49 (0)30 901820", "+4930901820"),
    ("DE", "0049 30 901820", "+4930901820"),
    ("DE", "030/901820", "+4930901820"),
    ("US", "(212) 555-2368", "+12125552368"),
    ("US", "1-212-555-2368", "+12125552368"),
    ("US", "212.555.2368", "+12125552368"),
    ("", "+44 20 7946 0958", "+442079460958"),
    ("DE", "+55 11 98321-2345", "+5511983212345"),
]


@pytest.mark.parametrize(("country", "typed", "number"), SPELLINGS)
def test_every_spelling_of_a_phone_is_one_number(country: str, typed: str, number: str) -> None:
    assert phone_parse(typed, country=country) == number
    assert phone_normalize(typed, country=country) == number


@pytest.mark.parametrize(
    ("country", "typed", "fault"),
    [
        ("BR", "11 9832", PhoneFault.SHORT),
        ("BR", "98321-2345", PhoneFault.UNKNOWN),
        ("BR", "+55 11 98321-2345 12345", PhoneFault.LONG),
        ("BR", "1" * 70, PhoneFault.LONG),
        ("BR", "call me", PhoneFault.UNKNOWN),
        ("BR", "00 00000-0000", PhoneFault.UNKNOWN),
        ("", "011 98321-2345", PhoneFault.COUNTRY),
        # Norway's, if one guessed; in Brazil somebody left out a digit.
        ("BR", "47 9988-7766", PhoneFault.UNKNOWN),
        ("", "442079460958", PhoneFault.COUNTRY),
        ("XX", "2079460958", PhoneFault.UNKNOWN),
    ],
)
def test_what_is_no_phone_says_why(country: str, typed: str, fault: PhoneFault) -> None:
    with pytest.raises(PhoneError) as refusal:
        phone_parse(typed, country=country)
    assert refusal.value.fault == fault
    assert phone_normalize(typed, country=country) is None


@given(
    region=st.sampled_from(["BR", "RU", "DE", "US", "PT", "IN", "AU"]),
    kind=st.sampled_from([phonenumbers.PhoneNumberType.MOBILE,
                          phonenumbers.PhoneNumberType.FIXED_LINE]),
    form=st.sampled_from([phonenumbers.PhoneNumberFormat.E164,
                          phonenumbers.PhoneNumberFormat.INTERNATIONAL,
                          phonenumbers.PhoneNumberFormat.NATIONAL]),
    separator=st.sampled_from([" ", "-", ".", "\u00a0"]),
)  # fmt: skip
def test_each_written_form_of_each_countrys_numbers_comes_to_the_same(
    region: str, kind: int, form: int, separator: str
) -> None:
    number = phonenumbers.example_number_for_type(region, kind)
    assert number is not None
    written = phonenumbers.format_number(number, form).replace(" ", separator)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert phone_normalize(written, country=region) == expected
    assert phone_normalize(expected, country=region) == expected


@given(text=st.text(max_size=80), country=st.sampled_from(["", "BR", "RU", "DE", "US"]))
def test_whatever_is_typed_gives_a_number_or_none(text: str, country: str) -> None:
    found = phone_normalize(text, country=country)
    if found is not None:
        assert found[0] == "+"
        assert 8 <= len(found) <= 16
        assert found[1:].isascii()
        assert found[1:].isdigit()
        assert phone_normalize(found) == found


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("paulo@example.com", "paulo@example.com"),
        ("  Paulo.Anjos@Example.COM ", "paulo.anjos@example.com"),
        ("PAULO+shop@mail.example.com.br", "paulo+shop@mail.example.com.br"),
        ("почта@пример.рф", "почта@пример.рф"),
        ("o'hara@example.ie", "o'hara@example.ie"),
    ],
)
def test_an_address_is_one_in_every_case(typed: str, address: str) -> None:
    assert email_normalize(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "", "paulo", "paulo@", "@example.com", "paulo@example", "a b@example.com",
        "a@b@example.com", "a@example..com", "a@-example.com", ".a@example.com", "a..b@example.com",
        "a@example.com\nBcc: x@example.com", "a@1.2.3.4", "<a@example.com>",
        "a" * 65 + "@example.com", "a@" + "b." * 130 + "com", "a,b@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(typed: str) -> None:
    assert email_normalize(typed) is None


@given(text=st.text(max_size=300))
def test_an_address_once_normalized_stays_as_it_is(text: str) -> None:
    found = email_normalize(text)
    assert found is None or email_normalize(found) == found
