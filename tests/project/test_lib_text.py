"""Text from outside, made fit to be stored, shown and sent on."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openlines_project.lib.text import (
    MAX_JSON_DEPTH,
    TextUnit,
    clean_json,
    clean_text,
    load_json,
    neutral_name,
    split_text,
    text_size,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
THUMB = "\U0001f44d\U0001f3fd"
FLAG = "\U0001f1e7\U0001f1f7"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
HEART = "\u2764\ufe0f"
ACCENTED = "e\u0301"
ANY_TEXT = st.text(st.characters(codec=None), max_size=60)

# --- cleaning -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("plain", "plain"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("a\x00b", "a\ufffdb"),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
        ("a\x07b\x1b[31mc\x7f\x9b", "ab[31mc"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        (FAMILY + FLAG, FAMILY + FLAG),
        ("", ""),
    ],
)
def test_only_what_can_be_stored_stays(given_: str, kept: str) -> None:
    assert clean_text(given_, max_length=100) == kept


@pytest.mark.parametrize(
    ("given_", "length", "kept"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcde"),
        ("ab" + FAMILY, 4, "ab"),
        ("ab" + THUMB, 3, "ab"),
        ("ab" + FLAG + FLAG, 5, "ab" + FLAG),
        ("ab" + ACCENTED, 3, "ab"),
        ("a" + "\u0301" * 500, 200, "a" + "\u0301" * 199),
        ("abc", 0, ""),
    ],
)
def test_a_long_text_is_cut_between_characters(given_: str, length: int, kept: str) -> None:
    assert clean_text(given_, max_length=length) == kept


@given(ANY_TEXT, st.integers(0, 50))
def test_clean_text_is_storable_and_stays_as_it_is(text: str, length: int) -> None:
    clean = clean_text(text, max_length=length)
    assert len(clean) <= length
    assert all(unicodedata.category(c) not in ("Cs", "Cc") or c in "\n\t" for c in clean)
    assert clean_text(clean, max_length=length) == clean


def test_json_is_cleaned_all_the_way_down() -> None:
    given_ = {"a\x00": ["b\ud800", {"c": ("d\udfff", 1, True, None, 1.5)}], "n": float("nan")}
    assert clean_json(given_) == {
        "a\ufffd": ["b\ufffd", {"c": ["d\ufffd", 1, True, None, 1.5]}],
        "n": None,
    }


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_json_is_cleaned_as_deep_as_it_is_loaded() -> None:
    assert clean_json(nested(MAX_JSON_DEPTH)) == nested(MAX_JSON_DEPTH)
    with pytest.raises(ValueError, match="too deep"):
        clean_json(nested(MAX_JSON_DEPTH + 1))


# --- loading ------------------------------------------------------------------------------


def test_json_is_loaded() -> None:
    assert load_json('{"a": [1, 2.5, true, null, "é\\ud800"]}'.encode()) == {
        "a": [1, 2.5, True, None, "é\ud800"]
    }


def test_of_repeated_keys_the_last_counts() -> None:
    assert load_json(b'{"a": 1, "a": 2}') == {"a": 2}


def test_the_depth_of_json_has_a_limit() -> None:
    assert load_json(json.dumps(nested(MAX_JSON_DEPTH)).encode()) == nested(MAX_JSON_DEPTH)
    with pytest.raises(ValueError, match="too deep"):
        load_json(json.dumps(nested(MAX_JSON_DEPTH + 1)).encode())
    wide = [{"a": [1]} for _ in range(MAX_JSON_DEPTH)]
    assert load_json(json.dumps(wide).encode()) == wide


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
        '{"a": "é"}'.encode("latin-1"),
        b'{"a": 1} x',
        b"'a'",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_anything_else_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of it
        load_json(raw)


@given(st.binary(max_size=200))
@example(b'"\\ud800"')
def test_any_bytes_load_or_are_a_value_error(raw: bytes) -> None:
    try:
        value = load_json(raw)
    except ValueError:
        return
    clean_json(value)


# --- splitting ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, []),
        (" \n ", 10, []),
        ("short", 10, ["short"]),
        ("exactly 10", 10, ["exactly 10"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 8, ["one two", "three"]),
        ("one  two", 4, ["one", "two"]),
        ("line one\nline two", 9, ["line one", "line two"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("ab abcdefghij", 4, ["ab", "abcd", "efgh", "ij"]),
    ],
)
def test_a_text_is_cut_where_words_end(text: str, limit: int, parts: list[str]) -> None:
    assert split_text(text, limit, "characters") == parts


@pytest.mark.parametrize(
    ("text", "limit", "unit", "parts"),
    [
        ("😀😀😀", 4, "utf16", ["😀😀", "😀"]),
        ("😀😀😀", 5, "utf16", ["😀😀", "😀"]),
        ("éééé", 4, "bytes", ["éé", "éé"]),
        ("éééé", 5, "bytes", ["éé", "éé"]),
        ("aaa" + FAMILY, 6, "characters", ["aaa", FAMILY]),
        ("aaa" + THUMB, 4, "characters", ["aaa", THUMB]),
        (FLAG * 3, 5, "characters", [FLAG * 2, FLAG]),
        ("ab" + FLAG * 2, 5, "characters", ["ab" + FLAG, FLAG]),
        ("aaa" + SCOTLAND, 8, "characters", ["aaa", SCOTLAND]),
        ("aaa" + HEART, 4, "characters", ["aaa", HEART]),
        ("aaa" + ACCENTED, 4, "characters", ["aaa", ACCENTED]),
    ],
)
def test_what_is_seen_as_one_character_stays_one(
    text: str, limit: int, unit: TextUnit, parts: list[str]
) -> None:
    assert split_text(text, limit, unit) == parts


def test_a_heap_of_marks_is_cut_all_the_same() -> None:
    parts = split_text("a" + "\u0301" * 100, 10, "characters")
    assert [len(part) for part in parts] == [10] * 10 + [1]


def test_a_limit_without_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="room"):
        split_text("text", 3, "bytes")


PIECES = st.sampled_from(
    ["a", "bc", " ", "\n", "é", "😀", FAMILY, THUMB, FLAG, HEART, ACCENTED, "word ", "\u0301"]
)


@given(
    st.lists(PIECES, max_size=40).map("".join),
    st.integers(4, 30),
    st.sampled_from(["characters", "utf16", "bytes"]),
)
def test_the_parts_are_the_text_and_each_fits(text: str, limit: int, unit: TextUnit) -> None:
    parts = split_text(text, limit, unit)
    assert all(part.strip() == part and text_size(part, unit) <= limit for part in parts)
    assert all(parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_very_long_text_is_split_in_time() -> None:
    parts = split_text("word " * 200_000, 4096, "utf16")
    assert len(parts) == 245


# --- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Marta Okoye", "Marta Okoye"),
        ("  Marta\n\tOkoye\r\n", "Marta Okoye"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("\u2066a\u2069\u200e\u200fb", "ab"),
        ("pay\u200bpal\ufeff\u2060", "paypal"),
        ("pay\u200dpal", "paypal"),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
        ("a\u2028b\u2029c", "a b c"),
        (FAMILY, FAMILY),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("\x1b[31mred", "[31mred"),
        ("\u202e\u200b", ""),
    ],
)
def test_a_name_is_shown_without_tricks(name: str, shown: str) -> None:
    assert neutral_name(name) == shown


@given(ANY_TEXT)
def test_any_name_is_one_line_and_stays_as_it_is(name: str) -> None:
    shown = neutral_name(name)
    assert len(shown.splitlines()) <= 1
    assert neutral_name(shown) == shown
    assert not any(unicodedata.bidirectional(c) in ("LRO", "RLO", "LRE", "RLE") for c in shown)
