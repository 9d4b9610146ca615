"""What ClickHouse says of a query, for one who wrote HogQL: no number, no version, no stack and none of its SQL."""

from __future__ import annotations

import re

__all__ = ["first_line", "readable"]

_NAME_AT_END = re.compile(r" \([A-Z][A-Z0-9_]+\)$")
_CONTEXT = re.compile(r"(?::|,|\.|(?<=[?!`])) (?:In scope|In query|[Ww]hile (?:executing|processing)) .*$")
_OWN_COLUMN = re.compile(r"`?\b__t(?:able)?\d+`?\.`?c\d+\b`?")
_OWN_TABLE = re.compile(r"`?\b__t(?:able)?\d+`?\.")
_OWN_ALIAS = re.compile(r"\b_u(?=__)")
_INSIDE = re.compile(r"\b__t(?:able)?\d|\b_CAST\(|\bSELECT\b|\bSETTINGS\b|_table_function|\bsystem\.")
"""What no query that a reader wrote can be quoted with."""

_IN_PLAIN_WORDS = {
    "ILLEGAL_AGGREGATION": "An aggregate function stands in WHERE, in GROUP BY or inside another aggregate function.",
    "ILLEGAL_PREWHERE": "PREWHERE works on events and on the raw_ tables alone; use WHERE.",
    "INVALID_JOIN_ON_EXPRESSION": "The condition of a join cannot be used to join by: compare a column of each side.",
    "NOT_AN_AGGREGATE": "A column is neither under an aggregate function nor in GROUP BY.",
    "SYNTAX_ERROR": "ClickHouse cannot read what this query became, which is a fault of the embedded project.",
    "TYPE_MISMATCH": "A value is of another type than its place takes, such as ARRAY JOIN of what is no array.",
    "UNKNOWN_IDENTIFIER": "A name cannot be seen where it stands.",
}


def first_line(error: Exception) -> str:
    """ClickHouse's message without its number, its name, its version and its stack."""
    line = str(error).partition("\n")[0]
    line = line.partition("DB::Exception: ")[2] or line
    return _NAME_AT_END.sub("", line.partition(", Stack trace (")[0])


def readable(error: Exception, name: str) -> str:
    """ClickHouse's message in terms of what was asked, or plain words where it speaks of its own SQL alone.

    Args:
        error: What the driver raised.
        name: ClickHouse's own name for the reason.
    """
    if name == "ILLEGAL_PREWHERE":
        return _IN_PLAIN_WORDS[name]
    text = _CONTEXT.sub("", first_line(error))
    text = _OWN_ALIAS.sub("", _OWN_TABLE.sub("", _OWN_COLUMN.sub("a column", text)))
    if not _INSIDE.search(text):
        return text
    return _IN_PLAIN_WORDS.get(name, f"ClickHouse refuses this query: {name.lower().replace('_', ' ')}.")
