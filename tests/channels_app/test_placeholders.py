"""What stands in braces in an automatic text: replaced as it is, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.placeholders import (
    PLACEHOLDERS,
    placeholders_empty,
    placeholders_fill,
    placeholders_unknown,
)

VALUES = {
    "customer": "Ana", "operator": "Maria", "line": "Corner Shop", "opens_at": "Monday 09:00",
    "session": "17",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {customer}, {operator} of {line}", "Hello Ana, Maria of Corner Shop"),
        ("We open {opens_at}. Chat {session}", "We open Monday 09:00. Chat 17"),
        ("{customer}{customer}", "AnaAna"),
        ("No braces at all", "No braces at all"),
        ("{Customer} { customer } {{customer}} {}", "{Customer} { customer } {Ana} {}"),
        ("%(customer)s ${customer} {{ customer }}", "%(customer)s $Ana {{ customer }}"),
        ("{customer.password} {customer!r} {0}", "{customer.password} {customer!r} {0}"),
        ("two\nlines {customer}\n", "two\nlines Ana"),
    ],
)
def test_only_the_fixed_names_are_replaced(text: str, filled: str) -> None:
    assert placeholders_fill(text, VALUES) == filled


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {customer}!", "Hello!"),
        ("Hello {customer} and goodbye", "Hello and goodbye"),
        ("{customer}, hello", ", hello"),
        ("Hello  {customer}", "Hello"),
        ("{customer}", ""),
    ],
)
@pytest.mark.parametrize("values", [{}, {"customer": ""}])
def test_one_without_a_value_goes_with_its_space(
    text: str, filled: str, values: dict[str, str]
) -> None:
    assert placeholders_fill(text, values) == filled


@pytest.mark.parametrize("value", ["{operator}", r"\1 \g<0>", "{{", "%s", "<b>Ana</b>"])
def test_a_value_is_put_in_as_it_is(value: str) -> None:
    filled = placeholders_fill("Hello {customer}, {operator}", {**VALUES, "customer": value})
    assert filled == f"Hello {value}, Maria"


@given(text=st.text(alphabet="ab {}\n" + "customer", max_size=60), name=st.text(max_size=20))
def test_no_text_and_no_name_makes_it_fail(text: str, name: str) -> None:
    filled = placeholders_fill(text, {"customer": name})
    if "{customer}" not in text:
        assert filled == text.strip()
    elif name.strip():
        assert name.strip() in filled


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("Hello {customer} {operator} {line} {opens_at} {session}", []),
        ("Hello {name}, {customer}, {e-mail}", ["name", "e-mail"]),
        ("{Customer} { customer }", ["Customer", " customer "]),
        ("{} { {\n} {" + "a" * 41 + "}", []),
        ("{{customer}}", []),
    ],
)
def test_what_we_do_not_know_is_named(text: str, unknown: list[str]) -> None:
    assert placeholders_unknown(text) == unknown


EVERY = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)


@pytest.mark.parametrize(
    ("kind", "has_hours", "empty"),
    [
        ("welcome", True, ["operator"]),
        ("consent", True, ["operator"]),
        ("no_answer", True, ["operator"]),
        ("no_answer", False, ["operator", "opens_at"]),
        ("closed", True, []),
        ("ending", True, []),
        ("ending", False, ["opens_at"]),
        ("auto_close", True, []),
        ("reminder", False, ["opens_at"]),
    ],
)
def test_one_that_can_never_have_a_value_is_named(
    kind: str, has_hours: bool, empty: list[str]
) -> None:
    assert placeholders_empty(EVERY, kind, has_hours=has_hours) == empty
    assert placeholders_empty("Nothing in braces", kind, has_hours=has_hours) == []
