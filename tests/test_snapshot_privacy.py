"""What of an answer is covered before it is shown and kept, and what is told of the rest."""

from __future__ import annotations

import json
import pickle
import warnings
from uuid import UUID

import pyarrow as pa
import pytest

from posthog_nb.cautions import PersonalDataWarning
from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import Table, parse_type
from posthog_nb.snapshots.asked import Answered, Asked
from posthog_nb.snapshots.privacy import Privacy, Veil

ANN = "ann@example.com"
PERSON = "018f0000-0000-7000-8000-000000000001"
TEXT, MAYBE = "String", "Nullable(String)"


def answer(*columns):
    """An answer of columns, each its name, ClickHouse type and values."""
    arrays = [values if isinstance(values, pa.Array) else pa.array(values) for _, _, values in columns]
    arrow = pa.Table.from_arrays(arrays, names=[name for name, _, _ in columns])
    kinds = tuple(parse_type(kind) for _, kind, _ in columns)
    return Answered(Table(arrow, kinds), "demo", tuple(name for name, _, _ in columns))


def rows(answered):
    return answered.table.arrow.to_pydict()


def covered(veil, hogql, *columns, **values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonalDataWarning)
        return veil.cover(Asked.query(hogql, values, None), answer(*columns))


def one(privacy, hogql, kind, values, column="c", **bound):
    """The values of the one column of a query's answer, covered."""
    return rows(covered(Veil(privacy), hogql, (column, kind, values), **bound))[column]


MASKED = Privacy(mask=("email",))
HASHED = Privacy(hash_ids=True)


# What an author chooses --------------------------------------------------------------------------------------------


def test_a_choice_goes_into_a_manifest_and_comes_back():
    privacy = Privacy(mask=["email", "email"], drop=["$ip"], hash_ids=True)
    assert privacy.as_json() == {"mask": ["email"], "drop": ["$ip"], "hash_ids": True}
    assert Privacy.from_json(json.loads(json.dumps(privacy.as_json()))) == privacy


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"mask": "email"}, "mask is 'email'"),
        ({"mask": [""]}, "mask holds ''"),
        ({"drop": [1]}, "drop holds 1"),
        ({"mask": ["a"], "drop": ["a"]}, "'a' is in mask and in drop"),
        ({"hash_ids": "yes"}, "hash_ids is 'yes'"),
        ({"mask": ["properties.email"]}, r"the way to a property in a query\. .*mask=\['email'\]"),
        ({"drop": ["person.properties.$geo.city"]}, r"drop=\['\$geo\.city'\]"),
    ],
)
def test_a_choice_that_means_nothing_is_refused(choice, told):
    with pytest.raises(InvalidInputError, match=told):
        Privacy(**choice)


# Properties --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "properties.email",
        "person.properties.email",
        "properties.$set.email",
        "properties['email']",
        "properties[{key}]",
        "lower(properties.email)",
        "concat('<', properties.email, '>')",
        "JSONExtractString(properties, 'email')",
        "JSONExtractString(properties, '$set', 'email')",
        "JSONExtractString(properties, {key})",
        "JSONExtractRaw(person.properties, concat('em', 'ail'))",
        "JSON_VALUE(properties, '$.email')",
        "substring(properties, 1, 40)",
        "upper(toString(properties))",
        "any(properties.email) OVER (PARTITION BY event)",
        "(SELECT max(properties.email) FROM events)",
        "if(event = 'a', properties.email, '')",
        "f'{properties.email}'",
        "arrayMap(one -> upper(one), [properties.email])[1]",
        "argMax(properties.email, timestamp)",
        "tuple(1, properties.email).2",
        "toString(tuple(*))",
        "upper([properties, ''][1])",
        "reverse(JSONExtractRaw(properties, 'payload'))",
        "mode() WITHIN GROUP (ORDER BY properties.email)",
        "JSONExtractKeysAndValues(properties, 'String')[1].2",
        "CASE event WHEN 'a' THEN properties.email ELSE '' END",
    ],
)
def test_a_text_that_is_made_of_a_masked_property_is_masked(column):
    assert one(MASKED, f"SELECT {column} AS c FROM events", TEXT, [ANN], key="email") == ["(masked)"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT who AS c FROM (SELECT properties.email AS who FROM events)",
        "WITH mails AS (SELECT properties.email AS who FROM events) SELECT upper(who) AS c FROM mails",
        "WITH properties.email AS who SELECT lower(who) AS c FROM events",
        "WITH properties AS p SELECT p.email AS c FROM events",
        "SELECT e.c FROM (SELECT properties.email AS c FROM events) AS e JOIN persons AS p ON p.id = e.id",
        "SELECT * FROM (SELECT properties.email AS c FROM events)",
        "SELECT '' AS c UNION ALL SELECT properties.email FROM events",
        "SELECT c FROM (SELECT groupArray(properties.email) AS all FROM events) ARRAY JOIN all AS c",
        "SELECT `lower(properties.email)` AS c FROM (SELECT lower(properties.email) FROM events)",
        "WITH mails(c) AS (SELECT properties.email FROM events) SELECT c FROM mails",
        "SELECT c FROM (SELECT properties.email FROM events) AS mails (c)",
        "SELECT * FROM events PIVOT (any(properties.email) FOR event IN ('c'))",
        "SELECT c FROM (SELECT b AS c FROM (SELECT a AS b FROM (SELECT properties.email AS a FROM events)))",
    ],
)
def test_a_masked_property_is_followed_through_a_query(query):
    assert one(MASKED, query, TEXT, [ANN]) == ["(masked)"]


@pytest.mark.parametrize(
    "column",
    ["event", "properties.plan", "properties.Email", "JSONExtractString(properties, 'plan')", "properties['emails']"],
)
def test_another_property_is_left_as_it_is(column):
    assert one(MASKED, f"SELECT {column} AS c FROM events", TEXT, ["free"]) == ["free"]


@pytest.mark.parametrize(
    "column",
    ["properties", "properties.plan", "upper(person.properties.plan)", "JSONExtractString(properties, 'plan')"],
)
def test_who_names_properties_means_each_of_them(column):
    assert one(Privacy(mask=["properties"]), f"SELECT {column} AS c FROM events", TEXT, ["free"]) == ["(masked)"]


def test_a_column_of_posthogs_own_is_not_the_property_of_its_name():
    found = covered(
        Veil(Privacy(mask=["event"])),
        "SELECT event, properties.event AS told, properties FROM events",
        ("event", TEXT, ["paid"]),
        ("told", TEXT, ["paid"]),
        ("properties", TEXT, ['{"event":"paid"}']),
    )
    assert rows(found) == {"event": ["paid"], "told": ["(masked)"], "properties": ['{"event":"(masked)"}']}


@pytest.mark.parametrize("name", ["a.b", "it's", 'say "hi"', "$x", "größe", "x/y", "a b", "a\\b"])
def test_a_property_may_have_any_name(name):
    privacy, texts = Privacy(mask=[name]), {name: "v", name.upper() + "?": "v"}
    (found,) = one(privacy, "SELECT properties AS c FROM events", TEXT, [json.dumps(texts)])
    assert json.loads(found) == texts | {name: "(masked)"}
    assert one(privacy, "SELECT properties[{name}] AS c FROM events", TEXT, ["v"], name=name) == ["(masked)"]
    assert one(privacy, "SELECT * FROM t", "Int64", [1], column=name) == [None]


@pytest.mark.parametrize(
    "column", ["count(DISTINCT properties.email)", "length(properties.email)", "uniq(person.properties.email)"]
)
def test_a_number_that_counts_or_measures_stays(column):
    assert one(MASKED, f"SELECT {column} AS email FROM events", "UInt64", [3], column="email") == [3]


@pytest.mark.parametrize(
    "column", ["properties.age", "toInt(properties.age) + 1", "max(properties.age)", "cityHash64(properties.age)"]
)
def test_a_number_that_tells_the_value_becomes_null(column):
    assert one(Privacy(mask=["age"]), f"SELECT {column} AS c FROM events", "Int64", [42]) == [None]


def test_json_keeps_every_other_character():
    given = '{ "a": 1.0, "email" : "x@y.org", "b":1e20,"c":12345678901234567890, "$set":{"email":null,"n":"\\u00e9"}}'
    wanted = given.replace('"x@y.org"', '"(masked)"')
    assert one(MASKED, "SELECT properties AS c FROM events", TEXT, [given, "{}", ""]) == [wanted, "{}", ""]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ('{"email":"a","n":1}', '{"n":1}'),
        ('{"n":1, "email": {"a": ["}"]} }', '{"n":1 }'),
        ('{"email":1}', "{}"),
        ('{"n":1,"$set":{"email":"a"},"email":"b"}', '{"n":1,"$set":{}}'),
    ],
)
def test_a_dropped_property_is_left_out_of_json(given, wanted):
    assert one(Privacy(drop=["email"]), "SELECT properties AS c FROM events", TEXT, [given]) == [wanted]


def test_a_dropped_property_as_a_column_is_empty():
    assert one(Privacy(drop=["email"]), "SELECT properties.email AS c FROM events", MAYBE, [ANN, None]) == [None, None]


@pytest.mark.parametrize(
    "given",
    [
        '{"email":"ann@example.com',
        '{"e\\u006dail":"ann@example.com"}',
        json.dumps({"payload": json.dumps({"deeper": json.dumps({"email": ANN, "quote": '"\\'})})}),
        'sent {"email": "ann@example.com"} to',
        '{"email":["ann@example.com",{"a":"ann@example.com"}],"n":"\\\\"}',
    ],
)
def test_json_is_covered_where_it_is_cut_off_escaped_or_within_another_text(given):
    (found,) = one(MASKED, "SELECT properties.x AS c FROM events", TEXT, [given])
    assert "ann" not in found
    assert "(masked)" in found


def test_values_in_lists_structs_and_maps_are_covered_and_keep_their_types():
    kind = pa.list_(pa.struct([("email", pa.string()), ("n", pa.int64())]))
    nested = pa.array([[{"email": ANN, "n": 1}], None, []], type=kind)
    mapped = pa.array([[("email", ANN), ("plan", "free")], []], type=pa.map_(pa.string(), pa.string()))
    found = covered(
        Veil(MASKED),
        "SELECT a, b FROM events",
        ("a", "Array(Tuple(email String, n Int64))", nested),
        ("b", "Map(String, String)", pa.concat_arrays([mapped, mapped.slice(0, 1)])),
    )
    assert found.table.arrow.schema.types == [kind, mapped.type]
    assert rows(found)["a"] == [[{"email": "(masked)", "n": 1}], None, []]
    assert rows(found)["b"][2] == [("email", "(masked)"), ("plan", "free")]


def test_an_answer_tells_what_of_it_is_covered():
    privacy = Privacy(mask=["email"], drop=["$ip", "phone"], hash_ids=True)
    found = covered(
        Veil(privacy), "SELECT event, distinct_id FROM events", ("event", TEXT, ["a"]), ("distinct_id", TEXT, ["ann"])
    )
    assert found.table.notes[0].startswith(
        "Personal data is covered in 'distinct_id': 'email' is masked, '$ip', 'phone'"
    )
    assert found.table.notes[0].endswith(" are left out and ids are pseudonyms.")


def test_without_a_parser_the_names_tell_and_a_warning_says_so(monkeypatch):
    monkeypatch.setattr("posthog_nb.snapshots.tracing.parser_available", lambda: False)
    veil = Veil(Privacy(mask=["email"], hash_ids=True))
    asked = Asked.query("SELECT id, lower(properties.email), count() FROM persons GROUP BY ALL", {}, None)
    given = answer(("id", "UUID", [PERSON]), ("lower(properties.email)", TEXT, [ANN]), ("count(email)", "UInt64", [1]))
    with pytest.warns(PersonalDataWarning, match="the names of its columns alone"):
        found = rows(veil.cover(asked, given))
    assert found["lower(properties.email)"] == ["(masked)"]
    assert found["count(email)"] == [1]
    assert veil.real(found["id"]) == [PERSON]


# Ids ---------------------------------------------------------------------------------------------------------------


def test_an_id_has_one_pseudonym_in_a_recording_and_another_in_the_next():
    columns = (
        ("distinct_id", TEXT, ["ann", "bob", "ann", ""]),
        ("properties", TEXT, ['{"distinct_id":"ann","$device_id":"bob"}'] * 4),
    )
    first, second = (
        rows(covered(Veil(HASHED), "SELECT distinct_id, properties FROM events", *columns)) for _ in range(2)
    )
    ann, bob, again, nobody = first["distinct_id"]
    assert ann == again != bob
    assert nobody == ""
    assert json.loads(first["properties"][0]) == {"distinct_id": ann, "$device_id": bob}
    assert set(first["distinct_id"]).isdisjoint(second["distinct_id"][:3])


def test_a_persons_pseudonym_is_a_uuid_and_an_events_uuid_stays():
    columns = (("p", TEXT, [PERSON]), ("uuid", "UUID", [PERSON]), ("person_id", "UUID", [PERSON]))
    found = rows(covered(Veil(HASHED), "SELECT toString(person_id) AS p, uuid, person_id FROM events", *columns))
    assert UUID(found["p"][0]) != UUID(PERSON)
    assert found["p"] == found["person_id"]
    assert found["uuid"] == [PERSON]


def test_a_pseudonym_can_be_asked_for():
    veil = Veil(HASHED)
    found = rows(
        covered(veil, "SELECT id, distinct_id FROM persons", ("id", "UUID", [PERSON]), ("distinct_id", TEXT, ["ann"]))
    )
    person, ann = found["id"][0], found["distinct_id"][0]
    assert veil.real(person) == PERSON
    assert veil.real(UUID(person)) == UUID(PERSON)
    assert veil.real([ann, "else", 1]) == ["ann", "else", 1]
    assert veil.real(("x", None)) == ("x", None)


def test_what_posthog_made_of_a_query_does_not_give_away_whose_pseudonym_was_asked_for():
    veil = Veil(HASHED)
    (ann,) = rows(covered(veil, "SELECT distinct_id FROM events", ("distinct_id", TEXT, ["o'ann"])))["distinct_id"]
    veil.real(ann)
    given = Answered(
        answer(("n", "UInt64", [1])).table, "demo", ("n",), hogql=r"SELECT count() WHERE distinct_id = 'o\'ann'"
    )
    assert (
        veil.cover(Asked.query("SELECT count() AS n", {}, None), given).hogql
        == f"SELECT count() WHERE distinct_id = '{ann}'"
    )


def test_a_column_that_is_called_as_an_id_or_a_key_is_called_otherwise():
    veil = Veil(HASHED)
    (ann,) = rows(covered(veil, "SELECT distinct_id FROM events", ("distinct_id", TEXT, ["ann-1"])))["distinct_id"]
    veil.real(ann)
    given = answer(
        ("equals(distinct_id, 'ann-1')", "UInt8", [1]), ("'phc_abcdefgh'", TEXT, ["a"]), ("phc_abcdefgh", TEXT, ["a"])
    )
    found = veil.cover(Asked.query("SELECT distinct_id = {one}, 1, 2 AS x", {"one": ann}, None), given)
    assert found.table.arrow.column_names == [f"equals(distinct_id, '{ann}')", "'phc_...'", "phc_..."]
    assert list(found.columns) == found.table.arrow.column_names


def test_the_salt_is_not_shown_and_does_not_leave_the_process():
    veil = Veil(HASHED)
    assert repr(veil) == "Veil(Privacy(mask=(), drop=(), hash_ids=True))"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(veil)


def test_an_id_in_json_may_be_a_number_a_list_or_nothing():
    veil = Veil(HASHED)
    given = ['{"distinct_id": 17, "distinct_ids": ["17", ""], "$user_id": null, "alias": true, "person_id": "x"}']
    (found,) = rows(covered(veil, "SELECT properties FROM events", ("properties", TEXT, given)))["properties"]
    seen = json.loads(found)
    assert veil.real([seen["distinct_id"], seen["person_id"]]) == ["17", "x"]
    assert seen["distinct_ids"] == [seen["distinct_id"], ""]
    assert (seen["$user_id"], seen["alias"]) == (None, True)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT y AS c FROM (SELECT distinct_id AS distinct_id, distinct_id AS y FROM events)",
        """SELECT d AS c FROM (SELECT distinct_id AS d FROM (
            SELECT 'a' AS distinct_id UNION ALL SELECT e.distinct_id AS distinct_id FROM events AS e))""",
        "SELECT id AS c FROM (SELECT lower(id) AS id FROM (SELECT toString(id) AS id FROM persons))",
    ],
)
def test_an_id_under_its_own_name_is_followed_as_well(query):
    (found,) = one(HASHED, query, TEXT, ["ann"])
    assert found.startswith("id-")


def test_of_a_tuple_the_elements_are_covered_that_are_reached():
    kind = pa.list_(pa.struct([("1", pa.string()), ("2", pa.string()), ("3", pa.int64())]))
    given = pa.array([[{"1": "ann", "2": "paid", "3": 1}]], type=kind)
    query = "SELECT arrayMap(x -> (x.2, x.1, x.3), arraySort(groupArray((event, distinct_id, 1)))) AS c FROM events"
    ((found,),) = one(HASHED, query, "Array(Tuple(String, String, Int64))", given)
    assert found["1"].startswith("id-")
    assert (found["2"], found["3"]) == ("paid", 1)


# Look-ups ----------------------------------------------------------------------------------------------------------


def test_a_person_that_was_looked_up_is_covered():
    person = {"id": 7, "uuid": PERSON, "name": ANN, "distinct_ids": ["ann"], "properties": {"email": ANN, "n": 1.0}}
    veil = Veil(Privacy(mask=["email"], hash_ids=True))
    found = veil.cover(Asked("person", {"id": 7}), answer(("json", TEXT, [json.dumps(person)])))
    seen = json.loads(rows(found)["json"][0])
    assert seen["id"] == seen["uuid"]
    assert veil.real(seen["uuid"]) == PERSON
    assert veil.real(seen["distinct_ids"]) == ["ann"]
    assert seen["name"] is None
    assert seen["properties"] == {"email": "(masked)", "n": 1.0}


@pytest.mark.parametrize("hash_ids", [False, True])
@pytest.mark.parametrize("name", ["distinct_id", "distinct_ids"])
def test_what_is_chosen_of_a_person_itself_is_covered(name, hash_ids):
    def seen(**chosen):
        person = {"id": 7, "uuid": PERSON, "name": ANN, "distinct_ids": ["ann", ANN], "properties": {"n": ANN}}
        veil = Veil(Privacy(**chosen, hash_ids=hash_ids))
        found = veil.cover(Asked("person", {"id": 7}), answer(("json", TEXT, [json.dumps(person)])))
        return json.loads(rows(found)["json"][0])

    masked, dropped = seen(mask=[name, "properties"]), seen(drop=[name, "properties"])
    assert (masked["distinct_ids"], masked["properties"]) == (["(masked)", "(masked)"], "(masked)")
    assert not {"distinct_ids", "properties"} & dropped.keys()


def test_the_schema_is_nobodys_and_stays_as_it_is():
    fields = {name: {"name": name, "type": "string"} for name in ("distinct_ids", "properties", "name")}
    schema = json.dumps({"tables": {"persons": {"fields": fields}}})
    for privacy in (Privacy(drop=["name"], hash_ids=True), Privacy(mask=["name", "type", "properties"])):
        found = Veil(privacy).cover(Asked("schema", {}), answer(("json", TEXT, [schema])))
        assert rows(found)["json"] == [schema]


def test_a_plan_does_not_tell_whose_pseudonym_was_asked_for():
    veil = Veil(HASHED)
    (ann,) = rows(covered(veil, "SELECT distinct_id FROM events", ("distinct_id", TEXT, ["ann-1"])))["distinct_id"]
    veil.real([ann])
    plan = json.dumps({"sql": "SELECT 1 WHERE distinct_id IN ['ann-1']", "plan": None})
    found = veil.cover(Asked("plan", {}), answer(("json", TEXT, [plan])))
    assert json.loads(rows(found)["json"][0])["sql"] == f"SELECT 1 WHERE distinct_id IN ['{ann}']"


def test_a_cohort_does_not_tell_the_value_that_it_filters_by():
    one_of = {"key": "email", "type": "person", "operator": "exact", "value": [ANN]}
    cohort = {"id": 1, "name": "Ann's", "filters": {"properties": {"type": "OR", "values": [one_of]}}}
    found = Veil(MASKED).cover(Asked("cohort", {}), answer(("json", TEXT, [json.dumps(cohort)])))
    cohort["filters"]["properties"]["values"][0]["value"] = "(masked)"
    assert json.loads(rows(found)["json"][0]) == cohort


# Keys and emails ---------------------------------------------------------------------------------------------------


def test_keys_are_never_kept():
    nested = pa.array([["phx_abcdefgh", "graph"]], type=pa.list_(pa.string()))
    found = covered(
        Veil(Privacy()), "SELECT a, b", ("a", TEXT, ['{"token":"phc_abcdefgh"}']), ("b", "Array(String)", nested)
    )
    assert rows(found) == {"a": ['{"token":"phc_..."}'], "b": [["phx_...", "graph"]]}


def test_emails_are_told_of_once_a_column_and_not_shown():
    veil, asked = Veil(Privacy()), Asked.query("SELECT who FROM t", {}, None)
    with pytest.warns(PersonalDataWarning, match=r"in the column 'who' \(2 values\)") as caught:
        veil.cover(asked, answer(("who", TEXT, [ANN, "?m=ann%40example.com", "@ann"])))
    assert ANN not in str(caught[0].message)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        veil.cover(asked, answer(("who", TEXT, [ANN])))


def test_an_email_that_a_column_is_called_by_is_not_shown():
    with pytest.warns(PersonalDataWarning, match=r"column 1 \(1 value\) and the text of a query") as caught:
        Veil(Privacy()).cover(Asked.query(f"SELECT '{ANN}'", {}, None), answer((f"'{ANN}'", TEXT, [ANN])))
    assert ANN not in str(caught[0].message)


def test_emails_in_a_question_are_told_of():
    with pytest.warns(PersonalDataWarning, match="the value of 'who'"):
        Veil(Privacy()).cover(Asked.query("SELECT {who}", {"who": [ANN]}, None), answer(("n", "UInt8", [1])))


def test_emails_that_a_mask_does_not_cover_are_told_of_too():
    with pytest.warns(PersonalDataWarning, match="although 'email' is masked"):
        Veil(MASKED).cover(Asked.query("SELECT c FROM t", {}, None), answer(("c", TEXT, [ANN])))


def test_what_the_query_spells_out_is_no_property_whatever_its_column_is_called():
    query = "SELECT ['$pageview', {second}][n] AS email FROM (SELECT 1 AS n FROM events)"
    assert one(MASKED, query, TEXT, ["$pageview", "bought"], column="email", second="bought") == ["$pageview", "bought"]
    assert one(MASKED, "SELECT upper(event) AS email FROM events", TEXT, [ANN], column="email") == ["(masked)"]


def test_a_column_that_is_called_as_a_table_is_not_taken_for_the_table():
    query = """WITH visits AS (SELECT person_id, event FROM events), grouped AS (
        SELECT groupArray(event) AS visits FROM visits GROUP BY person_id)
    SELECT arrayJoin(visits) AS what FROM grouped"""
    assert one(HASHED, query, TEXT, ["$pageview"], column="what") == ["$pageview"]
