"""What holds for the HogQL of every analysis: PostHog's rules for the queries of a personal key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from posthog_nb import Exclusion, Series
from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.embedded.hogql.function_table import ANY_CASE, FUNCTIONS
from posthog_nb.operations.shape import read_shape
from posthog_nb.operations.tree import nodes
from posthog_nb.syntax import parse_select, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.analysis.analysis import Analysis
    from posthog_nb.client import Client

STEPS = ["$pageview", "signed_up", "subscribed"]
RANGE = {"date_from": "2026-03-20", "date_to": "2026-03-30"}

ANALYSES: dict[str, Callable[[Client], Analysis]] = {
    "trends": lambda ph: ph.trends(["$pageview", Series("purchase", math="avg", math_property="amount")], **RANGE),
    "trends of everything": lambda ph: ph.trends(
        ["$pageview", "$screen"], breakdown="$lib", formula="A + B", compare=True, interval="week", **RANGE
    ),
    "funnel": lambda ph: ph.funnel(STEPS, **RANGE),
    "funnel with a breakdown": lambda ph: ph.funnel(STEPS, breakdown="$browser", exclusions=[Exclusion("purchase")]),
    "funnel, strict": lambda ph: ph.funnel(STEPS, funnel_order_type="strict", **RANGE),
    "funnel, unordered": lambda ph: ph.funnel(STEPS, funnel_order_type="unordered", **RANGE),
    "funnel over time": lambda ph: ph.funnel(STEPS, funnel_viz_type="trends", **RANGE),
    "times to convert": lambda ph: ph.funnel(STEPS, funnel_viz_type="time_to_convert", **RANGE),
    "retention": lambda ph: ph.retention(date_to="2026-03-30"),
    "retention, first time": lambda ph: ph.retention(
        "signed_up", "$pageview", retention_type="retention_first_time", period="Week", breakdown="$browser"
    ),
    "stickiness": lambda ph: ph.stickiness(**RANGE),
    "lifecycle": lambda ph: ph.lifecycle(**RANGE),
    "paths": lambda ph: ph.paths(start_point="https://hedgebox.example.com/files", **RANGE),
}


@pytest.mark.parametrize("name", ANALYSES)
def test_a_query_keeps_to_the_rules(demo: Client, name: str) -> None:
    hogql = ANALYSES[name](demo).hogql
    tree = parse_select(hogql)
    assert "OFFSET" not in {token.word for token in tokenise(hogql)}, "refused for personal keys"
    assert read_shape(hogql, {}).limit == MOST_ROWS, "without one PostHog gives a hundred rows"
    called = {call["name"] for call in nodes(tree, "Call")}
    assert {name for name in called if name not in FUNCTIONS and name.lower() not in ANY_CASE} == set()


def test_every_analysis_is_among_them() -> None:
    from posthog_nb.analysis.insights import Insights  # noqa: PLC0415 - names alone

    offered = {name for name in vars(Insights) if not name.startswith("_")} - {"cohort"}
    assert offered <= {name.partition(" ")[0].strip(",") for name in ANALYSES}
