"""Which values a query asks for, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.errors import Span
from posthog_nb.operations import values
from posthog_nb.operations.values import placeholders

if TYPE_CHECKING:
    import pytest


def test_each_name_comes_with_its_place() -> None:
    text = "SELECT {n} FROM events WHERE timestamp > {since} AND 1 < {n}"
    found = placeholders(text, ())
    assert [(name, text[span.start : span.end]) for name, span in found] == [
        ("n", "{n}"),
        ("since", "{since}"),
        ("n", "{n}"),
    ]


def test_braces_in_texts_and_comments_ask_for_nothing() -> None:
    assert placeholders("SELECT '{a}' AS `{b}` -- {c}", {"a", "b", "c"}) == []


def test_what_posthog_fills_itself_is_left_to_it() -> None:
    assert placeholders("SELECT {variables.country} FROM events WHERE {filters}", {"filters", "variables"}) == []


def test_places_count_code_points() -> None:
    assert placeholders("SELECT '🦔', {n}", ()) == [("n", Span(12, 15))]


def test_a_text_that_is_not_hogql_asks_only_for_names_that_have_a_value() -> None:
    assert placeholders("SELEC {n}, {m}, {filters}", {"n", "filters"}) == [("n", Span(6, 9))]


def test_so_it_is_without_a_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "parser_available", lambda: False)
    assert placeholders("SELECT {n}, '{m}'", {"n"}) == [("n", Span(7, 10))]
