"""A notebook's calls while their answers are recorded with personal data covered, and what is then in the folder."""

from __future__ import annotations

import json
import warnings

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import posthog_nb
from posthog_nb.errors import InvalidInputError, QueryError
from posthog_nb.snapshots.recording import Recording
from tests.embedded import embedded_client

PEOPLE = {"ann-17": "ann@example.com", "bob-18": "bob@example.com"}
NOBODY_ELSE_KNOWS = [*PEOPLE, *PEOPLE.values(), "Ann Example", "10.1.2.3", "device-of-ann-17"]


@pytest.fixture(scope="module")
def project():
    with embedded_client() as client:
        for number, (distinct_id, email) in enumerate(PEOPLE.items()):
            client.identify(
                distinct_id,
                {"email": email, "name": "Ann Example", "plan": "pro"},
                "2026-03-01T10:00:00Z",
                anon_distinct_id=f"device-of-{distinct_id}",
            )
            for day in range(2, 5 + number):
                client.capture(
                    "signed up" if day == 2 else "paid",
                    distinct_id,
                    {"email": email, "$ip": "10.1.2.3", "plan": "pro", "$device_id": f"device-of-{distinct_id}"},
                    f"2026-03-0{day}T12:00:00Z",
                )
        yield client


@pytest.fixture(scope="module")
def persons(project):
    """The persons' UUIDs, asked for before anything is recorded."""
    return list(map(str, project.query("SELECT id FROM persons").to_pandas()["id"]))


@pytest.fixture
def path(tmp_path, project, persons):
    """Where the project's client records with everything covered."""
    path = tmp_path / "snapshot"
    project._connection.record(Recording(path, mask=["email", "name"], drop=["$ip"], hash_ids=True))
    yield path
    project._connection.keeper = None


@pytest.fixture
def path_of_one(tmp_path):
    """A project whose people are called n and 1, and where its client records with ids covered."""
    with embedded_client() as client:
        for distinct_id in ("n", "1"):
            client.capture("paid", distinct_id, {"n": 1}, "2026-03-01T10:00:00Z")
        client._connection.record(Recording(tmp_path / "snapshot", hash_ids=True))
        yield client, tmp_path / "snapshot"


def notebook(ph):
    """What the cells of a notebook show, and the ids that they go on with."""
    found = ph.persons.search(limit=10)
    uuid, ids = found["uuid"].iloc[0], [one for some in found["distinct_ids"] for one in some]
    person = ph.persons.get(uuid)
    by_id = ph.query("SELECT distinct_id, count() AS n FROM events GROUP BY distinct_id ORDER BY n DESC")
    busiest = by_id.to_pandas()["distinct_id"].iloc[0]
    shown = [
        found,
        person.to_frame(),
        ph.persons.search(distinct_id=ids[0]),
        ph.persons.events(person, limit=10),
        ph.persons.events(uuid, limit=10, expand=True),
        person.journey().to_frame(),
        by_id.to_pandas(),
        ph.query("SELECT count() AS n FROM events WHERE distinct_id = {one}", values={"one": busiest}).to_pandas(),
        ph.query("SELECT uniq(person_id) AS n FROM events WHERE distinct_id IN {ids}", values={"ids": ids}).to_pandas(),
        ph.query("SELECT * FROM events ORDER BY timestamp", limit=3).fetch_all().to_pandas(),
        ph.query("SELECT * FROM persons").to_pandas(),
        ph.query(
            "SELECT person_id, groupArray((event, distinct_id)) AS did FROM events GROUP BY person_id"
        ).to_pandas(),
        ph.funnel(["signed up", "paid"], date_from="2026-03-01", date_to="2026-03-08").to_pandas(),
        ph.paths(date_from="2026-03-01", date_to="2026-03-08", include_event_types=["custom_event"]).to_pandas(),
    ]
    return person, shown


def text_of(path):
    """All that is in a folder, as text."""
    files = [file for file in path.rglob("*") if file.is_file()]
    tables = [json.dumps(pq.read_table(file).to_pylist(), default=str) for file in files if file.suffix == ".parquet"]
    return "\n".join([*tables, *(file.read_text() for file in files if file.suffix != ".parquet")])


def test_a_notebook_gives_nobody_away_counts_as_before_and_is_replayed(project, persons, path):
    assert len(persons) == len(PEOPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        person, shown = notebook(project)
    everything = "\n".join([repr(person), *(frame.to_json(default_handler=str, date_format="iso") for frame in shown)])
    for one in (everything, text_of(path)):
        assert [secret for secret in [*NOBODY_ELSE_KNOWS, *persons] if secret in one] == []
    assert int(shown[7]["n"].iloc[0]) == 5
    assert int(shown[8]["n"].iloc[0]) == len(PEOPLE)
    again, replayed = notebook(posthog_nb.connect(snapshot=path))
    assert again.properties == person.properties
    for one, another in zip(shown, replayed, strict=True):
        assert one.equals(another)


def test_what_posthog_says_when_it_refuses_a_question_gives_nobody_away(project, path):
    """ClickHouse quotes the value that it cannot read, whether it was bound or comes from a row."""
    ann = project.query("SELECT distinct_id FROM events ORDER BY distinct_id").to_pandas()["distinct_id"].iloc[0]
    replay = posthog_nb.connect(snapshot=path)
    for query, values in (
        ("SELECT event FROM events WHERE person_id = {one}", {"one": ann}),
        ("SELECT base64Decode(properties.email) FROM events", {}),
        ("SELECT base64Decode(distinct_id) FROM events", {}),
        ("SELECT addDays(properties.email, 1) FROM events", {}),
    ):
        with pytest.raises(QueryError) as refused:
            project.query(query, values=values)
        said = "".join([*refused.value.lines(), text_of(path)])
        assert [secret for secret in NOBODY_ELSE_KNOWS if secret in said] == []
        assert "is left out" in str(refused.value)
        with pytest.raises(QueryError) as again:
            replay.query(query, values=values)
        assert str(again.value) == str(refused.value)


def test_what_is_wrong_with_the_query_itself_is_told_in_posthogs_words(project, path):
    for query, told in (("SELECT evnt FROM events", "Unable to resolve"), ("SELECT toInt('1') + [1]", "Illegal types")):
        with pytest.raises(QueryError, match=told):
            project.query(query)


def test_a_query_that_shows_the_id_that_it_is_bound_to_shows_its_pseudonym(project, path):
    events = "SELECT distinct_id, person_id FROM events ORDER BY timestamp LIMIT 1"
    ((ann, person),) = project.query(events).rows
    shown = project.query(
        "SELECT {ann} AS who, toUUID({person}) AS person, arrayJoin({both}) AS one, concat('of ', {ann}), n FROM"
        " (SELECT count() AS n FROM events WHERE distinct_id = {ann})",
        values={"ann": ann, "person": person, "both": [ann, "nobody"]},
    )
    everything = repr(shown.rows) + text_of(path)
    assert [secret for secret in NOBODY_ELSE_KNOWS if secret in everything] == []
    assert shown.rows[0][:3] == [ann, person, ann]
    assert shown.rows[0][4] > 1


@pytest.mark.parametrize(
    "written",
    [
        list,
        set,
        lambda ids: ids,
        lambda ids: ids.to_numpy(),
        lambda ids: ids.astype("category"),
        lambda ids: pl.Series(ids.to_list()),
        pa.array,
    ],
    ids=["list", "set", "pandas", "numpy", "categories", "polars", "arrow"],
)
def test_a_column_of_pseudonyms_can_be_asked_for(path_of_one, written):
    project, path = path_of_one
    ids = project.query("SELECT DISTINCT distinct_id FROM events").to_pandas()["distinct_id"]
    asked, values = "SELECT count() FROM events WHERE distinct_id IN {ids}", {"ids": written(ids)}
    assert project.query(asked, values=values).rows == [[2]]
    assert posthog_nb.connect(snapshot=path).query(asked, values=values).rows == [[2]]


@pytest.mark.parametrize("distinct_id", ["bob's", "bob\\17", "bob\t17", 'bob "17"', "bobü"])
def test_an_id_that_hogql_writes_otherwise_is_found_in_what_it_says(path_of_one, distinct_id):
    project, path = path_of_one
    project.capture("looked", distinct_id, timestamp="2026-03-02T10:00:00Z")
    ((who,),) = project.query("SELECT distinct_id FROM events WHERE event = 'looked'").rows
    found = project.query("SELECT {who}, [{who}] FROM events WHERE distinct_id = {who}", values={"who": who}, limit=1)
    plan = project.explain("SELECT event FROM events WHERE distinct_id IN {both}", values={"both": [who, "nobody"]})
    shown = repr([found.columns, found.hogql, found.rows]) + repr(plan) + text_of(path)
    assert "bob" not in shown.replace("nobody", "")
    assert found.columns[0] == f"'{who}'"


def test_an_id_of_one_letter_is_not_taken_for_a_part_of_a_name(path_of_one):
    project, path = path_of_one
    ids = [row[0] for row in project.query("SELECT DISTINCT distinct_id FROM events").rows]
    asked = "SELECT count() AS n1, {ids} AS ids, {one} FROM events WHERE distinct_id IN {ids}"
    found = project.query(asked, values={"ids": ids, "one": ids[0]})
    assert found.columns == ["n1", "ids", f"'{ids[0]}'"]
    assert found.rows == [[2, ids, ids[0]]]
    assert found.hogql is not None
    assert found.hogql.startswith("SELECT count() AS n1, [")
    assert all(f"'{one}'" in found.hogql for one in ids)
    assert "'n'" not in found.hogql + text_of(path)
    frame = project.query("SELECT event, properties FROM events").to_pandas()
    assert {"event", "n"} <= set(project.expand(frame).columns)


def test_a_pseudonym_is_not_sent_as_somebodys_id(project, path):
    """It would be a new person, and its alias a merge that nobody can undo."""
    ids = [row[0] for row in project.query("SELECT DISTINCT distinct_id FROM events").rows]
    for send in (
        lambda: project.capture("paid", ids[0]),
        lambda: project.alias("ann-17", ids[1]),
        lambda: project.identify("ann-17", anon_distinct_id=ids[1]),
        lambda: project.capture_many([{"event": "paid", "distinct_id": ids[0]}]),
    ):
        with pytest.raises(InvalidInputError, match="is a pseudonym"):
            send()


def test_a_pseudonym_in_the_text_of_a_query_is_refused_and_nobody_asked(project, path):
    """It would find nobody, and nobody be told."""
    (ann, person), *_ = project.query("SELECT DISTINCT distinct_id, person_id FROM events").rows
    for pseudonym in (ann, person):
        text = f"SELECT count() FROM events WHERE '{pseudonym}' IN (distinct_id, toString(person_id))"
        for ask in (project.query, project.explain):
            with pytest.raises(
                InvalidInputError, match=rf"in the text of the query .* values={{'who': '{pseudonym}'}}"
            ):
                ask(text)
    with pytest.raises(InvalidInputError, match="that another recording gave out"):
        project.query("SELECT count() FROM events WHERE distinct_id = 'id-00000000000000000000'")
    others = "SELECT 'android-00000000000000000000', '11111111-1111-4111-8111-111111111111'"
    assert project.query(others).rows == [["android-00000000000000000000", "11111111-1111-4111-8111-111111111111"]]


def test_analyses_have_the_numbers_that_they_have_without_covering(project, path):
    def asked():
        dates = {"date_from": "2026-03-01", "date_to": "2026-03-08"}
        return [
            project.trends("paid", breakdown="plan", **dates).to_pandas(),
            project.funnel(["signed up", "paid"], **dates).to_pandas(),
            project.retention("signed up", "paid", **dates).to_pandas(),
            project.paths(include_event_types=["custom_event"], **dates).to_pandas(),
            project.lifecycle("paid", **dates).to_pandas(),
            project.stickiness("paid", **dates).to_pandas(),
        ]

    covered = asked()
    project._connection.keeper = None
    for one, another in zip(covered, asked(), strict=True):
        assert one.equals(another)
