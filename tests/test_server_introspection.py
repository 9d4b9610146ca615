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
    wire.send({"event": "e", "distinct_id": "u", "properties": properties})
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
    def test_a_valid_query_tells_its_tables_and_the_types_of_its_properties(self, wire: Wire) -> None:
        query = (
            "SELECT '🦔', properties.n, properties.z FROM events WHERE properties.paid AND person.properties.age = 3"
        )
        found = metadata(wire, query)
        assert (found["isValid"], found["errors"], found["warnings"], found["query"]) == (True, [], [], query)
        assert (found["table_names"], found["ch_table_names"]) == (["events"], ["events"])
        places = {notice["message"]: query[notice["start"] : notice["end"]] for notice in found["notices"]}
        assert places == {
            "Event property 'n' is of type 'Float'.": "properties.n",
            "Event property 'paid' is of type 'Boolean'.": "properties.paid",
            "Person property 'age' is of type 'Float'.": "person.properties.age",
        }

    @pytest.mark.parametrize(
        ("query", "message", "place"),
        [
            ("SELECT evnt FROM events", "Unable to resolve field: evnt", "evnt"),
            ("SELECT event FROM evnts", "Unknown table `evnts`.", "evnts"),
            ("SELECT event FROM events WHERE event = {x}", "Unresolved placeholder: {x}", "{x}"),
        ],
    )
    def test_an_invalid_query_tells_why_and_where(self, wire: Wire, query: str, message: str, place: str) -> None:
        found = metadata(wire, query)
        (error,) = found["errors"]
        assert not found["isValid"]
        assert error["message"] == message
        assert query[error["start"] : error["end"]] == place

    def test_another_language_is_not_answered(self, wire: Wire) -> None:
        answer = asked(wire, kind="HogQLMetadata", language="hogTemplate", query="x")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")

    def test_an_unknown_field_is_refused(self, wire: Wire) -> None:
        answer = asked(wire, kind="HogQLMetadata", language="hogQL", query="SELECT 1", mine=1)
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


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
