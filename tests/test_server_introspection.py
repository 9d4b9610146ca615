"""What can be asked about a query and about the tables, in PostHog's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire()
    properties = {"n": 1, "paid": True, "plan": "pro", "$groups": {"company": "acme"}, "$set": {"age": 3}}
    wire.send(
        *({"event": "e", "distinct_id": "u", "properties": properties | more} for more in ({}, {"plan": "free"}, {}))
    )
    group = {"$group_type": "company", "$group_key": "acme", "$group_set": {"city": "Oslo"}}
    wire.send({"event": "$groupidentify", "distinct_id": "u", "properties": group})
    yield wire
    wire.close()


def asked(wire: Wire, **node: Any) -> Any:
    return wire.request("POST", "/api/projects/1/query/", json={"query": node})


def metadata(wire: Wire, query: str) -> dict[str, Any]:
    answer = asked(wire, kind="HogQLMetadata", language="hogQL", query=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestMetadata:
    def test_debug_tells_the_sql_beyond_posthogs_answer(self, wire: Wire) -> None:
        node = {"kind": "HogQLMetadata", "language": "hogQL", "query": "SELECT {n} FROM events", "globals": {"n": 7}}
        assert "SELECT 7 " in asked(wire, **node, debug=True).json()["clickhouse"]
        assert "clickhouse" not in asked(wire, **node).json()
        assert (
            "clickhouse" not in asked(wire, **(node | {"query": "nothing", "language": "hogQLExpr"}), debug=True).json()
        )

    def test_a_valid_query_tells_its_tables_and_the_types_of_its_properties(self, wire: Wire) -> None:
        query = "SELECT '🦔', properties.n, properties['z'], timestamp FROM events WHERE person.properties.age = 3"
        found = metadata(wire, f"{query} AND properties.paid")
        assert (found["isValid"], found["errors"], found["warnings"]) == (True, [], [])
        assert found["query"] == f"{query} AND properties.paid"
        places = {notice["message"]: found["query"][notice["start"] : notice["end"]] for notice in found["notices"]}
        assert places == {
            "Event property 'n' is of type 'Float'.": "n",
            "Event property 'paid' is of type 'Boolean'.": "paid",
            "Person property 'age' is of type 'Float'.": "age",
            "Field 'timestamp' is of type 'DateTime'": "timestamp",
        }

    def test_a_group_of_an_open_type_has_no_types_of_persons(self, wire: Wire) -> None:
        assert metadata(wire, "SELECT properties.age FROM groups")["notices"] == []

    def test_the_tables_are_those_of_the_text_and_those_that_are_read(self, wire: Wire) -> None:
        query = "WITH e AS (SELECT event, company.key FROM posthog.events) SELECT event FROM e CROSS JOIN persons"
        found = metadata(wire, query)
        assert found["table_names"] == ["events", "persons"]
        assert found["ch_table_names"] == ["events", "groups", "person"]

    @pytest.mark.parametrize(
        ("query", "message", "place"),
        [
            ("SELECT evnt FROM events", "Unable to resolve field: evnt. Did you mean: event, events?", "evnt"),
            ("SELECT event FROM evnts", "Unknown table `evnts`. Did you mean: events?", "evnts"),
            ("SELECT 1 FROM events WHERE event = {x}", "Unresolved placeholder: {x}. Give it a value.", "{x}"),
        ],
    )
    def test_an_invalid_query_tells_why_and_where(self, wire: Wire, query: str, message: str, place: str) -> None:
        found = metadata(wire, query)
        (error,) = found["errors"]
        assert not found["isValid"]
        assert error["message"] == message
        assert query[error["start"] : error["end"]] == place

    @pytest.mark.parametrize(
        ("query", "fixed"),
        [
            ("SELECT evnt FROM events", "SELECT event FROM events"),
            ("SELECT e.evnt FROM events e", "SELECT e.event FROM events e"),
            ("SELECT `evnt` FROM events", "SELECT event FROM events"),
            ("SELECT person.creatd_at FROM events", "SELECT person.created_at FROM events"),
            ("SELECT compny.properties.x FROM events", "SELECT company.properties.x FROM events"),
            ("SELECT 1 FROM posthog.evnts", "SELECT 1 FROM posthog.events"),
            ("SELECT number FROM numbrs(3)", "SELECT number FROM numbers(3)"),
            ("SELECT toStrin(event) FROM events", "SELECT toString(event) FROM events"),
            ("WITH a AS (SELECT 1 AS one) SELECT onee FROM a", "WITH a AS (SELECT 1 AS one) SELECT one FROM a"),
            ("WITH few AS (SELECT 1 AS one) SELECT one FROM fwe", None),
            ("SELECT nothing_like_it FROM events", None),
        ],
    )
    def test_a_name_that_is_nearly_right_comes_with_its_fix(self, wire: Wire, query: str, fixed: str | None) -> None:
        (error,) = metadata(wire, query)["errors"]
        if fixed is None:
            assert "fix" not in error
        else:
            assert query[: error["start"]] + error["fix"] + query[error["end"] :] == fixed
            assert metadata(wire, fixed)["isValid"]

    @pytest.mark.parametrize(
        ("query", "source", "message", "place"),
        [
            ("properties.n + 1", None, None, None),
            ("who || 'x'", "SELECT toString(id) AS who FROM persons", None, None),
            ("is_identified", "SELECT 1 FROM persons UNION ALL SELECT 2", None, None),
            ("1 + evnt", None, "Unable to resolve field: evnt. Did you mean: event, events?", "evnt"),
            ("event", "SELECT id FROM persons", "Unable to resolve field: event", "event"),
            ("1, 2", None, "One expression is expected.", "1, 2"),
            ("1 FROM persons", None, "One expression is expected.", "1 FROM persons"),
            ("DISTINCT 1", None, "One expression is expected.", "DISTINCT 1"),
            ("1", "SELECT nope FROM events", "The source query is refused: Unable to resolve field: nope", None),
        ],
    )
    def test_an_expression_is_checked_among_the_columns_of_its_source(
        self, wire: Wire, query: str, source: str | None, message: str | None, place: str | None
    ) -> None:
        node = {} if source is None else {"sourceQuery": {"kind": "HogQLQuery", "query": source}}
        found = asked(wire, kind="HogQLMetadata", language="hogQLExpr", query=query, **node).json()
        assert found["isValid"] == (message is None)
        for error in found["errors"]:
            assert error["message"] == message
            assert (query[error["start"] : error["end"]] if place else error.get("start")) == place
        for notice in found["notices"]:
            assert query[notice["start"] : notice["end"]] in {"n", "is_identified"}

    def test_placeholders_have_the_values_of_globals_variables_and_filters(self, wire: Wire) -> None:
        query = "SELECT {wanted} FROM events WHERE event = {variables.e} AND {filters}"
        variables = {"1": {"code_name": "e", "variableId": "1", "value": "x"}}
        node = {"query": query, "globals": {"wanted": 1}, "variables": variables}
        dates = {"dateRange": {"date_from": "-7d"}}
        assert asked(wire, kind="HogQLMetadata", language="hogQL", filters=dates, **node).json()["isValid"]

    @pytest.mark.parametrize("kind", ["HogQLMetadata", "HogQLAutocomplete"])
    @pytest.mark.parametrize(
        ("fields", "code", "words"),
        [
            ({"language": "hog"}, "invalid_input", "for the languages 'hogQL' and 'hogQLExpr', not for 'hog'."),
            ({"language": "hogTemplate"}, "invalid_input", "not for 'hogTemplate'."),
            ({"language": "sql"}, "parse_error", "Input should be one of 'hog', 'hogJson', 'hogQL', 'hogQLExpr'"),
            ({}, "parse_error", ".language\n  Input should be one of"),
            ({"language": "hogQL", "globals": 5}, "parse_error", ".globals\n  Input should be a valid dictionary"),
            (
                {"language": "hogQLExpr", "sourceQuery": {"kind": "TrendsQuery"}},
                "invalid_input",
                "A sourceQuery of the kind 'TrendsQuery' is not answered by the embedded project; HogQLQuery is.",
            ),
        ],
    )
    def test_what_is_not_answered_is_refused_by_name(
        self, wire: Wire, kind: str, fields: dict[str, Any], code: str, words: str
    ) -> None:
        answer = asked(
            wire, kind=kind, query="x", **({"startPosition": 1, "endPosition": 1} if kind[5] == "A" else {}), **fields
        )
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert words in answer.json()["detail"]

    def test_an_unknown_field_is_refused(self, wire: Wire) -> None:
        answer = asked(wire, kind="HogQLMetadata", language="hogQL", query="SELECT 1", mine=1)
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


class TestAutocomplete:
    def complete(self, wire: Wire, marked: str, **node: Any) -> Any:
        at = marked.index("|")
        word = at - len(marked[:at]) + len(marked[:at].rstrip("abcdefghijklmnopqrstuvwxyz"))
        node = {"language": "hogQL", "startPosition": word, "endPosition": at} | node
        return asked(wire, kind="HogQLAutocomplete", query=marked.replace("|", ""), **node)

    def labels(self, wire: Wire, marked: str, **node: Any) -> list[str]:
        return [one["label"] for one in self.complete(wire, marked, **node).json()["suggestions"]]

    def test_the_answer_has_posthogs_shape(self, wire: Wire) -> None:
        found = self.complete(wire, "SELECT properties.pla| FROM events").json()
        assert found["suggestions"] == [
            {
                "label": "plan",
                "insertText": "plan",
                "kind": "Variable",
                "detail": "String",
                "documentation": None,
                "sortText": "0000",
            }
        ]
        assert found["incomplete_list"] is False
        assert [set(timing) for timing in found["timings"]] == [{"k", "t"}]

    def test_the_project_says_which_properties_events_and_values_there_are(self, wire: Wire) -> None:
        assert {"n", "paid", "plan"} <= set(self.labels(wire, "SELECT properties.| FROM events"))
        assert "age" in self.labels(wire, "SELECT person.properties.| FROM events")
        assert "e" in self.labels(wire, "SELECT 1 FROM events WHERE event = '|'")
        assert self.labels(wire, "SELECT 1 FROM events WHERE properties.plan = '|'") == ["pro", "free"]
        assert self.labels(wire, "SELECT 1 FROM events WHERE properties.plan = 'r|'") == ["pro", "free"]
        assert self.labels(wire, "SELECT 1 FROM events WHERE properties.plan = 'fr|'") == ["free"]
        assert self.labels(wire, "SELECT 1 FROM persons WHERE properties.age = |")[0] == "3"
        assert self.labels(wire, "SELECT 1 FROM events WHERE company.properties.city = '|'") == ["Oslo"]
        assert self.labels(wire, "SELECT 1 FROM groups WHERE properties.city = '|'") == ["Oslo"]

    def test_it_knows_the_placeholders_of_the_request_and_the_source_of_an_expression(self, wire: Wire) -> None:
        given = {"globals": {"region": {"name": "eu"}}, "variables": {"1": {"code_name": "v", "value": 1}}}
        known = self.labels(wire, "SELECT {|}", **given)
        assert known[3:] == ["variables.v", "region", "region.name"]
        source = {"kind": "HogQLQuery", "query": "SELECT id AS who FROM persons"}
        assert self.labels(wire, "wh|", language="hogQLExpr", sourceQuery=source)[0] == "who"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"endPosition": "1"}, "endPosition\n  Input should be a valid integer"),
            ({"startPosition": None}, "startPosition\n  Input should be a valid integer"),
            ({"nothing": 1}, "nothing\n  Extra inputs are not permitted"),
        ],
    )
    def test_a_wrong_field_is_refused(self, wire: Wire, fields: dict[str, Any], words: str) -> None:
        answer = self.complete(wire, "SELECT |", **fields)
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
        assert words in answer.json()["detail"]


class TestSchema:
    @pytest.fixture
    def tables(self, wire: Wire) -> dict[str, Any]:
        found: dict[str, Any] = asked(wire, kind="DatabaseSchemaQuery").json()["tables"]
        return found

    def test_every_table_is_there_with_its_kind(self, tables: dict[str, Any]) -> None:
        assert {"events", "persons", "person_distinct_ids", "groups", "sessions", "raw_persons"} <= set(tables)
        assert {(one["id"], one["name"], one["type"]) for one in tables.values()} == {
            (name, name, "posthog") for name in tables
        }

    def test_a_field_has_its_type_and_its_name_as_it_is_written(self, tables: dict[str, Any]) -> None:
        fields = tables["events"]["fields"]
        assert fields["timestamp"] == {
            "name": "timestamp",
            "hogql_value": "timestamp",
            "type": "datetime",
            "schema_valid": True,
        }
        kinds = {name: field["type"] for name, field in fields.items()}
        assert (kinds["properties"], kinds["uuid"], kinds["elements_chain_texts"]) == ("json", "string", "array")
        assert (kinds["pdi"], kinds["poe"], kinds["person"]) == ("lazy_table", "virtual_table", "field_traverser")

    def test_what_a_row_leads_to_is_named(self, tables: dict[str, Any]) -> None:
        fields = tables["events"]["fields"]
        assert fields["session"]["table"] == "sessions"
        assert "$session_duration" in fields["session"]["fields"]
        assert fields["company"]["chain"] == ["group_0"]

    def test_what_posthog_never_shows_is_not_there(self, tables: dict[str, Any]) -> None:
        assert all("team_id" not in table["fields"] for table in tables.values())
        assert "person_joined" not in tables["events"]["fields"]

    def test_every_field_of_the_schema_can_be_asked_for(self, wire: Wire, tables: dict[str, Any]) -> None:
        for name, table in tables.items():
            plain = [
                field["hogql_value"]
                for field in table["fields"].values()
                if field["type"] not in {"lazy_table", "virtual_table", "field_traverser"}
            ]
            answer = wire.ask(f"SELECT {', '.join(plain)} FROM {name}")
            assert answer.status_code == 200, answer.text
