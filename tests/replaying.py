"""What a notebook asks, to the last detail of its frames: recorded in one process and replayed in another.

    python -m tests.replaying FOLDER [YEARS]

prints the digests of what a replay shows, on a computer whose clock is so many years ahead, which has no way to any
other computer and whose settings are of no use.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
import pkgutil
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import posthog_nb

__all__ = ["BY_EVENT", "BY_EVENT_VALUES", "QUESTIONS", "answers", "digests", "shown"]

SINCE = dt.datetime(2026, 3, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45)))
BY_EVENT = """SELECT event, count() AS n, max(timestamp) AS latest FROM events
WHERE timestamp > {since} AND event NOT IN {events} GROUP BY event ORDER BY n DESC, event"""
BY_EVENT_VALUES = {"since": SINCE, "events": ["$screen", "of nobody"]}
EVERY_EVENT = "SELECT uuid, event, timestamp FROM events ORDER BY timestamp, uuid"
OF_ALL_TYPES = """SELECT
    toUInt64(18446744073709551615) AS big, if(number = 1, NULL, toInt64(9007199254740993)) AS sometimes,
    toDateTime('2026-03-29 01:30:00', 'Europe/London') AS whole_seconds, now() AS moment, today() AS day,
    toDateTime64('2026-03-29 01:30:00.123456', 6, 'Asia/Kathmandu') AS zoned,
    toDecimal('1.5', 3) AS decimal, sum(toDecimal('123456789012345.5', 18)) OVER () AS digits,
    [1, 2] AS list, (1, 'a') AS pair, [(toInt64(1), [NULL, 'x'])] AS nested, map('a', 1) AS named,
    number / 0 AS infinite, 0 / 0 AS nothing, NULL AS none, true AS yes,
    toUUID('01234567-89ab-cdef-0123-456789abcdef') AS id,
    '' AS empty, 'ünï\\n"<b>' AS text, 1 AS `a "strange".name, and another`, 2 AS `1`
FROM numbers(3)"""


def _pages(ph: posthog_nb.Client) -> list[Any]:
    first = ph.query(BY_EVENT, 2, BY_EVENT_VALUES)
    return [*first.pages(), first.fetch_all(), first.extended(1)]


def _more_than_a_page(ph: posthog_nb.Client) -> list[Any]:
    found = ph.query(EVERY_EVENT, 50_001)
    table = found.to_arrow()
    moments = table.column("timestamp").cast("int64").to_pylist()
    return [found.about(), len(found), table.slice(49_995), sum(moments)]


def _persons(ph: posthog_nb.Client) -> list[Any]:
    found = ph.persons.search(limit=3)
    uuid = found.uuid.iloc[0]
    events = ph.persons.events(uuid, limit=4)
    person = ph.persons.get(uuid)
    # What a card calls its source is the client's own name, which says in a replay that it is one.
    known = [person.id, person.uuid, person.name, person.distinct_ids, person.properties, person.created_at]
    return [found, known, person.to_frame().to_dict("list"), events]


QUESTIONS: dict[str, Callable[[posthog_nb.Client], list[Any]]] = {
    "pages": _pages,
    "all types": lambda ph: [ph.query(OF_ALL_TYPES)],
    "no rows": lambda ph: [ph.query(f"SELECT * FROM ({OF_ALL_TYPES}) WHERE big = 1")],
    "columns of one name": lambda ph: [ph.query("SELECT event, count(), event, count() FROM events GROUP BY event", 2)],
    "more rows than a page has": _more_than_a_page,
    "persons": _persons,
    "expand": lambda ph: [
        ph.expand(ph.query("SELECT properties FROM events ORDER BY timestamp, uuid", 20).to_pandas())
    ],
    "schema": lambda ph: [ph.schema("person%")],
    "plan": lambda ph: [ph.explain("SELECT count() FROM events WHERE event = {e}", values={"e": "paid"}).plan],
    "trends": lambda ph: [ph.trends("$pageview", date_from="-3d", breakdown="$browser", compare=True)],
    "funnel": lambda ph: [ph.funnel(["$pageview", "signed_up"], date_from="-90d")],
    "retention": lambda ph: [ph.retention(breakdown="$browser", date_from="-14d")],
    "stickiness": lambda ph: [ph.stickiness(date_from="-30d")],
    "lifecycle": lambda ph: [ph.lifecycle(date_from="mStart")],
    "paths": lambda ph: [ph.paths(date_from="-3d", step_limit=3)],
    "a default range": lambda ph: [
        ph.trends(),
        ph.funnel(["$pageview", "paid"]),
        ph.retention(),
        ph.paths(edge_limit=5),
    ],
}
"""What is asked, by name. All of it is the same question in any year."""


def shown(value: Any) -> Any:
    """All that a reader may see or compute with."""
    if hasattr(value, "fetch_all"):
        facts = [value.columns, value.types, value.timezone, value.hogql, value.has_more, value.notes, repr(value)]
        return [value.about(), facts, *(shown(value.to_frame(kind)) for kind in ("pandas", "polars", "arrow"))]
    if hasattr(value, "dtypes") and hasattr(value, "attrs"):
        return [list(map(repr, value.dtypes)), repr(value.columns), repr(value.attrs), repr(value.to_dict("list"))]
    if hasattr(value, "glimpse"):
        return [repr(value.schema), repr(value.rows())]
    if hasattr(value, "combine_chunks"):
        return [value.schema.to_string(truncate_metadata=False), repr(value.to_pylist())]
    if hasattr(value, "to_pandas"):
        return [repr(value), shown(value.to_pandas()), getattr(value, "_repr_html_", str)()]
    return repr(value)


def answers(ph: posthog_nb.Client) -> dict[str, Any]:
    """What is shown of each question's answers."""
    return {name: list(map(shown, ask(ph))) for name, ask in QUESTIONS.items()}


def digests(found: dict[str, Any]) -> dict[str, str]:
    """The same in short."""
    return {name: hashlib.sha256(repr(answer).encode()).hexdigest() for name, answer in found.items()}


def _set_clock_ahead(years: int) -> None:
    """For what writes queries; a recording's own times are read as they are."""
    ahead = dt.timedelta(days=365 * years)
    real_time, real_datetime, real_date = time.time, dt.datetime, dt.date

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real_datetime if cls.__name__ == "datetime" else real_date)

    class datetime(real_datetime, metaclass=Kind):  # noqa: N801 - in the place of the real one
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return real_datetime.now(tz) + ahead

    class date(real_date, metaclass=Kind):  # noqa: N801 - as above
        @classmethod
        def today(cls) -> dt.date:
            return real_date.today() + ahead

    for package in ("analysis", "operations"):
        found = importlib.import_module(f"posthog_nb.{package}")
        for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
            own = vars(importlib.import_module(module.name))
            own.update({
                name: fake
                for name, real, fake in (("datetime", real_datetime, datetime), ("date", real_date, date))
                if own.get(name) is real
            })  # fmt: skip
    time.time = lambda: real_time() + ahead.total_seconds()


def _cut_off() -> None:
    """There is no other computer."""
    import socket  # noqa: PLC0415 - for who is cut off

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a replay opened a socket")

    socket.socket.connect = socket.getaddrinfo = refuse  # type: ignore[method-assign,assignment]


def main() -> None:
    """Replay, and print the digests and which modules that took."""
    import posthog_nb  # noqa: PLC0415 - in the process that replays

    _set_clock_ahead(int((sys.argv[2:] or ["0"])[0]))
    _cut_off()
    with posthog_nb.connect(snapshot=sys.argv[1]) as ph:
        found = digests(answers(ph))
    loaded = sorted(name for name in ("chdb", "clickhouse_connect", "werkzeug", "keyring") if name in sys.modules)
    sys.stdout.write(json.dumps({"digests": found, "loaded": loaded}))


if __name__ == "__main__":
    main()
