"""Ten questions that product analysts ask: in HogQL, in ClickHouse SQL written by hand for the same tables, in DuckDB.

``e`` are events, ``o`` the distinct IDs that moved to another person, ``p`` persons. The ClickHouse SQL knows the
project's own columns of properties, and that every ``$session_id`` here is a UUIDv7; it reads the events of three days
before and after those of the sessions it is asked for, as PostHog does.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUESTIONS", "Question"]


@dataclass(frozen=True)
class Question:
    """One question in three languages; ``{db}`` stands for the project's database.

    Attributes:
        name: What is asked; the functions in :mod:`frame_answers` have the same name.
        hogql: As one would ask it of PostHog.
        clickhouse: By hand.
        duckdb: By hand.
    """

    name: str
    hogql: str
    clickhouse: str
    duckdb: str


_OVERRIDES = """(SELECT distinct_id, argMax(person_id, version) AS person_id FROM {db}.person_distinct_id_overrides
    GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0) AS o"""
_BY_PERSON = f"{{db}}.events AS e LEFT JOIN {_OVERRIDES} ON e.distinct_id = o.distinct_id"
_PERSON = "if(notEmpty(o.distinct_id), o.person_id, e.person_id)"

_DUCK_BY_PERSON = "events e LEFT JOIN overrides o USING (distinct_id)"
_DUCK_PERSON = "coalesce(o.person_id, e.person_id)"

_SO_FAR = "PARTITION BY person ORDER BY moment, step ROWS UNBOUNDED PRECEDING"
_WITHIN_A_DAY = "moment - start <= 86400"

_STEPS = "'$pageview', 'added to cart', 'checked out', 'paid'"
_FEBRUARY = "{time} >= '2026-02-01' AND {time} < '2026-03-01'"
_SESSIONS_OF_FEBRUARY = """`$session_id_uuid` IS NOT NULL AND timestamp >= '2026-01-29' AND timestamp < '2026-03-04'
    GROUP BY `$session_id_uuid` HAVING started >= '2026-02-01' AND started < '2026-03-01'"""


def _duck(key: str) -> str:
    """A property of an event in DuckDB."""
    return f"properties->>'$.\"{key}\"'"


QUESTIONS = (
    Question(
        "events_by_day_and_browser",
        hogql="""SELECT toDate(timestamp) AS day, properties.$browser AS browser, count() AS events
            FROM events WHERE event = '$pageview' GROUP BY day, browser ORDER BY day, browser LIMIT 10000""",
        clickhouse="""SELECT toDate(timestamp) AS day, `mat_$browser` AS browser, count() AS events
            FROM {db}.events WHERE event = '$pageview' GROUP BY day, browser ORDER BY day, browser LIMIT 10000""",
        duckdb=f"""SELECT timestamp::DATE AS day, {_duck("$browser")} AS browser, count(*) AS events
            FROM events WHERE event = '$pageview' GROUP BY ALL ORDER BY day, browser LIMIT 10000""",
    ),
    Question(
        "persons_by_day",
        hogql="""SELECT toDate(timestamp) AS day, count(DISTINCT person_id) AS persons FROM events
            GROUP BY day ORDER BY day LIMIT 1000""",
        clickhouse=f"""SELECT toDate(timestamp) AS day, count(DISTINCT {_PERSON}) AS persons FROM {_BY_PERSON}
            GROUP BY day ORDER BY day LIMIT 1000""",
        duckdb=f"""SELECT timestamp::DATE AS day, count(DISTINCT {_DUCK_PERSON}) AS persons FROM {_DUCK_BY_PERSON}
            GROUP BY day ORDER BY day LIMIT 1000""",
    ),
    Question(
        "funnel",
        hogql=f"""SELECT steps, count() AS persons FROM (
              SELECT windowFunnel(86400)(toDateTime(timestamp), event = '$pageview', event = 'added to cart',
                event = 'checked out', event = 'paid') AS steps
              FROM events WHERE event IN ({_STEPS}) GROUP BY person_id)
            GROUP BY steps ORDER BY steps""",
        clickhouse=f"""SELECT steps, count() AS persons FROM (
              SELECT windowFunnel(86400)(toDateTime(timestamp), event = '$pageview', event = 'added to cart',
                event = 'checked out', event = 'paid') AS steps
              FROM {_BY_PERSON} WHERE event IN ({_STEPS}) GROUP BY {_PERSON})
            GROUP BY steps ORDER BY steps""",
        # The start of the latest chain that has come so far as each step, within a day of it.
        duckdb=f"""WITH steps AS (
              SELECT {_DUCK_PERSON} AS person, epoch(date_trunc('second', timestamp)) AS moment,
                list_position([{_STEPS}], event) AS step FROM {_DUCK_BY_PERSON} WHERE event IN ({_STEPS})),
            one AS (SELECT *, max(CASE step WHEN 1 THEN moment END) OVER w AS start FROM steps
              WINDOW w AS ({_SO_FAR})),
            two AS (SELECT * REPLACE (max(CASE WHEN step = 2 AND {_WITHIN_A_DAY} THEN start END) OVER w AS start),
                start AS first FROM one WINDOW w AS ({_SO_FAR})),
            three AS (SELECT * REPLACE (max(CASE WHEN step = 3 AND {_WITHIN_A_DAY} THEN start END) OVER w AS start),
                start AS second FROM two WINDOW w AS ({_SO_FAR})),
            reached AS (SELECT person, max(CASE WHEN step = 4 AND {_WITHIN_A_DAY} THEN 4
                WHEN start IS NOT NULL THEN 3 WHEN second IS NOT NULL THEN 2 WHEN first IS NOT NULL THEN 1
                ELSE 0 END) AS steps
              FROM three GROUP BY person)
            SELECT steps, count(*) AS persons FROM reached GROUP BY steps ORDER BY steps""",
    ),
    Question(
        "weekly_retention",
        hogql="""SELECT first_week, dateDiff('week', first_week, week) AS later, count() AS persons FROM (
              SELECT min(toStartOfWeek(timestamp)) AS first_week, groupUniqArray(toStartOfWeek(timestamp)) AS weeks
              FROM events WHERE event = '$pageview' GROUP BY person_id)
            ARRAY JOIN weeks AS week GROUP BY first_week, later ORDER BY first_week, later LIMIT 1000""",
        clickhouse=f"""SELECT first_week, dateDiff('week', first_week, week) AS later, count() AS persons FROM (
              SELECT min(toStartOfWeek(timestamp)) AS first_week, groupUniqArray(toStartOfWeek(timestamp)) AS weeks
              FROM {_BY_PERSON} WHERE event = '$pageview' GROUP BY {_PERSON})
            ARRAY JOIN weeks AS week GROUP BY first_week, later ORDER BY first_week, later LIMIT 1000""",
        duckdb=f"""WITH active AS (SELECT DISTINCT {_DUCK_PERSON} AS person,
                (date_trunc('week', timestamp + INTERVAL 1 DAY) - INTERVAL 1 DAY)::DATE AS week
              FROM {_DUCK_BY_PERSON} WHERE event = '$pageview'),
            firsts AS (SELECT *, min(week) OVER (PARTITION BY person) AS first_week FROM active)
            SELECT first_week, (week - first_week) // 7 AS later, count(*) AS persons FROM firsts
            GROUP BY ALL ORDER BY first_week, later LIMIT 1000""",
    ),
    Question(
        "session_duration_by_day",
        hogql=f"""SELECT toDate($start_timestamp) AS day, count() AS sessions, avg($session_duration) AS seconds,
              countIf($session_duration >= 600) AS long
            FROM sessions WHERE {_FEBRUARY.format(time="$start_timestamp")} GROUP BY day ORDER BY day LIMIT 1000""",
        clickhouse=f"""SELECT toDate(started) AS day, count() AS sessions, avg(duration) AS seconds,
              countIf(duration >= 600) AS long
            FROM (SELECT min(timestamp) AS started, dateDiff('second', started, max(timestamp)) AS duration
              FROM {{db}}.events WHERE {_SESSIONS_OF_FEBRUARY})
            GROUP BY day ORDER BY day LIMIT 1000""",
        duckdb=f"""SELECT started::DATE AS day, count(*) AS sessions, avg(duration) AS seconds,
              count(*) FILTER (duration >= 600) AS long
            FROM (SELECT min(timestamp) AS started, date_diff('second', min(timestamp), max(timestamp)) AS duration
              FROM events WHERE timestamp >= '2026-01-31' AND timestamp < '2026-03-02'
              GROUP BY {_duck("$session_id")} HAVING started >= '2026-02-01' AND started < '2026-03-01')
            GROUP BY day ORDER BY day LIMIT 1000""",
    ),
    Question(
        "top_pages",
        hogql="""SELECT properties.$pathname AS path, count() AS views, count(DISTINCT person_id) AS persons
            FROM events WHERE event = '$pageview' GROUP BY path ORDER BY views DESC, path LIMIT 20""",
        clickhouse=f"""SELECT `mat_$pathname` AS path, count() AS views, count(DISTINCT {_PERSON}) AS persons
            FROM {_BY_PERSON} WHERE event = '$pageview' GROUP BY path ORDER BY views DESC, path LIMIT 20""",
        duckdb=f"""SELECT {_duck("$pathname")} AS path, count(*) AS views, count(DISTINCT {_DUCK_PERSON}) AS persons
            FROM {_DUCK_BY_PERSON} WHERE event = '$pageview' GROUP BY path ORDER BY views DESC, path LIMIT 20""",
    ),
    Question(
        "next_pages",
        hogql=f"""SELECT path, next_path, count() AS times FROM (
              SELECT properties.$pathname AS path,
                lead(properties.$pathname) OVER (PARTITION BY $session_id ORDER BY timestamp) AS next_path
              FROM events WHERE event = '$pageview' AND {_FEBRUARY.format(time="timestamp")})
            WHERE next_path IS NOT NULL GROUP BY path, next_path ORDER BY times DESC, path, next_path LIMIT 20""",
        clickhouse=f"""SELECT path, next_path, count() AS times FROM (
              SELECT `mat_$pathname` AS path, leadInFrame(`mat_$pathname`) OVER (PARTITION BY `$session_id`
                ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next_path
              FROM {{db}}.events WHERE event = '$pageview' AND {_FEBRUARY.format(time="timestamp")})
            WHERE next_path IS NOT NULL GROUP BY path, next_path ORDER BY times DESC, path, next_path LIMIT 20""",
        duckdb=f"""SELECT path, next_path, count(*) AS times FROM (
              SELECT path, lead(path) OVER (PARTITION BY session ORDER BY timestamp) AS next_path
              FROM (SELECT {_duck("$pathname")} AS path, {_duck("$session_id")} AS session, timestamp
                FROM events WHERE event = '$pageview' AND {_FEBRUARY.format(time="timestamp")}))
            WHERE next_path IS NOT NULL GROUP BY path, next_path ORDER BY times DESC, path, next_path LIMIT 20""",
    ),
    Question(
        "events_by_plan_of_person",
        hogql="""SELECT person.properties.plan AS plan, count() AS events, count(DISTINCT person_id) AS persons
            FROM events WHERE event = '$pageview' GROUP BY plan ORDER BY plan""",
        clickhouse=f"""SELECT p.plan AS plan, count() AS events, count(DISTINCT {_PERSON}) AS persons
            FROM {_BY_PERSON}
            LEFT JOIN (SELECT id, nullIf(JSONExtractString(argMax(properties, version), 'plan'), '') AS plan
              FROM {{db}}.person GROUP BY id HAVING argMax(is_deleted, version) = 0) AS p ON {_PERSON} = p.id
            WHERE event = '$pageview' GROUP BY plan ORDER BY plan""",
        duckdb=f"""SELECT p.properties->>'plan' AS plan, count(*) AS events, count(DISTINCT {_DUCK_PERSON}) AS persons
            FROM {_DUCK_BY_PERSON} LEFT JOIN persons p ON p.id = {_DUCK_PERSON}
            WHERE event = '$pageview' GROUP BY plan ORDER BY plan""",
    ),
    Question(
        "revenue_by_country",
        hogql="""SELECT properties.$geoip_country_code AS country, count() AS payments,
              sum(properties.amount) AS revenue
            FROM events WHERE event = 'paid' AND properties.$device_type != 'Mobile' AND properties.amount > 50
            GROUP BY country ORDER BY country""",
        clickhouse="""SELECT `mat_$geoip_country_code` AS country, count() AS payments,
              sum(toFloat64OrNull(mat_amount)) AS revenue
            FROM {db}.events WHERE event = 'paid' AND `mat_$device_type` != 'Mobile'
              AND toFloat64OrNull(mat_amount) > 50
            GROUP BY country ORDER BY country""",
        duckdb=f"""SELECT {_duck("$geoip_country_code")} AS country, count(*) AS payments,
              sum(({_duck("amount")})::DOUBLE) AS revenue
            FROM events WHERE event = 'paid' AND {_duck("$device_type")} != 'Mobile'
              AND ({_duck("amount")})::DOUBLE > 50
            GROUP BY country ORDER BY country""",
    ),
    Question(
        "entry_pages",
        hogql=f"""SELECT $entry_pathname AS page, count() AS sessions, countIf($is_bounce) AS bounces,
              avg($session_duration) AS seconds
            FROM sessions WHERE {_FEBRUARY.format(time="$start_timestamp")}
            GROUP BY page ORDER BY sessions DESC, page LIMIT 20""",
        clickhouse=f"""SELECT page, count() AS sessions, countIf(views = 1 AND clicks = 0 AND duration < 10) AS bounces,
              avg(duration) AS seconds
            FROM (SELECT path(argMin(`mat_$current_url`, timestamp)) AS page, countIf(event = '$pageview') AS views,
                countIf(event = '$autocapture') AS clicks, min(timestamp) AS started,
                dateDiff('second', started, max(timestamp)) AS duration
              FROM {{db}}.events WHERE {_SESSIONS_OF_FEBRUARY})
            GROUP BY page ORDER BY sessions DESC, page LIMIT 20""",
        duckdb=f"""SELECT regexp_extract(url, '^[a-z]+://[^/]*([^?#]*)', 1) AS page, count(*) AS sessions,
              count(*) FILTER (views = 1 AND clicks = 0 AND duration < 10) AS bounces, avg(duration) AS seconds
            FROM (SELECT arg_min({_duck("$current_url")}, timestamp) AS url,
                count(*) FILTER (event = '$pageview') AS views, count(*) FILTER (event = '$autocapture') AS clicks,
                min(timestamp) AS started, date_diff('second', min(timestamp), max(timestamp)) AS duration
              FROM events WHERE timestamp >= '2026-01-31' AND timestamp < '2026-03-02'
              GROUP BY {_duck("$session_id")} HAVING started >= '2026-02-01' AND started < '2026-03-01')
            GROUP BY page ORDER BY sessions DESC, page LIMIT 20""",
    ),
)
