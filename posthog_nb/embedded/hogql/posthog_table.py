"""The functions that only PostHog has, as data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import posthog_rewrites as rw
from posthog_nb.embedded.hogql.channels import organic_medium, organic_source, paid_medium, paid_source, source_kind
from posthog_nb.embedded.hogql.functions import Function
from posthog_nb.embedded.hogql.surveys import survey_response, unique_submissions
from posthog_nb.embedded.hogql.types import BOOLEAN

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["POSTHOG_FUNCTIONS"]

_FEWER_SOURCES = "knows the well-known sources alone; NULL where PostHog may know better"
_FEWER_BOTS = "knows the well-known programs alone, and no addresses"
_TAG = "a tag, as data"
_OLDER = "the function without `__preview_`, by its older name"

_TRAFFIC = {
    "getTrafficType": Function("", 1, 1, rewrite=rw.traffic("type", regular="Regular", nameless="Automation")),
    "getTrafficCategory": Function(
        "", 1, 1, rewrite=rw.traffic("category", regular="regular", nameless="no_user_agent")
    ),
    "getBotType": Function("", 1, 1, rewrite=rw.traffic("category", regular="", nameless="no_user_agent")),
    "getBotName": Function("", 1, 1, rewrite=rw.traffic("name", regular="", nameless="")),
    "getBotOperator": Function("", 1, 1, rewrite=rw.traffic("operator", regular="", nameless="")),
    "isLikelyBot": Function("", 1, 1, rewrite=rw.is_likely_bot, meaning="true where there is no user agent"),
}
_LOOKUPS = {
    "lookupDomainType": Function("", 1, 1, rewrite=rw.looked_up(source_kind)),
    "lookupPaidSourceType": Function("", 1, 1, rewrite=rw.looked_up(paid_source)),
    "lookupPaidMediumType": Function("", 1, 1, rewrite=rw.looked_up(paid_medium)),
    "lookupOrganicSourceType": Function("", 1, 1, rewrite=rw.looked_up(organic_source)),
    "lookupOrganicMediumType": Function("", 1, 1, rewrite=rw.looked_up(organic_medium)),
}
_RECORDING = Function("", 1, 2, rewrite=rw.recording_button, meaning=_TAG)

_FUNCTIONS = {
    **{name: replace(function, differs=_FEWER_BOTS) for name, function in _TRAFFIC.items()},
    **{
        f"__preview_{'isBot' if name == 'isLikelyBot' else name}": replace(function, meaning=_OLDER, differs="")
        for name, function in _TRAFFIC.items()
    },
    **{name: replace(function, differs=_FEWER_SOURCES) for name, function in _LOOKUPS.items()},
    # What the resolver puts in its place depends on more than its arguments.
    "matchesAction": Function("", 1, 1, returns=BOOLEAN, meaning="the conditions of an action, by its name or ID"),
    "getSurveyResponse": Function(
        "", 1, 3, expand=survey_response, meaning="the answer by the question's ID, else by its place"
    ),
    "uniqueSurveySubmissionsFilter": Function(
        "", 1, 3, expand=unique_submissions, meaning="keeps the last event of each submission"
    ),
    "languageCodeToName": Function(
        "", 1, 1, rewrite=rw.language_name, meaning="the English name of an ISO 639-1 code, else Unknown"
    ),
    "isIPAddressInRange": Function("", 2, 2, rewrite=rw.ip_in_range, meaning="what is no address is in no range"),
    "sortableSemVer": Function(
        "", 1, 1, rewrite=rw.sortable_version, meaning="the three numbers; one NULL for what is no version"
    ),
    "sparkline": Function("", 1, 1, rewrite=rw.sparkline, meaning=_TAG),
    "recordingButton": _RECORDING,
    "recording_button": _RECORDING,
    "explainCSPReport": Function("", 1, 1, rewrite=rw.explain_csp_report, meaning=_TAG),
}

POSTHOG_FUNCTIONS: Mapping[str, Function] = {
    name: replace(function, topic="Of PostHog") for name, function in _FUNCTIONS.items()
}
"""Each by its name."""
