"""PostHog's own parser, without PostHog."""

from __future__ import annotations

import sys

import posthog
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.errors import HogQLSyntaxError
from posthog_nb.syntax import MAX_NESTING, MAX_QUERY_LENGTH, parse_select, parser_available


def test_loading_the_parser_leaves_the_posthog_sdk_as_it_was() -> None:
    assert parser_available()
    parse_select("SELECT 1")
    assert sys.modules["posthog"] is posthog
    assert [name for name in sys.modules if name.startswith("posthog.hogql")] == []


def test_the_answer_is_the_callers_own() -> None:
    parse_select("SELECT 1")["select"].clear()
    assert len(parse_select("SELECT 1")["select"]) == 1


@pytest.mark.parametrize(
    ("text", "under_the_caret"),
    [
        ("SELECT 1 fro x", "x"),
        ("SELECT count( FROM events", "events"),
        ("SELECT 'a\\d'", "'a\\d'"),
        ("SELECT '🦔' fro x", "x"),
    ],
)
def test_a_syntax_error_points_at_its_place_in_code_points(text: str, under_the_caret: str) -> None:
    with pytest.raises(HogQLSyntaxError) as caught:
        parse_select(text)
    span = caught.value.span
    assert span is not None
    assert text[span.start : span.end].startswith(under_the_caret[:1])


@pytest.mark.parametrize("text", ["", "SELECT", "SELECT 1 FROM", "SELECT (1"])
def test_a_query_that_stops_early_says_so(text: str) -> None:
    with pytest.raises(HogQLSyntaxError):
        parse_select(text)


def test_a_stray_brace_is_a_syntax_error_like_any_other() -> None:
    with pytest.raises(HogQLSyntaxError, match=r"(?i)curly"):
        parse_select("select event from events } 10")


def test_depth_and_length_are_bounded_before_the_parser_sees_them() -> None:
    with pytest.raises(HogQLSyntaxError, match="brackets deep"):
        parse_select("SELECT " + "(" * (MAX_NESTING + 1))
    with pytest.raises(HogQLSyntaxError, match="characters"):
        parse_select("SELECT '" + "x" * MAX_QUERY_LENGTH + "'")


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_query_or_a_syntax_error_within_the_text(text: str) -> None:
    refused = None
    try:
        parse_select(text)
    except HogQLSyntaxError as error:
        refused = error
    assert refused is None or (refused.span is not None and 0 <= refused.span.start <= len(text))
    assert refused is None or all(refused.lines())
