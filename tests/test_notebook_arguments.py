"""The line of a `%%hogql` cell."""

from __future__ import annotations

import pytest

from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.arguments import Arguments, parse_cell_line, parse_line


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("", Arguments()),
        ("top", Arguments(name="top")),
        ("-o top", Arguments(name="top")),
        ("top --show", Arguments(name="top", show=True)),
        ("--limit 500", Arguments(limit=500)),
        ("--limit 50_000", Arguments(limit=50_000)),
        ("--all --frame polars", Arguments(all=True, frame="polars")),
        ("--more", Arguments(more=True)),
        ("--max-rows 7", Arguments(max_rows=7)),
        ("--fresh --timeout 2.5", Arguments(fresh=True, timeout=2.5)),
        ("--no-progress", Arguments(progress=False)),
        ("--dry-run", Arguments(dry_run=True)),
        ("--explain", Arguments(explain=True)),
        ("--with top --with b=base", Arguments(parts={"top": "top", "b": "base"})),
        ("-h", Arguments(help=True)),
        ("top --limit 5 --param n=3", Arguments(name="top", limit=5, params={"n": 3})),
    ],
)
def test_a_line_means_what_it_says(line: str, meaning: Arguments) -> None:
    assert parse_cell_line(line) == meaning


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("k=1", 1),
        ("k=1.5", 1.5),
        ("k=true", True),
        ("k=null", None),
        ("k=[1,2]", [1, 2]),
        ("k=", ""),
        ("k=a=b", "a=b"),
        ("k=2026-01-01", "2026-01-01"),
        ("k='two words'", "two words"),
        ("k='\"123\"'", "123"),
        ("k='{x}'", "{x}"),
        ("k=NaN", "NaN"),
        ("k=it's", "it's"),
        ("k='it's fine'", "it's fine"),
        ('k="two words"', "two words"),
        ('k="12"', "12"),
        ("k='12'", 12),
        ('"k=two words"', "two words"),
        ("k=-3", -3),
        ('k=["$pageview", "$screen"]', ["$pageview", "$screen"]),
        ('k=["a","b"]', ["a", "b"]),
        ('k={"a":1}', '{"a":1}'),
    ],
)
def test_a_parameter_is_json_or_else_text(written: str, value: object) -> None:
    assert parse_cell_line(f"--param {written}").params == {"k": value}


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("--limti 5", "unknown argument '--limti'", "Perhaps you meant --limit?"),
        ("top SELECT 1", "unknown argument 'SELECT'", "in the lines below"),
        ("--limit none", "'none' is not a number of rows", "-h"),
        ("--limit 0", "'0' is not a number of rows", "-h"),
        ("--max-rows 0", "'0' is not a number of rows", "-h"),
        ("--frame arrow --max-rows 5", "shows no rows", "--frame pandas"),
        ("--timeout 0", "'0' is not a number of seconds", "-h"),
        ("--timeout soon", "'soon' is not a number of seconds", "-h"),
        ("--timeout nan", "'nan' is not a number of seconds", "-h"),
        ("--timeout inf", "'inf' is not a number of seconds", "-h"),
        ("--limit", "expected one argument", "-h"),
        ("--frame excel", "invalid choice: 'excel'", "-h"),
        ("--all --limit 5", "contradict", "one of them"),
        ("a -o b", "two names", "one of them"),
        ('--param "k=open', "is not closed", "Close it"),
        ("--param k='open", "is not closed", "Close it"),
        ("2nd", "'2nd' is no name for a variable", "in the lines below"),
        ("class", "'class' is no name for a variable", "in the lines below"),
    ],
)
def test_a_line_that_means_nothing_is_one_clear_error(line: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_cell_line(line)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_parameter_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not of the form name=value"):
        parse_cell_line("--param 5")


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("SELECT 1", "SELECT 1"),
        ("--limit 5 SELECT 'a  b', \"c\"", "SELECT 'a  b', \"c\""),
        ("-o x --param a='b c' SELECT {a} -- done", "SELECT {a} -- done"),
        ("--frame=polars SELECT -1", "SELECT -1"),
        ("-- a comment\nSELECT 1", "-- a comment\nSELECT 1"),
        ("--timeout 3 --max-rows 2 --fresh SELECT 1", "SELECT 1"),
        ("--more", ""),
    ],
)
def test_in_one_line_the_query_follows_the_options_untouched(line: str, query: str) -> None:
    assert parse_line(line)[1] == query
