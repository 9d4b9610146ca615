"""A project with millions of made-up events, written by ClickHouse itself and the same for the same numbers.

Eight events in a session on average, fifty to a person. Two persons in five were seen under an anonymous distinct ID
before they were identified, so that their early events have another stored person and an override; one in twenty has no
profile. Property definitions and columns are those that ingestion infers and gives a project of this size.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project, ProjectSettings

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BEGIN", "export", "filled_project"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 90
EVENTS_PER_PERSON = 50
_LOOKED_AT = 2_000
"""Events that property definitions are inferred from: every kind of them and every property is among so many."""

_BROWSERS = ["Chrome", "Safari", "Firefox", "Edge", "Chrome iOS", "Opera"]
_SYSTEMS = ["Windows", "Mac OS X", "iOS", "Android", "Linux"]
_COUNTRIES = ["US", "DE", "GB", "FR", "IN", "BR", "JP", "NL", "CA", "AU"]
_SOURCES = ["google", "newsletter", "hn", "partner"]
_REFERRERS = ["$direct", "www.google.com", "news.ycombinator.com", "github.com", "t.co"]
_PLANS = ["free", "free", "free", "pro", "team"]
_SESSION_STARTS = [0, 1, 3, 4, 7, 12, 20, 33]
"""Of each 64 events: where the sessions begin, so that they have 1, 2, 1, 3, 5, 8, 13 and 31 events."""

_UUID = "reinterpretAsUUID(sipHash128({}))"
_PERSON_JSON = (
    'concat(\'{{"email":"user-\', toString({person}), \'@example.com","plan":"\', {plans}[1 + cityHash64(\'plan\','
    ' {person}) % 5], \'","country":"\', {countries}[1 + cityHash64(\'country\', {person}) % 10], \'","seats":\','
    " toString({seats} + {person} % 40), '}}')"
)

_SESSIONS = """
    SELECT number, {starts} AS starts, arrayCount(start -> start <= number % 64, starts) AS nth,
      intDiv(number, 64) * 8 + nth AS session, number % 64 - starts[nth] AS place,
      toUInt32({persons} * pow(cityHash64('person', session) / pow(2, 64), 2)) AS person,
      {begin} * 1000 + toUInt64({days} * 86400000 * (cityHash64('start', session) / pow(2, 64))) AS started,
      lower(concat(hex(started), hex(sipHash128('session', session)))) AS digits,
      concat(substring(digits, 1, 8), '-', substring(digits, 9, 4), '-7', substring(digits, 13, 3), '-8',
        substring(digits, 16, 3), '-', substring(digits, 19, 12)) AS session_id,
      fromUnixTimestamp64Milli(toInt64(started + place * 40000 + cityHash64('gap', number) % 40000), 'UTC') AS at,
      cityHash64('kind', number) % 100 AS kind,
      multiIf(place = 0 OR kind < 48, '$pageview', kind < 80, '$autocapture', kind < 88, '$pageleave',
        kind < 94, 'added to cart', kind < 97, 'checked out', kind < 99, 'paid', 'signed up') AS event,
      multiIf(person % 20 = 19, 'visitor-', person % 5 < 2 AND session % 3 = 0, 'anonymous-', 'user-') AS identity,
      concat(identity, toString(person)) AS distinct_id,
      concat('/', ['docs', 'blog', 'shop', 'help'][1 + cityHash64('part', number) % 4], '/',
        toString(toUInt32(200 * pow(cityHash64('page', number) / pow(2, 64), 3)))) AS page,
      if(cityHash64('home', number) % 5 = 0, '/', page) AS path
    FROM numbers({events})
"""

_EVENTS = """
    SELECT {uuid} AS uuid, event,
      concat('{{"$browser":"', {browsers}[1 + cityHash64('browser', person) % 6], '","$browser_version":',
        toString(100 + person % 30), ',"$os":"', {systems}[1 + cityHash64('os', person) % 5],
        '","$device_type":"', if(person % 3 = 0, 'Mobile', 'Desktop'), '","$screen_width":',
        if(person % 3 = 0, '390', '1920'), ',"$current_url":"https://shop.example.com', path, '","$pathname":"', path,
        '","$host":"shop.example.com","$referring_domain":"', {referrers}[1 + cityHash64('from', session) % 5],
        '","$lib":"web","$lib_version":"1.234.5","$session_id":"', session_id, '","$window_id":"', session_id,
        '","$geoip_country_code":"', {countries}[1 + cityHash64('country', person) % 10], '"',
        if(cityHash64('campaign', session) % 4 = 0,
          concat(',"utm_source":"', {sources}[1 + cityHash64('source', session) % 4], '"'), ''),
        if(event = 'paid', concat(',"amount":', toString(5 + cityHash64('amount', number) % 5000 / 10), ',"first":',
          if(cityHash64('first', number) % 3 = 0, 'true', 'false')), ''),
        if(event = '$autocapture', ',"$event_type":"click"', ''), '}}') AS properties,
      at AS timestamp, 1 AS team_id, distinct_id,
      if(event = '$autocapture', 'button.cta:attr__class="cta"text="Go on"nth-child="2";div:nth-child="1"', '')
        AS elements_chain,
      at AS created_at, {person_id} AS person_id, at AS person_created_at,
      if(identity = 'user-', {person_json}, '') AS person_properties,
      if(identity = 'visitor-', 'propertyless', 'full') AS person_mode, at AS _timestamp
    FROM ({sessions})
"""


def _literal(texts: list[str]) -> str:
    return "['" + "', '".join(texts) + "']"


def _person_json(person: str, seats: str) -> str:
    return _PERSON_JSON.format(person=person, seats=seats, plans=_literal(_PLANS), countries=_literal(_COUNTRIES))


def _events_sql(events: int) -> str:
    sessions = _SESSIONS.format(
        starts=_SESSION_STARTS,
        persons=max(1, events // EVENTS_PER_PERSON),
        begin=int(BEGIN.timestamp()),
        days=DAYS,
        events=events,
    )
    return _EVENTS.format(
        uuid=_UUID.format("number"),
        person_id=_UUID.format("distinct_id"),
        browsers=_literal(_BROWSERS),
        systems=_literal(_SYSTEMS),
        countries=_literal(_COUNTRIES),
        referrers=_literal(_REFERRERS),
        sources=_literal(_SOURCES),
        person_json=_person_json("person", "0"),
        sessions=sessions,
    )


def filled_project(path: Path, events: int, timezone: str) -> Project:
    """The project in ``path``, filled with so many events unless it is already."""
    project = Project.on_disk(path, ProjectSettings(timezone=timezone))
    if project.store.count_events() == 0:
        _fill(project, events)
    if project.store.count_events() != events or project.settings.timezone != timezone:
        raise SystemExit(f"{path} holds another project: give another folder, or remove it.")
    return project


def _fill(project: Project, events: int) -> None:
    store = project.store
    source = _events_sql(events)
    book = project.ingestion.definitions
    looked_at = store.engine.read(
        f"SELECT uuid, event, distinct_id, properties, timestamp, person_properties FROM ({source}) LIMIT {_LOOKED_AT}"
    )
    for uuid, event, distinct_id, properties, timestamp, person in looked_at:
        known = {**json.loads(properties), "$set": json.loads(person or "{}")}
        book.observe(CapturedEvent(uuid, event, distinct_id, known, timestamp), {})
    store.insert_event_definitions(book.new_events())
    store.insert_property_definitions(book.new_properties(BEGIN + timedelta(days=DAYS)))
    book.stored()
    book.add_columns()
    columns = (
        "uuid, event, properties, timestamp, team_id, distinct_id, elements_chain, created_at, person_id,"
        " person_created_at, person_properties, person_mode, _timestamp"
    )
    store.engine.command(f"INSERT INTO {store.database}.events ({columns}) {source}")
    _fill_persons(project, max(1, events // EVENTS_PER_PERSON))


def _fill_persons(project: Project, persons: int) -> None:
    store, db = project.store, project.store.database
    user, anonymous = (_UUID.format(f"concat('{name}-', toString(number))") for name in ("user", "anonymous"))
    with_profile, merged = f"numbers({persons}) WHERE number % 20 != 19", f"numbers({persons}) WHERE number % 5 < 2"
    begin = f"toDateTime64({int(BEGIN.timestamp())}, 6, 'UTC')"
    for version, which in ((1, "1"), (2, "number % 3 = 0")):
        # A person that changed has two versions; readers take the later one.
        store.engine.command(
            f"INSERT INTO {db}.person SELECT {user}, {begin}, 1, {_person_json('number', str(version))}, 1, 0,"
            f" {version}, number, {begin} FROM {with_profile} AND {which}"
        )
    ids = f"INSERT INTO {db}.{{}} SELECT 1, concat('{{}}-', toString(number)), {{}}, 0, {{}} FROM {{}}"
    store.engine.command(ids.format("person_distinct_id2", "user", user, 0, with_profile))
    store.engine.command(ids.format("person_distinct_id2", "anonymous", anonymous, 0, merged))
    store.engine.command(ids.format("person_distinct_id2", "anonymous", user, 1, merged))
    store.engine.command(ids.format("person_distinct_id_overrides", "anonymous", user, 1, merged))


def export(project: Project, folder: Path) -> None:
    """Write what the other tools read: events with their properties as JSON text, overrides and persons of now."""
    db = project.store.database
    for name, query in {
        "events": "SELECT event, toDateTime64(timestamp, 3, 'UTC') AS timestamp, distinct_id,"
        f" toString(person_id) AS person_id, properties FROM {db}.events ORDER BY timestamp",
        "overrides": "SELECT distinct_id, toString(argMax(person_id, version)) AS person_id"
        f" FROM {db}.person_distinct_id_overrides GROUP BY distinct_id",
        "persons": f"SELECT toString(id) AS id, argMax(properties, version) AS properties FROM {db}.person GROUP BY id",
    }.items():
        target = folder / f"{name}.parquet"
        if not target.exists():
            project.store.engine.command(f"INSERT INTO FUNCTION file('{target}', 'Parquet') {query}")
