"""Time: the project's zone, its days and weeks, the hour that comes twice, and what each text is read as."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from posthog_nb.embedded.hogql import compile_query
from tests.hogql_world import EventRow, World, create_world, empty_world, insert_events


@pytest.fixture(scope="module")
def world() -> World:
    """In Berlin; event 1 is of 2024-01-01 22:30, event 4 of 2024-01-07 23:30 UTC."""
    return create_world()


OF_EVENTS = [
    ("toDate(timestamp)", 4, date(2024, 1, 8)),
    ("toHour(timestamp)", 1, 23),
    ("toString(timestamp)", 1, "2024-01-01 23:30:00.000000"),
    ("toString(created_at)", 1, "2024-01-01 23:30:00.000000"),
    ("toString(person.created_at)", 1, "2024-01-01 01:00:00.000000"),
    ("toString(session.$start_timestamp)", 1, "2024-01-01 23:30:00.000000"),
    ("toString(organization.updated_at)", 1, "2024-01-05 01:00:00.000000"),
    ("toString(max(timestamp))", 1, "2024-01-01 23:30:00.000000"),
    ("toString(timestamp, 'Asia/Tokyo')", 1, "2024-01-02 07:30:00.000000"),
    ("toString(toTimeZone(timestamp, 'UTC'))", 1, "2024-01-01 22:30:00.000000"),
    ("toString(toTimeZone(timestamp))", 1, "2024-01-01 23:30:00.000000"),
    ("toString(timezone('UTC', timestamp))", 1, "2024-01-01 22:30:00.000000"),
    ("timeZoneOf(timestamp)", 1, "Europe/Berlin"),
    ("timeZoneOffset(timestamp)", 1, 3600),
    # Compared with a text, which is read in the project's zone unless it says another
    ("timestamp > '2024-01-01 23:29:59'", 1, 1),
    ("timestamp = '2024-01-01 23:30:00'", 1, 1),
    ("timestamp = '2024-01-01 23:30'", 1, 1),
    ("timestamp < '2024-01-01T22:30:01Z'", 1, 1),
    ("timestamp > '2024-01-01T22:29:59.999Z'", 1, 1),
    ("timestamp = '2024-01-02T00:30:00+02:00'", 1, 1),
    ("timestamp in ('2024-01-01 23:30:00')", 1, 1),
    ("timestamp >= '2024-01-02'", 1, 0),
    ("'2024-01-02 11:00:00.123' < timestamp", 2, 1),
    ("timestamp between '2024-01-08' and '2024-01-09 00:00:00.5'", 4, 1),
    ("toTimeZone(timestamp, 'UTC') < '2024-01-08'", 4, 1),
    # ... with a time, or a day, which begins in the project's zone
    ("timestamp >= toDateTime('2024-01-01 23:30:00')", 1, 1),
    ("timestamp in (toDateTime('2024-01-01 23:30:00'))", 1, 1),
    ("toDate(timestamp) = '2024-01-01'", 1, 1),
    ("timestamp >= toDate('2024-01-08')", 4, 1),
    ("timestamp >= toDate('2024-01-09') - interval 1 day", 4, 1),
    ("timestamp >= dateTrunc('month', toDateTime('2024-01-08'))", 4, 1),
    ("timestamp >= dateTrunc('day', toDateTime('2024-01-08'))", 4, 1),
    ("timestamp < toStartOfInterval(toDateTime('2024-01-08 12:00:00'), interval 1 week)", 4, 0),
    ("timestamp = created_at", 4, 1),
    ("dateDiff('day', timestamp, toDateTime('2024-01-02 00:00:01'))", 1, 1),
    # The start of this and that
    ("toStartOfWeek(timestamp)", 4, date(2024, 1, 7)),
    ("toStartOfWeek(timestamp, 1)", 4, date(2024, 1, 8)),
    ("dateTrunc('week', timestamp)", 4, date(2024, 1, 8)),
    ("toString(toStartOfDay(timestamp))", 4, "2024-01-08 00:00:00"),
    ("toString(toStartOfHour(timestamp))", 4, "2024-01-08 00:00:00"),
    ("toString(toStartOfMinute(timestamp))", 2, "2024-01-02 11:00:00"),
    ("toString(toStartOfSecond(timestamp))", 2, "2024-01-02 11:00:00.000000"),
    ("toString(toStartOfFifteenMinutes(timestamp))", 4, "2024-01-08 00:30:00"),
    ("toStartOfMonth(timestamp)", 1, date(2024, 1, 1)),
    ("toStartOfQuarter(timestamp)", 1, date(2024, 1, 1)),
    ("toStartOfYear(timestamp)", 1, date(2024, 1, 1)),
    ("toMonday(timestamp)", 4, date(2024, 1, 8)),
    ("toLastDayOfMonth(timestamp)", 4, date(2024, 1, 31)),
    ("toString(toStartOfInterval(timestamp, interval 1 day))", 4, "2024-01-08 00:00:00"),
    ("toStartOfInterval(timestamp, interval 1 week)", 4, date(2024, 1, 8)),
    ("toString(dateTrunc('day', timestamp))", 4, "2024-01-08 00:00:00"),
    ("toString(date_trunc('hour', timestamp))", 4, "2024-01-08 00:00:00"),
    ("toString(dateTrunc('month', timestamp))", 4, "2024-01-01"),
    # Its parts
    ("(toYear(timestamp), toQuarter(timestamp), toMonth(timestamp), toDayOfMonth(timestamp))", 4, (2024, 1, 1, 8)),
    ("(toDayOfWeek(timestamp), toDayOfYear(timestamp), toISOWeek(timestamp), toMinute(timestamp))", 4, (1, 8, 2, 30)),
    ("(toYYYYMM(timestamp), toYYYYMMDD(timestamp))", 4, (202401, 20240108)),
    ("toYYYYMMDDhhmmss(timestamp)", 4, 20240108003000),
    ("date_part('month', timestamp)", 1, 1),
    ("date_part(event, timestamp)", 1, None),
    ("toUnixTimestamp(timestamp)", 1, 1704148200),
    ("formatDateTime(timestamp, '%H:%i')", 1, "23:30"),
    ("formatDateTime(timestamp, '%H', 'UTC')", 1, "22"),
    ("to_char(timestamp, '%Y-%m-%d')", 4, "2024-01-08"),
    ("monthName(timestamp)", 1, "January"),
    ("dateName('weekday', timestamp)", 4, "Monday"),
    # Moved
    ("toString(timestamp + interval 1 day)", 1, "2024-01-02 23:30:00.000000"),
    ("toString(dateAdd('day', 1, timestamp))", 1, "2024-01-02 23:30:00.000000"),
    ("toString(date_add(timestamp, interval 1 hour))", 1, "2024-01-02 00:30:00.000000"),
    ("toString(date_subtract(timestamp, interval 1 month))", 1, "2023-12-01 23:30:00.000000"),
    ("toString(addMonths(timestamp, 1))", 1, "2024-02-01 23:30:00.000000"),
    ("toString(subtractHours(timestamp, 24))", 1, "2023-12-31 23:30:00.000000"),
    # Made of a property or another column
    ("toString(toDateTime(timestamp))", 2, "2024-01-02 11:00:00"),
    ("toString(toDateTime(properties.due))", 6, "2024-02-01 01:00:00"),
    ("toDate(properties.due)", 6, date(2024, 2, 1)),
    ("toDateTime('rubbish' || event)", 1, None),
    ("toDateTime(event)", 1, None),
    ("toDate(event)", 1, None),
]


@pytest.mark.parametrize(("expression", "number", "value"), OF_EVENTS)
def test_times_are_read_in_the_projects_zone(world: World, expression: str, number: int, value: object) -> None:
    assert world.value(expression, number) == value


READ = [
    # a time or a day, made of something; a time is shown as text
    ("toDateTime('2024-01-02 03:04:05')", "2024-01-02 03:04:05"),
    ("toDateTime('2024-01-02 03:04:05.678')", "2024-01-02 03:04:05.678000"),
    ("toDateTime('2024-01-02')", "2024-01-02 00:00:00"),
    ("toDateTime('2024-01-02T03:04:05Z')", "2024-01-02 04:04:05.000000"),
    ("toDateTime('2024-01-02T03:04:05+05:00')", "2024-01-01 23:04:05.000000"),
    ("toDateTime('4-Dec-2023')", "2023-12-04 00:00:00.000000"),
    ("toDateTime('1704148200')", "2024-01-01 23:30:00.000000"),
    ("toDateTime('1704148200123')", "2024-01-01 23:30:00.123000"),
    ("toDateTime(concat('2024-01-02 ', '03:04:05'))", "2024-01-02 03:04:05.000000"),
    ("toDateTime(concat('rubb', 'ish'))", None),
    ("toDateTime(concat('', ''))", None),
    ("toDateTime(null)", None),
    ("toDateTime(1704148200)", "2024-01-01 23:30:00"),
    ("toDateTime(toDate('2024-01-02'))", "2024-01-02 00:00:00"),
    ("toDateTime('2024-01-02 03:04:05', 'UTC')", "2024-01-02 03:04:05"),
    ("toDate('2024-01-02')", "2024-01-02"),
    ("toDate('2024-01-02 10:00:00')", "2024-01-02"),
    ("toDate(toDateTime('2024-01-02T23:30:00Z'))", "2024-01-03"),
    ("toDate('rubbish')", None),
    ("to_date('2024-01-02')", "2024-01-02"),
    ("toDateTimeUS('02/03/2024 10:00:00')", "2024-02-03 10:00:00.000000"),
    ("toDateTimeUS(concat('rubb', 'ish'))", None),
    ("parseDateTime('02.01.2024', '%d.%m.%Y')", "2024-01-02 00:00:00"),
    ("parseDateTime('02.01.2024 10', '%d.%m.%Y %H', 'UTC')", "2024-01-02 10:00:00"),
    ("parseDateTime('rubbish', '%Y')", None),
    ("parseDateTimeBestEffort('2024-01-02T03:04:05Z')", "2024-01-02 04:04:05.000000"),
    ("parseDateTimeBestEffort(concat('rubb', 'ish'))", None),
    ("toDateTime64('2024-01-02 03:04:05.123456')", "2024-01-02 03:04:05.123456"),
    ("toDateTime64('2024-01-02 03:04:05.123456', 3)", "2024-01-02 03:04:05.123"),
    ("toDateTime64('2024-01-02 03:04:05.1', 1, 'UTC')", "2024-01-02 03:04:05.1"),
    ("UUIDv7ToDateTime(toUUID('018cc7e9-d680-7000-8000-000000000000'))", "2024-01-02 03:04:00.000"),
    ("fromUnixTimestamp(0)", "1970-01-01 01:00:00"),
    ("to_timestamp(0)", "1970-01-01 01:00:00"),
    ("fromUnixTimestamp64Milli(123)", "1970-01-01 01:00:00.123"),
    ("make_date(2024, 1, 2)", "2024-01-02"),
    ("make_timestamp(2024, 1, 2, 3, 4, 5)", "2024-01-02 03:04:05"),
    ("make_timestamp(2024, 1, 2, 3, 4, 5, 'UTC')", "2024-01-02 03:04:05"),
    ("make_timestamptz(2024, 1, 2, 3, 4, 5, 'Asia/Tokyo')", "2024-01-02 12:04:05"),
    ("toDateTime('2024-01-31 10:00:00') + make_interval(1, 1, 1, 2, 3, 4)", "2025-03-01 12:03:04"),
    ("date_bin(interval 15 minute, toDateTime('2024-01-02 03:22:00'), toDateTime('2024-01-01 00:05:00'))",
     "2024-01-02 03:20:00"),
    ("toModifiedJulianDay('2024-01-02')", "60311"),
    ("toModifiedJulianDay('rubbish')", None),
    ("fromModifiedJulianDay(60311)", "2024-01-02"),
    ("tumbleStart(toDateTime('2024-01-02 03:22:00'), interval 1 hour)", "2024-01-02 02:00:00"),
    ("date_add(toDate('2024-01-31'), interval 1 day)", "2024-02-01"),
    ("dateAdd(toDate('2024-01-31'), interval 1 day)", "2024-02-01"),
    ("dateSub(toDate('2024-01-31'), interval 1 day)", "2024-01-30"),
    ("timeStampAdd(toDate('2024-01-31'), interval 1 day)", "2024-02-01"),
    ("timeStampSub(toDate('2024-01-31'), interval 1 day)", "2024-01-30"),
    ("addDays(toDate('2024-01-31'), 1)", "2024-02-01"),
    ("toDate('2024-01-31') + interval 1 month", "2024-02-29"),
    ("toDateTime('2024-01-31 10:00:00') + 5", "2024-01-31 10:00:05"),
    # The largest part of time is a crossed boundary for dateDiff, and a full one for age.
    ("dateDiff('day', toDateTime('2024-01-01 23:59:59'), toDateTime('2024-01-02 00:00:01'))", "1"),
    ("age('day', toDateTime('2024-01-01 23:59:59'), toDateTime('2024-01-02 00:00:01'))", "0"),
    ("date_diff('month', toDate('2024-01-31'), toDate('2024-02-01'))", "1"),
    # Sunday is 7, and a part that is not known is NULL.
    ("date_part('dow', toDateTime('2024-01-07 10:00:00'))", "7"),
    ("date_part('quarter', toDateTime('2024-05-07 10:00:00'))", "2"),
    ("date_part('hour', toDateTime('2024-05-07 10:00:00'))", "10"),
    ("date_part('doy', toDateTime('2024-02-01 10:00:00'))", "32"),
    ("date_part('era', toDateTime('2024-02-01 10:00:00'))", None),
    ("date_part(concat('mon', 'th'), toDateTime('2024-02-01 10:00:00'))", "2"),
    ("fromUnixTimestamp(0, '%H')", "01"),
    ("fromUnixTimestamp(0, '%H', 'UTC')", "00"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "shown"), READ)
def test_what_a_time_is_made_of(world: World, expression: str, shown: object) -> None:
    assert world.value(f"toString({expression})") == shown


def test_a_part_of_a_day_that_is_stored(world: World) -> None:
    assert world.value("date_part('month', toDate(timestamp))", 1) == 1


RUBBISH = [
    "select toDateTime('rubbish')",
    "select count() from events where timestamp > 'rubbish'",
    "select toDateTime64('rubbish')",
]


@pytest.mark.parametrize("query", RUBBISH)
def test_a_constant_that_is_no_time_is_an_error(world: World, query: str) -> None:
    with pytest.raises(DatabaseError, match=r"Cannot (read|parse) DateTime"):
        world.ask(query)


WEEKS = [
    # expression on Sunday 2024-01-07 at noon, when weeks start on Sunday, and on Monday
    ("toStartOfWeek(t)", date(2024, 1, 7), date(2024, 1, 1)),
    ("toStartOfWeek(t, 0)", date(2024, 1, 7), date(2024, 1, 7)),
    ("toStartOfWeek(t, 1)", date(2024, 1, 1), date(2024, 1, 1)),
    ("toStartOfWeek(t, 3)", date(2024, 1, 1), date(2024, 1, 1)),
    ("toStartOfWeek(toDate(t))", date(2024, 1, 7), date(2024, 1, 1)),
    ("dateTrunc('week', t)", date(2024, 1, 1), date(2024, 1, 1)),
    ("date_trunc('week', t)", date(2024, 1, 1), date(2024, 1, 1)),
    ("toMonday(t)", date(2024, 1, 1), date(2024, 1, 1)),
    ("toStartOfInterval(t, toIntervalWeek(1))", date(2024, 1, 1), date(2024, 1, 1)),
]


@pytest.mark.parametrize(("expression", "sunday", "monday"), WEEKS)
def test_the_week_starts_where_the_project_says(world: World, expression: str, sunday: date, monday: date) -> None:
    query = f"select {expression} from (select toDateTime('2024-01-07 12:00:00') as t)"
    assert world.ask(query) == [(sunday,)]
    assert world.with_facts(week_start=1).ask(query) == [(monday,)]


@pytest.fixture(scope="module")
def berlin() -> World:
    """Four events around the end of summer time: 02:30 comes twice, as event 2 and as event 3."""
    world = empty_world("hogql_autumn", timezone="Europe/Berlin")
    times = ("2024-10-26 23:30:00", "2024-10-27 00:30:00", "2024-10-27 01:30:00", "2024-10-27 02:30:00")
    insert_events(world, *(EventRow(at=at) for at in times))
    return world


AUTUMN = [
    # expression of the four events
    ("toString(timestamp)", ["2024-10-27 01:30:00.000000", "2024-10-27 02:30:00.000000", "2024-10-27 02:30:00.000000",
                             "2024-10-27 03:30:00.000000"]),
    ("timeZoneOffset(timestamp)", [7200, 7200, 3600, 3600]),
    ("toHour(timestamp)", [1, 2, 2, 3]),
    ("toDate(timestamp)", [date(2024, 10, 27)] * 4),
    ("toUnixTimestamp(toStartOfHour(timestamp))", [1729983600, 1729987200, 1729990800, 1729994400]),
    ("toUnixTimestamp(dateTrunc('hour', timestamp))", [1729983600, 1729987200, 1729990800, 1729994400]),
    ("toUnixTimestamp(toStartOfDay(timestamp))", [1729980000] * 4),
    ("toString(timestamp + interval 1 day)", ["2024-10-28 01:30:00.000000", "2024-10-28 02:30:00.000000",
                                              "2024-10-28 02:30:00.000000", "2024-10-28 03:30:00.000000"]),
    ("toString(timestamp + interval 1 hour)", ["2024-10-27 02:30:00.000000", "2024-10-27 02:30:00.000000",
                                               "2024-10-27 03:30:00.000000", "2024-10-27 04:30:00.000000"]),
    ("dateDiff('hour', toStartOfDay(timestamp), timestamp)", [1, 2, 3, 4]),
    # A text that comes twice is read as the first of the two.
    ("timestamp = '2024-10-27 02:30:00'", [0, 1, 0, 0]),
    ("timestamp > '2024-10-27 02:30:00'", [0, 0, 1, 1]),
    ("timestamp >= '2024-10-27 03:00:00'", [0, 0, 0, 1]),
    ("timestamp = '2024-10-27T02:30:00+01:00'", [0, 0, 1, 0]),
    ("timestamp = toDateTime('2024-10-27 02:30:00')", [0, 1, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "values"), AUTUMN)
def test_the_hour_that_comes_twice(berlin: World, expression: str, values: list[object]) -> None:
    assert berlin.ask(f"select {expression} from events order by uuid") == [(value,) for value in values]


def test_events_are_counted_by_local_hours_and_days(berlin: World) -> None:
    query = "select toHour(timestamp) as hour, count() from events group by hour order by hour"
    assert berlin.ask(query) == [(1, 1), (2, 2), (3, 1)]
    # In New York it is the evening before.
    elsewhere = berlin.with_facts(timezone="America/New_York")
    assert elsewhere.ask("select toDate(timestamp) as day, count() from events group by day") == [
        (date(2024, 10, 26), 4)
    ]


CHANGES = [
    # zone, day, its hours, noon a day later and 24 hours later
    ("Europe/Berlin", "2024-03-31", 23, "2024-03-31 12:00:00", "2024-03-31 13:00:00"),
    ("Europe/Berlin", "2024-10-27", 25, "2024-10-27 12:00:00", "2024-10-27 11:00:00"),
    ("America/New_York", "2024-03-10", 23, "2024-03-10 12:00:00", "2024-03-10 13:00:00"),
    ("America/New_York", "2024-11-03", 25, "2024-11-03 12:00:00", "2024-11-03 11:00:00"),
    ("UTC", "2024-03-31", 24, "2024-03-31 12:00:00", "2024-03-31 12:00:00"),
]


@pytest.mark.parametrize(("zone", "day", "hours", "a_day_later", "hours_later"), CHANGES)
def test_a_day_is_as_long_as_it_is(  # noqa: PLR0917 - a row of the table
    world: World, zone: str, day: str, hours: int, a_day_later: str, hours_later: str
) -> None:
    there = world.with_facts(timezone=zone)
    noon = f"toDateTime('{day} 12:00:00') - interval 1 day"
    query = (
        f"select dateDiff('hour', toDateTime('{day}'), toDateTime('{day}') + interval 1 day),"
        f" toString({noon} + interval 1 day), toString({noon} + interval 24 hour)"
    )
    assert there.ask(query) == [(hours, a_day_later, hours_later)]


def test_a_comparison_with_a_stored_time_leaves_the_column_bare_for_the_key(world: World) -> None:
    query = "select count() from events where timestamp > '2024-01-02' and timestamp <= now() - interval 1 day"
    sql = compile_query(query, world.facts).sql
    assert "toTimeZone" not in sql
    assert world.ask(query) == [(5,)]


TYPES = [
    ("timestamp", "DateTime64(6, 'Europe/Berlin')"),
    ("now()", "DateTime64(6, 'Europe/Berlin')"),
    ("current_timestamp()", "DateTime64(6, 'Europe/Berlin')"),
    ("toStartOfDay(timestamp)", "DateTime('Europe/Berlin')"),
    ("toDateTime('2024-01-02 03:04:05')", "DateTime('Europe/Berlin')"),
    ("toDateTime('2024-01-02T03:04:05')", "DateTime64(6, 'Europe/Berlin')"),
    ("toDateTime(event)", "Nullable(DateTime64(6, 'Europe/Berlin'))"),
    ("toDate(timestamp)", "Date"),
    ("toDate(event)", "Nullable(Date)"),
    ("today()", "Date"),
    ("toStartOfWeek(timestamp)", "Date"),
    ("toStartOfMonth(timestamp)", "Date"),
]


@pytest.mark.parametrize(("expression", "type_name"), TYPES)
def test_types_carry_the_projects_zone(world: World, expression: str, type_name: str) -> None:
    assert world.value(f"toTypeName({expression})", 1) == type_name


IN_UTC = [
    ("toDate(timestamp)", date(2024, 1, 7)),
    ("toHour(timestamp)", 23),
    ("toString(timestamp)", "2024-01-07 23:30:00.000000"),
    ("timestamp > '2024-01-07 23:29:59'", 1),
    ("toString(toDateTime('2024-01-02 03:04:05')) || timeZoneOf(now())", "2024-01-02 03:04:05UTC"),
]


@pytest.mark.parametrize(("expression", "value"), IN_UTC)
def test_without_the_modifier_times_are_in_utc(world: World, expression: str, value: object) -> None:
    query = f"select {expression} from events order by uuid limit 4"
    compiled = compile_query(query, world.facts, convert_to_project_timezone=False)
    assert world.client.query(compiled.sql).result_rows[3] == (value,)


CLOCK = [
    # on 2024-01-09 at 23:30 UTC, which is the next day in Berlin
    ("toString(now())", "2024-01-10 00:30:00.000000"),
    ("toString(NOW())", "2024-01-10 00:30:00.000000"),
    ("toString(current_timestamp())", "2024-01-10 00:30:00.000000"),
    ("toDate(now())", date(2024, 1, 10)),
    # Days are those of UTC.
    ("today()", date(2024, 1, 9)),
    ("current_date()", date(2024, 1, 9)),
    ("yesterday()", date(2024, 1, 8)),
    ("today() - interval 1 day = yesterday()", 1),
    ("countIf(timestamp > now() - interval 2 day)", 2),
    ("countIf(timestamp >= today())", 1),
    ("countIf(timestamp >= today() - 7)", 5),
]


@pytest.mark.parametrize(("expression", "value"), CLOCK)
def test_the_projects_clock_can_stand_still(world: World, expression: str, value: object) -> None:
    then = world.with_facts(as_of=datetime(2024, 1, 9, 23, 30, tzinfo=UTC))
    source = " from events" if "count" in expression else ""
    assert then.ask(f"select {expression}{source}") == [(value,)]
