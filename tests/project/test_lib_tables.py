"""CSV: whatever a spreadsheet saved is read, and what we write runs nothing in one."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlines_project.lib.tables import TableError, csv_lines, csv_read, csv_safe


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_itself(delimiter: str) -> None:
    text = f"Name{delimiter}Phone\r\nPaulo{delimiter}+55 11\r\n\r\n".encode()
    assert csv_read(text) == (["name", "phone"], [{"name": "Paulo", "phone": "+55 11"}])


def test_quotes_and_lines_inside_cells_are_read() -> None:
    _names, rows = csv_read(b'name,note\n"Anjos, Paulo","two\nlines ""quoted"""\n')
    assert rows == [{"name": "Anjos, Paulo", "note": 'two\nlines "quoted"'}]


@pytest.mark.parametrize(
    "raw", ["\ufeffname\nJosé\n".encode(), "name\nJosé\n".encode(), "name\nJosé\n".encode("cp1252")]
)
def test_common_encodings_are_read(raw: bytes) -> None:
    assert csv_read(raw) == (["name"], [{"name": "José"}])


def test_short_rows_are_filled_up_and_long_ones_cut() -> None:
    _names, rows = csv_read(b"name,phone\nPaulo\nRita,1,2,3\n")
    assert rows == [{"name": "Paulo", "phone": ""}, {"name": "Rita", "phone": "1"}]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"), (b"\n\nname\n", "empty"), (b"name,Name\nx,y\n", "columns"),
        (",".join(f"c{n}" for n in range(300)).encode(), "columns"),
        ("name\nJosé".encode("utf-16"), "encoding"), (b"name\na\x00b\n", "encoding"),
    ],
)  # fmt: skip
def test_what_is_no_table_says_why(raw: bytes, code: str) -> None:
    with pytest.raises(TableError, match=code):
        csv_read(raw)


@pytest.mark.parametrize("text", ["=1+1", "+5511", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_nothing_we_write_is_a_formula(text: str) -> None:
    assert csv_safe(text) == f"'{text}"
    assert csv_safe("a" + text) == "a" + text


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
        .map(str.strip).filter(lambda text: text and not text.startswith("'")),
        min_size=2, max_size=4,
    )
)  # fmt: skip
def test_what_was_written_is_read_again(cells: list[str]) -> None:
    header = [f"c{number}" for number in range(len(cells))]
    raw = "".join(csv_lines(header, [cells])).encode()
    names, rows = csv_read(raw)
    assert names == header
    assert list(rows[0].values()) == cells
    written = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))[1]
    assert not [cell for cell in written if cell.startswith(("=", "+", "-", "@"))]


def test_numbers_and_nothing_are_written_as_they_are() -> None:
    assert [csv_safe(value) for value in (None, 0, 12, True)] == ["", "0", "12", "True"]
