"""``sessions``: one row for each session, computed from its events, after PostHog's table of the same name.

An event belongs to a session when its ``$session_id`` is a UUID of version 7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.channels import Arrival, channel_type
from posthog_nb.embedded.hogql.sql import Func, Literal, call
from posthog_nb.embedded.hogql.tables import Grouped, Table, columns_by_name, derived
from posthog_nb.embedded.hogql.types import BOOLEAN, DATETIME, FLOAT, INTEGER, STRING, UNKNOWN, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.embedded.hogql.tables import Column, Row

__all__ = ["RAW_SESSIONS", "SESSIONS", "SESSION_KEY"]

SESSION_KEY = "session_id_v7"
"""The column that an event's session is looked up by."""

BOUNCE_SECONDS = 10
_VERSION_BITS, _VERSION_MASK, _VERSION = 76, 0xF, 7
_HALF_OF_A_UUID = 64
_CLICK_IDS = (
    "gclid", "gad_source", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "twclid", "li_fat_id", "mc_cid",
    "igshid", "ttclid", "_kx", "irclid",
)  # fmt: skip
_UTM = ("source", "campaign", "medium", "term", "content")
_TEXT = STRING.or_null()


def _number(row: Row) -> Expr:
    return call("assumeNotNull", row.stored("$session_id_uuid"))


def _is_a_session(row: Row) -> Expr:
    number = call("bitShiftRight", row.stored("$session_id_uuid"), _VERSION_BITS)
    return call("equals", call("bitAnd", number, _VERSION_MASK), _VERSION)


def _id(row: Row) -> Expr:
    # ClickHouse keeps the halves of a UUID the other way round.
    number = _number(row)
    halves = (call("bitShiftLeft", number, _HALF_OF_A_UUID), call("bitShiftRight", number, _HALF_OF_A_UUID))
    return call("toString", call("reinterpretAsUUID", call("bitOr", *halves)))


def _property(row: Row, key: str) -> Expr:
    """A text property of an event, '' when it is absent."""
    own = row.facts.property_columns.get(key)
    if own is None:
        return call("JSONExtractString", _json_with(row, key), key)
    return _unescaped(call("ifNull", row.stored(own), ""))


def _unescaped(text: Expr) -> Expr:
    """What JSONExtractString reads where the property's own column has ``text``: in a string, escapes are undone."""
    string = call("concat", '"', text, '"')
    read = call("if", call("isValidJSON", string), call("JSONExtractString", string), text)
    return call("if", call("greater", call("position", text, "\\"), 0), read, text)


def _json_with(row: Row, key: str) -> Expr:
    """An event's properties, '' where ``key`` is not among them: looking for it is quicker than parsing the JSON."""
    json = row.stored("properties")
    held = call("greater", call("position", json, f'"{key}"'), 0)
    return call("if", held, json, "")


def _first(row: Row, value: Expr) -> Expr:
    return call("argMin", value, row.stored("timestamp"))


def _last(row: Row, value: Expr) -> Expr:
    return call("argMax", value, row.stored("timestamp"))


def _first_state(value: Callable[[Row], Expr]) -> Callable[[Row], Expr]:
    return lambda row: call("argMinState", value(row), row.stored("timestamp"))


def _last_state(value: Callable[[Row], Expr]) -> Callable[[Row], Expr]:
    return lambda row: call("argMaxState", value(row), row.stored("timestamp"))


def _property_of(key: str) -> Callable[[Row], Expr]:
    return lambda row: _property(row, key)


def _or_null(text: Expr) -> Expr:
    return call("nullIf", call("nullIf", text, "null"), "")


def _entry(key: str) -> Callable[[Row], Expr]:
    return lambda row: _or_null(_first(row, _property(row, key)))


def _end(key: str) -> Callable[[Row], Expr]:
    return lambda row: _or_null(_last(row, _property(row, key)))


def _of(function: str, value: Callable[[Row], Expr]) -> Callable[[Row], Expr]:
    return lambda row: call(function, value(row))


def _start_time(row: Row) -> Expr:
    return call("min", row.stored("timestamp"))


def _end_time(row: Row) -> Expr:
    return call("max", row.stored("timestamp"))


def _urls(row: Row) -> Expr:
    url = _property(row, "$current_url")
    return call("arraySort", call("groupUniqArrayIf", url, call("notEmpty", url)))


def _count(event: str) -> Callable[[Row], Expr]:
    # Each uuid is stored once.
    return lambda row: call("countIf", call("equals", row.stored("event"), event))


def _duration(row: Row) -> Expr:
    return call("dateDiff", "second", _start_time(row), _end_time(row))


def _is_bounce(row: Row) -> Expr:
    pageviews = _count("$pageview")(row)
    stayed = Func(
        "or",
        (
            call("greater", pageviews, 1),
            call("greater", _count("$autocapture")(row), 0),
            call("greaterOrEquals", _duration(row), BOUNCE_SECONDS),
        ),
    )
    return call("if", call("equals", pageviews, 0), Literal(None), call("not", stayed))


def _count_state(event: str) -> Callable[[Row], Expr]:
    return lambda row: call("uniqStateIf", row.stored("uuid"), call("equals", row.stored("event"), event))


def _up_to_one(function: str) -> Callable[[Row], Expr]:
    def count(row: Row) -> Expr:
        counted = call("in", row.stored("event"), call("tuple", "$pageview", "$screen", "$autocapture"))
        return Func(function, (row.stored("uuid"), counted), params=(Literal(1),))

    return count


def _paint(row: Row) -> Expr:
    """How long the largest element of the page took."""
    key = "$web_vitals_LCP_value"
    return call("accurateCastOrNull", call("JSONExtractRaw", _json_with(row, key), key), "Float64")


def _channel(row: Row) -> Expr:
    return channel_type(
        Arrival(
            campaign=_entry("utm_campaign")(row),
            medium=_entry("utm_medium")(row),
            source=_entry("utm_source")(row),
            referring_domain=_entry("$referring_domain")(row),
            gclid=_entry("gclid")(row),
            fbclid=_entry("fbclid")(row),
            gad_source=_entry("gad_source")(row),
        )
    )


def _columns() -> list[Column]:
    current, ending = _entry("$current_url"), _end("$current_url")
    return [
        derived("session_id", STRING, _id),
        derived(SESSION_KEY, INTEGER, _number, in_star=False),
        derived("id", STRING, _id, in_star=False),
        derived("distinct_id", _TEXT, lambda row: call("nullIf", _last(row, row.stored("distinct_id")), "null")),
        derived("$start_timestamp", DATETIME, _start_time),
        derived("$end_timestamp", DATETIME, _end_time),
        derived("max_inserted_at", DATETIME, lambda row: call("max", row.stored("created_at"))),
        derived("$urls", Type(Kind.ARRAY, items=(STRING,)), _urls),
        derived("$num_uniq_urls", INTEGER, _of("length", _urls)),
        derived("$entry_current_url", _TEXT, current),
        derived("$entry_pathname", _TEXT, _of("path", current)),
        derived("$entry_hostname", _TEXT, _of("domain", current)),
        derived("$end_current_url", _TEXT, ending),
        derived("$end_pathname", _TEXT, _of("path", ending)),
        derived("$end_hostname", _TEXT, _of("domain", ending)),
        derived("$entry_referring_domain", _TEXT, _entry("$referring_domain")),
        *(derived(f"$entry_utm_{name}", _TEXT, _entry(f"utm_{name}")) for name in _UTM),
        *(derived(f"$entry_{name}", _TEXT, _entry(name)) for name in _CLICK_IDS),
        derived("$pageview_count", INTEGER, _count("$pageview")),
        derived("$autocapture_count", INTEGER, _count("$autocapture")),
        derived("$screen_count", INTEGER, _count("$screen")),
        derived("$channel_type", STRING, _channel),
        derived("$session_duration", INTEGER, _duration),
        derived("duration", INTEGER, _duration, in_star=False),
        derived("$is_bounce", BOOLEAN.or_null(), _is_bounce),
        derived("$last_external_click_url", _TEXT, _end("$external_click_url")),
        derived("$page_screen_autocapture_count_up_to", INTEGER, _up_to_one("uniqUpToIf")),
        derived("$exit_current_url", _TEXT, ending, in_star=False),
        derived("$exit_pathname", _TEXT, _of("path", ending), in_star=False),
        derived("$vitals_lcp", FLOAT.or_null(), lambda row: _first(row, _paint(row))),
        derived("team_id", INTEGER, lambda row: call("any", row.stored("team_id")), in_star=False),
    ]


def _raw_columns() -> list[Column]:
    """Many are states of aggregates, for ``argMinMerge`` and its kin: PostHog keeps several rows for a session."""
    initial = {
        "referring_domain": "$referring_domain",
        **{f"utm_{name}": f"utm_{name}" for name in _UTM},
        **dict(zip(_CLICK_IDS, _CLICK_IDS, strict=True)),
    }
    url = _property_of("$current_url")
    return [
        derived(SESSION_KEY, INTEGER, _number),
        derived("team_id", INTEGER, lambda row: call("any", row.stored("team_id")), in_star=False),
        derived("distinct_id", UNKNOWN, _last_state(lambda row: row.stored("distinct_id"))),
        derived("min_timestamp", DATETIME, _start_time),
        derived("max_timestamp", DATETIME, _end_time),
        derived("max_inserted_at", DATETIME, lambda row: call("max", row.stored("created_at"))),
        derived("urls", Type(Kind.ARRAY, items=(STRING,)), _urls),
        derived("entry_url", UNKNOWN, _first_state(url)),
        derived("end_url", UNKNOWN, _last_state(url)),
        derived("last_external_click_url", UNKNOWN, _last_state(_property_of("$external_click_url"))),
        *(derived(f"initial_{name}", UNKNOWN, _first_state(_property_of(key))) for name, key in initial.items()),
        derived("pageview_uniq", UNKNOWN, _count_state("$pageview")),
        derived("autocapture_uniq", UNKNOWN, _count_state("$autocapture")),
        derived("screen_uniq", UNKNOWN, _count_state("$screen")),
        derived("page_screen_autocapture_uniq_up_to", UNKNOWN, _up_to_one("uniqUpToStateIf")),
        derived("vitals_lcp", UNKNOWN, _first_state(_paint)),
    ]


SESSIONS = Table(
    name="sessions",
    about="one row for each `$session_id` that is a UUID of version 7, from its events",
    differs="`$channel_type` knows the well-known sources alone",
    stored="events",
    columns=columns_by_name(*_columns()),
    grouped=Grouped(key=_number, where=_is_a_session, time="timestamp", near="$start_timestamp", days=3),
)
"""The table."""

RAW_SESSIONS = replace(
    SESSIONS,
    name="raw_sessions",
    about="sessions as they are put together: `uniqMerge(pageview_uniq)`, `argMinMerge(entry_url)`",
    differs="one row for each session, where PostHog has several until they are merged",
    columns=columns_by_name(*_raw_columns()),
    grouped=Grouped(key=_number, where=_is_a_session, time="timestamp", near="min_timestamp", days=3),
)
"""The same with the states that PostHog keeps."""
