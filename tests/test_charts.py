"""Pictures: what is drawn, named and told, read from their Vega-Lite; and each kind drawn once."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import altair as alt
import pyarrow as pa
import pytest

from posthog_nb.analysis.charts import (
    funnel,
    funnel_trends,
    lifecycle,
    paths,
    retention,
    stickiness,
    time_to_convert,
    trends,
)
from posthog_nb.analysis.charts.lines import top_of
from posthog_nb.analysis.charts.picture import VEGA_LITE, bundle, png, specification, svg
from posthog_nb.analysis.charts.theme import COLOURS, GREY, MOST_NAMED, short, spread

BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = '<script>alert(1)</script>\x1b[31m\u202e" onload="x" ' + "long " * 60
OTHER, NONE = "Other (i.e. all remaining values)", "None (i.e. no value)"


def table(columns: str, rows: list[tuple]) -> pa.Table:
    """A frame as an analysis gives it; dates are in Berlin's zone."""
    names = columns.split()
    types = {"date": pa.timestamp("us", "Europe/Berlin"), "value": pa.float64(), "count": pa.int64()}
    return pa.table({name: pa.array([row[place] for row in rows], types.get(name)) for place, name in enumerate(names)})


def days(count: int, start: datetime = datetime(2026, 3, 27, tzinfo=BERLIN)) -> list[datetime]:
    """Midnights in Berlin; in the night to the 29th its clocks go forward."""
    return [start + timedelta(days=day) for day in range(count)]


def trend(*names: str, count: int = 5) -> pa.Table:
    rows = [("$pageview", name, day, 10.0 * (place + 1)) for place, name in enumerate(names) for day in days(count)]
    return table("series breakdown_value date value", rows)


STEPS = "name count conversion_rate step_conversion_rate average_conversion_time median_conversion_time"


def steps(*groups: str) -> pa.Table:
    rows = [
        (group, place + 1, name, count, count / 100, rate, time, time)
        for group in groups
        for place, (name, count, rate, time) in enumerate([("a", 100, 1.0, None), ("b", 40, 0.4, 90.0)])
    ]
    return table(f"breakdown_value step {STEPS}", rows)


def cohorts(*groups: str) -> pa.Table:
    rows = [
        (
            group,
            day,
            100,
            interval,
            100 if interval == 0 else 50 - interval,
            1.0 if interval == 0 else (50 - interval) / 100,
        )
        for group in groups
        for place, day in enumerate(days(4))
        for interval in range(4 - place)
    ]
    return table("breakdown_value date size interval count rate", rows)


CONVERSION = table(
    "breakdown_value date entered converted conversion_rate",
    [(name, day, 50, 20, 0.4) for name in ("Chrome", "Firefox") for day in days(4)],
)
BINS = pa.table({"bin_from": [0.0, 3600.0], "bin_to": [3600.0, 7200.0], "count": [7, 2]})
ACTIVE = table("series intervals_active count share", [("a", 1, 6, 0.6), ("a", 2, 4, 0.4)])
STATUSES = table(
    "date status count",
    [
        (day, status, -3 if status == "dormant" else 5)
        for day in days(4)
        for status in ("new", "returning", "resurrecting", "dormant")
    ],
)
EDGES = table(
    "step source target count average_conversion_time",
    [(1, "/", "/a", 60, 10.0), (1, "/", "/b", 30, 20.0), (2, "/a", "/c", 40, 5.0), (2, "/b", "/c", 10, 5.0)],
)
KINDS = {
    "trends": (trends, trend("Chrome", "Firefox")),
    "funnel": (funnel, steps("Chrome", "Firefox")),
    "funnel over time": (funnel_trends, CONVERSION),
    "time to convert": (time_to_convert, BINS),
    "retention": (retention, cohorts("a").drop_columns(["breakdown_value"])),
    "retention by group": (retention, cohorts("a", "b")),
    "stickiness": (stickiness, ACTIVE),
    "lifecycle": (lifecycle, STATUSES),
    "paths": (paths, EDGES),
}


def rows(chart: alt.LayerChart) -> list[dict]:
    """All rows that a chart holds."""
    return [row for values in specification(chart)["datasets"].values() for row in values]


def texts(chart: alt.LayerChart) -> list[str]:
    return [row["text"] for row in rows(chart) if "text" in row]


def axis_of_times(chart: alt.LayerChart) -> dict:
    found = [layer["encoding"].get("x", {}) for layer in specification(chart)["layer"]]
    return next(x for x in found if x.get("axis") and "labelExpr" in x["axis"])


def labels(chart: alt.LayerChart) -> dict[int, str]:
    """The labels of the axis of times, by the instants that they stand at."""
    expression = axis_of_times(chart)["axis"]["labelExpr"]
    found = json.loads(expression.removesuffix("[toString(time(datum.value))]"))
    return {int(at): " ".join(label) if isinstance(label, list) else label for at, label in found.items()}


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


# Each kind ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_and_loads_nothing_from_elsewhere(kind: str) -> None:
    module, frame = KINDS[kind]
    chart = module.draw(frame, title="A title")
    picture = png(chart)
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert width > 600
    assert height > 200
    spec = {name: part for name, part in specification(chart).items() if name != "$schema"}
    assert "http" not in json.dumps(spec)
    assert '"url"' not in json.dumps(spec)


def test_in_a_page_it_has_the_page_s_colour_and_says_what_it_is() -> None:
    drawn = svg(trends.draw(trend("Chrome"), title="A title"))
    assert drawn.startswith("<svg")
    assert 'role="img"' in drawn
    assert "<title>A title</title><desc>By day from Fri 27 Mar 2026" in drawn
    assert "currentColor" in drawn
    assert "#1f2328" not in drawn


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_without_rows_is_said_to_have_none(kind: str) -> None:
    module, frame = KINDS[kind]
    chart = module.draw(frame.slice(0, 0), title="A title")
    assert [text for text in texts(chart) if text.startswith("Nothing to draw: ")] == texts(chart)
    assert len(texts(chart)) == 1


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("trends", "breakdown_value"),
        ("funnel", "name"),
        ("funnel", "breakdown_value"),
        ("stickiness", "series"),
        ("funnel over time", "breakdown_value"),
        ("retention by group", "breakdown_value"),
        ("paths", "target"),
    ],
)
def test_a_text_of_the_data_stays_a_text_in_one_line_and_is_cut_visibly(kind: str, column: str) -> None:
    module, frame = KINDS[kind]
    place = frame.column_names.index(column)
    values = [HOSTILE if value == frame[column][0].as_py() else value for value in frame[column].to_pylist()]
    chart = module.draw(frame.set_column(place, column, pa.array(values)), title=HOSTILE)
    spec = specification(chart)
    assert not {"\x1b", "\u202e"} & set(json.dumps(spec, ensure_ascii=False))
    assert max(map(len, [spec["title"]["text"], *texts(chart)])) < 80


def test_a_text_of_the_data_is_no_element_of_the_drawing() -> None:
    root = ET.fromstring(svg(trends.draw(trend(HOSTILE, "Chrome"), title=HOSTILE)))  # noqa: S314 - our own drawing
    elements = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert elements <= {"svg", "title", "desc", "g", "path", "line", "text", "tspan", "rect"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_a_chart_is_altair_to_go_on_with() -> None:
    chart = trends.draw(trend("Chrome", "Firefox"))
    more = (chart + alt.Chart(alt.InlineData(values=[{"y": 7}])).mark_rule().encode(y="y:Q")).properties(width=300)
    assert isinstance(chart, alt.LayerChart)
    assert png(more).startswith(b"\x89PNG")
    assert type(chart.properties(width=300)) is type(chart)


@pytest.mark.parametrize("kind", ["trends", "paths"])
def test_the_same_frame_gives_the_same_bytes(kind: str) -> None:
    module, frame = KINDS[kind]
    assert json.dumps(specification(module.draw(frame))) == json.dumps(specification(module.draw(frame)))


# What a notebook gets -------------------------------------------------------------------------------------------------


def test_one_output_has_the_chart_for_jupyterlab_and_a_png_for_everything_else() -> None:
    data, about = bundle(trends.draw(trend("Chrome"), title="Trends: $pageview"))
    assert set(data) == {VEGA_LITE, "image/png", "text/plain"}
    assert VEGA_LITE == "application/vnd.vegalite.v5+json"
    assert data[VEGA_LITE]["$schema"].endswith("/vega-lite/v5.json")
    assert about["image/png"]["alt"].startswith("Trends: $pageview. By day from Fri 27 Mar 2026")
    assert about[VEGA_LITE]["embed_options"]["renderer"] == "svg"


def test_a_renderer_that_was_chosen_is_used() -> None:
    chart = trends.draw(trend("Chrome"))
    assert VEGA_LITE in chart._repr_mimebundle_()[0]
    with alt.renderers.enable("mimetype"):
        assert "application/vnd.vegalite.v6.json" in chart._repr_mimebundle_()[0]


def test_dark_and_light_differ_in_the_colour_of_texts_and_of_the_page_alone() -> None:
    chart = trends.draw(trend("Chrome", "Firefox"))
    light, dark = (json.dumps(specification(chart, page)) for page in ("light", "dark"))
    assert light.replace("#1f2328", "#e6edf3").replace("#ffffff", "#111111") == dark


def test_a_value_that_reads_like_a_colour_is_left_alone() -> None:
    assert "#1f2328" in texts(trends.draw(trend("#1f2328", "Chrome")))


# Colours, names, order ------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [*COLOURS, GREY])
@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_every_colour_has_a_contrast_of_three_to_one_with_both_pages(colour: str, page: str) -> None:
    low, high = sorted([luminance(colour), luminance(page)])
    assert (high + 0.05) / (low + 0.05) >= 3


def lines_of(chart: alt.LayerChart) -> dict[str, tuple]:
    return {row["name"]: (row["colour"], tuple(row["dash"])) for row in rows(chart) if "dash" in row}


def test_no_two_named_lines_look_alike_and_what_is_left_over_is_grey() -> None:
    names = [f"v{number}" for number in range(MOST_NAMED)]
    assert len(set(lines_of(trends.draw(trend(*names))).values())) == MOST_NAMED
    looks = lines_of(trends.draw(trend("Chrome", OTHER, NONE)))
    assert looks["Chrome"][0] == COLOURS[0]
    assert looks["Other"][0] == looks["None"][0] == GREY
    assert looks["Other"] != looks["None"]


def test_of_many_lines_the_largest_are_named_and_the_rest_is_grey_and_counted() -> None:
    chart = trends.draw(trend(*(f"v{number}" for number in range(25))))
    assert set(texts(chart)) == {f"v{number}" for number in range(17, 25)}
    assert specification(chart)["title"]["subtitle"] == ["The 8 largest are named; 17 other lines are grey."]
    assert [look[0] for look in lines_of(chart).values()].count(GREY) == 17


def test_names_at_the_ends_of_lines_keep_their_order_and_their_distance() -> None:
    chart = trends.draw(trend("a", "b", "c", "d"))
    at = {row["text"]: row["at"] for row in rows(chart) if "at" in row}
    assert sorted(at, key=at.__getitem__) == ["d", "c", "b", "a"]
    assert min(above - below for below, above in pairwise(sorted(at.values()))) >= 16 - 1e-9


@pytest.mark.parametrize("wanted", [[], [5], [0, 0, 0], [10, 90, 11, 12], [99, 100, 100], list(range(40))])
def test_spread_keeps_order_bounds_and_distance(wanted: list[float]) -> None:
    places = spread(wanted, 10, 0, 100)
    assert all(-1e-9 <= place <= 100 + 1e-9 for place in places)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    gaps = [places[after] - places[before] for before, after in pairwise(order)]
    assert all(gap >= min(10, 100 / max(1, len(wanted) - 1)) - 1e-9 for gap in gaps)


def test_a_name_apart_from_others_stands_where_it_belongs() -> None:
    assert spread([20, 50, 80], 10, 0, 100) == [20, 50, 80]
    assert spread([50, 50], 10, 0, 100) == [45, 55]


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (7, 8), (95, 100), (101, 120), (0.043, 0.05), (1234, 1500)])
def test_an_axis_ends_at_a_round_number_above_all(value: float, top: float) -> None:
    assert top_of([value], least=0.01 if 0 < value < 1 else 1) == pytest.approx(top)


def test_a_long_name_is_cut_by_an_ellipsis_and_an_empty_one_is_seen() -> None:
    assert short("x" * 40, 10) == "x" * 9 + "…"
    assert short("") == "(empty)"


# Times ----------------------------------------------------------------------------------------------------------------


def test_days_are_labelled_in_the_data_s_zone_at_their_true_instants_over_a_change_of_the_clocks() -> None:
    chart = trends.draw(trend("Chrome"))
    assert labels(chart) == {
        milliseconds(day): label
        for day, label in zip(days(5), ["27 Mar 2026", "28 Mar", "29 Mar", "30 Mar", "31 Mar"], strict=True)
    }
    assert labels(chart).keys() == {row["x"] for row in rows(chart) if "dash" in row}
    places = sorted(labels(chart))
    assert [(after - before) / 3_600_000 for before, after in pairwise(places)] == [24, 24, 23, 24]
    axis = axis_of_times(chart)
    assert axis["scale"]["type"] == "utc"
    assert axis["axis"]["title"] == "day, Europe/Berlin"
    assert {row["when"] for row in rows(chart) if "dash" in row} >= {"Sun 29 Mar 2026"}


def test_an_hour_that_comes_twice_is_two_hours() -> None:
    hours = [datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(hours=hour) for hour in range(6)]
    chart = trends.draw(table("series date value", [("a", hour, 1.0) for hour in hours]), interval="hour")
    points = [row for row in rows(chart) if "dash" in row]
    assert len({row["line"] for row in points}) == 1
    assert [row["x"] for row in points] == [milliseconds(hour) for hour in hours]
    assert [row["when"].partition(", ")[2] for row in points] == [
        "00:00 CEST", "01:00 CEST", "02:00 CEST", "02:00 CET", "03:00 CET", "04:00 CET"
    ]  # fmt: skip
    assert list(labels(chart).values()) == ["00:00 25 Oct 2026", "01:00", "02:00", "02:00", "03:00", "04:00"]


def test_many_intervals_have_few_labels_and_the_year_where_it_changes() -> None:
    found = labels(trends.draw(trend("a", count=400)))
    assert len(found) <= 8
    assert sum("2026" in label or "2027" in label for label in found.values()) == 2


def test_bars_are_as_long_as_their_days_and_labelled_in_their_middle() -> None:
    chart = lifecycle.draw(STATUSES)
    bars = [row for row in rows(chart) if "from" in row and "to" in row]
    assert sorted({(bar["to"] - bar["from"]) / 3_600_000 for bar in bars}) == [23, 24]
    assert all(any(bar["from"] < at < bar["to"] for bar in bars) for at in labels(chart))


def test_the_interval_that_is_running_is_told_from_the_others() -> None:
    chart = trends.draw(trend("a", "b"), running=True)
    assert "Dashed: the day that has not ended yet." in specification(chart)["title"]["subtitle"]
    bars = [row for row in rows(lifecycle.draw(STATUSES, running=True)) if "running" in row]
    assert {bar["when"] for bar in bars if bar["running"]} == {"Mon 30 Mar 2026"}


# Single kinds ---------------------------------------------------------------------------------------------------------


def test_two_series_of_one_name_are_two_lines() -> None:
    frame = table("series date value", [("a", day, 1.0) for _ in range(2) for day in days(3)])
    assert lines_of(trends.draw(frame)).keys() == {"a", "a (2)"}


def test_the_period_before_lies_on_this_one_in_its_colour_and_tells_its_own_dates() -> None:
    shifted = [day - timedelta(days=4) for day in days(4)]
    both = [("a", "current", day, 5.0) for day in days(4)] + [("a", "previous", day, 3.0) for day in shifted]
    points = [row for row in rows(trends.draw(table("series period date value", both))) if "dash" in row]
    now, before = points[:4], points[4:]
    assert [row["x"] for row in now] == [row["x"] for row in before]
    assert {row["colour"] for row in points} == {COLOURS[0]}
    assert before[0]["when"] == "Mon 23 Mar 2026"
    assert now[0]["dash"] != before[0]["dash"]


def test_a_funnel_s_bars_are_its_rates_with_numbers_intervals_and_the_step_before() -> None:
    chart = funnel.draw(steps("Chrome").drop_columns(["breakdown_value"]))
    first, second = (row for row in rows(chart) if "share" in row)
    assert (second["share_at"] - 0) / (first["share_at"] - 0) == pytest.approx(0.4)
    assert (second["rate"], second["people"]) == ("40%", "40")
    assert second["low"] < 0.4 < second["high"]
    assert first["low"] is None
    assert [row["from_before"] for row in rows(chart) if "from_before" in row] == ["", "40% of step 1, median 1.5 min"]
    assert specification(chart)["title"]["subtitle"][0].startswith("100 persons entered")


def test_a_funnel_of_many_groups_draws_the_largest_and_says_so() -> None:
    chart = funnel.draw(steps(*(f"v{number}" for number in range(12))))
    assert "The 8 largest of 12 groups are drawn; the frame has all." in specification(chart)["title"]["subtitle"]
    assert len({row["group"] for row in rows(chart) if "share" in row}) == 8


def test_nobody_s_share_is_a_gap() -> None:
    frame = table(
        "date entered converted conversion_rate",
        [(day, entered, 0, None if not entered else 0.0) for day, entered in zip(days(3), [5, 0, 5], strict=True)],
    )
    points = [row for row in rows(funnel_trends.draw(frame)) if "dash" in row]
    assert [row["y"] for row in points] == [0.0, None, 0.0]


def test_retention_has_a_cell_a_row_and_its_text_can_be_read_on_it() -> None:
    chart = retention.draw(cohorts("a").drop_columns(["breakdown_value"]))
    cells = [row for row in rows(chart) if "strength" in row]
    # The texts are layers of their own, with the same rows.
    by_place = {(cell["x"], cell["y"]): cell for cell in cells}
    assert len(by_place) == 4 + 3 + 2 + 1
    assert {cell["text"] for cell in cells if cell["when"] == "Day 0"} == {"100%"}
    assert {cell["colour"] for cell in cells if cell["when"] == "Day 0"} == {GREY}
    assert max(cell["strength"] for cell in cells if cell["when"] == "Day 1") == 1
    assert [row["size"] for row in rows(chart) if "size" in row] == ["100"] * 4


def test_curves_of_retention_pool_the_cohorts_that_got_so_far() -> None:
    chart = retention.draw(cohorts("a", "b"))
    points = [row for row in rows(chart) if row.get("name") == "a" and "dash" in row]
    assert [row["of"] for row in points] == [
        "400 of 400 persons", "147 of 300 persons", "96 of 200 persons", "47 of 100 persons"
    ]  # fmt: skip
    assert points[1]["low"] < points[1]["y"] == 0.49 < points[1]["high"]


def test_the_dormant_hang_below_and_the_others_stand_on_each_other() -> None:
    bars = [row for row in rows(lifecycle.draw(STATUSES)) if "low" in row][:4]
    assert [(bar["status"], bar["low"], bar["high"]) for bar in bars] == [
        ("returning", 0, 5), ("resurrecting", 5, 10), ("new", 10, 15), ("dormant", -3, 0)
    ]  # fmt: skip


def test_stickiness_says_of_how_many_its_shares_are() -> None:
    assert specification(stickiness.draw(ACTIVE))["title"]["subtitle"] == ["Share of the 10 persons"]


def test_ribbons_are_as_wide_as_their_persons_and_end_where_the_next_begin() -> None:
    chart = paths.draw(EDGES)
    ribbons = {}
    for row in rows(chart):
        if "ribbon" in row:
            ribbons.setdefault(row["way"], []).append(row)
    wide = {way: points[0]["y2"] - points[0]["y"] for way, points in ribbons.items()}
    assert wide["/ → /a"] == pytest.approx(2 * wide["/ → /b"])
    assert all(point["y2"] - point["y"] == pytest.approx(wide[way]) for way, of in ribbons.items() for point in of)
    blocks = {row["whole"]: row for row in rows(chart) if "whole" in row}
    assert blocks["/a"]["y2"] - blocks["/a"]["y"] == pytest.approx(wide["/ → /a"])
    assert blocks["/a"]["ended"] == "20 persons, 33.3%"


def test_the_smaller_places_of_a_step_are_one_and_none_is_lost() -> None:
    edges = [(1, "/", f"/{number}", 20 - number, 1.0) for number in range(12)]
    chart = paths.draw(table("step source target count average_conversion_time", edges))
    blocks = {row["text"] for row in rows(chart) if "whole" in row}
    assert "6 others · 69" in blocks
    assert len(blocks) == 1 + 7


def test_pages_of_one_site_are_told_without_its_address() -> None:
    edges = [(1, "https://app.example.com/", "https://app.example.com/pricing", 3, 1.0)]
    chart = paths.draw(table("step source target count average_conversion_time", edges))
    assert {"/ · 3", "/pricing · 3"} <= set(texts(chart))
    assert "All at https://app.example.com" in specification(chart)["title"]["subtitle"]


@pytest.mark.parametrize("name", ["funnel", "funnel_trends", "lifecycle", "paths", "retention", "stickiness", "trends"])
def test_every_kind_has_one_way_to_draw_it(name: str) -> None:
    assert import_module(f"posthog_nb.analysis.charts.{name}").__all__ == ["draw"]
