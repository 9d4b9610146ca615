"""A snapshot in its author's hands: what is in it, what can go, and whether it still holds."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import ANY

import msgspec
import pytest

import posthog_nb
from posthog_nb.client import latest_client
from posthog_nb.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    PermissionDeniedError,
    PostHogError,
    QueryError,
    QueryTimeoutError,
    QuotaExceededError,
    SnapshotError,
    TransportError,
)
from posthog_nb.operations.kept import json_in, look_up
from posthog_nb.snapshots.asked import Asked
from posthog_nb.snapshots.folder import Folder
from posthog_nb.snapshots.keeper import Recorder, Replay
from posthog_nb.snapshots.manifest import Target, serialised
from posthog_nb.snapshots.privacy import Privacy, Veil
from posthog_nb.snapshots.recording import Recording
from tests.embedded import embedded_client

COUNTS = "SELECT event, count() AS n FROM events GROUP BY event ORDER BY event"


@pytest.fixture
def project():
    """A project of one's own, in which Ann has signed up and looked around."""
    with embedded_client() as client:
        for name, number in (("signed up", 1), ("looked", 3)):
            for _ in range(number):
                client.capture(name, "ann", {"plan": "free"}, "2026-03-01T12:00:00Z")
        yield client


def recorded(client, path, ask, **covered):
    """The snapshot of what ``ask`` asks of a client."""
    client._connection.record(Recording(path, **covered))
    ask(client)
    client._connection.keeper = None
    return posthog_nb.Snapshot(path)


def verified(snapshot, client):
    return snapshot.verify(client, progress=False)


# Whether it holds --------------------------------------------------------------------------------------------------


def test_what_nobody_changed_is_the_same(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    found = verified(snapshot, project)
    assert found.ok
    assert found.counts == {"same": 1}
    assert "1 answer: 1 same" in repr(found)


def test_a_row_that_changed_is_shown_with_what_it_was(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    project.capture("looked", "bob", timestamp="2026-03-02T12:00:00Z")
    project.capture("paid", "bob", timestamp="2026-03-02T12:00:00Z")
    found = verified(snapshot, project)
    assert not found.ok
    (one,) = found.outcomes
    assert (one.status, one.detail, one.then, one.now) == ("differs", "1 row changed, 1 row new", 2, 3)
    assert '~ event "looked": n 3 -> 4' in repr(found)
    assert '+ event "paid", n 1' in repr(found)


def test_every_step_of_a_query_is_taken_once(project, tmp_path):
    def ask(ph):
        first = ph.query(COUNTS, 1)
        first.next_page()
        first.fetch_all()
        list(first.pages())

    snapshot = recorded(project, tmp_path / "q1", ask)
    assert snapshot.list()["rows"].tolist() == ["first 1", "page 2", "all"]
    assert verified(snapshot, project).counts == {"same": 3}


def test_what_posthog_refuses_today_is_gone(tmp_path):
    with embedded_client() as ph:
        ph.capture("signed up", "ann")
        made = ph.cohort("testers", "SELECT DISTINCT person_id FROM events")
        snapshot = recorded(
            ph, tmp_path / "q1", lambda ph: ph.query("SELECT count() FROM persons WHERE id IN COHORT 'testers'")
        )
        ph._connection.change(f"cohorts/{made.id}/", {"deleted": True})
        found = verified(snapshot, ph)
    assert found.counts == {"gone": 1}
    assert "QueryError" in found.outcomes[0].detail
    assert "testers" in found.outcomes[0].detail


def test_what_was_refused_and_is_again_is_the_same(project, tmp_path):
    def ask(ph):
        with pytest.raises(PostHogError):
            ph.query("SELECT evnt FROM events")

    found = verified(recorded(project, tmp_path / "q1", ask), project)
    assert found.ok
    assert found.outcomes[0].detail == "refused, as it was then"


def test_a_client_that_records_asks_again_and_records_nothing(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    project._connection.record(Recording(tmp_path / "q2"))
    assert verified(snapshot, project).ok
    assert not (tmp_path / "q2").exists()


def test_a_client_of_another_project_is_refused(project, demo, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    with pytest.raises(ConfigurationError, match="is of"):
        verified(snapshot, demo)


def test_a_replay_verifies_nothing(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    with posthog_nb.connect(snapshot=tmp_path / "q1") as replay, pytest.raises(ConfigurationError, match="replayed"):
        verified(snapshot, replay)


def test_rows_end_where_there_are_fewer_today(tmp_path):
    with embedded_client() as ph:
        for number in range(3):
            ph.capture("looked", f"person {number}")
        made = ph.cohort("all", "SELECT DISTINCT person_id FROM events")
        query = "SELECT id FROM persons WHERE id IN COHORT 'all' ORDER BY id"
        snapshot = recorded(ph, tmp_path / "q1", lambda ph: ph.query(query, 1).next_page().next_page())
        one = ph.query(query, 1).rows[0][0]
        ph._connection.change(f"cohorts/{made.id}/", {"deleted": True})
        ph.cohort("all", f"SELECT DISTINCT person_id FROM events WHERE person_id = '{one}'")
        found = verified(snapshot, ph)
    assert [outcome.status for outcome in found.outcomes] == ["differs"] * 3
    assert found.outcomes[0].detail == "there were more rows, and now there are not"
    assert found.outcomes[1].detail == found.outcomes[2].detail == "the rows end before these"


def test_what_lives_by_the_clock_says_so_where_it_differs(project, demo, tmp_path):
    def ask(ph):
        for clock in ("now", "nowInBlock", "current_timestamp"):
            ph.query(f"SELECT {clock}() AS t")

    for one in verified(recorded(project, tmp_path / "q1", ask), project).outcomes:
        assert (one.status, one.hint) == (
            "differs",
            "It depends on the time of asking (now() and the like), so it changes by itself.",
        )
    # The clock of a demo as of a moment stands still.
    assert verified(recorded(demo, tmp_path / "q2", ask), demo).ok


def test_what_was_cut_without_an_order_says_so_where_it_differs(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query("SELECT uuid, rand() FROM events", 2))
    assert "has no ORDER BY" in str(verified(snapshot, project).outcomes[0].hint)


def test_an_error_that_says_nothing_of_the_question_is_not_gone(project, tmp_path, monkeypatch):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    refusals = [
        (PermissionDeniedError("The key lacks query:read.", status=403), "not asked"),
        (QueryTimeoutError("It takes too long.", status=504), "not asked"),
        (QueryError("Unknown table.", status=400), "gone"),
    ]
    for error, status in refusals:
        monkeypatch.setattr("posthog_nb.verifying.again.run", raising(error))
        (one,) = verified(snapshot, project).outcomes
        assert (one.status, one.detail) == (status, f"{type(error).__name__}: {error.message}")
    for ends in (TransportError("Nobody answers."), AuthenticationError("Unknown key.", status=401)):
        monkeypatch.setattr("posthog_nb.verifying.again.run", raising(ends))
        with pytest.raises(type(ends)):
            verified(snapshot, project)


def raising(error):
    def run(*_, **__):
        raise error

    return run


def test_what_was_found_before_the_asking_ended_is_reported(project, tmp_path, monkeypatch):
    def ask(ph):
        ph.query(f"{COUNTS} LIMIT 1")
        first = ph.query(COUNTS, 1)
        first.next_page()
        with pytest.raises(QueryError):
            ph.query("SELECT evnt FROM events")
        ph.explain(COUNTS)

    snapshot = recorded(project, tmp_path / "q1", ask)
    told = []

    def allowance_is_used_up(done, total):
        told.append((done, total))
        if done == 3:
            monkeypatch.setattr("posthog_nb.verifying.again.run", raising(used_up))

    used_up = QuotaExceededError("The allowance is used up.", status=402, hint="Wait for the next month.")
    found = snapshot.verify(project, progress=allowance_is_used_up)
    assert [one.status for one in found.outcomes] == ["same", "same", "same", "not asked", "not comparable"]
    assert found.outcomes[3].detail == "QuotaExceededError: The allowance is used up."
    assert found.outcomes[3].hint == "Wait for the next month."
    assert not found.ok
    assert told == [(done, 5) for done in range(1, 6)]


def test_what_is_recorded_anew_or_pruned_meanwhile_is_taken_as_it_is_now(project, tmp_path):
    def ask(ph):
        ph.query(COUNTS, 1)
        ph.query(COUNTS)

    snapshot = recorded(project, tmp_path / "q1", ask)

    def paid_and_recorded(done, _):
        if done == 1:
            project.capture("paid", "bob", timestamp="2026-03-02T12:00:00Z")
            recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))

    one = snapshot.verify(project, progress=paid_and_recorded).outcomes[1]
    assert (one.status, one.then, one.now) == ("same", 3, 3)

    def everything_pruned(done, _):
        if done == 1:
            snapshot.prune("2100-01-01")

    first, second = snapshot.verify(project, progress=everything_pruned).outcomes
    assert first.status == "same"
    assert (second.status, second.then) == ("not comparable", 3)
    assert second.detail == "it was pruned while the others were asked again"


def test_what_is_looked_up_is_compared_value_by_value(project, tmp_path):
    ann = project.persons.search(distinct_id="ann").uuid[0]
    made = project.cohort("all", "SELECT DISTINCT person_id FROM events")

    def ask(ph):
        ph.persons._by_rest(ann)  # as for a key that may not query
        ph.schema()
        ph.cohort("all")
        ph.explain(COUNTS)

    snapshot = recorded(project, tmp_path / "q1", ask)
    assert [one.status for one in verified(snapshot, project).outcomes] == ["same"] * 3 + ["not comparable"]
    project.identify("ann", {"plan": "paid"})
    project._connection.change(f"cohorts/{made.id}/", {"deleted": True})
    person, schema, cohort, plan = verified(snapshot, project).outcomes
    assert (person.status, schema.status, cohort.status) == ("differs", "same", "gone")
    assert any(cell[:1] == ("properties.plan",) for change in person.changes for cell in change.cells)
    assert "There is no cohort called 'all'" in cohort.detail
    assert "tells of the server" in plan.detail


def test_of_what_is_looked_up_only_what_is_shown_is_kept_and_compared(project, tmp_path):
    def ask(ph):
        ph.persons.get(1)
        ph.schema()

    snapshot = recorded(project, tmp_path / "q1", ask)
    project.capture("looked", "ann", timestamp="2026-04-01T12:00:00Z")  # when she was last seen is told by PostHog
    assert [one.status for one in verified(snapshot, project).outcomes] == ["same", "same"]
    replay = Replay(Folder(tmp_path / "q1"))
    person, schema = (
        json_in(replay.answer(Asked(*one), lambda: None)) for one in (("person", {"id": 1}), ("schema", {}))
    )
    assert list(person) == ["id", "uuid", "name", "distinct_ids", "properties", "created_at"]
    assert schema["tables"]["events"] == {"fields": ANY}
    assert schema["tables"]["events"]["fields"]["event"] == {"name": "event", "type": "string"}


def test_what_is_covered_is_covered_again_and_pseudonyms_are_left_out(project, tmp_path):
    project.identify("ann", {"email": "ann@example.com", "plan": "free"})

    def ask(ph):
        who = "SELECT distinct_id, count() AS n FROM events GROUP BY distinct_id"
        ph.query("SELECT properties.email AS email, properties.plan AS plan FROM persons ORDER BY plan")
        (pseudonym, _), *_ = ph.query(who).rows
        ph.query(f"{who} HAVING distinct_id = {{who}}", values={"who": pseudonym})

    snapshot = recorded(project, tmp_path / "q1", ask, mask=["email"], hash_ids=True)
    masked, ids, bound = verified(snapshot, project).outcomes
    assert (masked.status, masked.detail) == ("same", "")
    assert (ids.status, ids.detail) == ("same", "but for distinct_id, whose pseudonyms cannot be compared")
    assert (bound.status, bound.detail) == ("not comparable", "it was asked for an id that is a pseudonym here")


def test_a_refusal_of_what_is_covered_is_compared_and_quotes_nobody(project, tmp_path):
    def ask(ph):
        with pytest.raises(QueryError):
            ph.query("SELECT base64Decode(distinct_id) FROM events")

    snapshot = recorded(project, tmp_path / "q1", ask, hash_ids=True)
    found = verified(snapshot, project)
    assert [(one.status, one.detail) for one in found.outcomes] == [("same", "refused, as it was then")]
    plain = recorded(project, tmp_path / "q2", ask)
    assert "ann" in plain.list()["refused"].iloc[0]
    assert "(ann)" not in snapshot.list()["refused"].iloc[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"timeout": -1}, "timeout is -1"),
        ({"timeout": "a minute"}, "timeout is 'a minute'"),
        ({"client": "eu"}, "client is 'eu', of type str"),
        ({"progress": "bar"}, "progress is 'bar'"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_before_anything_is_asked(project, tmp_path, arguments, told):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    with pytest.raises(InvalidInputError, match=told):
        snapshot.verify(**{"client": project, **arguments})


def test_the_settings_have_to_lead_to_the_host_that_a_snapshot_names(project, tmp_path, monkeypatch):
    theirs = Target(host="eu.posthog.com", project_id=7)
    project._connection.keeper = Recorder(Folder(tmp_path / "q1"), Veil(Privacy()), lambda: theirs)
    project.query(COUNTS)
    snapshot = posthog_nb.Snapshot(tmp_path / "q1")
    monkeypatch.setattr("posthog_nb.verifying.again.run", raising(TransportError("Asked.")))
    for name in ("HOST", "PROJECT_ID", "PERSONAL_API_KEY"):
        monkeypatch.delenv(f"POSTHOG_{name}", raising=False)
    monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", "phx_" + "a1B2" * 8)
    with pytest.raises(ConfigurationError, match=r"is of eu.posthog.com, project 7, and the settings here lead to us"):
        snapshot.verify(progress=False)
    monkeypatch.setenv("POSTHOG_HOST", "https://eu.posthog.com")
    with pytest.raises(TransportError, match="Asked"):
        snapshot.verify(progress=False)


def test_without_a_client_one_of_the_recorded_project_is_asked(demo, tmp_path):
    last = latest_client()
    found = recorded(demo, tmp_path / "q1", lambda ph: ph.query(COUNTS)).verify(progress=False)
    assert (found.ok, found.source, found.notes) == (True, "demo", ())
    assert latest_client() is last


# What is shown -----------------------------------------------------------------------------------------------------


def test_what_is_shown_is_escaped_and_steers_nothing(project, tmp_path):
    query = "SELECT '<script>' AS \"<b>\", '\x1b[31m' AS escape, rand() AS n"
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(query))
    found = verified(snapshot, project)
    page = found._repr_html_() + snapshot._repr_html_() + snapshot.prune()._repr_html_()
    assert "<script>" not in page.replace("&lt;script&gt;", "")
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page + repr(found) + repr(snapshot)


def test_each_status_has_a_sign_and_a_word(project, tmp_path):
    def ask(ph):
        ph.query(COUNTS)
        ph.query("SELECT rand()")
        ph.explain(COUNTS)

    found = verified(recorded(project, tmp_path / "q1", ask), project)
    for sign in ("✓ same", "≠ differs", "? not comparable"):
        assert sign in found._repr_html_().replace("&nbsp;", " ")
    assert "3 answers: 1 differs, 1 not comparable, 1 same" in repr(found)


def test_a_verification_is_a_frame_too_with_its_types_where_it_is_empty(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    full = verified(snapshot, project)
    snapshot.prune(before="2999-01-01")
    empty = verified(snapshot, project)
    assert full.to_pandas().dtypes.equals(empty.to_pandas().dtypes)
    assert full.to_polars().schema == empty.to_polars().schema
    assert full.to_pandas()[["status", "then", "now"]].to_numpy().tolist() == [["same", 2, 2]]
    assert "nothing to compare" in repr(empty)


def test_how_far_it_is_can_be_told(project, tmp_path):
    def ask(ph):
        ph.query(COUNTS)
        ph.explain(COUNTS)

    told = []
    snapshot = recorded(project, tmp_path / "q1", ask)
    snapshot.verify(project, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    with pytest.raises(InvalidInputError, match="progress is 'no'"):
        snapshot.verify(project, progress="no")


# What is in it -----------------------------------------------------------------------------------------------------


def test_a_snapshot_that_is_not_there_is_missed_at_once(tmp_path):
    with pytest.raises(SnapshotError, match="There is no snapshot at none"):
        posthog_nb.Snapshot(tmp_path / "none")


def test_the_list_says_what_was_asked_and_what_came(project, tmp_path):
    since = datetime(2026, 3, 1, tzinfo=UTC)
    query = "SELECT event\nFROM events\nWHERE timestamp > {since}"
    listed = recorded(project, tmp_path / "q1", lambda ph: ph.query(query, 2, {"since": since})).list()
    (one,) = listed.to_dict("records")
    assert one["asked"] == "SELECT event FROM events WHERE timestamp > {since}"
    assert one["values"] == "since=2026-03-01T00:00:00+00:00"
    assert (one["rows"], one["count"], one["columns"], one["cut"]) == ("first 2", 2, 1, True)


def test_older_answers_can_be_pruned(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    assert snapshot.prune().answers == 0
    removed = snapshot.prune(before="2999-01-01")
    assert (removed.answers, removed.files) == (1, 1)
    assert "1 answer and 1 file" in repr(removed)
    empty = snapshot.list()
    assert list(empty.dtypes.astype(str)) == [
        "str", "str", "str", "Int64", "Int64", "bool", "str", "datetime64[s, UTC]", "str", "int64", "str",
    ]  # fmt: skip
    assert not verified(snapshot, project).ok


def test_a_moment_that_is_none_prunes_nothing(project, tmp_path):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: ph.query(COUNTS))
    with pytest.raises(InvalidInputError, match="before is 'long ago'"):
        snapshot.prune(before="long ago")
    assert len(snapshot) == 1


@pytest.mark.parametrize(
    "detail",
    [
        {"hogql": "SELECT 1", "values": [1], "limit": None, "steps": []},
        {"hogql": "SELECT 1", "values": {"a": {"datetime": "soon"}}, "limit": None, "steps": []},
        {"hogql": "SELECT 1", "values": {"a": {"date": 7}}, "limit": None, "steps": []},
        {"hogql": "SELECT 1", "values": {}, "limit": "all", "steps": []},
        {"hogql": "SELECT 1", "values": {}, "limit": None, "steps": ["rm -r"]},
        {"hogql": "SELECT 1", "steps": []},
    ],
)
def test_a_question_that_nobody_could_have_asked_is_listed_and_not_asked(project, tmp_path, detail):
    found = recorded(project, tmp_path / "q1", lambda ph: ph.query("SELECT 1"))
    answer = found._folder.held().answers.popitem()[1]
    forged = Asked("query", detail)
    readable = {**forged.detail, "hogql": forged.detail["hogql"].split("\n")}
    entry = msgspec.structs.replace(answer, asked=readable).checked()
    manifest = msgspec.structs.replace(found._folder.held(), answers={forged.key: entry})
    (tmp_path / "q1" / "manifest.json").write_bytes(serialised(manifest))
    snapshot = posthog_nb.Snapshot(tmp_path / "q1")
    assert snapshot.list()["asked"].tolist() == ["SELECT 1"]
    (one,) = verified(snapshot, project).outcomes
    assert (one.status, one.detail) == ("not comparable", "this posthog_nb does not know how to ask it")


@pytest.mark.parametrize("given", ["../projects/1", "1/../2", {"a": 1}, None, [1]])
def test_a_look_up_leads_nowhere_but_to_a_person(project, tmp_path, given):
    snapshot = recorded(project, tmp_path / "q1", lambda ph: look_up(ph._connection, "person", {"id": given}, dict))
    assert [one.status for one in verified(snapshot, project).outcomes] == ["not comparable"]
