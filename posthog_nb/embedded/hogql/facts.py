"""What a query's meaning depends on besides its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from posthog_nb.embedded.hogql.filters.actions import Action
    from posthog_nb.embedded.hogql.filters.cohorts import Cohort
    from posthog_nb.embedded.hogql.filters.properties import PropertyFilter, PropertyGroup

__all__ = ["PERSON_MODES", "ProjectFacts"]

PERSON_MODES = (
    "disabled",
    "person_id_no_override_properties_on_events",
    "person_id_override_properties_on_events",
    "person_id_override_properties_joined",
)
"""PostHog's ``personsOnEventsMode`` values: where an event's person comes from."""


@dataclass(frozen=True)
class ProjectFacts:
    """One project, as plain data: everything that turns the same HogQL text into another answer.

    Attributes:
        database: The ClickHouse database that holds the project's tables.
        team_id: The project's number.
        timezone: The project's time zone; every DateTime is read and shown in it.
        week_start: 0 when weeks start on Sunday, 1 on Monday.
        person_mode: One of :data:`PERSON_MODES`.
        event_properties: Property definitions of events: name to Numeric, Boolean, DateTime, String or Duration.
        person_properties: The same for persons.
        group_properties: The same for each group type index.
        group_types: Name of each group type to its index.
        property_columns: Event property to the column of ``events`` that holds it already extracted.
        test_account_filters: What ``filterTestAccounts`` stands for.
        actions: The project's actions by their ids.
        cohorts: The project's cohorts by their ids.
        as_of: The instant that ``now()`` answers; None for the real clock.
    """

    database: str
    team_id: int = 1
    timezone: str = "UTC"
    week_start: int = 0
    person_mode: str = "person_id_override_properties_joined"
    event_properties: Mapping[str, str] = field(default_factory=dict)
    person_properties: Mapping[str, str] = field(default_factory=dict)
    group_properties: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    group_types: Mapping[str, int] = field(default_factory=dict)
    property_columns: Mapping[str, str] = field(default_factory=dict)
    test_account_filters: tuple[PropertyFilter | PropertyGroup, ...] = ()
    actions: Mapping[int, Action] = field(default_factory=dict)
    cohorts: Mapping[int, Cohort] = field(default_factory=dict)
    as_of: datetime | None = None
