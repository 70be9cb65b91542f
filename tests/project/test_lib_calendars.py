"""The calendars of countries, as forms offer them."""

from __future__ import annotations

from openlines_project.lib.calendars import (
    calendar_countries,
    calendar_country_names,
    calendar_subdivisions,
)


def test_every_country_with_a_calendar_has_a_name() -> None:
    names = calendar_country_names("en")
    assert set(names) == set(calendar_countries())
    assert (names["BR"], names["US"], names["AX"]) == ("Brazil", "United States", "Åland Islands")
    assert [*names][:3] == ["AF", "AX", "AL"]  # an accent changes no place


def test_the_names_are_the_readers() -> None:
    names = calendar_country_names("pt-br")
    assert (names["DE"], names["US"]) == ("Alemanha", "Estados Unidos")
    assert calendar_country_names("xx-nowhere")["DE"] == "Germany"


def test_subdivisions_are_told_by_name_where_it_is_known() -> None:
    brazil = calendar_subdivisions("BR")
    assert ("SP", "São Paulo") in brazil
    assert [code for code, _name in brazil][:2] == ["AC", "AL"]
    assert {code for code, _name in brazil} == set(calendar_countries()["BR"])
    assert ("Flemish", "Flemish") in calendar_subdivisions("BE")


def test_an_unknown_country_has_no_subdivisions() -> None:
    assert calendar_subdivisions("XX") == []
    assert calendar_subdivisions("") == []
