"""What stands in a form and what it comes to: values, times, drafts, previews and code, without a widget."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.forms.code import call, script
from posthog_nb.notebook.forms.draft import Draft, place_of, read
from posthog_nb.notebook.forms.kinds import KINDS
from posthog_nb.notebook.forms.moments import instant, local_zone, picked, zones
from posthog_nb.notebook.forms.preview import body_html
from posthog_nb.notebook.forms.values import Row, kind_for, read_object, row_of, value_of
from posthog_nb.operations import writes
from tests.hostile_values import HOSTILE, Hostile

wall = datetime.fromisoformat
UUID = "0198c1f0-1234-7abc-8def-0123456789ab"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


class Text(HTMLParser):
    """The text of some HTML, and its tags."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, _: Any) -> None:
        self.tags.append(tag)
        if tag == "br":
            self.parts.append(" ")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.parts)


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "given", "value"),
        [
            ("text", "", ""),
            ("text", "3", "3"),
            ("number", "3", 3),
            ("number", " -0.5 ", -0.5),
            ("number", "1e3", 1000.0),
            ("number", "18446744073709551615", 2**64 - 1),
            ("yes/no", True, True),
            ("yes/no", False, False),
            ("date", date(2026, 3, 1), "2026-03-01"),
            ("JSON", '{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        ],
    )
    def test_what_was_typed_is_the_value_of_its_kind(self, kind: str, given: Any, value: Any) -> None:
        found = value_of(Row("key", kind, given))
        assert (found, type(found)) == (value, type(value))

    @pytest.mark.parametrize(
        ("kind", "given", "wrong"),
        [
            ("number", "", "no value yet"),
            ("number", "three", "'three' is no number"),
            ("number", "1_000", "no number"),
            ("number", "1,5", "no number"),
            ("number", "NaN", "no number"),
            ("number", "0x10", "no number"),
            ("number", "9" * 30, "64 bits"),
            ("number", "9" * 10_000, "no number"),
            ("number", "1e999", "JSON cannot carry"),
            ("yes/no", None, "no value yet: yes/no is wanted"),
            ("date", None, "no value yet: date is wanted"),
            ("JSON", "", "no JSON"),
            ("JSON", "pro", "line 1, column 1"),
            ("JSON", "{'a': 1}", "no JSON"),
            ("JSON", "NaN", "NaN is no JSON"),
            ("JSON", '{"a": 1, "a": 2}', "'a' twice"),
            ("JSON", "[" * 100_000, "nests too deep"),
            ("JSON", "[" * 60 + "]" * 60, "more than 50 deep"),
            ("JSON", "9" * 5000, "cannot be read"),
            ("JSON", r'"\ud800"', "half a surrogate pair"),
        ],
    )
    def test_what_is_none_of_its_kind_is_refused_with_the_reason(self, kind: str, given: Any, wrong: str) -> None:
        with pytest.raises(InvalidInputError, match=wrong):
            value_of(Row("key", kind, given))

    def test_a_value_without_a_name_is_refused_and_an_empty_row_is_none(self) -> None:
        with pytest.raises(InvalidInputError, match="no name"):
            value_of(Row("", "text", "pro"))
        assert Row("", "text", "").is_blank
        assert Row("", "yes/no", None).is_blank
        assert not Row("", "yes/no", False).is_blank

    @given(json_values)
    def test_a_value_that_code_gives_is_shown_and_read_back_as_it_was(self, value: Any) -> None:
        found = value_of(row_of("key", value))
        assert json.dumps(found) == json.dumps(value)

    @pytest.mark.parametrize("hostile", HOSTILE, ids=str)
    def test_a_hostile_value_is_shown_and_read_back_as_it_was(self, hostile: Hostile) -> None:
        assert value_of(row_of("key", hostile.value)) == hostile.value

    def test_a_text_that_a_line_cannot_hold_is_json(self) -> None:
        assert row_of("key", "two\nlines") == Row("key", "JSON", '"two\\nlines"')
        assert row_of("key", "\u202eüber") == Row("key", "JSON", '"\\u202eüber"')

    @pytest.mark.parametrize(
        ("known", "kind"),
        [("String", "text"), ("Numeric", "number"), ("Boolean", "yes/no"), ("DateTime", "date"), ("", None)],
    )
    def test_the_kind_of_a_known_property_is_known(self, known: str, kind: str | None) -> None:
        assert kind_for(known) == kind

    @pytest.mark.parametrize(
        ("text", "wrong"),
        [
            ("[1]", "no object"),
            ("{", "no JSON"),
            ('{"a": 1e999}', "properties"),
            ('{"a": 1, "a": 2}', "^The JSON has the key 'a' twice"),
            ('{"a": NaN}', "^NaN is no JSON"),
        ],
    )
    def test_a_box_holds_one_object(self, text: str, wrong: str) -> None:
        with pytest.raises(InvalidInputError, match=wrong):
            read_object(text)
        assert read_object("  ") == {}
        assert read_object('{"a": {"b": 1}}') == {"a": {"b": 1}}


class TestTimes:
    @pytest.mark.parametrize(
        ("wall", "zone", "utc", "remark"),
        [
            (wall("2026-03-01T12:00"), "UTC", datetime(2026, 3, 1, 12, tzinfo=UTC), ""),
            (wall("2026-07-01T12:00"), "Europe/Berlin", datetime(2026, 7, 1, 10, tzinfo=UTC), ""),
            (wall("2026-07-01T12:00"), "Asia/Kolkata", datetime(2026, 7, 1, 6, 30, tzinfo=UTC), ""),
            (
                wall("2026-10-25T02:30"),
                "Europe/Berlin",
                datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
                "Clocks in Europe/Berlin show this twice; the first is meant.",
            ),
        ],
    )
    def test_a_picked_time_is_an_instant_of_its_zone(
        self, wall: datetime, zone: str, utc: datetime, remark: str
    ) -> None:
        assert instant(wall, zone) == (utc, remark)

    @pytest.mark.parametrize(
        ("wall", "zone", "place"),
        [
            (wall("2026-03-29T02:30"), "Europe/Berlin", "timestamp"),
            (wall("2026-03-01T00:00"), "Europe/Berlinn", "zone"),
            (wall("2026-03-01T00:00"), "../../etc/passwd", "zone"),
            (wall("2026-03-01T00:00"), "", "zone"),
            (wall("0001-01-01T00:00"), "Asia/Tokyo", "timestamp"),
        ],
    )
    def test_a_time_that_no_clock_shows_is_refused_where_it_stands(self, wall: datetime, zone: str, place: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            instant(wall, zone)
        assert caught.value.argument == place

    @pytest.mark.parametrize(
        "moment",
        [
            "2026-03-01T12:00:00.123456Z",
            "2026-03-01T12:00:00+05:30",
            datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-3))),
        ],
    )
    def test_a_time_that_code_gives_is_the_same_instant_in_the_picker(self, moment: Any) -> None:
        wanted = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        assert instant(*picked(moment))[0] == wanted.astimezone(UTC)

    def test_this_computers_zone_is_one_of_the_zones(self) -> None:
        assert local_zone() in zones()


class TestDrafts:
    def test_every_field_that_is_wrong_is_told_at_once(self) -> None:
        draft = Draft(
            texts={"event": "", "distinct_id": "x" * 201},
            rows=(Row("a", "number", "x"), Row("b", "text", "ok"), Row("b", "text", "again"), Row("", "text", "")),
            wall=wall("2026-03-01T00:00"),
            zone="Nowhere",
        )
        reading = read(KINDS["capture"], draft)
        assert list(reading.problems) == ["event", "distinct_id", "properties 1", "properties 3", "zone"]
        assert reading.arguments == {"properties": {"b": "ok"}}

    def test_what_may_be_left_empty_is_left_out(self) -> None:
        assert read(KINDS["page"], Draft(texts={"distinct_id": "ann", "name": "Home", "url": ""})).arguments == {
            "distinct_id": "ann",
            "name": "Home",
        }
        assert read(KINDS["identify"], Draft(texts={"distinct_id": "ann"})).arguments == {"distinct_id": "ann"}

    @pytest.mark.parametrize(
        ("name", "texts", "rows", "place"),
        [
            (
                "capture",
                {"event": "$identify", "distinct_id": "null"},
                [Row("$anon_distinct_id", "text", "x")],
                "distinct_id",
            ),
            (
                "capture",
                {"event": "$identify", "distinct_id": "ann"},
                [Row("$anon_distinct_id", "text", "0")],
                "properties 1",
            ),
            (
                "capture",
                {"event": "a", "distinct_id": "b"},
                [Row("$process_person_profile", "text", "no")],
                "properties 1",
            ),
            ("page", {"distinct_id": "ann", "name": "x", "url": "http://[x"}, [], "url"),
            ("identify", {"distinct_id": "guest"}, [], "distinct_id"),
            ("identify", {"distinct_id": "ann", "anon_distinct_id": "ann"}, [], "anon_distinct_id"),
            ("alias", {"distinct_id": "ann", "alias": "ann"}, [], "alias"),
            ("alias", {"distinct_id": "ann", "alias": "None"}, [], "alias"),
        ],
    )
    def test_what_the_write_refuses_is_told_beside_its_field(
        self, name: str, texts: dict[str, str], rows: list[Row], place: str
    ) -> None:
        draft = Draft(texts=texts, rows=tuple(rows))
        reading = read(KINDS[name], draft)
        assert reading.problems == {}
        with pytest.raises(InvalidInputError) as caught:
            reading.event(KINDS[name], UUID)
        assert place_of(caught.value, KINDS[name], draft) == place

    def test_a_time_too_far_ahead_is_told_beside_the_picker(self) -> None:
        ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
        draft = Draft(texts={"event": "a", "distinct_id": "b"}, wall=ahead, zone="UTC")
        with pytest.raises(InvalidInputError) as caught:
            read(KINDS["capture"], draft).event(KINDS["capture"], UUID)
        assert place_of(caught.value, KINDS["capture"], draft) == "timestamp"


class TestPreview:
    @given(json_values)
    def test_the_text_of_the_preview_is_the_body_to_the_character(self, value: Any) -> None:
        body = json.dumps({"a": value}, ensure_ascii=False, separators=(",", ":"))
        found = Text(body_html(body))
        # An HTML parser reads the end of a line in its own way.
        assert found.text.replace("\r\n", "\n").replace("\r", "\n") == body.replace("\r\n", "\n").replace("\r", "\n")
        assert found.open == []
        assert set(found.tags) <= {"div", "span"}

    @pytest.mark.parametrize("hostile", HOSTILE, ids=str)
    def test_a_hostile_value_stays_text(self, hostile: Hostile) -> None:
        body = json.dumps({"a": hostile.value, hostile.name: 1}, ensure_ascii=False, separators=(",", ":"))
        source = body_html(body)
        found = Text(source)
        assert set(found.tags) <= {"div", "span", "p", "code"}
        assert len(source) < 2_000_000
        if len(body) <= 20_000:
            assert found.text == body
        else:
            assert found.text.startswith(body[:20_000])
            assert f"{len(body) - 20_000:,} more characters" in found.text

    def test_what_turns_the_order_of_letters_around_is_kept_to_itself(self) -> None:
        assert '<span title="U+202E" style="unicode-bidi:isolate' in body_html('{"a":"x\u202ey"}')


class TestCode:
    @pytest.mark.parametrize("hostile", HOSTILE, ids=str)
    def test_the_code_of_an_event_makes_the_same_event(self, hostile: Hostile) -> None:
        arguments = {
            "event": hostile.name,
            "distinct_id": "ann",
            "properties": {hostile.name: hostile.value},
            "timestamp": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
            "uuid": UUID,
        }
        made: list[Any] = []

        class Ph:
            def capture(self, **given: Any) -> None:
                made.append(writes.capture(**given))

        exec(script([call("capture", arguments)]), {"ph": Ph()})  # noqa: S102 - that it runs is what is promised
        assert made == [writes.capture(**arguments)]

    def test_a_short_call_is_one_line_and_needs_no_import(self) -> None:
        assert script([call("alias", {"distinct_id": "ann", "alias": "bob"})]) == (
            "ph.alias(distinct_id='ann', alias='bob')"
        )
