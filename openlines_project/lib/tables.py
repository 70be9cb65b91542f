"""CSV as people exchange it: read whatever a spreadsheet saved, write what it opens safely."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

# A spreadsheet runs a cell that begins so as a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_DELIMITERS = ",;\t|"
MAX_COLUMNS = 200


class TableError(ValueError):
    """The file is no table we can read; the text is a code: `encoding`, `empty`, `columns`."""


def csv_read(raw: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """The names of the columns (lower case) and the rows of a CSV file, by those names.

    UTF-8 with or without a mark at its start, else Windows-1252; the delimiter is the one of
    comma, semicolon, tab and bar that stands most often in the first line. Missing cells are
    empty, and the apostrophe that `csv_safe` puts before a formula is taken away again.
    Raises `TableError`.
    """
    text = _decoded(raw)
    first, _newline, _rest = text.partition("\n")
    if not first.strip():
        raise TableError("empty")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise TableError("columns") from None
    names = [name.strip().lower() for name in lines[0]]
    if len(names) > MAX_COLUMNS or len(set(names)) != len(names):
        raise TableError("columns")
    rows = [
        dict(zip(names, [_plain(cell) for cell in line] + [""] * len(names), strict=False))
        for line in lines[1:]
        if any(cell.strip() for cell in line)
    ]
    return names, rows


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A CSV file line by line, every cell safe to open in a spreadsheet.

    It begins with the mark by which spreadsheets know UTF-8.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield "\ufeff"
    for row in itertools.chain([header], rows):
        writer.writerow([csv_safe(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def csv_safe(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what might be."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw:
        raise TableError("encoding")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
