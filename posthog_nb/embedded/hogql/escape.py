"""The one place where text becomes part of SQL: a literal or a quoted name."""

from __future__ import annotations

import math

from posthog_nb.errors import HogQLQueryError

__all__ = ["hogql_identifier", "hogql_string", "identifier", "literal", "quoted_name"]

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        "\b": "\\b",
        "\f": "\\f",
        "\r": "\\r",
        "\n": "\\n",
        "\t": "\\t",
        "\0": "\\0",
        "\a": "\\a",
        "\v": "\\v",
    }
)
_NAME_ESCAPES = str.maketrans({**{chr(code): text for code, text in _ESCAPES.items()}, "`": "\\`", "'": "'"})
_NO_NAMES = frozenset(
    """
    catch distinct except false finally fn fun inf infinity intersect let materialized nan null throw true try while
    """.split()  # noqa: SIM905 - reads
)
"""Words that PostHog's parser takes for no name, or for another thing than a name."""

_HOGQL_NAME_ESCAPES = {code: text for code, text in _ESCAPES.items() if code != ord("'")}


def identifier(name: str) -> str:
    """A quoted ClickHouse name.

    Raises:
        HogQLQueryError: the name holds ``%``, which PostHog refuses.
    """
    if "%" in name:
        raise HogQLQueryError(f'The HogQL identifier "{name}" is not permitted as it contains the "%" character')
    return f"`{name.translate(_NAME_ESCAPES)}`"


def literal(value: str | float | bool | None) -> str:
    """A ClickHouse literal. A bool is 1 or 0, as PostHog prints it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return f"'{value.translate(_ESCAPES)}'"
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return repr(value)
    return str(int(value))


def hogql_string(text: str) -> str:
    """A HogQL string literal."""
    return f"'{text.translate(_ESCAPES)}'"


def hogql_identifier(name: str | int) -> str:
    """A HogQL name, quoted only where it must be."""
    if isinstance(name, int):
        return str(name)
    plain = name.replace("$", "_")
    if plain.isascii() and plain.isidentifier() and name.lower() not in _NO_NAMES:
        return name
    return f"`{quoted_name(name, '`')}`"


def quoted_name(name: str, quote: str) -> str:
    """A HogQL name as it stands between two of ``quote``, a back quote or a double one.

    PostHog's parser takes a quote that is written twice; behind a backslash it takes the double one alone.
    """
    return name.translate(_HOGQL_NAME_ESCAPES).replace(quote, quote * 2)
