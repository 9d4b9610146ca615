"""PostHog as a Python database (PEP 249), and the tools that take one."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

import posthog_nb
from posthog_nb import dbapi
from posthog_nb.errors import QueryError, Span, TransportError
from posthog_nb.operations import answer
from posthog_nb.operations.result import Result
from tests.endless import ENDLESS, ends_within

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

PAGE = (Path(__file__).parent.parent / "docs" / "dbapi.md").read_text()


@pytest.fixture
def connection(demo: posthog_nb.Client) -> Iterator[dbapi.Connection]:
    with dbapi.connect(client=demo) as connection:
        yield connection


@pytest.fixture
def cursor(connection: dbapi.Connection) -> Iterator[dbapi.Cursor]:
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MOST_ROWS", 20)
    monkeypatch.setattr(answer, "LARGEST_PAGE", 19)
    monkeypatch.setattr("posthog_nb.dbapi.cursor.LARGEST_PAGE", 19)


class TestTheModule:
    def test_it_says_what_it_is(self) -> None:
        assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 2, "pyformat")

    def test_its_exceptions_are_a_tree_as_pep_249_draws_it(self) -> None:
        for name in ("Data", "Operational", "Integrity", "Internal", "Programming", "NotSupported"):
            assert getattr(dbapi, f"{name}Error").__bases__ == (dbapi.DatabaseError,)
        assert dbapi.DatabaseError.__bases__ == dbapi.InterfaceError.__bases__ == (dbapi.Error,)
        assert issubclass(dbapi.Error, posthog_nb.PostHogError)
        assert dbapi.Warning.__bases__ == (Exception,)

    def test_it_makes_values(self) -> None:
        assert dbapi.Date(2026, 1, 2) == dt.date(2026, 1, 2)
        assert dbapi.Timestamp(2026, 1, 2, tzinfo=dt.UTC) == dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
        assert dbapi.Time(3, 4, 5) == dt.time(3, 4, 5)
        assert dbapi.TimestampFromTicks(0).timestamp() == 0
        assert dbapi.TimeFromTicks(0).tzinfo is not None
        assert isinstance(dbapi.DateFromTicks(0), dt.date)
        assert dbapi.Binary(b"a") == b"a"

    @pytest.mark.parametrize("name", [*dbapi.__all__, "arraysize", "rowcount", "description", "executemany", "timeout"])
    def test_everything_is_documented(self, name: str) -> None:
        assert f"`{name}" in PAGE


class TestDescription:
    def test_of_each_column_the_name_the_type_and_more(self, cursor: dbapi.Cursor) -> None:
        cursor.execute(
            "SELECT 'a' AS s, 1 AS n, toDecimal('1.5', 3) AS d, now() AS t, today() AS day, NULL AS none, [1] AS list,"
            " toIntervalDay(1) AS days"
        )
        assert cursor.description is not None
        names, codes, _, _, precision, scale, null_ok = zip(*cursor.description, strict=True)
        assert names == ("s", "n", "d", "t", "day", "none", "list", "days")
        assert [code == dbapi.STRING for code in codes] == [True, *[False] * 7]
        assert [code == dbapi.NUMBER for code in codes] == [False, True, True, *[False] * 5]
        assert [code == dbapi.DATETIME for code in codes] == [False, False, False, True, True, *[False] * 3]
        assert not any(code == kind for code in codes for kind in (dbapi.BINARY, dbapi.ROWID))
        assert (precision[2], scale[2]) == (18, 3)
        assert null_ok[0] is False
        assert null_ok[5] is True
        assert codes[0] == "String"
        assert codes[3] == "DateTime64(6, 'UTC')"

    def test_repeated_names_are_numbered(self, cursor: dbapi.Cursor) -> None:
        cursor.execute("SELECT count(), count() FROM numbers(3)")
        assert [column[0] for column in cursor.description or ()] == ["count()", "count()_1"]

    def test_there_is_one_before_the_first_row(self, cursor: dbapi.Cursor) -> None:
        assert cursor.description is None
        assert len(cursor.execute("SELECT 1 AS a LIMIT 0").description or ()) == 1
        assert cursor.fetchall() == []


class TestRows:
    def test_they_are_pythons_own_values(self, cursor: dbapi.Cursor) -> None:
        cursor.execute("SELECT 'a', 1, toDecimal('1.5', 1), toDateTime64('2026-01-02 03:04:05.678901', 6, 'UTC'), NULL")
        moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
        assert cursor.fetchone() == ("a", 1, Decimal("1.5"), moment, None)
        assert cursor.fetchone() is None

    def test_one_some_and_the_rest(self, cursor: dbapi.Cursor) -> None:
        cursor.execute("SELECT number FROM numbers(10) ORDER BY number")
        assert cursor.rowcount == 10
        assert cursor.fetchone() == (0,)
        assert cursor.fetchmany() == [(1,)]
        cursor.arraysize = 3
        assert cursor.fetchmany() == [(2,), (3,), (4,)]
        assert cursor.fetchmany(2) == [(5,), (6,)]
        assert next(cursor) == (7,)
        assert cursor.fetchall() == [(8,), (9,)]
        assert (cursor.fetchone(), cursor.fetchmany(4), cursor.fetchall()) == (None, [], [])

    def test_every_row_comes_whatever_a_page_holds(self, cursor: dbapi.Cursor, small_pages: None) -> None:
        cursor.execute("SELECT number FROM numbers(250) ORDER BY number")
        assert cursor.rowcount == -1
        assert [number for (number,) in cursor] == list(range(250))
        assert cursor.rowcount == 250
        assert len(cursor.execute("SELECT number FROM numbers(250) LIMIT 101").fetchall()) == 101

    def test_a_limit_of_the_query_holds(self, cursor: dbapi.Cursor) -> None:
        assert len(cursor.execute("SELECT number FROM numbers(500) LIMIT 7").fetchall()) == 7

    def test_another_query_forgets_the_rows_of_the_last(self, cursor: dbapi.Cursor, small_pages: None) -> None:
        cursor.execute("SELECT number FROM numbers(100) ORDER BY number").fetchone()
        assert cursor.execute("SELECT 5").fetchall() == [(5,)]

    def test_pages_are_fetched_as_they_are_asked_for(
        self, demo: posthog_nb.Client, small_pages: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        own = demo._connection.start_query
        monkeypatch.setattr(demo._connection, "start_query", lambda *a, **b: (asked.append(a), own(*a, **b))[1])
        with dbapi.connect(client=demo).cursor() as cursor:
            cursor.execute("SELECT number FROM numbers(2000) ORDER BY number").fetchmany(19)
        assert len(asked) < 6

    @pytest.mark.parametrize("fault", [TransportError("No answer."), KeyboardInterrupt()])
    @pytest.mark.parametrize("fetch", ["all", "many", "one by one"])
    def test_a_page_that_did_not_come_loses_no_row_and_ends_nothing(
        self, cursor: dbapi.Cursor, small_pages: None, monkeypatch: pytest.MonkeyPatch, fault: BaseException, fetch: str
    ) -> None:
        def rows() -> list[Any]:
            match fetch:
                case "all":
                    return cursor.fetchall()
                case "many":
                    return cursor.fetchmany(1000)
            found.extend(iter(cursor.fetchone, None))
            return found

        found: list[Any] = []
        with monkeypatch.context() as broken:
            own, answers = Result._followed, iter([None, fault])

            def followed(*arguments: Any) -> Result:
                if (raised := next(answers, None)) is not None:
                    raise raised
                return own(*arguments)

            broken.setattr(Result, "_followed", followed)
            cursor.execute("SELECT number FROM numbers(100) ORDER BY number")
            with pytest.raises((dbapi.OperationalError, KeyboardInterrupt)):
                rows()
        assert [row[0] for row in rows()] == list(range(100))
        assert cursor.rowcount == 100

    def test_an_error_of_a_later_page_is_told_at_its_place_in_the_query_as_written(
        self, cursor: dbapi.Cursor, small_pages: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(result: Result, *_: Any) -> Result:
            raise QueryError("No.", status=400, text="SELECT {n} AS n, number FROM numbers(50)", span=Span(8, 9))

        monkeypatch.setattr(Result, "_followed", refused)
        cursor.execute("SELECT %(n)s AS n, number FROM numbers(50)", {"n": 1})
        with pytest.raises(dbapi.ProgrammingError) as caught:
            cursor.fetchall()
        assert caught.value.text == "SELECT %(n)s AS n, number FROM numbers(50)"

    @pytest.mark.parametrize("size", [-1, 1.5, "2"])
    def test_what_is_no_number_of_rows_is_refused(self, cursor: dbapi.Cursor, size: Any) -> None:
        cursor.execute("SELECT number FROM numbers(5)")
        with pytest.raises(dbapi.ProgrammingError, match="is asked for"):
            cursor.fetchmany(size)
        assert len(cursor.fetchall()) == 5


class TestParameters:
    @pytest.mark.parametrize(
        ("query", "values", "found"),
        [
            ("SELECT %(n)s", {"n": 1}, 1),
            ("SELECT {n}", {"n": "it's %(n)s {n}"}, "it's %(n)s {n}"),
            ("SELECT '%(n)s'", {"n": 1}, "%(n)s"),
            ("SELECT '100%' /* %(n)s */ -- %(n)s", {"n": 1}, "100%"),
            ("SELECT 7 %(n)s", None, 7),
            ("SELECT 7 %4 AS s", {"n": 1}, 3),
            ("SELECT 'abc' LIKE '%b%'", {"n": 1}, True),
            ("SELECT %(day)s", {"day": dt.date(2026, 1, 2)}, dt.date(2026, 1, 2)),
            ("SELECT %(names)s", {"names": ["a", "b"]}, ["a", "b"]),
        ],
    )
    def test_they_are_bound_by_name(
        self, cursor: dbapi.Cursor, query: str, values: dict[str, object] | None, found: object
    ) -> None:
        if values is None:
            query = query.replace("%(n)s", "% 8")
        assert cursor.execute(query, values).fetchall() == [(found,)]

    @pytest.mark.parametrize(
        ("query", "values", "message"),
        [
            ("SELECT %(n)s", {"m": 1}, "{n}, which was not given"),
            ("SELECT {n}", None, "{n}, which was not given"),
            ("SELECT 1", [1], "are of type list"),
            ("SELECT 1", 5, "are of type int"),
            ("SELECT %(n)s", {"n": object()}, "has no constant in HogQL"),
        ],
    )
    def test_what_cannot_be_bound_is_a_programming_error(
        self, cursor: dbapi.Cursor, query: str, values: Any, message: str
    ) -> None:
        with pytest.raises(dbapi.ProgrammingError) as caught:
            cursor.execute(query, values)
        assert message in caught.value.message

    def test_a_sequence_without_anything_is_no_parameters(self, cursor: dbapi.Cursor) -> None:
        assert cursor.execute("SELECT 1", ()).fetchall() == [(1,)]


class TestErrors:
    def test_a_refused_query_is_a_programming_error_at_its_place(self, cursor: dbapi.Cursor) -> None:
        with pytest.raises(dbapi.ProgrammingError) as caught:
            cursor.execute("SELECT %(long_name)s,\n evnt FROM events", {"long_name": 1})
        lines = caught.value.lines()
        assert lines[1:3] == ["  line 2:  evnt FROM events", "           ^^^^"]
        assert lines[3].startswith("(HTTP 400, code hogql_query_error")
        assert isinstance(caught.value.__cause__, posthog_nb.PostHogError)

    def test_no_permission_and_no_answer_are_operational(self) -> None:
        with (
            dbapi.connect("https://posthog.example") as connection,
            pytest.raises(dbapi.OperationalError, match="needs"),
        ):
            connection.cursor().execute("SELECT 1")

    def test_a_timeout_is_operational_and_ends_the_query(self, demo: posthog_nb.Client) -> None:
        with dbapi.connect(client=demo, timeout=0.4) as connection:
            with pytest.raises(dbapi.OperationalError, match=r"within 0\.4 s"):
                connection.cursor().execute(ENDLESS)
            assert ends_within(2)

    def test_many_at_once_is_not_supported(self, cursor: dbapi.Cursor) -> None:
        with pytest.raises(dbapi.NotSupportedError, match="only reads"):
            cursor.executemany("SELECT %(n)s", [{"n": 1}])

    def test_what_is_closed_is_told(self, demo: posthog_nb.Client) -> None:
        connection = dbapi.connect(client=demo)
        cursor = connection.cursor()
        with pytest.raises(dbapi.InterfaceError, match="no result"):
            cursor.fetchone()
        cursor.close()
        for call in (cursor.fetchone, cursor.fetchall, lambda: cursor.execute("SELECT 1")):
            with pytest.raises(dbapi.InterfaceError, match="cursor is closed"):
                call()
        connection.commit()
        connection.rollback()
        connection.close()
        for call in (connection.cursor, connection.commit, connection.rollback):
            with pytest.raises(dbapi.InterfaceError, match="connection is closed"):
                call()
        assert demo.query("SELECT 1").rows == [[1]]

    def test_a_client_and_what_to_make_one_of_is_one_too_many(self, demo: posthog_nb.Client) -> None:
        with pytest.raises(dbapi.InterfaceError, match="connected already"):
            dbapi.connect("eu", client=demo)
        with pytest.raises(dbapi.OperationalError, match="The target is"):
            dbapi.connect("no such place")
        given: Any = demo
        with pytest.raises(dbapi.InterfaceError, match="target is a client"):
            dbapi.connect(given)
        given = "demo"
        with pytest.raises(dbapi.InterfaceError, match="client is of type str"):
            dbapi.connect(client=given)


def test_threads_may_share_a_connection(connection: dbapi.Connection) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(connection.cursor().execute(f"SELECT {n}").fetchone()))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(0,), (1,), (2,), (3,)]


class TestTools:
    QUERY = "SELECT event, count() AS n, max(timestamp) AS t FROM events GROUP BY event ORDER BY n DESC, event"

    @pytest.mark.filterwarnings("ignore:pandas only supports SQLAlchemy:UserWarning")
    def test_pandas_reads_every_row(self, connection: dbapi.Connection, demo: posthog_nb.Client) -> None:
        frame = pd.read_sql(self.QUERY, connection)
        own = demo.query(self.QUERY).to_pandas()
        assert frame.to_dict("records") == own.to_dict("records")
        assert str(frame.t.dtype) == "datetime64[us, UTC]"
        assert (
            len(pd.read_sql("SELECT uuid FROM events", connection))
            == demo.query("SELECT count() FROM events").rows[0][0]
        )
        assert pd.read_sql("SELECT %(n)s AS n", connection, params={"n": 3}).n.tolist() == [3]
        with pytest.raises(dbapi.ProgrammingError, match="evnt"):
            pd.read_sql("SELECT evnt FROM events", connection)

    def test_polars_reads_types_and_zones(self, connection: dbapi.Connection, demo: posthog_nb.Client) -> None:
        frame = pl.read_database(self.QUERY, connection=connection)
        assert frame.equals(demo.query(self.QUERY).to_polars())
        assert frame.schema["t"] == pl.Datetime("us", "UTC")
        options = {"parameters": {"n": 3}}
        assert pl.read_database("SELECT {n} AS n", connection, execute_options=options).to_dicts() == [{"n": 3}]

    def test_what_marimo_looks_for_is_there(self, connection: dbapi.Connection) -> None:
        # `DBAPIEngine.is_compatible`, and what its `execute` does with a query.
        assert all(callable(getattr(connection, name)) for name in ("cursor", "commit", "rollback", "close"))
        cursor = connection.cursor()
        cursor.execute(self.QUERY, ())
        rows = cursor.fetchall() if cursor.description else None
        connection.commit()
        assert rows is not None
        assert len(rows) > 5
        assert connection.dialect == "clickhouse"


def test_a_repr_tells_where_it_leads(demo: posthog_nb.Client) -> None:
    connection = dbapi.connect(client=demo)
    assert repr(connection) == "<Connection to demo>"
    connection.close()
    assert repr(connection) == "<Connection to demo, closed>"
